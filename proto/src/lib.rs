//! The gRPC API of llm-shield: package `llm_shield.v1`.
//!
//! The schema under `llm_shield/v1/` is the source of everything here: messages, client and server code, the checks of
//! each request ([`Validate`], generated from the `buf.validate` options) and the descriptor set that reflection and
//! other languages' clients use. These types stop at the service's handlers; the engine has its own.

/// Package `llm_shield.v1`.
#[expect(missing_docs, reason = "prost writes no documentation for the modules of oneofs")]
#[allow(
    clippy::allow_attributes,
    clippy::doc_markdown,
    clippy::too_long_first_doc_paragraph,
    clippy::use_self,
    clippy::missing_const_for_fn,
    unused_qualifications,
    unreachable_pub,
    reason = "generated code"
)]
pub mod v1 {
    tonic::include_proto!("llm_shield.v1");
}

#[allow(clippy::all, clippy::allow_attributes, unused_qualifications, reason = "generated code")]
mod validation {
    include!(concat!(env!("OUT_DIR"), "/validate_impl.rs"));
}

pub use prost_protovalidate::{Validate, ValidationError};

/// The encoded `google.protobuf.FileDescriptorSet` of the API with all that it imports.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
