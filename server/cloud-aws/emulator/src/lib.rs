//! AWS on this machine, for tests and benches.
//!
//! [`Emulator`] runs `moto_server` as a child process and puts a [`Front`] before it, since moto does not know the
//! protocol that the SDK speaks with CloudWatch. A front can also do harm: see [`Fault`].
//!
//! # Panics
//! Whatever cannot be set up panics: this is for tests.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot prepare its case fails")]

mod cbor;
mod fault;
mod front;
mod moto;

pub use fault::Fault;
pub use front::{Front, Seen};
pub use moto::Emulator;
