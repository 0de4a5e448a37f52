//! Format-preserving encryption: FF1 of NIST SP 800-38G, revision 1, with AES-256.
//!
//! Digits become digits and letters and separators stay in their places, so that a column keeps its form. It is weaker
//! than a token: the form itself tells something, and fewer than a million possible values are refused outright.

use aes::Aes256;
use fpe::ff1::{FF1, FlexibleNumeralString};

use super::RedactionKeys;

/// Which way to go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    Encrypt,
    Decrypt,
}

/// Encrypts or decrypts the letters and digits of a value but the last `keep_last`; none when the value is not ASCII, too
/// short (SP 800-38G rev. 1 wants a domain of a million), or there is no key.
pub(super) fn convert(
    way: Way,
    entity: &str,
    value: &str,
    keep_last: usize,
    keys: &RedactionKeys,
) -> Option<String> {
    let alphabet = alphabet(value)?;
    let numerals: Vec<u16> = value.bytes().filter_map(|byte| numeral(alphabet, byte)).collect();
    let (changing, kept) = numerals.split_at_checked(numerals.len().checked_sub(keep_last)?)?;
    let radix = u32::try_from(alphabet.len()).ok()?;
    let key = keys.derive::<32>("format")?;
    let cipher = FF1::<Aes256>::new(key.as_slice(), radix).ok()?;
    let text = FlexibleNumeralString::from(changing.to_vec());
    // The kept end is part of the tweak: values that differ there only do not share what is hidden.
    let mut tweak = entity.as_bytes().to_vec();
    tweak.push(0);
    tweak.extend(kept.iter().flat_map(|numeral| numeral.to_be_bytes()));
    let converted = match way {
        Way::Encrypt => cipher.encrypt(&tweak, &text),
        Way::Decrypt => cipher.decrypt(&tweak, &text),
    };
    let converted: Vec<u16> = converted.ok()?.into();
    let mut converted = converted.into_iter().chain(kept.iter().copied());
    let mut out = String::with_capacity(value.len());
    for character in value.chars() {
        let place = u8::try_from(character).ok().and_then(|byte| numeral(alphabet, byte));
        out.push(match place {
            Some(_) => char::from(*alphabet.get(usize::from(converted.next()?))?),
            None => character,
        });
    }
    Some(out)
}

/// Returns the smallest alphabet that holds a value's letters and digits.
fn alphabet(value: &str) -> Option<&'static [u8]> {
    let has = |class: fn(&u8) -> bool| value.bytes().any(|byte| class(&byte));
    if value.chars().any(|character| !character.is_ascii() && character.is_alphanumeric()) {
        return None;
    }
    Some(match (has(u8::is_ascii_uppercase), has(u8::is_ascii_lowercase)) {
        (false, false) => ALPHABET.get(..10)?,
        (true, false) => ALPHABET.get(..36)?,
        (false, true) => LOWER,
        (true, true) => ALPHABET,
    })
}

fn numeral(alphabet: &[u8], byte: u8) -> Option<u16> {
    u16::try_from(alphabet.iter().position(|known| *known == byte)?).ok()
}

const ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LOWER: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

#[cfg(test)]
mod tests {
    use super::*;

    /// NIST's samples for FF1 with AES-256, radix 10 and 36 (7 to 9): the cipher below is the standard's.
    #[test]
    fn standard_vectors() {
        let key = hex::decode("2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A94").unwrap();
        let numerals =
            |text: &str| -> Vec<u16> { text.bytes().map(|byte| numeral(LOWER, byte).unwrap()).collect() };
        for (radix, tweak, plain, sealed) in [
            (10, "", "0123456789", "6657667009"),
            (10, "39383736353433323130", "0123456789", "1001623463"),
            (36, "3737373770717273373737", "0123456789abcdefghi", "xs8a0azh2avyalyzuwd"),
        ] {
            let cipher = FF1::<Aes256>::new(&key, radix).unwrap();
            let tweak = hex::decode(tweak).unwrap();
            let out: Vec<u16> =
                cipher.encrypt(&tweak, &FlexibleNumeralString::from(numerals(plain))).unwrap().into();
            assert_eq!(out, numerals(sealed));
        }
    }

    #[test]
    fn forms_stay_and_come_back() {
        let keys = RedactionKeys::from_secret(b"a tenant's secret");
        for (value, keep_last) in
            [("4111 1111-1111 1111", 4), ("+49 30 901820", 0), ("QQ 12 34 56 C", 0), ("aB3-xY9", 1)]
        {
            let sealed = convert(Way::Encrypt, "E", value, keep_last, &keys).unwrap();
            assert_ne!(sealed, value);
            assert_eq!(sealed.len(), value.len());
            let kept = value.len() - keep_last;
            assert_eq!(sealed.split_at(kept).1, value.split_at(kept).1);
            for (a, b) in value.chars().zip(sealed.chars()) {
                assert_eq!(a.is_ascii_alphanumeric(), b.is_ascii_alphanumeric());
            }
            assert_eq!(convert(Way::Decrypt, "E", &sealed, keep_last, &keys).unwrap(), value);
            assert_ne!(convert(Way::Decrypt, "OTHER", &sealed, keep_last, &keys).unwrap(), value);
        }
    }

    #[test]
    fn small_domains_are_refused() {
        let keys = RedactionKeys::from_secret(b"a tenant's secret");
        assert_eq!(convert(Way::Encrypt, "E", "12345", 0, &keys), None);
        assert_eq!(convert(Way::Encrypt, "E", "123456789", 4, &keys), None);
        assert_eq!(convert(Way::Encrypt, "E", "12345é6789", 0, &keys), None);
        assert_eq!(convert(Way::Encrypt, "E", "123456", 0, &RedactionKeys::default()), None);
    }
}
