//! Identifiers of the United Kingdom, Ireland, France, the Low Countries and the German-speaking countries.

use super::super::Validator;
use super::checksums::{Code, base36, complement, digits, luhn, mod_11_10, number, uniform, weighted};
use super::dates::{exists, exists_short};

pub(super) fn by_name(name: &str) -> Option<Validator> {
    Some(match name {
        "at-vnr" => at_vnr,
        "be-nn" => be_nn,
        "be-vat" => be_vat,
        "ch-ahv" => ch_ahv,
        "ch-uid" => ch_uid,
        "de-document" => de_document,
        "de-id-card" => de_id_card,
        "de-health-insurance" => de_health_insurance,
        "de-lanr" => de_lanr,
        "de-social-security" => de_social_security,
        "de-tax-id" => de_tax_id,
        "de-vat" => de_vat,
        "fr-nir" => fr_nir,
        "fr-siren" => fr_siren,
        "fr-spi" => fr_spi,
        "fr-vat" => fr_vat,
        "ie-pps" => ie_pps,
        "nl-bsn" => nl_bsn,
        "uk-driving-licence" => uk_driving_licence,
        "uk-nhs" => uk_nhs,
        "uk-nino" => uk_nino,
        "uk-utr" => uk_utr,
        _ => return None,
    })
}

// === United Kingdom and Ireland ===

/// Health service number: weights 10 to 2, modulo 11, no check digit of ten.
fn uk_nhs(text: &str) -> bool {
    let Some(nhs @ [.., check]) = digits::<10>(text) else { return false };
    complement(weighted(&nhs, &[10, 9, 8, 7, 6, 5, 4, 3, 2]), 11) == check && !uniform(&nhs)
}

/// National insurance number: prefixes that are not issued.
fn uk_nino(text: &str) -> bool {
    let Some(code) = Code::new(text) else { return false };
    let prefix = code.as_str().get(..2).unwrap_or_default();
    code.as_bytes().len() == 9 && !matches!(prefix, "BG" | "GB" | "KN" | "NK" | "NT" | "TN" | "ZZ")
}

/// Driver number: month (women: plus 50) and day of birth stand in it.
fn uk_driving_licence(text: &str) -> bool {
    let Some(code) = Code::new(text) else { return false };
    let Some([_, m1, m2, d1, d2, _]) = code.as_str().get(5..11).and_then(digits::<6>) else { return false };
    let month = m1 * 10 + m2;
    let name = code.as_str().get(..5).unwrap_or_default().trim_end_matches('9');
    code.as_bytes().len() == 16
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_uppercase())
        && exists(2000, if month > 50 { month - 50 } else { month }, d1 * 10 + d2)
}

/// Unique taxpayer reference: the check digit stands in front.
fn uk_utr(text: &str) -> bool {
    let body = text.trim_end_matches(['k', 'K']);
    let Some([check, rest @ ..]) = digits::<10>(body) else { return false };
    let sum = weighted(&rest, &[6, 7, 8, 9, 10, 5, 4, 3, 2]) % 11;
    [2, 1, 9, 8, 7, 6, 5, 4, 3, 2, 1].get(usize::try_from(sum).unwrap_or_default()) == Some(&check)
}

/// Ireland, personal public service number: weights 8 to 2, a second letter counts nine times.
fn ie_pps(text: &str) -> bool {
    let Some(code) = Code::new(text) else { return false };
    let Some((head, tail)) = code.as_str().split_at_checked(7) else { return false };
    let Some(body) = digits::<7>(head) else { return false };
    let mut letters = tail.bytes();
    let (Some(check), second) = (letters.next(), letters.next()) else { return false };
    let second = match second {
        Some(letter @ b'A'..=b'I') => u32::from(letter - b'A') + 1,
        // W, T and X once marked a wife, a trust, and the like; they do not count.
        None | Some(_) => 0,
    };
    let rest = (weighted(&body, &[8, 7, 6, 5, 4, 3, 2]) + 9 * second) % 23;
    b"WABCDEFGHIJKLMNOPQRSTUV".get(usize::try_from(rest).unwrap_or_default()) == Some(&check)
}

// === Germany, Austria, Switzerland ===

