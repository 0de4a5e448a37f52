//! Check digits: the arithmetic that identifiers of many countries share.
//!
//! Every function takes digits or letters whose separators are gone already; [`digits`] and [`Code`] do that. None of
//! them knows a country: which identifier uses which weights stands with the identifier.

/// Longest value that a validator looks at; no identifier here has more characters.
const MAX_LEN: usize = 64;

/// Characters of a value in upper case, without spaces, punctuation and everything that is not ASCII.
#[derive(Clone, Copy)]
pub(super) struct Code {
    bytes: [u8; MAX_LEN],
    len: usize,
}

impl Code {
    /// Keeps the letters and digits of `text`; `None` when there are too many to be an identifier.
    pub(super) fn new(text: &str) -> Option<Self> {
        let mut bytes = [0; MAX_LEN];
        let mut len = 0;
        for byte in text.bytes().filter(u8::is_ascii_alphanumeric) {
            *bytes.get_mut(len)? = byte.to_ascii_uppercase();
            len += 1;
        }
        Some(Self { bytes, len })
    }

    /// Returns the kept characters.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Returns the kept characters as text.
    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

/// Returns the digits of `text` when they are exactly `N` and no letter stands between them.
pub(super) fn digits<const N: usize>(text: &str) -> Option<[u32; N]> {
    let code = Code::new(text)?;
    let mut out = [0; N];
    if code.len != N {
        return None;
    }
    for (slot, &byte) in out.iter_mut().zip(code.as_bytes()) {
        *slot = char::from(byte).to_digit(10)?;
    }
    Some(out)
}

/// Returns the value of `byte` in base 36: 0 to 9, then A = 10 to Z = 35.
pub(super) fn base36(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(36)
}

/// Returns the sum of digits times weights, as far as both go.
pub(super) fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// Reads digits as one decimal number.
pub(super) fn number(digits: &[u32]) -> u64 {
    digits.iter().fold(0, |total: u64, &digit| total.saturating_mul(10).saturating_add(u64::from(digit)))
}

/// Says whether all characters are the same, as in placeholders.
pub(super) fn uniform(digits: &[u32]) -> bool {
    digits.windows(2).all(|pair| pair.first() == pair.last())
}

/// Luhn (ISO/IEC 7812): cards, IMEI, Canadian SIN, SIREN, NPI and many more.
pub(super) fn luhn(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, &digit)| match (index % 2, digit) {
            (0, _) => digit,
            (_, 0..=4) => digit * 2,
            _ => digit * 2 - 9,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// ISO 7064 MOD 97-10 over letters and digits: the number modulo 97, with A = 10 to Z = 35.
pub(super) fn mod_97(bytes: impl Iterator<Item = u8>) -> Option<u32> {
    bytes.map(base36).try_fold(0, |rest, value| {
        let value = value?;
        Some((rest * if value < 10 { 10 } else { 100 } + value) % 97)
    })
}

/// ISO 7064 MOD 11,2 with X for ten: the Chinese resident number, ORCID.
pub(super) fn mod_11_2(bytes: &[u8]) -> bool {
    let Some((&check, body)) = bytes.split_last() else { return false };
    let Some(sum) =
        body.iter().try_fold(0, |sum, &byte| Some((sum + char::from(byte).to_digit(10)?) * 2 % 11))
    else {
        return false;
    };
    let expected = (12 - sum) % 11;
    if check == b'X' { expected == 10 } else { char::from(check).to_digit(10) == Some(expected) }
}

/// ISO 7064 MOD 11,10: German tax number and VAT number, Croatian OIB.
pub(super) fn mod_11_10(digits: &[u32]) -> bool {
    let Some((&check, body)) = digits.split_last() else { return false };
    let product = body.iter().fold(10, |product, digit| {
        let sum = (product + digit) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == check
}

/// Weighted sum of base-36 values in the manner of Luhn: the Indian GSTIN.
pub(super) fn luhn_36(bytes: &[u8]) -> bool {
    let sum = bytes.iter().rev().enumerate().try_fold(0, |sum, (index, &byte)| {
        let value = base36(byte)? * if index % 2 == 0 { 1 } else { 2 };
        Some(sum + value / 36 + value % 36)
    });
    sum.is_some_and(|sum| sum % 36 == 0)
}

/// Verhoeff: the Indian Aadhaar number.
pub(super) fn verhoeff(digits: &[u32]) -> bool {
    // Rows of the dihedral group D5 and the powers of its permutation, as published.
    const MULTIPLY: [[u32; 10]; 10] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
        [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
        [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
        [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
        [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
        [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
        [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
        [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
        [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
    ];
    const PERMUTE: [[u32; 10]; 8] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
        [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
        [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
        [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
        [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ];
    let cell = |table: &[[u32; 10]], row: usize, column: u32| {
        table.get(row).and_then(|row| row.get(usize::try_from(column).ok()?)).copied()
    };
    let check = digits.iter().rev().enumerate().try_fold(0, |check, (index, &digit)| {
        let permuted = cell(&PERMUTE, index % 8, digit)?;
        cell(&MULTIPLY, usize::try_from(check).ok()?, permuted)
    });
    check == Some(0)
}

/// Returns the check digit of the usual form `(modulus − weighted sum mod modulus) mod modulus`.
pub(super) fn complement(sum: u32, modulus: u32) -> u32 {
    (modulus - sum % modulus) % modulus
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check_digit(body: &[u32], valid: impl Fn(&[u32]) -> bool) -> Vec<u32> {
        (0..10)
            .map(|check| body.iter().copied().chain([check]).collect::<Vec<_>>())
            .find(|whole| valid(whole))
            .expect("each body has a check digit")
    }

    proptest! {
        #[test]
        fn one_wrong_digit_is_noticed(body in prop::collection::vec(0..10_u32, 5..20), at in 0..19_usize, by in 1..10_u32) {
            for scheme in [luhn as fn(&[u32]) -> bool, verhoeff, mod_11_10] {
                let mut whole = check_digit(&body, scheme);
                let at = at % whole.len();
                whole[at] = (whole[at] + by) % 10;
                prop_assert!(!scheme(&whole));
            }
        }

        #[test]
        fn swapped_neighbours_are_noticed_by_verhoeff(body in prop::collection::vec(0..10_u32, 5..20), at in 0..18_usize) {
            let mut whole = check_digit(&body, verhoeff);
            let at = at % (whole.len() - 1);
            prop_assume!(whole[at] != whole[at + 1]);
            whole.swap(at, at + 1);
            prop_assert!(!verhoeff(&whole));
        }

        #[test]
        fn any_text_is_taken(text in any::<String>()) {
            let _ = digits::<9>(&text);
            if let Some(code) = Code::new(&text) {
                mod_11_2(code.as_bytes());
                luhn_36(code.as_bytes());
                let _ = mod_97(code.as_bytes().iter().copied());
            }
        }
    }

    #[test]
    fn published_samples() {
        assert!(mod_11_2(b"0000000218250097")); // the ORCID of the documentation
        assert!(mod_11_10(&[3, 3, 3, 9, 2, 0, 0, 5, 9, 6, 1]));
        assert!(luhn(&[7, 9, 9, 2, 7, 3, 9, 8, 7, 1, 3]));
        assert!(verhoeff(&[2, 3, 6, 3]));
        assert_eq!(mod_97(b"3214282912345698765432161182".iter().copied()), Some(1));
    }
}
