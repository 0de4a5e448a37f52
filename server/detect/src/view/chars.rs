//! What single characters are, as far as views care.

use super::traits::Traits;

/// Whether a character shows nothing where it stands: format controls, fillers, tags, selectors.
pub(crate) fn is_invisible(character: char) -> bool {
    matches!(
        u32::from(character),
        0x00AD
            | 0x034F
            | 0x061C
            | 0x115F..=0x1160
            | 0x17B4..=0x17B5
            | 0x180B..=0x180F
            | 0x200B..=0x200F
            | 0x202A..=0x202E
            | 0x2060..=0x206F
            | 0x3164
            | 0xFE00..=0xFE0F
            | 0xFEFF
            | 0xFFA0
            | 0xFFF9..=0xFFFB
            | 0x1_D173..=0x1_D17A
            | 0xE_0000..=0xE_0FFF
    ) || matches!(character, '\u{0}'..='\u{8}' | '\u{e}'..='\u{1f}' | '\u{7f}')
}

/// Returns the length of the terminal escape sequence that a text begins with (ECMA-48): colours, cursor moves, titles.
pub(crate) fn escape_len(text: &str) -> Option<usize> {
    let rest = text.strip_prefix('\u{1b}')?.as_bytes();
    let length = match rest.first()? {
        b'[' => rest.iter().skip(1).take(32).position(|byte| matches!(byte, 0x40..=0x7E))? + 2,
        b']' => rest.iter().take(256).position(|byte| matches!(byte, 0x07 | 0x1B))? + 1,
        0x40..=0x5F => 1,
        _ => return None,
    };
    Some(length + 1).filter(|length| text.is_char_boundary(*length))
}

/// Whether a character belongs to the one before it.
pub(crate) fn is_mark(character: char) -> bool {
    !character.is_ascii() && Traits::of(character).has(Traits::MARK)
}

/// Whether marks on this letter are dropped when text is folded: they change how a word is written in these scripts,
/// and which letter it is in others.
pub(crate) fn drops_marks(character: char) -> bool {
    matches!(
        u32::from(character),
        0x41..=0x5A | 0x61..=0x7A | 0xC0..=0x24F | 0x250..=0x2AF | 0x370..=0x3FF | 0x400..=0x52F | 0x590..=0x5FF
            | 0x600..=0x6FF | 0x750..=0x77F | 0x1D00..=0x1DBF | 0x1E00..=0x1FFF
    )
}

/// Returns the ASCII that stands for typographic punctuation and for letters that do not decompose.
pub(crate) fn plain(character: char) -> Option<&'static str> {
    Some(match character {
        '\u{2018}'..='\u{201B}'
        | '\u{2032}'
        | '\u{2035}'
        | '\u{2039}'
        | '\u{203A}'
        | '\u{02BC}'
        | '\u{02B9}'
        | '\u{00B4}'
        | '\u{FF07}'
        | '\u{05F3}' => "'",
        '\u{201C}'..='\u{201F}'
        | '\u{2033}'
        | '\u{2036}'
        | '\u{00AB}'
        | '\u{00BB}'
        | '\u{301D}'..='\u{301F}'
        | '\u{05F4}' => "\"",
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' | '\u{FF0D}' | '\u{05BE}' => "-",
        '\u{2044}' | '\u{2215}' => "/",
        '\u{2026}' => "...",
        'ß' | 'ẞ' => "ss",
        'ı' => "i",
        'ø' | 'Ø' => "o",
        'ł' | 'Ł' => "l",
        'đ' | 'Đ' | 'ð' | 'Ð' => "d",
        'þ' | 'Þ' => "th",
        'æ' | 'Æ' => "ae",
        'œ' | 'Œ' => "oe",
        'ħ' | 'Ħ' => "h",
        'ς' => "σ",
        '\u{0640}' => "",
        _ => return None,
    })
}

/// Returns the ASCII letter that a letter-like symbol or a small capital stands for, where NFKC does not say.
pub(crate) fn letter_symbol(character: char) -> Option<char> {
    let code = u32::from(character);
    let in_row = |first: u32| char::from_u32(u32::from('a') + (code - first));
    match code {
        0x1_F150..=0x1_F169 => in_row(0x1_F150),
        0x1_F170..=0x1_F189 => in_row(0x1_F170),
        0x1_F1E6..=0x1_F1FF => in_row(0x1_F1E6),
        _ => small_capital(character),
    }
}

fn small_capital(character: char) -> Option<char> {
    Some(match character {
        'ᴀ' => 'a',
        'ʙ' => 'b',
        'ᴄ' => 'c',
        'ᴅ' => 'd',
        'ᴇ' => 'e',
        'ꜰ' => 'f',
        'ɢ' => 'g',
        'ʜ' => 'h',
        'ɪ' => 'i',
        'ᴊ' => 'j',
        'ᴋ' => 'k',
        'ʟ' => 'l',
        'ᴍ' => 'm',
        'ɴ' => 'n',
        'ᴏ' => 'o',
        'ᴘ' => 'p',
        'ꞯ' => 'q',
        'ʀ' => 'r',
        'ꜱ' => 's',
        'ᴛ' => 't',
        'ᴜ' => 'u',
        'ᴠ' => 'v',
        'ᴡ' => 'w',
        'ʏ' => 'y',
        'ᴢ' => 'z',
        _ => return None,
    })
}

/// Returns the ASCII letter that a letter of another script looks like, or is used for because it resembles it.
pub(crate) fn look_alike(character: char) -> Option<char> {
    if character.is_ascii() || !Traits::of(character).has(Traits::ALIKE) {
        return None;
    }
    shape_alike(character).or_else(|| confusable_in_tables(character))
}

/// Returns the ASCII letter that a letter is used for because it resembles it, beyond what Unicode says.
pub(super) fn shape_alike(character: char) -> Option<char> {
    Some(match character {
        'к' | 'κ' => 'k',
        'м' => 'm',
        'н' => 'h',
        'т' | 'τ' => 't',
        'в' | 'β' => 'b',
        'у' => 'y',
        'г' => 'r',
        'п' | 'η' => 'n',
        'и' | 'µ' | 'μ' => 'u',
        'ε' | 'є' => 'e',
        'ω' => 'w',
        'ғ' => 'f',
        'ǫ' => 'q',
        _ => return None,
    })
}

/// Returns the ASCII letter that a letter cannot be told from (UTS #39), slowly.
pub(super) fn confusable_in_tables(character: char) -> Option<char> {
    if character.is_ascii() || !character.is_alphabetic() {
        return None;
    }
    let mut buffer = [0; 4];
    let mut skeleton = unicode_security::skeleton(character.encode_utf8(&mut buffer));
    match (skeleton.next(), skeleton.next()) {
        (Some(letter), None) if letter.is_ascii_alphabetic() => Some(letter),
        _ => None,
    }
}

/// Returns the value of a decimal digit of any script, as an ASCII digit.
pub(crate) fn digit(character: char) -> Option<char> {
    let code = u32::from(character);
    let place = ZEROS.partition_point(|zero| *zero <= code).checked_sub(1)?;
    let value = code - ZEROS.get(place)?;
    if value < 10 { char::from_digit(value, 10) } else { None }
}

/// The zeros of the scripts' decimal digits, in order.
static ZEROS: &[u32] = &[
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6,
    0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0,
    0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x1_04A0, 0x1_1066,
];
