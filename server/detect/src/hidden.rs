//! The `unicode` detector: text that a reader does not see and a model does.
//!
//! Invisible characters are at home in emoji sequences (UTS #51), in Persian and Indic spelling, in Thai and Khmer line
//! breaking, in right-to-left text and at the start of files. What is flagged is their use where they have no job.

mod markup;

use crate::view::chars::is_mark;
use crate::{ByteSpan, Severity};

/// One kind of hidden text.
#[derive(Debug)]
pub(crate) struct HiddenRule {
    pub(crate) id: &'static str,
    pub(crate) severity: Severity,
    pub(crate) score: f64,
}

/// A stretch of hidden text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hidden {
    pub(crate) rule: &'static HiddenRule,
    pub(crate) span: ByteSpan,
}

pub(crate) const DETECTOR: &str = "unicode";
pub(crate) const CATEGORY: &str = "hidden_text";
pub(crate) const ENTITY: &str = "HIDDEN_TEXT";

/// All kinds that the detector knows.
pub(crate) static RULES: &[&HiddenRule] = &[
    &TAGS,
    &SELECTORS,
    &STRAY_SELECTOR,
    &OVERRIDE,
    &EMBEDDING,
    &ZERO_WIDTH,
    &STRAY_ZERO_WIDTH,
    &PRIVATE_USE,
    &ESCAPES,
    &markup::UNRENDERED,
    &markup::UNSEEN,
    &markup::COMMENT,
    &markup::REFERENCE,
    &markup::HINT,
];

static TAGS: HiddenRule = HiddenRule { id: "hidden-tag-characters", severity: Severity::High, score: 0.95 };
static SELECTORS: HiddenRule =
    HiddenRule { id: "hidden-variation-selectors", severity: Severity::High, score: 0.95 };
static STRAY_SELECTOR: HiddenRule =
    HiddenRule { id: "stray-variation-selectors", severity: Severity::Low, score: 0.5 };
static OVERRIDE: HiddenRule = HiddenRule { id: "bidi-override", severity: Severity::Medium, score: 0.8 };
static EMBEDDING: HiddenRule =
    HiddenRule { id: "bidi-control-in-ltr-text", severity: Severity::Low, score: 0.5 };
static ZERO_WIDTH: HiddenRule =
    HiddenRule { id: "hidden-zero-width", severity: Severity::Medium, score: 0.8 };
static STRAY_ZERO_WIDTH: HiddenRule =
    HiddenRule { id: "stray-zero-width", severity: Severity::Info, score: 0.2 };
static PRIVATE_USE: HiddenRule =
    HiddenRule { id: "private-use-characters", severity: Severity::Low, score: 0.4 };
static ESCAPES: HiddenRule =
    HiddenRule { id: "terminal-escape-sequence", severity: Severity::Low, score: 0.5 };

/// Finds hidden text.
pub(crate) fn find(text: &str) -> Vec<Hidden> {
    let mut found = Vec::new();
    found.extend(
        memchr::memmem::find_iter(text.as_bytes(), b"\x1b[")
            .take(MOST)
            .map(|start| Hidden { rule: &ESCAPES, span: ByteSpan { start, end: start + 2 } }),
    );
    markup::find(text, &mut found);
    if !may_hold(text.as_bytes()) {
        return found;
    }
    let right_to_left = text.chars().any(is_right_to_left);
    let mut groups: Vec<Group> = Vec::new();
    let mut previous = None;
    let mut in_flag = false;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        let code = u32::from(character);
        in_flag = code == 0x1_F3F4 || (in_flag && matches!(code, 0xE_0020..=0xE_007F));
        if !character.is_ascii()
            && let Some(kind) = kind(character, previous, next, right_to_left, in_flag, at)
        {
            let end = at + character.len_utf8();
            match groups
                .iter_mut()
                .rev()
                .take(KINDS)
                .find(|group| group.kind == kind && at - group.end <= kind.gap())
            {
                Some(group) => {
                    group.adjoining += usize::from(group.end == at);
                    group.end = end;
                    group.count += 1;
                }
                None => groups.push(Group { kind, start: at, end, count: 1, adjoining: 0 }),
            }
        }
        previous = Some(character);
    }
    found.extend(groups.iter().filter_map(Group::judge).take(MOST));
    found
}

