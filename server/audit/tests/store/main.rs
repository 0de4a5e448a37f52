//! The audit log on real files: what is kept, what is found again, and what shows when somebody changes it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot prepare its case fails"
)]

mod append;
mod archive;
mod archived;
mod attacks;
mod crash;
mod failure;
mod proofs;
mod query;
mod subjects;
mod support;
mod unsteady;