/// Tax identification number: ISO 7064 MOD 11,10; of the first ten digits at most one repeats, and at most twice.
fn de_tax_id(text: &str) -> bool {
    let Some(id @ [body @ .., _]) = digits::<11>(text) else { return false };
    let counts = (0..10).map(|digit| body.iter().filter(|&&other| other == digit).count());
    let repeated = counts.clone().filter(|&count| count > 1).count();
    mod_11_10(&id) && id.first() != Some(&0) && repeated <= 1 && counts.max().is_some_and(|most| most <= 3)
}

/// Pension insurance number: a date of birth, the initial as two digits, digit sums of products.
fn de_social_security(text: &str) -> bool {
    const WEIGHTS: [u32; 12] = [2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1];
    let Some(code) = Code::new(text) else { return false };
    let Some(values) = with_letter_as_two_digits(code.as_bytes(), 8) else { return false };
    let [_, _, d1, d2, m1, m2, y1, y2, _, _, _, _, check] = *values.as_slice() else { return false };
    let sum: u32 = values.iter().zip(WEIGHTS).map(|(digit, weight)| digit_sum(digit * weight)).sum();
    let day = d1 * 10 + d2;
    exists_short(y1 * 10 + y2, m1 * 10 + m2, if day > 50 { day - 50 } else { day }) && sum % 10 == check
}

/// Health insurance number: the letter as two digits, digit sums of products.
fn de_health_insurance(text: &str) -> bool {
    let Some(code) = Code::new(text) else { return false };
    let Some(values) = with_letter_as_two_digits(code.as_bytes(), 0) else { return false };
    let Some((check, body)) = values.split_last() else { return false };
    let sum: u32 =
        body.iter().zip([1, 2].into_iter().cycle()).map(|(digit, weight)| digit_sum(digit * weight)).sum();
    values.len() == 11 && sum % 10 == *check
}

fn with_letter_as_two_digits(bytes: &[u8], at: usize) -> Option<Vec<u32>> {
    let mut out = Vec::with_capacity(bytes.len() + 1);
    for (index, &byte) in bytes.iter().enumerate() {
        match base36(byte)? {
            value @ 10.. if index == at => out.extend([(value - 9) / 10, (value - 9) % 10]),
            value @ 0..10 if index != at => out.push(value),
            _ => return None,
        }
    }
    Some(out)
}

fn digit_sum(value: u32) -> u32 {
    value / 10 + value % 10
}

/// Number of a panel doctor: weights 4 and 9 over six digits, then the field of medicine.
fn de_lanr(text: &str) -> bool {
    let Some(lanr @ [_, _, _, _, _, _, check, _, field]) = digits::<9>(text) else { return false };
    let [_, _, _, _, _, _, _, tens, _] = lanr;
    complement(weighted(&lanr, &[4, 9, 4, 9, 4, 9]), 10) == check && tens * 10 + field > 0
}

/// Passport or identity card: the last digit checks the others with weights 7, 3, 1 (ICAO 9303).
fn de_document(text: &str) -> bool {
    let Some(code) = Code::new(text) else { return false };
    let Some((&check, body)) = code.as_bytes().split_last() else { return false };
    let sum: Option<u32> = body
        .iter()
        .zip([7, 3, 1].into_iter().cycle())
        .map(|(&byte, weight)| Some(base36(byte)? * weight))
        .sum();
    matches!(body.len(), 8 | 9) && sum.map(|sum| sum % 10) == char::from(check).to_digit(10)
}

/// Identity card: nine characters that check themselves, or ten of which the last is the check digit; nationality may
/// follow.
fn de_id_card(text: &str) -> bool {
    de_document(text.trim_end_matches(['D', 'd']))
}

/// German VAT number: ISO 7064 MOD 11,10 behind `DE`.
fn de_vat(text: &str) -> bool {
    text.get(2..).and_then(digits::<9>).is_some_and(|vat| mod_11_10(&vat) && vat.first() != Some(&0))
}

/// Austria, insurance number: the fourth digit checks the others; a date of birth follows.
fn at_vnr(text: &str) -> bool {
    let Some(vnr @ [first, _, _, check, d1, d2, m1, m2, y1, y2]) = digits::<10>(text) else { return false };
    let month = m1 * 10 + m2;
    first > 0
        && weighted(&vnr, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]) % 11 == check
        && (exists_short(y1 * 10 + y2, month, d1 * 10 + d2) || (13..=15).contains(&month))
}