/// Whether one of the characters that [`kind`] knows may be there, told by how they are written in UTF-8.
fn may_hold(bytes: &[u8]) -> bool {
    let begins = |byte: u8| matches!(byte, 0xC2 | 0xCD | 0xE1 | 0xE2 | 0xE3 | 0xEE | 0xEF | 0xF3 | 0xF4);
    let holds = |at: usize| {
        let following = |by: usize| bytes.get(at + by).copied().unwrap_or_default();
        match bytes.get(at) {
            Some(0xC2) => following(1) == 0xAD,
            Some(0xCD) => following(1) == 0x8F,
            Some(0xE1) => matches!(following(1), 0x84 | 0x85 | 0xA0),
            Some(0xE2) => match following(1) {
                0x80 => matches!(following(2), 0x8B..=0x8D | 0xAA..=0xAE),
                0x81 => matches!(following(2), 0xA0..=0xAF),
                _ => false,
            },
            Some(0xE3) => following(1) == 0x85,
            Some(0xEF) => matches!(following(1), 0x80..=0xA3 | 0xB8 | 0xBB | 0xBE),
            Some(0xEE | 0xF3 | 0xF4) => true,
            _ => false,
        }
    };
    let chunks = bytes.chunks(CHUNK).zip((0..).step_by(CHUNK));
    // Many bytes at a time, without a branch for each.
    let suspect = chunks.filter(|(chunk, _)| chunk.iter().fold(false, |any, byte| any | begins(*byte)));
    suspect.into_iter().any(|(chunk, start)| (start..start + chunk.len()).any(holds))
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Tag,
    Selector,
    Override,
    Embedding,
    ZeroWidth,
    SoftHyphen,
    PrivateUse,
}

/// Characters of one kind that lie close together.
#[derive(Debug)]
struct Group {
    kind: Kind,
    start: usize,
    end: usize,
    count: usize,
    adjoining: usize,
}

impl Kind {
    /// Bytes that may lie between two characters of a group.
    fn gap(self) -> usize {
        match self {
            Self::Tag | Self::Selector | Self::PrivateUse => 4,
            Self::SoftHyphen => 2,
            Self::Override | Self::Embedding => 128,
            Self::ZeroWidth => 32,
        }
    }
}

impl Group {
    fn judge(&self) -> Option<Hidden> {
        let rule = match self.kind {
            Kind::Tag => &TAGS,
            Kind::Selector if self.adjoining >= 3 => &SELECTORS,
            Kind::Selector if self.adjoining >= 1 => &STRAY_SELECTOR,
            Kind::Override => &OVERRIDE,
            Kind::Embedding => &EMBEDDING,
            Kind::ZeroWidth if self.count >= 4 => &ZERO_WIDTH,
            Kind::ZeroWidth => &STRAY_ZERO_WIDTH,
            Kind::SoftHyphen if self.count >= 4 => &ZERO_WIDTH,
            Kind::PrivateUse if self.count >= 8 => &PRIVATE_USE,
            Kind::Selector | Kind::SoftHyphen | Kind::PrivateUse => return None,
        };
        Some(Hidden { rule, span: ByteSpan { start: self.start, end: self.end } })
    }
}

