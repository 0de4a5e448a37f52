//! What a record can be found by through an index: one number for each of its values.

use crate::NewRecord;
use crate::tree::sha256;

/// One kind of value, as it is hashed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Facet<'a> {
    Principal(&'a str),
    Rpc(&'a str),
    Action(u8),
    Detector(&'a str),
    Category(&'a str),
    Label(&'a str, &'a str),
    Subject(&'a str),
}

impl Facet<'_> {
    /// Returns the facet's number. Two facets may share one: who finds by it looks at the record too.
    pub(crate) fn hash(self) -> u64 {
        let bytes = match self {
            Self::Principal(name) => text(b'p', name),
            Self::Rpc(name) => text(b'r', name),
            Self::Action(number) => vec![b'a', number],
            Self::Detector(name) => text(b'd', name),
            Self::Category(name) => text(b'c', name),
            Self::Subject(tag) => text(b's', tag),
            Self::Label(name, value) => {
                let length = u64::try_from(name.len()).unwrap_or(u64::MAX).to_be_bytes();
                [b"l", length.as_slice(), name.as_bytes(), value.as_bytes()].concat()
            }
        };
        let [a, b, c, d, e, f, g, h, ..] = sha256(&bytes);
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

/// Calls `each` with every facet of a record.
pub(crate) fn of(record: &NewRecord, mut each: impl FnMut(Facet<'_>)) {
    each(Facet::Principal(&record.principal));
    each(Facet::Rpc(&record.rpc));
    each(Facet::Action(record.action.number()));
    for finding in &record.findings {
        each(Facet::Detector(&finding.detector));
        each(Facet::Category(&finding.category));
    }
    record.labels.iter().for_each(|(name, value)| each(Facet::Label(name, value)));
    if let Some(subject) = &record.subject {
        each(Facet::Subject(subject));
    }
}

fn text(kind: u8, text: &str) -> Vec<u8> {
    [&[kind], text.as_bytes()].concat()
}
