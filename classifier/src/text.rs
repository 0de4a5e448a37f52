//! From text to windows of token ids.

use std::{collections::HashMap, ops::Range};

use serde::Deserialize;
use serde_json::Value;
use tokenizers::{Encoding, Tokenizer};

use crate::{
    bundle::TOKENIZER,
    config::{Config, FRAME},
    encoder::Stop,
    error::{BundleError, ScoreError},
};

/// Texts are tokenised in pieces of about this size: the tokenizer takes some hundred bytes of memory for each byte.
const PIECE_BYTES: usize = 32 << 10;
/// Bytes of text that are read at most for each window that may be scored; a token has 4 to 5 on average.
const BYTES_PER_TOKEN: usize = 16;

/// How the tokenizer names a word that it cannot spell.
const UNKNOWN: &str = "[UNK]";
/// The longest word that a tokenizer of the kind `WordPiece` tries to spell, in letters of its normal form
/// (`max_input_chars_per_word`).
const WORD_LETTERS: usize = 100;
/// Letters that one becomes in normal form, at most, but for ligatures: a syllable of Hangul has three.
const LETTERS_OF_ONE: usize = 3;

/// What a tokenizer may do before it looks words up.
const STEPS: [&str; 9] = [
    "Sequence",
    "NFC",
    "NFD",
    "NFKC",
    "NFKD",
    "BertNormalizer",
    "Lowercase",
    "StripAccents",
    "BertPreTokenizer",
];

/// The tokenizer and the shape of windows.
pub(crate) struct Reader {
    tokenizer: Tokenizer,
    cls: u32,
    sep: u32,
    /// What the tokenizer says of a word that it cannot spell.
    unknown: Option<u32>,
    room: usize,
    stride: usize,
}

/// What was read of a text: all of it, or parts from all over it.
pub(crate) struct Tokens {
    parts: Vec<Part>,
    /// Share of the text's bytes that was read, of those that the vocabulary can spell.
    pub(crate) read: f64,
}

/// Neighbouring pieces of a text.
#[derive(Default)]
struct Part {
    ids: Vec<u32>,
    /// The pieces that the tokens come from, each with the number of tokens before it.
    pieces: Vec<(usize, Range<usize>)>,
}

/// A window: some tokens of a part.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Window {
    part: usize,
    tokens: Range<usize>,
}

