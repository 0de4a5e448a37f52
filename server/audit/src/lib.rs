//! The audit log: who asked for what, what was found and decided, sealed when it happened.
//!
//! [`AuditLog`] writes (one process at a time), [`Store`] reads, also beside a running writer. Each tenant has a log of
//! its own, under keys of its own, so one tenant's records can be handed out, kept longer or destroyed without
//! touching another's.
//!
//! # A store on disk
//!
//! ```text
//! <store>/LOCK                              held by the one process that appends
//! <store>/outbox/ID                         the writer's id: its logs have it in their name
//! <store>/outbox/LOGS                       signed list of the writer's logs
//! <store>/outbox/ERASE/…, READS/…           what commands leave for the writer
//! <store>/outbox/<tenant>/checkpoint        the log's newest checkpoint
//! <store>/outbox/<tenant>/tenant.key        the tenant's secret, wrapped and signed
//! <store>/outbox/<tenant>/subjects/<tag>.key   keys of subjects, wrapped and signed
//! <store>/outbox/<tenant>/00000001.seg …    segments, numbered without gaps
//! <store>/outbox/<tenant>/00000001.idx …    their indexes, once they have ended
//! <store>/outbox/<tenant>/00000001.checkpoint …   the checkpoints that close them
//! <archive>/<tenant>/<yyyy>/<mm>/<dd>/<id>-00000001.{seg,idx,checkpoint}   the same once they are archived
//! <archive>/<tenant>/tenant.key             the tenant's secret, shared among its writers
//! <archive>/<tenant>/rewrapped/….key        keys that were wrapped anew, named after what they stand for
//! ```
//!
//! The archive is an object store's prefix, or `scan-results` beside the outbox.
//!
//! `<tenant>` keeps lower-case letters, digits, `-`, `_` and inner dots, and percent-encodes every other byte. A
//! segment is a header and then frames, integers big endian:
//!
//! ```text
//! header  magic "LLMSHAUD" | version u16 | algorithm u8 | segment u64 | created µs i64
//!         | records before u64 | right edge of their tree, [32] for each one bit of that number
//!         | tenant | writer's id | key id | wrapped data key   (each: length u16, bytes) | crc32 u32
//! frame   length u32 | crc32 u32 | sequence u64 | time µs i64 | id [16] | nonce [12] | ciphertext and tag
//! ```
//!
//! A segment is sealed with AES-256-GCM under its own data key, which a [`CloudKeyManager`] wraps under the encryption
//! context {tenant, log, segment, purpose}; that context and the frame's clear fields are the additional authenticated
//! data of each record, so no ciphertext opens anywhere but at its place.
//!
//! # What is signed
//!
//! The records of a log are the leaves of one Merkle tree (RFC 6962). A leaf's data is the SHA-256 of its segment's
//! header and the frame: of ciphertext, so that destroying a key leaves the tree whole. [`Checkpoint`]s sign how many
//! records there are and the root. When a segment ends its index is written, and a checkpoint that closes
//! it signs the digest of that too, and names the one before it.
//!
//! A record is acknowledged when it is fsynced. Checkpoints are signed after that, at most every
//! [`AuditOptions::checkpoint_interval`] and at [`AuditLog::close`], so they may lag behind the log and are never ahead
//! of it. Within that interval somebody who can write the disk could still cut records from the tail, and within six of
//! them, until `LOGS` is signed, who puts an older checkpoint of the log in place of the newest; before that, a cut
//! shows. Putting the whole store, or a log and `LOGS`, back to an older copy shows only against a checkpoint that is
//! kept elsewhere ([`VerifyOptions::checkpoints`]): they are small text files made for that.
//!
//! [`CloudKeyManager`]: llm_shield_cloud::CloudKeyManager

mod archive;
mod bytes;
mod checkpoint;
mod closing;
mod encode;
mod erasure;
mod error;
mod facet;
mod files;
mod frame;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod index;
mod keeper;
mod key_keeper;
mod keys;
mod lane;
mod list;
mod log;
mod name;
mod note;
mod page;
mod piece;
mod proof;
mod query;
mod queue;
mod reads;
mod record;
mod recover;
mod requests;
mod rewrap;
mod seal;
mod search;
mod segment;
mod shipper;
mod store;
mod subject;
mod tenant;
mod tenant_keys;
mod tenant_log;
mod tree;
mod verify;
mod verify_segments;
mod verify_subjects;
mod walk;
mod wrapped_key;
mod writer;

pub use checkpoint::{Checkpoint, Closing};
pub use erasure::{Erasure, request_erasure};
pub use error::{AuditError, Result, SharedSource};
pub use log::{AuditLog, AuditOptions, Receipt};
pub use note::Trust;
pub use proof::{ConsistencyProof, InclusionProof};
pub use query::{Query, QueryProgress, RecordStream};
pub use reads::note_read;
pub use record::{
    Action, AuditRecord, ContentMode, Coverage, DetectorOutcome, DetectorRun, Direction, Finding,
    KeptContent, NewRecord, Policy, Severity, Verdict,
};
pub use rewrap::{RewrapOptions, Rewrapped};
pub use shipper::{ArchiveOptions, Durability, Keeping};
pub use store::{Store, StoreKeys};
pub use subject::SubjectKey;
pub use tenant::Tenant;
pub use tenant_keys::DigestKey;
pub use tree::{Hash, leaf_hash, verify_consistency, verify_inclusion};
pub use verify::{Problem, Progress, VerifyOptions, VerifyReport};
