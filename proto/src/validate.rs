//! Field checks of requests: one mechanism for all of them.

use std::fmt;

/// A message whose fields can be checked against the limits that the schema states.
pub trait Validate {
    /// Adds what is wrong with this message, found at `path`, to `violations`.
    fn check(&self, path: &FieldPath<'_>, violations: &mut Vec<FieldViolation>);

    /// Checks the whole message.
    ///
    /// # Errors
    ///
    /// Names every field that breaks a limit.
    fn validate(&self) -> Result<(), ValidationError> {
        let mut violations = Vec::new();
        self.check(&FieldPath::Root, &mut violations);
        if violations.is_empty() { Ok(()) } else { Err(ValidationError { violations }) }
    }
}

/// One field that breaks a limit, in the words of `google.rpc.BadRequest.FieldViolation`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    /// Path of the field, such as `contents[3].id`.
    pub field: String,
    /// What is wrong with it; never the value itself.
    pub description: String,
}

/// The fields of a request that break a limit; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidationError {
    /// Every violation, in the order of the schema.
    pub violations: Vec<FieldViolation>,
}

impl fmt::Display for ValidationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.violations.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}`{}` {}", violation.field, violation.description)?;
        }
        Ok(())
    }
}

impl std::error::Error for ValidationError {}

/// Where a field is, as a chain on the stack: nothing is allocated unless a violation is written.
#[derive(Clone, Copy, Debug)]
pub enum FieldPath<'a> {
    /// The request itself.
    Root,
    /// A field of the message at `parent`.
    Field {
        /// Where the message is.
        parent: &'a Self,
        /// The field's name.
        name: &'static str,
        /// The position within a repeated field.
        index: Option<usize>,
    },
}

impl FieldPath<'_> {
    /// The path of a field.
    #[must_use]
    pub const fn field(&self, name: &'static str) -> FieldPath<'_> {
        FieldPath::Field { parent: self, name, index: None }
    }

    /// The path of an item of a repeated field.
    #[must_use]
    pub const fn item(&self, name: &'static str, index: usize) -> FieldPath<'_> {
        FieldPath::Field { parent: self, name, index: Some(index) }
    }
}

impl fmt::Display for FieldPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Field { parent, name, index } = self else { return Ok(()) };
        if !matches!(parent, FieldPath::Root) {
            write!(f, "{parent}.")?;
        }
        f.write_str(name)?;
        index.map_or(Ok(()), |index| write!(f, "[{index}]"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::{AuditFilter, AuditRequest, Content, ScanRequest, ScanStreamRequest, StreamConfig};

    fn violations(message: &impl Validate) -> Vec<String> {
        message
            .validate()
            .err()
            .map(|error| error.violations)
            .unwrap_or_default()
            .into_iter()
            .map(|v| v.field)
            .collect()
    }

    fn content(id: &str) -> Content {
        Content { id: id.to_owned(), ..Content::default() }
    }

    #[test]
    fn minimal_request_is_valid() {
        let request = ScanRequest { contents: vec![content("")], ..ScanRequest::default() };
        assert_eq!(request.validate(), Ok(()));
    }

    #[test]
    fn empty_request_names_the_field() {
        let error = ScanRequest::default().validate().unwrap_err();
        assert_eq!(error.to_string(), "`contents` has 0 items, fewer than the least, 1");
    }

    #[test]
    fn nested_fields_carry_their_path() {
        let mut request =
            ScanRequest { contents: vec![content("a"), content(&"x".repeat(129))], ..Default::default() };
        request.contents[0].role = 99;
        request.direction = 7;
        request.policy = "p".repeat(129);
        request.labels.insert(String::new(), "v".repeat(257));
        assert_eq!(
            violations(&request),
            ["contents[0].role", "contents[1].id", "direction", "policy", "labels.keys", "labels.values"]
        );
    }

    #[test]
    fn too_many_items() {
        let request = ScanRequest { contents: vec![content(""); 257], ..Default::default() };
        assert_eq!(violations(&request), ["contents"]);
        let labels = (0..17).map(|i| (i.to_string(), String::new())).collect();
        let request = ScanRequest { contents: vec![content("")], labels, ..Default::default() };
        assert_eq!(violations(&request), ["labels"]);
    }

    #[test]
    fn enums_in_lists_and_bounded_numbers() {
        let filter = AuditFilter { actions: vec![1, 42], ..Default::default() };
        let request = AuditRequest { filter: Some(filter), limit: 1_000_001, ..Default::default() };
        assert_eq!(violations(&request), ["filter.actions[1]", "limit"]);
    }

    #[test]
    fn messages_inside_a_oneof_are_checked() {
        let config = StreamConfig { policy: "p".repeat(129), ..Default::default() };
        let message = Some(crate::v1::scan_stream_request::Message::Config(config));
        assert_eq!(violations(&ScanStreamRequest { message }), ["config.policy"]);
    }
}
