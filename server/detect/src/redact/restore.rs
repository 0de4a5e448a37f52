//! Undoing: values in the place of what stands for them.
//!
//! Tokens and the numbered placeholders of a conversation are known by their form, wherever they stand. `fpe` and
//! `date_shift` leave no mark: who wants those undone says where they are.

use std::collections::BTreeMap;
use std::fmt;

use super::placeholder::{TOKEN_OPENS, numbered_at, token_at};
use super::structure::{Kind, Structure};
use super::{Conversation, Operator, RedactionKeys, token};
use crate::ByteSpan;

/// A text with its stand-ins undone.
#[derive(Clone, Default, PartialEq)]
pub struct Restored {
    /// The text.
    pub text: String,
    /// How many stand-ins were undone.
    pub restored: usize,
    /// Of which entities, and how many of each.
    pub entities: BTreeMap<String, usize>,
    /// How many tokens stayed, since they are not of this tenant or were changed, and how many places, since their
    /// operator cannot be undone or another stand-in lies there.
    pub refused: usize,
    /// How many places look like a token's beginning and are none.
    pub malformed: usize,
    /// How many numbered placeholders stayed, of entities that the conversation has numbered: it knows no value.
    pub unknown: usize,
    /// Whether the text would have become longer than asked for; it is empty then.
    pub too_long: bool,
}

/// By what a text is undone.
#[derive(Clone, Copy, Debug)]
pub struct Undo<'a> {
    /// The tenant's keys.
    pub keys: &'a RedactionKeys,
    /// The conversation whose placeholders are undone.
    pub conversation: &'a Conversation,
    /// Stand-ins without a mark, in the order of the text.
    pub places: &'a [Place<'a>],
    /// The most bytes that the text may become: a short placeholder can stand for much.
    pub most_bytes: usize,
}

/// Where a stand-in without a mark lies.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Where, in bytes of the redacted text.
    pub span: ByteSpan,
    /// The entity that was redacted.
    pub entity: &'a str,
    /// The operator that wrote it.
    pub operator: &'a Operator,
}

/// Puts the values back in the place of their tokens. A token that does not open under these keys stays as it is.
///
/// In a text that is JSON the values are escaped as its strings need it.
#[must_use]
pub fn restore(text: &str, keys: &RedactionKeys) -> Restored {
    let conversation = Conversation::default();
    restore_in(text, &Undo { keys, conversation: &conversation, places: &[], most_bytes: usize::MAX })
}

/// Restores as [`restore`] does, with a conversation's placeholders and with stand-ins that have no mark.
///
/// `fpe` and `date_shift` carry no check: a place where no stand-in of theirs was becomes another value, not an error.
#[must_use]
pub fn restore_in(text: &str, undo: &Undo<'_>) -> Restored {
    let mut out = Writer {
        text,
        copied: 0,
        structure: None,
        most_bytes: undo.most_bytes,
        restored: Restored::default(),
    };
    let mut places = undo.places.iter().peekable();
    for at in memchr::memchr_iter(b'[', text.as_bytes()) {
        while let Some(place) = places.next_if(|place| place.span.start <= at) {
            out.place(place, undo);
        }
        if at < out.copied {
            continue;
        }
        if text.as_bytes().get(at..).is_some_and(|rest| rest.starts_with(TOKEN_OPENS.as_bytes())) {
            out.token(at, undo);
        } else if let Some(found) =
            numbered_at(text, at).filter(|found| undo.conversation.knows(found.entity))
        {
            match undo.conversation.value(found.entity, found.number, undo.keys) {
                Some(value) => out.put(found.span, found.entity, &value),
                None => out.restored.unknown += 1,
            }
        }
    }
    for place in places {
        out.place(place, undo);
    }
    out.finish()
}

struct Writer<'t> {
    text: &'t str,
    /// Up to where the text is dealt with.
    copied: usize,
    structure: Option<Structure>,
    most_bytes: usize,
    restored: Restored,
}

impl Writer<'_> {
    fn token(&mut self, at: usize, undo: &Undo<'_>) {
        let Some(found) = token_at(self.text, at) else {
            self.restored.malformed += 1;
            return;
        };
        match token::open(found.header, found.body, undo.keys) {
            Some(value) => {
                let entity = found.header.split('/').next().unwrap_or_default();
                self.put(found.span, entity, &value);
            }
            None => self.restored.refused += 1,
        }
    }

    fn place(&mut self, place: &Place<'_>, undo: &Undo<'_>) {
        let written = self.text.get(place.span.range()).filter(|_| place.span.start >= self.copied);
        let kind = self.kind_at(place.span.start);
        let value = written.and_then(|written| {
            let stand_in = Structure::decode(kind, written);
            place.operator.undo(place.entity, &stand_in, undo.keys, undo.conversation)
        });
        match value {
            Some(value) => self.put(place.span, place.entity, &value),
            None => self.restored.refused += 1,
        }
    }

    fn put(&mut self, span: ByteSpan, entity: &str, value: &str) {
        let before = self.text.get(self.copied..span.start).unwrap_or_default();
        let kind = self.kind_at(span.start);
        let out = &mut self.restored;
        if out.too_long || out.text.len() + before.len() + value.len() > self.most_bytes {
            out.too_long = true;
            return;
        }
        out.text.push_str(before);
        match kind {
            Kind::JsonString | Kind::Nested(_) => out.text.push_str(&Structure::encode(kind, value)),
            _ => out.text.push_str(value),
        }
        out.restored += 1;
        match out.entities.get_mut(entity) {
            Some(count) => *count += 1,
            None => drop(out.entities.insert(entity.to_owned(), 1)),
        }
        self.copied = span.end;
    }

    fn kind_at(&mut self, at: usize) -> Kind {
        self.structure.get_or_insert_with(|| Structure::of(self.text)).kind_at(at)
    }

    fn finish(mut self) -> Restored {
        let rest = self.text.get(self.copied..).unwrap_or_default();
        let out = &mut self.restored;
        if out.too_long || out.text.len() + rest.len() > self.most_bytes {
            out.too_long = true;
            out.text.clear();
        } else {
            out.text.push_str(rest);
        }
        self.restored
    }
}

// === impl Restored ===

impl fmt::Debug for Restored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Restored({} bytes, {} of {})",
            self.text.len(),
            self.restored,
            self.restored + self.refused
        )
    }
}
