//! The same again and again, and pieces that are too long: what burns tokens and says nothing.

use crate::ByteSpan;
use crate::coded::Seen;

use super::config::HygieneConfig;
use super::{LONG_LINE, LONG_WORD, REPETITION};

/// Appends repetitions.
pub(super) fn repetition(text: &str, config: &HygieneConfig, seen: &mut Vec<Seen>) {
    // Nothing shorter can hold so many of anything.
    if text.len() < config.max_repeats.min(config.max_character_run) {
        return;
    }
    if text.len() > config.max_character_run && may_run(text.as_bytes(), config.max_character_run) {
        seen.extend(characters(text, config.max_character_run));
    }
    let most = config.max_repeats;
    let words = || may_repeat(text, most).then(|| pieces(text, text.split_whitespace(), most)).flatten();
    let lines = || {
        // So many lines are parted by so many breaks.
        let many = memchr::memchr_iter(b'\n', text.as_bytes()).take(most).count() >= most;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        many.then(|| pieces(text, lines, most)).flatten()
    };
    let repeated = words().or_else(lines);
    match repeated.or_else(|| period(text, most)) {
        Some(repeated) => seen.push(repeated),
        None => seen.extend(again(text)),
    }
}

/// Appends words and lines over the limits.
pub(super) fn lengths(text: &str, config: &HygieneConfig, seen: &mut Vec<Seen>) {
    if let Some(most) = config.max_word_bytes.filter(|most| text.len() > *most)
        && let Some(word) = text.split_whitespace().find(|word| word.len() > most)
    {
        seen.push(LONG_WORD.at(span_of(text, word)));
    }
    if let Some(most) = config.max_line_bytes.filter(|most| text.len() > *most)
        && let Some(line) = text.lines().find(|line| line.len() > most)
    {
        seen.push(LONG_LINE.at(span_of(text, line)));
    }
}

/// Whether some character may follow itself more than `most` times, told by a few bytes here and there: one of the places
/// lies within such a run, and the bytes of a character come again there.
fn may_run(bytes: &[u8], most: usize) -> bool {
    const FEW: usize = 8;
    if most < 4 * FEW {
        return true;
    }
    let again =
        |piece: &[u8], by: usize| piece.iter().zip(piece.iter().skip(by)).all(|(one, two)| one == two);
    (0..bytes.len())
        .step_by(most / 2)
        .filter_map(|at| bytes.get(at..at + FEW))
        .any(|piece| (1..=4).any(|by| again(piece, by)))
}

/// The longest run of one character.
fn characters(text: &str, most: usize) -> Option<Seen> {
    let mut longest: Option<(usize, ByteSpan, char)> = None;
    let mut run: Option<(usize, usize, char)> = None;
    for (at, character) in text.char_indices() {
        let (count, start) = match run {
            Some((count, start, last)) if last == character => (count + 1, start),
            _ => (1, at),
        };
        run = Some((count, start, character));
        if count > most && longest.as_ref().is_none_or(|(known, _, _)| count > *known) {
            longest = Some((count, ByteSpan { start, end: at + character.len_utf8() }, character));
        }
    }
    let (count, span, character) = longest?;
    // Rules and blanks are drawn with signs; a word is not drawn with letters.
    let drawn = character.is_whitespace()
        || matches!(character, '-' | '=' | '_' | '*' | '#' | '.' | '─' | '━' | '═' | '0' | 'A');
    Some(REPETITION.scored(span, if drawn && count <= most.saturating_mul(8) { 0.35 } else { 0.8 }))
}

/// Whether some word may follow itself more than `most` times, told by a pair of words here and there.
///
/// Places `most` bytes apart are looked at. One of them lies within the first `most` bytes of such a run, and no more than
/// half as many words fit before it; so a pair of the run's words follows.
fn may_repeat(text: &str, most: usize) -> bool {
    if most < LEAST_STEP {
        return true;
    }
    let mut at = 0;
    while at < text.len() {
        let rest = text.get(text.ceil_char_boundary(at)..).unwrap_or_default();
        // The place may be in the middle of the first.
        let mut words = rest.split_whitespace().skip(1);
        let (Some(first), Some(second)) = (words.next(), words.next()) else { return false };
        if first == second {
            return true;
        }
        // A long word is not read twice.
        at = at.saturating_add(most).max(span_of(text, second).start);
    }
    false
}

