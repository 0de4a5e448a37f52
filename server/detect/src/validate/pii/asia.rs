//! Identifiers of Asia.

use super::super::Validator;
use super::checksums::{
    Code, base36, complement, digits, luhn, luhn_36, mod_11_2, uniform, verhoeff, weighted,
};
use super::dates::{exists, exists_short};

pub(super) fn by_name(name: &str) -> Option<Validator> {
    Some(match name {
        "ae-id" => ae_id,
        "cn-ric" => cn_ric,
        "cn-uscc" => cn_uscc,
        "hk-id" => hk_id,
        "id-nik" => id_nik,
        "il-id" => il_id,
        "in-aadhaar" => in_aadhaar,
        "in-gstin" => in_gstin,
        "jp-mynumber" => jp_mynumber,
        "kr-brn" => kr_brn,
        "kr-frn" => kr_frn,
        "kr-rrn" => kr_rrn,
        "my-nric" => my_nric,
        "ph-tin" => ph_tin,
        "sa-id" => sa_id,
        "sg-nric-fin" => sg_nric_fin,
        "th-tnin" => th_tnin,
        "tw-id" => tw_id,
        _ => return None,
    })
}

// === East Asia ===

/// China, resident: province, date of birth, ISO 7064 MOD 11,2.
fn cn_ric(text: &str) -> bool {
    let Some(code) = Code::new(text) else { return false };
    let part =
        |range| code.as_str().get(range).and_then(|part: &str| part.parse::<u32>().ok()).unwrap_or_default();
    code.as_bytes().len() == 18
        && matches!(part(0..2), 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83)
        && (1800..=2100).contains(&part(6..10))
        && exists(part(6..10), part(10..12), part(12..14))
        && mod_11_2(code.as_bytes())
}

/// China, company: powers of three modulo 31 over an alphabet without I, O, S, V, Z.
fn cn_uscc(text: &str) -> bool {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
    let Some(code) = Code::new(text) else { return false };
    let value = |byte: u8| ALPHABET.iter().position(|&known| known == byte);
    let Some((&check, body)) = code.as_bytes().split_last() else { return false };
    let sum = body
        .iter()
        .try_fold((0, 1), |(sum, weight), &byte| Some((sum + value(byte)? * weight, weight * 3 % 31)))
        .map(|(sum, _)| (31 - sum % 31) % 31);
    body.len() == 17 && sum.is_some() && sum == value(check)
}

/// Hong Kong identity card: letters count from 10, weights 9 to 1, modulo 11; A for ten.
fn hk_id(text: &str) -> bool {
    let Some(code) = Code::new(text) else { return false };
    let Some((&check, body)) = code.as_bytes().split_last() else { return false };
    // A single letter is preceded by a space, which counts 36.
    let lead = if body.len() == 7 { Some(36 * 9) } else { None };
    let weights = if lead.is_some() { 2..=8 } else { 2..=9 };
    let sum = body
        .iter()
        .zip(weights.rev())
        .try_fold(lead.unwrap_or(0), |sum, (&byte, weight)| Some(sum + base36(byte)? * weight));
    let check = base36(check).filter(|&value| value <= 10);
    matches!(body.len(), 7 | 8) && sum.zip(check).is_some_and(|(sum, check)| (sum + check).is_multiple_of(11))
}

