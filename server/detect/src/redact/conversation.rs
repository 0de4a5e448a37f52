//! What a conversation remembers between redactions.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::placeholder::{numbered, token_at};
use super::{RedactionKeys, token};
use crate::ByteSpan;

/// The state that the caller keeps for one conversation: which value has which number, and whom it is about.
///
/// It holds digests of values, and at most [`Conversation::MOST_VALUES`] of them; what comes after gets the entity's name
/// without a number. Values themselves it holds only when it is [restorable](Conversation::restorable), and then sealed.
/// Two conversations share nothing.
#[derive(Default)]
pub struct Conversation {
    subject: String,
    restorable: bool,
    /// Bytes of the sealed values.
    sealed_bytes: usize,
    entities: BTreeMap<String, Numbers>,
    values: usize,
    /// Where in texts that were written before stand-ins are that look like values, by digests of the texts.
    written: VecDeque<([u8; 32], Vec<ByteSpan>)>,
}

#[derive(Default)]
struct Numbers {
    last: u32,
    known: HashMap<[u8; 16], u32>,
    /// Tokens of the values, by number.
    sealed: HashMap<u32, String>,
}

impl Conversation {
    /// The most values that get a number.
    pub const MOST_VALUES: usize = 10_000;

    /// Starts a conversation about a subject, such as a patient's id: all its dates are shifted by the same days.
    #[must_use]
    pub fn about(subject: &str) -> Self {
        Self { subject: subject.to_owned(), ..Self::default() }
    }

    /// Starts a conversation whose numbered placeholders [`restore_in`](super::restore_in) can undo.
    ///
    /// What `replace` would write without a text of its own is numbered too. Each value is kept as a token under the
    /// tenant's key, up to [`Conversation::MOST_SEALED_BYTES`]; what comes after, and without a key, gets the entity's
    /// name without a number.
    #[must_use]
    pub fn restorable(subject: &str) -> Self {
        Self { restorable: true, ..Self::about(subject) }
    }

    /// The most bytes of sealed values that a restorable conversation keeps.
    pub const MOST_SEALED_BYTES: usize = 1 << 20;

    /// Returns about how much memory the state takes, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let spans: usize = self.written.iter().map(|(_, spans)| 64 + 16 * spans.len()).sum();
        256 + self.subject.len() + self.sealed_bytes + 96 * self.values + 256 * self.entities.len() + spans
    }

    pub(super) fn subject(&self) -> &str {
        &self.subject
    }

    pub(super) fn is_restorable(&self) -> bool {
        self.restorable
    }

    /// Returns whether values of an entity were numbered.
    pub(super) fn knows(&self, entity: &str) -> bool {
        self.entities.get(entity).is_some_and(|numbers| !numbers.known.is_empty())
    }

    /// Returns the value that a number stands for.
    pub(super) fn value(&self, entity: &str, number: u32, keys: &RedactionKeys) -> Option<Zeroizing<String>> {
        let sealed = token_at(self.entities.get(entity)?.sealed.get(&number)?, 0)?;
        token::open(sealed.header, sealed.body, keys)
    }

    /// Keeps numbers free that a text already uses, from redactions that this state has not seen.
    pub(super) fn observe(&mut self, text: &str) {
        // What nobody but an adversary writes must not use the numbers up.
        for (entity, number) in numbered(text).filter(|(_, number)| *number <= MOST_OBSERVED) {
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
        let restorable = self.restorable;
        let left = Self::MOST_SEALED_BYTES.saturating_sub(self.sealed_bytes);
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
        let sealed = match restorable {
            true => Some(
                token::seal(entity, Some(SEALED_FOR), value, keys).filter(|sealed| sealed.len() <= left)?,
            ),
            false => None,
        };
        numbers.last = numbers.last.checked_add(1)?;
        if let Some(sealed) = sealed {
            self.sealed_bytes += sealed.len();
            numbers.sealed.insert(numbers.last, sealed);
        }
        numbers.known.insert(digest, numbers.last);
        self.values += 1;
        Some(numbers.last)
    }
}

/// Numbers have six digits at most, see `placeholder`: this leaves room for all of a conversation's own.
const MOST_OBSERVED: u32 = 900_000;

/// The purpose of the tokens that are kept.
const SEALED_FOR: &str = "conversation";

/// Texts whose stand-ins are remembered.
const MOST_TEXTS: usize = 64;

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Conversation({} values)", self.values)
    }
}