/// Switzerland, insurance number: EAN-13 behind the country's number 756.
fn ch_ahv(text: &str) -> bool {
    let Some(ahv @ [7, 5, 6, .., check]) = digits::<13>(text) else { return false };
    complement(weighted(&ahv, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3]), 10) == check
}

/// Switzerland, enterprise: modulo 11.
fn ch_uid(text: &str) -> bool {
    let start = text.find(|c: char| c.is_ascii_digit()).unwrap_or_default();
    let number: String = text.get(start..).unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
    let Some(uid @ [.., check]) = digits::<9>(&number) else { return false };
    complement(weighted(&uid, &[5, 4, 3, 2, 7, 6, 5, 4]), 11) == check
}

// === France ===

/// Social security number: the key is 97 minus the rest; Corsica has letters.
fn fr_nir(text: &str) -> bool {
    let Some(code) = Code::new(text) else { return false };
    let (text, corsica) = match code.as_str().get(5..7) {
        Some("2A") => (code.as_str().replacen("2A", "19", 1), true),
        Some("2B") => (code.as_str().replacen("2B", "18", 1), true),
        _ => (code.as_str().to_owned(), false),
    };
    let Some([body @ .., k1, k2]) = digits::<15>(&text) else { return false };
    let [sex, _, _, m1, m2, ..] = body;
    let month = m1 * 10 + m2;
    let key = u64::from(k1 * 10 + k2);
    // INVARIANT: the replaced letters stand at the department, so that nothing else of the number changed.
    (corsica || text.len() == 15)
        && matches!(sex, 1..=4 | 7 | 8)
        && matches!(month, 1..=12 | 20..=42 | 50..=99)
        && 97 - number(&body) % 97 == key
}

/// Company (nine digits) or establishment (fourteen): Luhn.
fn fr_siren(text: &str) -> bool {
    digits::<9>(text).is_some_and(|siren| luhn(&siren) && !uniform(&siren))
        || digits::<14>(text).is_some_and(|siret| luhn(&siret) && !uniform(&siret))
}

/// Tax number of a person: the first ten digits modulo 511.
fn fr_spi(text: &str) -> bool {
    let Some([body @ .., c1, c2, c3]) = digits::<13>(text) else { return false };
    body.first() <= Some(&3) && number(&body) % 511 == number(&[c1, c2, c3])
}

/// VAT number: the key is computed from the company's number.
fn fr_vat(text: &str) -> bool {
    let Some([k1, k2, siren @ ..]) = text.get(2..).and_then(digits::<11>) else { return false };
    luhn(&siren) && (12 + 3 * (number(&siren) % 97)) % 97 == u64::from(k1 * 10 + k2)
}

// === the Low Countries ===

/// Netherlands, citizen: weights 9 to 2, the last digit negative, modulo 11.
fn nl_bsn(text: &str) -> bool {
    let Some(bsn @ [.., last]) = digits::<9>(text) else { return false };
    let sum = weighted(&bsn, &[9, 8, 7, 6, 5, 4, 3, 2]);
    sum % 11 == last % 11 && number(&bsn) > 9_999_999 && !uniform(&bsn)
}

/// Belgium, citizen: 97 minus the rest, with a 2 in front for those born since 2000; a date of birth.
fn be_nn(text: &str) -> bool {
    let Some([body @ .., c1, c2]) = digits::<11>(text) else { return false };
    let [y1, y2, m1, m2, d1, d2, ..] = body;
    let (value, check) = (number(&body), u64::from(c1 * 10 + c2));
    // Numbers for people outside the register (BIS) add 20 or 40 to the month; unknown parts of a date are zero.
    let (month, day) = ((m1 * 10 + m2) % 20, d1 * 10 + d2);
    let dated = month == 0 || day == 0 || exists_short(y1 * 10 + y2, month, day);
    dated && month <= 12 && (97 - value % 97 == check || 97 - (2_000_000_000 + value) % 97 == check)
}

/// Belgium, enterprise: 97 minus the rest.
fn be_vat(text: &str) -> bool {
    let start = text.find(|c: char| c.is_ascii_digit()).unwrap_or_default();
    let Some([body @ .., c1, c2]) = text.get(start..).and_then(digits::<10>) else { return false };
    97 - number(&body) % 97 == u64::from(c1 * 10 + c2)
        && matches!(body.first(), Some(0 | 1))
        && !uniform(&body)
}