/// The first word, or line, that follows itself too often.
fn pieces<'t>(text: &str, pieces: impl Iterator<Item = &'t str>, most: usize) -> Option<Seen> {
    let mut run: Option<(usize, &str, &str)> = None;
    let mut worst: Option<(usize, &str, &str)> = None;
    for piece in pieces {
        let (count, first) = match run {
            Some((count, first, last)) if last == piece => (count + 1, first),
            _ => (1, piece),
        };
        run = Some((count, first, piece));
        if count > most && worst.is_none_or(|(known, _, _)| count > known) {
            worst = Some((count, first, piece));
        }
    }
    let (count, first, last) = worst?;
    let span = ByteSpan { start: span_of(text, first).start, end: span_of(text, last).end };
    // Columns of numbers and empty cells are data.
    let spoken = last.chars().any(char::is_alphabetic);
    Some(REPETITION.scored(span, if spoken || count > most.saturating_mul(16) { 0.85 } else { 0.35 }))
}

/// A short piece that follows itself: `ha` a thousand times, two words in turn. Told by places here and there, one of
/// which lies within any run that is long enough.
fn period(text: &str, most: usize) -> Option<Seen> {
    let bytes = text.as_bytes();
    let least = most.saturating_mul(LONGEST_PIECE / 2).max(LEAST_RUN);
    let mut at = least / 2;
    while at.saturating_add(2 * LONGEST_PIECE) <= bytes.len() {
        let found = (2..=LONGEST_PIECE).find(|length| {
            (0..LONGEST_PIECE).all(|place| bytes.get(at + place) == bytes.get(at + place + length))
        });
        if let Some(length) = found {
            let same = |place: &usize| bytes.get(*place) == bytes.get(place + length);
            let start = (0..at).rev().take_while(same).last().unwrap_or(at);
            let end = (at..bytes.len() - length).take_while(same).last().map_or(at, |last| last + 1) + length;
            let piece = bytes.get(at..at + length).unwrap_or_default();
            if end - start >= least && (end - start) / length > most && counts(piece) {
                let span =
                    ByteSpan { start: text.floor_char_boundary(start), end: text.ceil_char_boundary(end) };
                return Some(REPETITION.scored(span, if says(piece) { 0.85 } else { 0.6 }));
            }
            at = at.max(end);
        }
        at = at.saturating_add(least / 2);
    }
    None
}

/// Whether a repeated piece is a flood: two kinds of signs at least, since rules and cells of tables are drawn with few.
fn counts(piece: &[u8]) -> bool {
    let mut kinds: Vec<u8> = piece.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    says(piece) && !kinds.is_empty() || kinds.len() >= 4 && !kinds.iter().any(u8::is_ascii_alphanumeric)
}

/// Whether a piece is of letters, and no number in hex.
fn says(piece: &[u8]) -> bool {
    let letter = |byte: &u8| byte.is_ascii_alphabetic() || !byte.is_ascii();
    let letters = piece.iter().filter(|byte| letter(byte)).count();
    let other = piece.iter().filter(|byte| !letter(byte) && !byte.is_ascii_whitespace()).count();
    let hex = piece.iter().filter(|byte| !byte.is_ascii_whitespace()).all(u8::is_ascii_hexdigit);
    let digits = piece.iter().any(u8::is_ascii_digit);
    letters >= 2.max(other) && (!hex || (piece.contains(&b' ') && !digits))
}

/// Whether a long text repeats itself in longer pieces: how little of it a compressor would have to write down.
///
/// A copy is a piece of at least [`COPY`] bytes that was met before. Logs and tables of benign origin are made of copies up
/// to about nineteen twentieths; a phrase that is repeated is copied nearly whole.
fn again(text: &str) -> Option<Seen> {
    let bytes = text.as_bytes();
    if bytes.len() < LEAST {
        return None;
    }
    let mut places = vec![u32::MAX; 1 << TABLE_BITS];
    let mut new = 0_usize;
    let mut copies = 0_usize;
    let mut at = 0_usize;
    while let Some(head) = bytes.get(at..).and_then(<[u8]>::first_chunk::<COPY>) {
        let hash = u64::from_le_bytes(*head).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - TABLE_BITS);
        let place = usize::try_from(hash).ok().and_then(|slot| places.get_mut(slot))?;
        let before = usize::try_from(std::mem::replace(place, u32::try_from(at).unwrap_or(u32::MAX)))
            .unwrap_or(usize::MAX);
        let length = bytes.get(before..).map_or(0, |earlier| {
            earlier.iter().zip(bytes.get(at..).unwrap_or_default()).take_while(|(a, b)| a == b).count()
        });
        if length >= COPY {
            at += length;
            copies += 1;
        } else {
            at += 1;
            new += 1;
        }
    }
    // Every copy costs about four bytes to name.
    let written = new.saturating_add(copies.saturating_mul(4));
    let share = written.saturating_mul(1000) / bytes.len();
    let score = match share {
        0..5 => 0.8,
        5..12 => 0.6,
        12..25 => 0.35,
        _ => return None,
    };
    Some(REPETITION.scored(ByteSpan { start: 0, end: text.len() }, score))
}