impl Reader {
    pub(crate) fn new(config: &Config, bytes: &[u8]) -> Result<Self, BundleError> {
        linear_time(bytes)?;
        let mut tokenizer =
            Tokenizer::from_bytes(bytes).map_err(|error| BundleError::format(TOKENIZER, error))?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|error| BundleError::format(TOKENIZER, error))?;
        let highest = tokenizer.get_vocab(true).into_values().max().unwrap_or(u32::MAX);
        if usize::try_from(highest).map_or(true, |highest| highest >= config.encoder.vocab_size) {
            let message = "the vocabulary holds an id that is not below `encoder.vocab_size` of config.json";
            return Err(BundleError::format(TOKENIZER, message));
        }
        let room = config.window_tokens - FRAME;
        let stride = room - config.window_overlap;
        let unknown = tokenizer.token_to_id(UNKNOWN);
        Ok(Self { tokenizer, cls: config.cls_id, sep: config.sep_id, unknown, room, stride })
    }

    /// Reads a text, or as much of it as could ever be scored in `max_windows`.
    pub(crate) fn read(&self, text: &str, max_windows: usize, stop: Stop<'_>) -> Result<Tokens, ScoreError> {
        let pieces = pieces(text);
        let budget = max_windows.saturating_mul(self.stride).saturating_mul(BYTES_PER_TOKEN) / PIECE_BYTES;
        let mut tokens = Tokens { parts: vec![Part::default()], read: 1.0 };
        let mut bytes = 0;
        let mut end = 0;
        for piece in evenly(pieces.len(), budget.max(2)).filter_map(|index| pieces.get(index)) {
            if stop() {
                break;
            }
            let Some(piece_text) = text.get(piece.clone()) else { continue };
            if piece.start != end {
                tokens.parts.push(Part::default());
            }
            if let Some(part) = tokens.parts.last_mut() {
                for word in self.spellable(piece_text)? {
                    let word = piece.start + word.start..piece.start + word.end;
                    let encoding = self.encode(text.get(word.clone()).unwrap_or_default())?;
                    bytes += if self.is_unknown(encoding.get_ids()) { 0 } else { word.len() };
                    part.pieces.push((part.ids.len(), word));
                    part.ids.extend_from_slice(encoding.get_ids());
                }
            }
            end = piece.end;
        }
        if bytes < text.len() {
            tokens.read = share(bytes, text.len());
        }
        Ok(tokens)
    }

    fn encode(&self, text: &str) -> Result<Encoding, ScoreError> {
        self.tokenizer.encode_fast(text, false).map_err(|_no_text| ScoreError::Tokenizer)
    }

    /// Whether tokens say nothing but that the text cannot be spelt.
    fn is_unknown(&self, ids: &[u32]) -> bool {
        !ids.is_empty() && self.unknown.is_some_and(|unknown| ids.iter().all(|id| *id == unknown))
    }

    /// Cuts a text into what is tokenised by itself: where a word is longer than the tokenizer looks at, and around
    /// characters that it cannot spell, either of which makes it give up the whole word. Mostly that is nowhere.
    fn spellable(&self, text: &str) -> Result<Vec<Range<usize>>, ScoreError> {
        let cut = short_words(text);
        let Some(unknown) = self.unknown else { return Ok(cut) };
        let mut spellable = Vec::with_capacity(cut.len());
        for part in cut {
            let of_part = text.get(part.clone()).unwrap_or_default();
            if !self.encode(of_part)?.get_ids().contains(&unknown) {
                spellable.push(part);
                continue;
            }
            let mut known: HashMap<char, bool> = HashMap::new();
            let mut begun: Option<(usize, bool)> = None;
            for (at, character) in of_part.char_indices() {
                let spelt = match known.get(&character) {
                    _ if character.is_ascii() => true,
                    Some(spelt) => *spelt,
                    None => {
                        let ids = self.encode(character.encode_utf8(&mut [0; 4]))?;
                        let spelt = !ids.get_ids().contains(&unknown);
                        known.insert(character, spelt);
                        spelt
                    }
                };
                if begun.is_none_or(|(_, before)| before != spelt) {
                    spellable.extend(begun.map(|(start, _)| part.start + start..part.start + at));
                    begun = Some((at, spelt));
                }
            }
            spellable.extend(begun.map(|(start, _)| part.start + start..part.end));
        }
        Ok(spellable)
    }

    /// Returns the windows of what was read.
    pub(crate) fn windows(&self, tokens: &Tokens) -> Vec<Window> {
        let of_part = |(part, Part { ids, .. }): (usize, &Part)| {
            let further = ids.len().saturating_sub(self.room).div_ceil(self.stride);
            let window = |index| {
                let start = index * self.stride;
                Window { part, tokens: start..ids.len().min(start + self.room) }
            };
            (0..=further).map(window).collect::<Vec<_>>()
        };
        tokens.parts.iter().enumerate().flat_map(of_part).collect()
    }

    /// Returns a window's tokens within its frame.
    pub(crate) fn framed(&self, role: u32, tokens: &Tokens, window: &Window) -> Vec<u32> {
        let part = tokens.parts.get(window.part).map(|part| part.ids.as_slice()).unwrap_or_default();
        let own = part.get(window.tokens.clone()).unwrap_or_default();
        // Of what it cannot read the model would only guess.
        let own = if self.is_unknown(own) { &[] } else { own };
        let mut ids = Vec::with_capacity(own.len() + FRAME);
        ids.extend([self.cls, role]);
        ids.extend_from_slice(own);
        ids.push(self.sep);
        ids
    }

    /// Returns which bytes of the text a window was made of. Reads the window's surroundings once more: places are
    /// asked for seldom, and keeping them for every token would cost every text.
    pub(crate) fn bytes_of(
        &self,
        text: &str,
        tokens: &Tokens,
        window: &Window,
    ) -> Result<Range<usize>, ScoreError> {
        let Some(part) = tokens.parts.get(window.part) else { return Ok(0..text.len()) };
        let whole = part.pieces.first().map_or(0, |(_, piece)| piece.start)
            ..part.pieces.last().map_or(text.len(), |(_, piece)| piece.end);
        if window.tokens == (0..part.ids.len()) {
            return Ok(whole);
        }
        let place = |token: usize| -> Result<Range<usize>, ScoreError> {
            let piece = part.pieces.iter().rev().find(|(before, _)| *before <= token);
            let Some((before, piece)) = piece else { return Ok(whole.clone()) };
            let encoding = self
                .tokenizer
                .encode(text.get(piece.clone()).unwrap_or_default(), false)
                .map_err(|_no_text| ScoreError::Tokenizer)?;
            let (start, end) =
                encoding.get_offsets().get(token - before).copied().unwrap_or_else(|| (0, piece.len()));
            // A normalised character may lie between two of the text's.
            let within = |offset: usize| piece.start + offset.min(piece.len());
            Ok(text.floor_char_boundary(within(start))..text.ceil_char_boundary(within(end)))
        };
        let first = place(window.tokens.start)?;
        let last = place(window.tokens.end.saturating_sub(1))?;
        Ok(first.start..last.end.max(first.start))
    }
}

impl Window {
    /// Tells windows of one text apart, in their order.
    pub(crate) const fn place(&self) -> (usize, usize) {
        (self.part, self.tokens.start)
    }
}

