//! Rule detectors, decoding, policy evaluation and redaction of llm-shield.
//!
//! This is the checkpoint as a library: a text goes in with the role that wrote it, and out come findings with exact
//! spans, a score for injections, and what the policy asks for. It does no I/O, starts no thread and knows no network;
//! it holds no model either, see [`Classifier`] and [`combine`] for how one joins.
//!
//! The decision to argue with: rules are not run on the text alone but on *views* of it, normalised and decoded, and
//! every finding is mapped back to bytes of the text as it was given. That costs a map beside every view. In return a
//! rule is written once, for plain text, and holds under every disguise that a view undoes.
//!
//! All work is linear in the input: patterns do not backtrack, run on bounded windows, and decoding has a budget.
//!
//! ```
//! use llm_shield_detect::{Cancel, Direction, Engine, Policy, RedactionKeys, Request, Role, redact};
//!
//! # let table = llm_shield_detect::rules::Table { detector: "pii", name: "mail", toml: r#"
//! # [[rule]]
//! # id = "email"
//! # description = "An address"
//! # entity = "EMAIL_ADDRESS"
//! # severity = "medium"
//! # score = 0.9
//! # keywords = ["@"]
//! # pattern = '[a-z]+@[a-z]+\.[a-z]+'
//! # "# };
//! # let engine = Engine::from_tables(&[table])?;
//! # /*
//! let engine = Engine::builtin()?;
//! # */
//! let policy = Policy::preset("standard")?;
//! let text = "Write to ana@example.org today.";
//! let request = Request::single(Direction::Input, Role::User, text);
//!
//! let report = engine.scan(&request, &policy, &Cancel::never());
//! let redacted = redact(text, &report.findings, &policy, &RedactionKeys::default());
//! assert_eq!(redacted.text, "Write to [EMAIL_ADDRESS] today.");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod cancel;
mod coded;
mod engine;
mod hidden;
pub mod hygiene;
mod matcher;
pub mod names;
pub mod output;
mod policy;
mod redact;
mod resolve;
pub mod rules;
mod score;
mod span;
mod stream;
mod types;
mod validate;
mod view;

pub use cancel::Cancel;
pub use engine::{Classifier, DetectorInfo, Engine, Judgement, RuleInfo, ScanOptions, Unjudged};
pub use policy::{Effective, Explanation, FailMode, Policy, PolicyError, ScorePart, Source};
pub use redact::{
    Conversation, DateOrder, DatePart, Operator, Place, Redacted, Redaction, RedactionKeys, Restored, Undo,
    redact, redact_in, redact_part, restore, restore_in,
};
pub use resolve::Overlap;
pub use rules::RuleError;
pub use score::{RuleScores, combine};
pub use span::{ByteSpan, OffsetIndex, Span};
pub use stream::{LEAST_HOLD, passable, settled};
pub use types::{
    Action, Content, Coverage, DetectorReport, DetectorStatus, Direction, Finding, Report, Request, Role,
    Severity, Verdict,
};
