//! Whose contents a log holds, and whose it says were erased: a subject's key that is gone must be one of these.

use std::collections::BTreeSet;

use crate::erasure;
use crate::record::NewRecord;
use crate::subject;

/// What the records of a log say of subjects, by their tags.
#[derive(Debug, Default)]
pub(crate) struct Subjects {
    sealed: BTreeSet<String>,
    erased: BTreeSet<String>,
}

impl Subjects {
    /// Notes what a record says.
    pub(crate) fn saw(&mut self, record: &NewRecord) {
        if record.sealed_contents.is_some() {
            self.sealed.extend(record.subject.clone().filter(|tag| subject::is_tag(tag)));
        }
        self.erased.extend(erasure::erased(record).cloned());
    }

    /// Notes what was seen elsewhere in the log.
    pub(crate) fn add(&mut self, other: Self) {
        self.sealed.extend(other.sealed);
        self.erased.extend(other.erased);
    }

    /// Returns those that have contents and were never erased, so that their keys must be there.
    pub(crate) fn kept(&self) -> impl Iterator<Item = &String> {
        self.sealed.difference(&self.erased)
    }
}
