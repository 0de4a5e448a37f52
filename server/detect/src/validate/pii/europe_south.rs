//! Identifiers of Spain, Portugal, Italy, Greece and Turkey.

use super::super::Validator;
use super::checksums::{Code, base36, complement, digits, luhn, number, uniform, weighted};
use super::dates::exists_short;

pub(super) fn by_name(name: &str) -> Option<Validator> {
    Some(match name {
        "es-ccc" => es_ccc,
        "es-cif" => es_cif,
        "es-nie" => es_nie,
        "es-nif" => es_nif,
        "es-nss" => es_nss,
        "gr-afm" => gr_afm,
        "gr-amka" => gr_amka,
        "it-fiscal-code" => it_fiscal_code,
        "it-vat" => it_vat,
        "pt-cc" => pt_cc,
        "pt-nif" => pt_nif,
        "tr-national-id" => tr_national_id,
        _ => return None,
    })
}

// === Spain ===

const NIF_LETTERS: &[u8] = b"TRWAGMYFPDXBNJZSQVHLCKE";

fn nif_letter(value: u64) -> Option<u8> {
    NIF_LETTERS.get(usize::try_from(value % 23).ok()?).copied()
}

/// Tax number of a person: the letter is the number modulo 23. K, L and M stand for people without a document.
fn es_nif(text: &str) -> bool {
    let Some(code) = Code::new(text) else { return false };
    let Some((&letter, body)) = code.as_bytes().split_last() else { return false };
    let body = if let [b'K' | b'L' | b'M', rest @ ..] = body { rest } else { body };
    matches!(body.len(), 7 | 8) && ascii_number(body).and_then(nif_letter) == Some(letter)
}

/// Number of a foreigner: X, Y, Z count as 0, 1, 2 in front.
fn es_nie(text: &str) -> bool {
    let Some(code) = Code::new(text) else { return false };
    let [first @ b'X'..=b'Z', body @ .., letter] = code.as_bytes() else { return false };
    let value = ascii_number(body).map(|value| u64::from(first - b'X') * 10_000_000 + value);
    body.len() == 7 && value.and_then(nif_letter) == Some(*letter)
}

fn ascii_number(bytes: &[u8]) -> Option<u64> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

/// Tax number of a legal person: Luhn, written as digit or as letter.
fn es_cif(text: &str) -> bool {
    let Some(code) = Code::new(text) else { return false };
    let [_, body @ .., check] = code.as_bytes() else { return false };
    let Some(numbers) = std::str::from_utf8(body).ok().and_then(digits::<7>) else { return false };
    (0..10_u8).zip(b"JABCDEFGHI").any(|(digit, &letter)| {
        let whole: Vec<u32> = numbers.into_iter().chain([u32::from(digit)]).collect();
        luhn(&whole) && (*check == letter || *check == b'0' + digit)
    })
}

/// Bank account before the IBAN: two check digits with powers of two modulo 11.
fn es_ccc(text: &str) -> bool {
    const WEIGHTS: [u32; 10] = [1, 2, 4, 8, 5, 10, 9, 7, 3, 6];
    let Some(ccc) = digits::<20>(text) else { return false };
    let [bank @ .., _, _, _, _, _, _, _, _, _, _, _, _] = ccc;
    let [_, _, _, _, _, _, _, _, one, two, account @ ..] = ccc;
    let check = |sum: u32| match 11 - sum % 11 {
        10 => 1,
        11 => 0,
        digit => digit,
    };
    let [_, _, short @ ..] = WEIGHTS;
    check(weighted(&bank, &short)) == one && check(weighted(&account, &WEIGHTS)) == two && !uniform(&ccc)
}

