//! The audit log on real files: what is kept, what is found again, and what shows when somebody changes it.

mod append;
mod attacks;
mod crash;
mod query;
mod support;
