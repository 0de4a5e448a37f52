//! Validators: what a pattern cannot say about a value, such as a checksum.
//!
//! A rule names its validator; it gets the text of the span and answers whether that can be the real thing. Validators
//! are pure and linear in their input, and take any text without panicking.

mod pii;
mod secrets;

/// Answers whether the text of a span can be the real thing.
pub(crate) type Validator = fn(&str) -> bool;

/// Returns the validator that rules call `name`.
pub(crate) fn by_name(name: &str) -> Option<Validator> {
    secrets::by_name(name).or_else(|| pii::by_name(name))
}