impl Tokens {
    pub(crate) fn count(&self) -> usize {
        self.parts.iter().map(|part| part.ids.len()).sum()
    }
}

/// Refuses a tokenizer with patterns: the library runs them with backtracking, and a text must not choose the time it
/// takes.
fn linear_time(bytes: &[u8]) -> Result<(), BundleError> {
    #[derive(Deserialize)]
    struct Steps {
        normalizer: Value,
        pre_tokenizer: Value,
    }
    fn types<'v>(step: &'v Value, into: &mut Vec<&'v str>) {
        into.extend(step.get("type").and_then(Value::as_str));
        for list in ["normalizers", "pretokenizers"] {
            for step in step.get(list).and_then(Value::as_array).into_iter().flatten() {
                types(step, into);
            }
        }
    }
    let steps: Steps =
        serde_json::from_slice(bytes).map_err(|error| BundleError::format(TOKENIZER, error))?;
    let mut used = Vec::new();
    types(&steps.normalizer, &mut used);
    types(&steps.pre_tokenizer, &mut used);
    match used.into_iter().find(|step| !STEPS.contains(step)) {
        Some(step) => Err(BundleError::format(TOKENIZER, format!("the step `{step}` is not supported"))),
        None => Ok(()),
    }
}

/// Returns `most` of the indices below `count`, evenly spaced, the first and the last among them; or all.
pub(crate) fn evenly(count: usize, most: usize) -> impl Iterator<Item = usize> {
    let taken = count.min(most.max(1));
    let gaps = taken.saturating_sub(1).max(1);
    (0..taken).map(move |index| if taken == count { index } else { index * (count - 1) / gaps })
}

#[expect(clippy::cast_precision_loss, reason = "a share need not be exact")]
pub(crate) fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

/// Cuts a text within words of more than [`WORD_LETTERS`] letters.
fn short_words(text: &str) -> Vec<Range<usize>> {
    let mut cut = Vec::new();
    let (mut start, mut letters) = (0, 0);
    for (at, character) in text.char_indices() {
        if character.is_whitespace() || character.is_ascii_punctuation() {
            letters = 0;
            continue;
        }
        let own = if character.is_ascii() { 1 } else { LETTERS_OF_ONE };
        if letters + own > WORD_LETTERS {
            cut.push(start..at);
            (start, letters) = (at, 0);
        }
        letters += own;
    }
    cut.push(start..text.len());
    cut
}

/// Cuts a text before white space, where tokens end anyway; within a word only when that is longer than a piece.
fn pieces(text: &str) -> Vec<Range<usize>> {
    let mut pieces = Vec::with_capacity(text.len() / PIECE_BYTES + 1);
    let mut start = 0;
    while text.len() - start > PIECE_BYTES {
        let reach = text.floor_char_boundary(start + PIECE_BYTES);
        let piece = text.as_bytes().get(start..reach).unwrap_or_default();
        let space = piece.iter().rposition(u8::is_ascii_whitespace).filter(|&at| at > 0);
        let end = space.map_or(reach, |at| start + at);
        pieces.push(start..end);
        start = end;
    }
    pieces.push(start..text.len());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::string_slice, reason = "the pieces' ends are what is tested")]
    fn pieces_are_the_text() {
        for unit in ["word ", "a", "é", "𝄞x", " ", "\n\n"] {
            let text = unit.repeat(100_000);
            let pieces = pieces(&text);
            let joined: String = pieces.iter().map(|piece| &text[piece.clone()]).collect();
            assert_eq!(joined, text);
            assert!(pieces.iter().all(|piece| piece.len() <= PIECE_BYTES));
        }
        assert_eq!(pieces("").len(), 1);
    }

    #[test]
    #[expect(clippy::string_slice, reason = "the cuts are what is tested")]
    fn only_long_words_are_cut() {
        let cut = |text: &str| {
            short_words(text).iter().map(|part| text[part.clone()].to_owned()).collect::<Vec<_>>()
        };
        let plain = format!("one {} two, three-{} {}", "a".repeat(100), "b".repeat(99), "ก".repeat(33));
        assert_eq!(cut(&plain), [plain.as_str()]);
        assert_eq!(cut(&"a".repeat(201)), ["a".repeat(100), "a".repeat(100), "a".to_owned()]);
        assert_eq!(cut(&"가".repeat(40)), ["가".repeat(33), "가".repeat(7)]);
        assert_eq!(cut(""), [""]);
    }

    #[test]
    fn even_choice_has_both_ends() {
        assert_eq!(evenly(5, 9).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert_eq!(evenly(100, 3).collect::<Vec<_>>(), [0, 49, 99]);
        assert_eq!(evenly(100, 1).collect::<Vec<_>>(), [0]);
        assert_eq!(evenly(0, 3).count(), 0);
    }
}
