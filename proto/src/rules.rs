//! The rules that the generated checks call. Lengths of strings are in bytes or in Unicode code points, as
//! protovalidate defines them (`max_bytes`, `min_len`).

use crate::{FieldPath, FieldViolation};

fn violate(path: &FieldPath<'_>, violations: &mut Vec<FieldViolation>, description: String) {
    violations.push(FieldViolation { field: path.to_string(), description });
}

/// `string.max_bytes`.
pub(crate) fn max_bytes(
    value: &str,
    limit: usize,
    path: &FieldPath<'_>,
    violations: &mut Vec<FieldViolation>,
) {
    if value.len() > limit {
        violate(path, violations, format!("is {} bytes long, over the limit of {limit}", value.len()));
    }
}

/// `string.min_len`.
pub(crate) fn min_len(value: &str, least: usize, path: &FieldPath<'_>, violations: &mut Vec<FieldViolation>) {
    if value.chars().take(least).count() < least {
        violate(path, violations, format!("is shorter than the least, {least} characters"));
    }
}

/// `repeated.min_items`.
pub(crate) fn min_items(
    count: usize,
    least: usize,
    path: &FieldPath<'_>,
    violations: &mut Vec<FieldViolation>,
) {
    if count < least {
        violate(path, violations, format!("has {count} items, fewer than the least, {least}"));
    }
}

/// `repeated.max_items` and `map.max_pairs`.
pub(crate) fn max_items(
    count: usize,
    limit: usize,
    path: &FieldPath<'_>,
    violations: &mut Vec<FieldViolation>,
) {
    if count > limit {
        violate(path, violations, format!("has {count} items, over the limit of {limit}"));
    }
}

/// `uint32.lte`.
pub(crate) fn at_most(value: u64, limit: u64, path: &FieldPath<'_>, violations: &mut Vec<FieldViolation>) {
    if value > limit {
        violate(path, violations, format!("is {value}, over the limit of {limit}"));
    }
}

/// `enum.defined_only`.
pub(crate) fn defined<E: TryFrom<i32>>(
    value: i32,
    path: &FieldPath<'_>,
    violations: &mut Vec<FieldViolation>,
) {
    if E::try_from(value).is_err() {
        violate(path, violations, format!("is {value}, which is not a value of the enumeration"));
    }
}
