//! What a conversation remembers between redactions.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;

use sha2::{Digest as _, Sha256};

use super::RedactionKeys;
use super::placeholder::numbered;
use crate::ByteSpan;

/// The state that the caller keeps for one conversation: which value has which number, and whom it is about.
///
/// It holds digests of values, never values, and at most [`Conversation::MOST_VALUES`] of them; what comes after gets the
/// entity's name without a number. Two conversations share nothing.
#[derive(Default)]
pub struct Conversation {
    subject: String,
    entities: BTreeMap<String, Numbers>,
    values: usize,
    /// Where in texts that were written before stand-ins are that look like values, by digests of the texts.
    written: VecDeque<([u8; 32], Vec<ByteSpan>)>,
}

#[derive(Default)]
struct Numbers {
    last: u32,
    known: HashMap<[u8; 16], u32>,
}

impl Conversation {
    /// The most values that get a number.
    pub const MOST_VALUES: usize = 10_000;

    /// Starts a conversation about a subject, such as a patient's id: all its dates are shifted by the same days.
    #[must_use]
    pub fn about(subject: &str) -> Self {
        Self { subject: subject.to_owned(), ..Self::default() }
    }

    pub(super) fn subject(&self) -> &str {
        &self.subject
    }

    /// Keeps numbers free that a text already uses, from redactions that this state has not seen.
    pub(super) fn observe(&mut self, text: &str) {
        for (entity, number) in numbered(text) {
            if self.entities.len() < Self::MOST_VALUES || self.entities.contains_key(entity) {
                let numbers = self.entities.entry(entity.to_owned()).or_default();
                numbers.last = numbers.last.max(number);
            }
        }
    }

    /// Remembers a text with stand-ins that carry no mark, so that redacting it again leaves them as they are.
    pub(super) fn wrote(&mut self, text: &str, unmarked: Vec<ByteSpan>) {
        if unmarked.is_empty() || unmarked.len() > Self::MOST_VALUES {
            return;
        }
        if self.written.len() >= MOST_TEXTS {
            self.written.pop_front();
        }
        self.written.push_back((Sha256::digest(text).into(), unmarked));
    }

    /// Returns where a text, if it was written here, has stand-ins that carry no mark.
    pub(super) fn stand_ins(&self, text: &str) -> &[ByteSpan] {
        if self.written.is_empty() {
            return &[];
        }
        let digest: [u8; 32] = Sha256::digest(text).into();
        self.written.iter().find(|(known, _)| *known == digest).map_or(&[], |(_, spans)| spans)
    }

    /// Returns the number of a value, or none when the state is full.
    pub(super) fn number(&mut self, entity: &str, value: &str, keys: &RedactionKeys) -> Option<u32> {
        let same = value.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let digest = keys
            .digest("number", &[entity, &same])
            .unwrap_or_else(|| Sha256::digest(format!("{entity}\0{same}").as_bytes()).into());
        let digest = *digest.first_chunk::<16>()?;
        let room = self.values < Self::MOST_VALUES;
        let numbers = match self.entities.get_mut(entity) {
            Some(numbers) => numbers,
            None if room => self.entities.entry(entity.to_owned()).or_default(),
            None => return None,
        };
        if let Some(number) = numbers.known.get(&digest) {
            return Some(*number);
        }
        if !room {
            return None;
        }
        numbers.last = numbers.last.checked_add(1)?;
        numbers.known.insert(digest, numbers.last);
        self.values += 1;
        Some(numbers.last)
    }
}

/// Texts whose stand-ins are remembered.
const MOST_TEXTS: usize = 64;

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Conversation({} values)", self.values)
    }
}
