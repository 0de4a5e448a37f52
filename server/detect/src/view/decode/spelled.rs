//! Text that is spelled out: by code words for letters, by the first letters of lines, by ROT47.

use super::Writer;

/// Reads words of the NATO alphabet as letters: `india golf november oscar romeo echo`.
pub(super) fn code_words(text: &str) -> Option<Writer> {
    let mut writer: Option<Writer> = None;
    let mut piece: Vec<(char, usize, usize)> = Vec::new();
    let mut flush = |piece: &mut Vec<(char, usize, usize)>| {
        let letters = piece.iter().filter(|(letter, ..)| letter.is_ascii_lowercase()).count();
        if letters >= LEAST_LETTERS {
            let writer = writer.get_or_insert_with(Writer::default);
            if let Some((_, start, _)) = piece.first().filter(|_| !writer.text().is_empty()) {
                writer.break_line(*start);
            }
            // Without signs between words, letters are parted, and cut into words as other parted letters are.
            let parted = piece.iter().all(|(letter, ..)| *letter != ' ');
            for (at, (letter, start, end)) in piece.iter().enumerate() {
                if parted && at > 0 {
                    writer.insert(" ", *start);
                }
                writer.character(*letter, *start, *end);
            }
        }
        piece.clear();
    };
    let mut at = 0;
    for word in text.split_inclusive(|c: char| !c.is_ascii_alphabetic()) {
        let written = word.trim_end_matches(|c: char| !c.is_ascii_alphabetic());
        let gap = word.get(written.len()..).unwrap_or_default();
        let start = at;
        at += word.len();
        if let Some(letter) = letter(written) {
            piece.push((letter, start, start + written.len()));
        } else if ["space", "break", "stop"].iter().any(|known| written.eq_ignore_ascii_case(known)) {
            piece.push((' ', start, start + written.len()));
        } else if !written.is_empty() {
            flush(&mut piece);
        }
        // What parts words is more than what parts letters.
        if matches!(gap, "/" | "|" | "\n" | "." | ",") && piece.last().is_some_and(|(last, ..)| *last != ' ')
        {
            piece.push((' ', start + written.len(), at));
        }
    }
    flush(&mut piece);
    writer
}

fn letter(word: &str) -> Option<char> {
    let first = word.bytes().next()?.to_ascii_lowercase();
    let known = CODE_WORDS.get(usize::from(first.checked_sub(b'a')?))?;
    let other = match first {
        b'a' => "alpha",
        b'j' => "juliet",
        b'x' => "x-ray",
        _ => "",
    };
    let said = word.eq_ignore_ascii_case(known) || word.eq_ignore_ascii_case(other);
    said.then(|| char::from(first))
}

/// Reads the first letters of lines, parted so that they are cut into words as other parted letters are.
pub(super) fn acrostic(text: &str) -> Option<Writer> {
    let mut letters: Vec<(char, usize)> = Vec::new();
    let (mut lines, mut at) = (0_usize, 0);
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let trimmed = line.trim_start_matches([' ', '\t', '-', '*', '>', '#', '"', '\'']);
        if trimmed.trim_end().is_empty() {
            continue;
        }
        lines += 1;
        if lines > MOST_LINES {
            return None;
        }
        if let Some(first) = trimmed.chars().next().filter(char::is_ascii_alphabetic) {
            letters.push((first, start + line.len() - trimmed.len()));
        }
    }
    // Code and tables have other signs at the beginnings of lines, and the same ones again.
    let mut kinds: Vec<char> = letters.iter().map(|(letter, _)| letter.to_ascii_lowercase()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    if letters.len() < LEAST_LINES || letters.len() * 10 < lines * 9 || kinds.len() < 6 {
        return None;
    }
    let mut writer = Writer::with_capacity(letters.len() * 2);
    for (letter, start) in letters {
        if !writer.text().is_empty() {
            writer.insert(" ", start);
        }
        writer.character(letter, start, start + 1);
    }
    Some(writer)
}

/// Turns every printable ASCII character by half of the alphabet that they are.
pub(super) fn rot47(text: &str) -> Option<Writer> {
    let turned: String = text
        .chars()
        .map(|sign| match u8::try_from(sign) {
            Ok(byte @ b'!'..=b'~') => char::from((byte - b'!' + 47) % 94 + b'!'),
            _ => sign,
        })
        .collect();
    let mut writer = Writer::default();
    writer.copy(&turned, 0);
    Some(writer)
}

static CODE_WORDS: [&str; 26] = [
    "alfa", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett", "kilo",
    "lima", "mike", "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango", "uniform", "victor",
    "whiskey", "xray", "yankee", "zulu",
];

const LEAST_LETTERS: usize = 6;
const LEAST_LINES: usize = 10;
const MOST_LINES: usize = 400;
