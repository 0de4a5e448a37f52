//! The seam between llm-shield and whoever keeps its keys.
//!
//! The rest of the product talks to traits of this crate and never to a provider: what a provider calls its errors,
//! its regions or its retries stays behind an implementation. The traits are object safe (`Arc<dyn CloudKeyManager>`);
//! a call costs a network round trip with most providers, so the price of dynamic dispatch does not matter, and one
//! binary can choose its provider at start.
//!
//! [`local`] is the embedded implementation: a key-ring file in place of a key management service. It is meant for
//! development and for machines whose disk is trusted with keys; see its documentation for what it does not protect.

mod context;
mod error;
mod key_manager;
pub mod local;

pub use context::EncryptionContext;
pub use error::{CloudError, Result, Source};
pub use key_manager::{CloudKeyManager, DATA_KEY_BYTES, DataKey, PublicKey, SignatureAlgorithm};
