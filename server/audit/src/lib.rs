//! The audit log: who asked for what, what was found and decided, sealed when it happened.
//!
//! [`AuditLog`] writes (one process at a time), [`Store`] reads, also beside a running writer. Each tenant has a log of
//! its own, under keys of its own, so one tenant's records can be handed out, kept longer or destroyed without
//! touching another's.
//!
//! # A store on disk
//!
//! ```text
//! <store>/LOCK                            held by the one process that appends
//! <store>/scan-results/LOGS               signed list of all logs with the head of each
//! <store>/scan-results/<tenant>/HEAD      signed head of the log: how many records, and their hash
//! <store>/scan-results/<tenant>/digest.key   the tenant's content digest key, wrapped
//! <store>/scan-results/<tenant>/00000001.seg …   segments, numbered without gaps
//! ```
//!
//! `<tenant>` keeps lower-case letters, digits, `-`, `_` and inner dots, and percent-encodes every other byte. A
//! segment is a header and then frames, integers big endian:
//!
//! ```text
//! header  magic "LLMSHAUD" | version u16 | algorithm u8 | segment u64 | first sequence u64 | created µs i64
//!         | previous head [32] | tenant | log | key id | wrapped data key   (each: length u16, bytes) | crc32 u32
//! frame   length u32 | crc32 u32 | sequence u64 | time µs i64 | id [16] | previous head [32] | nonce [12]
//!         | ciphertext and tag
//! ```
//!
//! A segment is sealed with AES-256-GCM under its own data key, which a [`CloudKeyManager`] wraps under the encryption
//! context {tenant, log, segment, purpose}; that context and the frame's clear fields are the additional authenticated
//! data of each record, so no ciphertext opens anywhere but at its place, behind its own history.
//!
//! # What is chained and signed
//!
//! With `SHA-256(tag, …)`: a record's leaf is `(0, frame)`, as in RFC 6962; a log starts at `(4, tenant, log)`; a
//! segment header moves the head to `(2, header)`, and holds the head before it; a record moves it to
//! `(3, head, leaf)`, and its frame holds the head before it. HEAD signs (records, segment, head); LOGS signs the list
//! of all heads, and whether the writer ended in order: bytes behind the last record are what a crash left in a store
//! that says it is open, and a forgery in one that says it is closed.
//!
//! A record is acknowledged when it is fsynced. HEAD is signed after that, at most every
//! [`AuditOptions::head_interval`] and at [`AuditLog::close`], so it may lag behind the log and is never ahead of it.
//! Within that interval before a crash, somebody who can write the disk could still cut records from the tail; before
//! it, a cut shows. Putting the whole store back to an older copy of itself shows only against a copy of LOGS or HEAD
//! that is kept elsewhere: both are small text files made for that.
//!
//! [`CloudKeyManager`]: llm_shield_cloud::CloudKeyManager

mod bytes;
mod chain;
mod digest;
mod encode;
mod error;
mod files;
mod frame;
mod head_keeper;
mod key_keeper;
mod lane;
mod log;
mod page;
mod query;
mod queue;
mod record;
mod recover;
mod seal;
mod segment;
mod statement;
mod store;
mod tenant;
mod tenant_log;
mod trust;
mod verify;
mod walk;
mod writer;

pub use digest::DigestKey;
pub use error::{AuditError, Result, SharedSource};
pub use log::{AuditLog, AuditOptions, Receipt};
pub use query::{Query, RecordStream};
pub use record::{Action, AuditRecord, Coverage, Direction, Finding, NewRecord, Policy, Severity, Verdict};
pub use store::{Store, StoreKeys};
pub use tenant::Tenant;
pub use verify::{Problem, Progress, VerifyReport};
