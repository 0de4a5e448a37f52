//! The gRPC API of llm-shield: package `llm_shield.v1`.
//!
//! The schema under `llm_shield/v1/` is the source of everything here: messages, client and server code, the checks of
//! each request ([`Validate`], generated from the `buf.validate` options) and the descriptor set that reflection and
//! other languages' clients use. These types stop at the service's handlers: the engine has its own.
//!
//! No message that holds a caller's text prints it: their `Debug` gives sizes only.

mod debug;
mod rules;
mod validate;

pub use validate::{FieldPath, FieldViolation, Validate, ValidationError};

/// Package `llm_shield.v1`.
#[allow(
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::doc_markdown,
    clippy::large_enum_variant,
    clippy::too_long_first_doc_paragraph,
    clippy::use_self,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    reason = "generated code"
)]
pub mod v1 {
    tonic::include_proto!("llm_shield.v1");
}

/// The generated checks of each message.
mod validation {
    include!(concat!(env!("OUT_DIR"), "/validation.rs"));
}

/// The encoded `google.protobuf.FileDescriptorSet` of the API, with all that it imports.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