/// Japan, individual: weights 6 to 2 and 7 to 2.
fn jp_mynumber(text: &str) -> bool {
    let Some(number @ [.., check]) = digits::<12>(text) else { return false };
    let rest = weighted(&number, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    (if rest <= 1 { 0 } else { 11 - rest }) == check && !uniform(&number)
}

const KR_WEIGHTS: [u32; 12] = [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5];

/// Korea, resident: a date; the check digit binds those registered before October 2020, which nearly all are.
fn kr_rrn(text: &str) -> bool {
    let Some(rrn @ [y1, y2, m1, m2, d1, d2, sex, .., check]) = digits::<13>(text) else { return false };
    // 9 and 0 stand for the 19th century; nobody in the register was born in its first eight decades.
    (matches!(sex, 1..=4) || matches!(sex, 9 | 0) && y1 >= 8)
        && exists_short(y1 * 10 + y2, m1 * 10 + m2, d1 * 10 + d2)
        && (11 - weighted(&rrn, &KR_WEIGHTS) % 11) % 10 == check
}

/// Korea, foreigner: as [`kr_rrn`] with other sex digits and two more in the check.
fn kr_frn(text: &str) -> bool {
    let Some(frn @ [y1, y2, m1, m2, d1, d2, 5..=8, .., check]) = digits::<13>(text) else { return false };
    exists_short(y1 * 10 + y2, m1 * 10 + m2, d1 * 10 + d2)
        && (13 - weighted(&frn, &KR_WEIGHTS) % 11) % 10 == check
}

/// Korea, business: weights 1, 3, 7 and the tens of the ninth digit's product.
fn kr_brn(text: &str) -> bool {
    let Some(brn @ [.., ninth, check]) = digits::<10>(text) else { return false };
    complement(weighted(&brn, &[1, 3, 7, 1, 3, 7, 1, 3, 5]) + ninth * 5 / 10, 10) == check && !uniform(&brn)
}

/// Taiwan: the letter as two digits.
fn tw_id(text: &str) -> bool {
    const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVXYWZIO";
    let Some(code) = Code::new(text) else { return false };
    let Some((letter, rest)) = code.as_bytes().split_first() else { return false };
    let Some(numbers) = std::str::from_utf8(rest).ok().and_then(digits::<9>) else { return false };
    let area = LETTERS.iter().position(|known| known == letter).and_then(|at| u32::try_from(at + 10).ok());
    area.is_some_and(|area| {
        let sum = area / 10 + area % 10 * 9 + weighted(&numbers, &[8, 7, 6, 5, 4, 3, 2, 1, 1]);
        sum.is_multiple_of(10)
    })
}

// === South and South-East Asia ===

/// India, resident: Verhoeff; neither 0 nor 1 in front, no palindrome.
fn in_aadhaar(text: &str) -> bool {
    let Some(aadhaar @ [2..=9, ..]) = digits::<12>(text) else { return false };
    verhoeff(&aadhaar) && !aadhaar.iter().eq(aadhaar.iter().rev())
}

/// India, goods and services tax: Luhn in base 36.
fn in_gstin(text: &str) -> bool {
    Code::new(text).is_some_and(|code| code.as_bytes().len() == 15 && luhn_36(code.as_bytes()))
}

/// Singapore: the letter depends on the series.
fn sg_nric_fin(text: &str) -> bool {
    let Some(code) = Code::new(text) else { return false };
    let [series, body @ .., letter] = code.as_bytes() else { return false };
    let Some(numbers) = std::str::from_utf8(body).ok().and_then(digits::<7>) else { return false };
    let (offset, letters) = match series {
        b'S' => (0, b"JZIHGFEDCBA"),
        b'T' => (4, b"JZIHGFEDCBA"),
        b'F' => (0, b"XWUTRQPNMLK"),
        b'G' => (4, b"XWUTRQPNMLK"),
        b'M' => (3, b"XWUTRQPNJLK"),
        _ => return false,
    };
    let rest = (offset + weighted(&numbers, &[2, 7, 6, 5, 4, 3, 2])) % 11;
    letters.get(usize::try_from(rest).unwrap_or_default()) == Some(letter)
}

/// Thailand: a province, weights 13 to 2.
fn th_tnin(text: &str) -> bool {
    let Some(id @ [1..=8, p1, p2, .., check]) = digits::<13>(text) else { return false };
    (10..=96).contains(&(p1 * 10 + p2))
        && (11 - weighted(&id, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 10 == check
        && !uniform(&id)
}

/// Philippines, taxpayer: weights 9 to 2 modulo 11; the number of a branch may follow.
fn ph_tin(text: &str) -> bool {
    let Some(code) = Code::new(text) else { return false };
    let Some(tin @ [.., check]) = code.as_str().get(..9).and_then(digits::<9>) else { return false };
    weighted(&tin, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11 == check && !uniform(&tin)
}

/// Malaysia: a date of birth and a place that exists.
fn my_nric(text: &str) -> bool {
    let Some([y1, y2, m1, m2, d1, d2, p1, p2, ..]) = digits::<12>(text) else { return false };
    exists_short(y1 * 10 + y2, m1 * 10 + m2, d1 * 10 + d2)
        && matches!(p1 * 10 + p2, 1..=16 | 21..=59 | 60..=68 | 71 | 72 | 74..=79 | 82..=93 | 98 | 99)
}

/// Indonesia: a province, and a date of birth (women add 40 to the day).
fn id_nik(text: &str) -> bool {
    let Some([p1, p2, _, _, _, _, d1, d2, m1, m2, y1, y2, serial @ ..]) = digits::<16>(text) else {
        return false;
    };
    let day = d1 * 10 + d2;
    matches!(p1 * 10 + p2, 11..=21 | 31..=36 | 51..=53 | 61..=65 | 71..=76 | 81 | 82 | 91..=97)
        && exists_short(y1 * 10 + y2, m1 * 10 + m2, if day > 40 { day - 40 } else { day })
        && super::checksums::number(&serial) > 0
}

// === West Asia ===

/// Israel: Luhn over nine digits.
fn il_id(text: &str) -> bool {
    digits::<9>(text).is_some_and(|id| luhn(&id) && !uniform(&id))
}

/// United Arab Emirates: the country's number 784, a year, Luhn.
fn ae_id(text: &str) -> bool {
    let Some(id @ [7, 8, 4, 1 | 2, 9 | 0, ..]) = digits::<15>(text) else { return false };
    luhn(&id)
}

/// Saudi Arabia: 1 for citizens, 2 for residents, Luhn.
fn sa_id(text: &str) -> bool {
    digits::<10>(text).is_some_and(|id| matches!(id.first(), Some(1 | 2)) && luhn(&id) && !uniform(&id))
}
