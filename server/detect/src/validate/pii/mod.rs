//! Validators of the `pii` rules.

use super::Validator;

/// Returns the validator that rules call `name`.
pub(super) fn by_name(_name: &str) -> Option<Validator> {
    None
}
