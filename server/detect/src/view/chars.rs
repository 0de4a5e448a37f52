//! What single characters are, as far as views care.

use unicode_normalization::char::{canonical_combining_class, is_combining_mark};

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

/// Whether a character belongs to the one before it.
pub(crate) fn is_mark(character: char) -> bool {
    u32::from(character) >= 0x300 && (canonical_combining_class(character) != 0 || is_combining_mark(character))
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
        '\u{2018}'..='\u{201B}' | '\u{2032}' | '\u{2035}' | '\u{2039}' | '\u{203A}' | '\u{02BC}' | '\u{02B9}'
        | '\u{00B4}' | '\u{FF07}' | '\u{05F3}' => "'",
        '\u{201C}'..='\u{201F}' | '\u{2033}' | '\u{2036}' | '\u{00AB}' | '\u{00BB}' | '\u{301D}'..='\u{301F}'
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
