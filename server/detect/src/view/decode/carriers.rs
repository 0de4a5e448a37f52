//! Which blocks of Unicode a text has characters of, told by the first bytes of characters: letters of most scripts carry
//! no encoding, and a text of them need not be read by every decoder.

/// What was seen of the blocks that decoders read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Carriers {
    /// Plane 14: tag characters, more variation selectors.
    pub(super) supplementary: bool,
    /// U+FE00 to U+FE0F: variation selectors, among others of their block.
    pub(super) selectors: bool,
    /// U+2000 to U+2FFF without common punctuation and signs: zero-width characters, Braille.
    pub(super) general: bool,
    /// Letters that are others turned upside down: IPA and what stands near.
    pub(super) phonetic: bool,
}

/// Looks at the first bytes of characters.
pub(super) fn of(bytes: &[u8]) -> Carriers {
    let mut seen = 0;
    for chunk in bytes.chunks(64) {
        // Most chunks of most texts are ASCII, which is seen many bytes at a time.
        if !chunk.is_ascii() {
            seen |= chunk.iter().fold(0, |seen, byte| seen | kind(*byte));
        }
    }
    let general = seen & GENERAL != 0 && has_general(bytes);
    Carriers {
        supplementary: seen & SUPPLEMENTARY != 0,
        selectors: seen & SELECTORS != 0,
        general,
        phonetic: seen & PHONETIC != 0,
    }
}

/// Whether there is U+200B, U+200C or a Braille pattern.
fn has_general(bytes: &[u8]) -> bool {
    memchr::memchr_iter(0xE2, bytes)
        .any(|at| matches!(bytes.get(at + 1..at + 3), Some([0x80, 0x8B | 0x8C] | [0xA0..=0xA3, _])))
}

fn kind(byte: u8) -> u8 {
    KINDS.get(usize::from(byte)).copied().unwrap_or_default()
}

const SUPPLEMENTARY: u8 = 1;
const SELECTORS: u8 = 2;
const GENERAL: u8 = 4;
const PHONETIC: u8 = 8;

static KINDS: [u8; 256] = kinds();

#[expect(clippy::indexing_slicing, reason = "constants below 256, evaluated when compiled")]
const fn kinds() -> [u8; 256] {
    let mut table = [0; 256];
    table[0xF3] = SUPPLEMENTARY;
    table[0xEF] = SELECTORS;
    table[0xE2] = GENERAL;
    // U+0180 to U+02FF hold nearly all; U+1D09 stands apart, and alone it is not enough.
    let mut lead = 0xC6;
    while lead <= 0xCB {
        table[lead] = PHONETIC;
        lead += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_block() {
        let none = Carriers { supplementary: false, selectors: false, general: false, phonetic: false };
        assert_eq!(of("Привет, “мир” – 日本語 äöü 👍".as_bytes()), none);
        assert_eq!(of("a\u{200B}".as_bytes()), Carriers { general: true, ..none });
        assert_eq!(of("⠊⠛".as_bytes()), Carriers { general: true, ..none });
        assert_eq!(of("❤\u{FE0F}".as_bytes()), Carriers { selectors: true, ..none });
        assert_eq!(of("\u{E0041}".as_bytes()), Carriers { supplementary: true, ..none });
        assert_eq!(of("sǝlnɹ".as_bytes()), Carriers { phonetic: true, ..none });
    }
}