/// Social security number: the number before the last two digits modulo 97.
fn es_nss(text: &str) -> bool {
    let Some([province @ .., _, _, _, _, _, _, _, _, _, _]) = digits::<12>(text) else { return false };
    let Some([_, _, serial @ .., c1, c2]) = digits::<12>(text) else { return false };
    let (province, serial) = (number(&province), number(&serial));
    let value =
        if serial < 10_000_000 { serial + province * 10_000_000 } else { province * 100_000_000 + serial };
    matches!(province, 1..=53 | 66) && value % 97 == u64::from(c1 * 10 + c2)
}

// === Portugal ===

/// Citizen card: Luhn with letters as their base-36 values.
fn pt_cc(text: &str) -> bool {
    let Some(code) = Code::new(text) else { return false };
    let sum: Option<u32> = code
        .as_bytes()
        .iter()
        .rev()
        .enumerate()
        .map(|(index, &byte)| {
            let value = base36(byte)?;
            Some(match index % 2 {
                0 => value,
                _ if value * 2 > 9 => value * 2 - 9,
                _ => value * 2,
            })
        })
        .sum();
    code.as_bytes().len() == 12 && sum.is_some_and(|sum| sum.is_multiple_of(10))
}

/// Tax number: weights 9 to 2, modulo 11.
fn pt_nif(text: &str) -> bool {
    let start = text.find(|c: char| c.is_ascii_digit()).unwrap_or_default();
    let Some(nif @ [first, .., check]) = text.get(start..).and_then(digits::<9>) else { return false };
    first > 0 && complement(weighted(&nif, &[9, 8, 7, 6, 5, 4, 3, 2]), 11) % 10 == check && !uniform(&nif)
}

// === Italy ===

/// Fiscal code: the last letter from two tables by position; digits may be replaced by letters (omocodia).
fn it_fiscal_code(text: &str) -> bool {
    const ODD: [u32; 36] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12,
        14, 16, 10, 22, 25, 24, 23,
    ];
    let Some(code) = Code::new(text) else { return false };
    let Some((&check, body)) = code.as_bytes().split_last() else { return false };
    let sum: Option<u32> = body
        .iter()
        .enumerate()
        .map(|(index, &byte)| {
            let value = base36(byte)?;
            if index % 2 == 0 {
                ODD.get(usize::try_from(value).ok()?).copied()
            } else {
                Some(if value < 10 { value } else { value - 10 })
            }
        })
        .sum();
    let expected = sum.and_then(|sum| u8::try_from(sum % 26).ok()).map(|rest| b'A' + rest);
    body.len() == 15 && expected == Some(check)
}

/// VAT number: Luhn.
fn it_vat(text: &str) -> bool {
    let start = text.find(|c: char| c.is_ascii_digit()).unwrap_or_default();
    text.get(start..).and_then(digits::<11>).is_some_and(|vat| luhn(&vat) && !uniform(&vat))
}

// === Greece and Turkey ===

/// Greek tax number: powers of two, modulo 11.
fn gr_afm(text: &str) -> bool {
    let start = text.find(|c: char| c.is_ascii_digit()).unwrap_or_default();
    let Some(afm @ [.., check]) = text.get(start..).and_then(digits::<9>) else { return false };
    weighted(&afm, &[256, 128, 64, 32, 16, 8, 4, 2]) % 11 % 10 == check && !uniform(&afm)
}

/// Greek insurance number: a date of birth and Luhn.
fn gr_amka(text: &str) -> bool {
    let Some(amka @ [d1, d2, m1, m2, y1, y2, ..]) = digits::<11>(text) else { return false };
    exists_short(y1 * 10 + y2, m1 * 10 + m2, d1 * 10 + d2) && luhn(&amka)
}

/// Turkish identity number: two check digits over odd and even places.
fn tr_national_id(text: &str) -> bool {
    let Some([a, b, c, d, e, f, g, h, i, tenth, last]) = digits::<11>(text) else { return false };
    let (odd, even) = (a + c + e + g + i, b + d + f + h);
    a > 0 && (odd * 7 + 10 * even - even) % 10 == tenth && (odd + even + tenth) % 10 == last
}