fn span_of(text: &str, part: &str) -> ByteSpan {
    // INVARIANT: `part` is a slice of `text`, so the difference of addresses is its place.
    let start = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    ByteSpan { start, end: start.saturating_add(part.len()) }
}

/// Bytes of the longest piece that is looked for as such.
const LONGEST_PIECE: usize = 24;
/// Bytes of the shortest run of pieces that counts.
const LEAST_RUN: usize = 1024;
/// Runs shorter than this are looked for word by word.
const LEAST_STEP: usize = 16;
/// Bytes of the shortest copy that counts.
const COPY: usize = 8;
/// In a shorter text a few lines alike are no flood.
const LEAST: usize = 4096;
const TABLE_BITS: u32 = 13;

#[cfg(test)]
mod tests {
    use super::*;

    fn best(text: &str) -> f64 {
        let mut seen = Vec::new();
        repetition(text, HygieneConfig::shared_default(), &mut seen);
        seen.iter().map(|seen| seen.score).fold(0.0, f64::max)
    }

    #[test]
    fn floods() {
        assert!(best(&"a".repeat(5000)) > 0.5);
        assert!(best(&"poem ".repeat(200)) > 0.5);
        assert!(best(&"the same line\n".repeat(100)) > 0.5);
        assert!(best(&"say it all once more, with feeling, until the end of days. ".repeat(400)) > 0.5);
        assert!(best(&"诗".repeat(3000)) > 0.5);
        for (piece, times) in
            [("buy now! ", 150), ("ha", 1500), ("ab cd ", 500), ("!@#$%^&*", 300), ("你好 ", 300)]
        {
            let flood = piece.repeat(times);
            assert!(best(&flood) > 0.5, "{piece}");
            assert!(best(&format!("Please read this first. {flood} And answer it then.")) > 0.5, "{piece}");
        }
    }

    #[test]
    fn runs_are_seen_wherever_they_stand() {
        for character in ["a", "é", "诗", "😀"] {
            for before in 0..70 {
                let text = format!("{}{}b", "x y".repeat(before), character.repeat(65));
                assert!(may_run(text.as_bytes(), 64), "{before} {character}");
                assert!(characters(&text, 64).is_some());
            }
        }
        assert!(!may_run("as people write it, word by word, line by line".repeat(9).as_bytes(), 64));
    }

    #[test]
    fn daily() {
        assert!(best(&"-".repeat(2000)) < 0.5);
        assert!(best(&"0 ".repeat(500)) < 0.5);
        for (piece, times) in [
            ("ha", 100),
            ("|---", 400),
            ("0, 1, ", 300),
            ("-=", 800),
            ("- [ ] ", 200),
            ("\\x00", 400),
            ("na na na, hey ", 40),
            ("+---", 500),
            ("deadbeef", 300),
            (". ", 900),
        ] {
            assert!(best(&piece.repeat(times)) < 0.5, "{piece}");
        }
        let log: String = (0..400)
            .map(|n| {
                format!(
                    "2024-05-{:02} 10:{:02}:{:02} INFO request {} took {} ms\n",
                    n % 28,
                    n % 60,
                    n % 59,
                    n * 7919,
                    n * 31 % 977
                )
            })
            .collect();
        assert!(best(&log) < 0.5);
        let table: String = (0..300).map(|n| format!("| {n} | active | {} |\n", n * n)).collect();
        assert!(best(&table) < 0.5);
    }

    #[test]
    fn too_long() {
        let config =
            HygieneConfig { max_word_bytes: Some(10), max_line_bytes: Some(20), ..HygieneConfig::default() };
        let mut seen = Vec::new();
        lengths("short\nwords é but a line that goes on\nabcdefghijk", &config, &mut seen);
        assert_eq!(seen.len(), 2);
        assert!(seen.iter().all(|seen| seen.span.end <= 52));
    }

    proptest::proptest! {
        #[test]
        fn repeated_words_are_met(
            before in "([a-z]{1,90}[ \n]{1,90}){0,9}",
            word in "[a-zé]{1,70}",
            most in 16_usize..70,
            gap in "[ \n\u{3000}]{1,90}",
            after in "[ a-z]{0,90}",
        ) {
            let run = format!("{word}{gap}").repeat(most + 1);
            let text = format!("{before}{run}{after}");
            proptest::prop_assert!(may_repeat(&text, most));
        }

        #[test]
        fn any_text(text in "(ab|\\PC|\n| ){0,60}") {
            let config = HygieneConfig { max_repeats: 2, max_character_run: 2, ..HygieneConfig::default() };
            let mut seen = Vec::new();
            repetition(&text, &config, &mut seen);
            for seen in seen {
                proptest::prop_assert!(text.get(seen.span.range()).is_some());
            }
        }
    }
}