fn kind(
    character: char,
    previous: Option<char>,
    next: Option<char>,
    right_to_left: bool,
    in_flag: bool,
    at: usize,
) -> Option<Kind> {
    match u32::from(character) {
        0xE_0000..=0xE_007F => (!in_flag).then_some(Kind::Tag),
        0xFE00..=0xFE0F | 0xE_0100..=0xE_01EF => Some(Kind::Selector),
        0x202D | 0x202E => Some(Kind::Override),
        0x202A | 0x202B | 0x2066..=0x2068 => (!right_to_left).then_some(Kind::Embedding),
        0x200C | 0x200D => (!joins(previous) && !joins(next)).then_some(Kind::ZeroWidth),
        0x200B | 0x2060 => (!breaks_without_spaces(previous)).then_some(Kind::ZeroWidth),
        0xFEFF => (at > 0).then_some(Kind::ZeroWidth),
        0x2061..=0x2064 | 0x115F | 0x1160 | 0x3164 | 0xFFA0 | 0x180E | 0x034F => Some(Kind::ZeroWidth),
        0x00AD => Some(Kind::SoftHyphen),
        0xE000..=0xF8FF | 0xF_0000..=0xF_FFFD | 0x10_0000..=0x10_FFFD => Some(Kind::PrivateUse),
        _ => None,
    }
}

/// Whether joiners have a job beside this character: scripts that join or stack letters, and emoji.
fn joins(neighbour: Option<char>) -> bool {
    neighbour.is_some_and(|character| {
        matches!(
            u32::from(character),
            0x0590..=0x109F
                | 0x1780..=0x18AF
                | 0x1A00..=0x1CFF
                | 0x200D
                | 0x2190..=0x2BFF
                | 0xA800..=0xABFF
                | 0xFB50..=0xFDFF
                | 0xFE0F
                | 0xFE70..=0xFEFC
                | 0x1_0A00..=0x1_1FFF
                | 0x1_F000..=0x1_FAFF
        ) || is_mark(character)
    })
}

fn breaks_without_spaces(neighbour: Option<char>) -> bool {
    neighbour.is_some_and(|character| {
        matches!(u32::from(character), 0x0E00..=0x0EFF | 0x0F00..=0x109F | 0x1780..=0x17FF | 0x3000..=0x9FFF | 0xAC00..=0xD7A3)
    })
}

fn is_right_to_left(character: char) -> bool {
    matches!(u32::from(character), 0x0590..=0x08FF | 0xFB1D..=0xFDFF | 0xFE70..=0xFEFC | 0x1_0800..=0x1_0FFF | 0x1_E800..=0x1_EFFF)
}

const CHUNK: usize = 64;
const KINDS: usize = 7;

/// Stretches of one text that are told of, at most.
pub(crate) const MOST: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<&'static str> {
        find(text).iter().map(|hidden| hidden.rule.id).collect()
    }

    #[test]
    fn at_home() {
        for text in [
            "👨\u{200d}👩\u{200d}👧 🏳\u{fe0f}\u{200d}🌈 ❤\u{fe0f}",
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f} Scotland",
            "می\u{200c}خواهم",
            "क्\u{200d}ष",
            "שלום \u{2067}abc\u{2069}",
            "\u{feff}file",
            "Donau\u{ad}dampf\u{ad}schiff",
            "葛\u{e0100}城市",
        ] {
            assert_eq!(ids(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn all_kinds_are_seen_by_their_bytes() {
        for character in ('\u{80}'..=char::MAX).filter(|c| kind(*c, None, None, false, false, 1).is_some()) {
            assert!(may_hold(character.encode_utf8(&mut [0; 4]).as_bytes()), "{character:?}");
        }
        assert!(!may_hold("Größe, “Größe” – Москва 東京 かな 한국 हिन्दी".as_bytes()));
    }

    #[test]
    fn hidden() {
        assert_eq!(ids("hi\u{e0049}\u{e0067}\u{e006e}"), ["hidden-tag-characters"]);
        assert_eq!(ids("a\u{202e}cod.exe"), ["bidi-override"]);
        assert_eq!(ids("i\u{200b}g\u{200b}n\u{200b}o\u{200b}r"), ["hidden-zero-width"]);
        assert_eq!(ids("a\u{ad}b\u{ad}c\u{ad}d\u{ad}e"), ["hidden-zero-width"]);
        assert_eq!(ids("a\u{fe01}\u{fe02}\u{fe03}\u{fe04}\u{fe05}"), ["hidden-variation-selectors"]);
    }
}
