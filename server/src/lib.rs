//! The llm-shield server: configuration, mutual TLS, identity, the layers around requests, and the gRPC handlers.
//!
//! What decides about text is in `llm-shield-detect`, what keeps the decisions in `llm-shield-audit`; this crate lets
//! callers reach them and nobody else. It is a library so that the command line and the tests run the very server that
//! is deployed: [`Server::bind`] on port 0 gives one in process.
//!
//! The design decision a reader may argue with: the transport is hyper under our own accept loop instead of tonic's
//! server, because certificates, authorities and revocation lists must change without a restart and hold for
//! connections that are already open (see `transport` and `tls`).

mod admin;
mod audit_log;
mod canaries;
mod cloud;
pub mod config;
pub mod devcerts;
pub mod doctor;
mod error;
mod health;
pub mod identity;
mod layers;
pub mod model;
mod patience;
mod policies;
mod quota;
mod redaction_keys;
mod reload;
mod sensitive;
mod server;
mod service;
mod status;
pub mod telemetry;
mod tls;
pub mod tokenizer;
mod transport;

pub use canaries::Canaries;
pub use cloud::{AUDIT_KEY, Cloud, SIGNING_KEY, kms, s3_bucket};
pub use config::Config;
pub use error::ServerError;
pub use redaction_keys::{RedactionKeyError, redaction_keys};
pub use reload::ReloadHandle;
pub use sensitive::Sensitive;
pub use server::{Server, serve, shutdown_signal};
pub use tls::{PeerNames, TlsError, TlsFiles};
