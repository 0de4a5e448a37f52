//! The service as its callers meet it: a real server in this process, real mutual TLS, typed clients.
//!
//! One program for all of it, since linking the server takes longer than the tests do.

#![expect(
    clippy::cast_possible_truncation,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod access;
mod audit;
mod canaries;
mod config;
mod failures;
mod health;
mod lifecycle;
mod limits;
mod logs;
mod metrics;
mod models;
mod policies;
mod proofs;
mod quotas;
mod requests;
mod restore;
mod streams;
mod support;
