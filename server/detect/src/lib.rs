//! Rule detectors, decoding, policy evaluation and redaction of llm-shield.

#![forbid(unsafe_code)]

mod cancel;
mod engine;
mod matcher;
pub mod rules;
mod span;
mod types;
mod validate;
mod view;

pub use cancel::Cancel;
pub use engine::Engine;
pub use rules::RuleError;
pub use span::{ByteSpan, OffsetIndex, Span};
pub use types::{
    Action, Content, Coverage, DetectorReport, DetectorStatus, Direction, Finding, Report, Request, Role, Severity,
    Verdict,
};
