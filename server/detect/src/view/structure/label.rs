//! Names of values, as words.

use std::borrow::Cow;

/// Writes a name in words: `customerSsn` is "customer Ssn". Other names stay as they are.
pub(super) fn words(name: &str) -> Cow<'_, str> {
    let bytes = name.as_bytes();
    let turns = |at: &usize| {
        let here = |offset: usize| bytes.get(at + offset).copied().unwrap_or(0);
        let before = at.checked_sub(1).and_then(|at| bytes.get(at)).copied().unwrap_or(0);
        // `ssnNumber`, and the last letter of the first word in `SSNNumber`.
        here(0).is_ascii_uppercase()
            && (before.is_ascii_lowercase() || before.is_ascii_uppercase() && here(1).is_ascii_lowercase())
    };
    let cuts: Vec<usize> = (0..bytes.len()).filter(turns).collect();
    if cuts.is_empty() {
        return Cow::Borrowed(name);
    }
    let mut words = String::with_capacity(name.len() + cuts.len());
    let mut done = 0;
    for cut in cuts {
        words.push_str(name.get(done..cut).unwrap_or_default());
        words.push(' ');
        done = cut;
    }
    words.push_str(name.get(done..).unwrap_or_default());
    Cow::Owned(words)
}

/// Whether a member or attribute of that name says what the value beside it is: `{"name": "password", "value": …}`.
pub(super) fn names_another(name: &str) -> bool {
    ["name", "key", "field", "id", "variable", "header", "property"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether a member or attribute of that name holds what another names.
pub(super) fn is_named_by_another(name: &str) -> bool {
    ["value", "val", "content"].iter().any(|known| known.eq_ignore_ascii_case(name))
}
