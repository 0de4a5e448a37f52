//! Identifiers of Australia, New Zealand and Africa.

use super::super::Validator;
use super::checksums::{complement, digits, luhn, uniform, verhoeff, weighted};
use super::dates::exists_short;

pub(super) fn by_name(name: &str) -> Option<Validator> {
    Some(match name {
        "au-abn" => au_abn,
        "au-acn" => au_acn,
        "au-medicare" => au_medicare,
        "au-tfn" => au_tfn,
        "eg-national-id" => eg_national_id,
        "ng-nin" => ng_nin,
        "nz-ird" => nz_ird,
        "za-id" => za_id,
        "za-tax" => za_tax,
        _ => return None,
    })
}

/// Australia, business: one less in front, modulo 89.
fn au_abn(text: &str) -> bool {
    let Some(abn @ [first, ..]) = digits::<11>(text) else { return false };
    let sum = weighted(&abn, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    first > 0 && (sum - 10).is_multiple_of(89) && !uniform(&abn)
}

/// Australia, company: falling weights, modulo 10.
fn au_acn(text: &str) -> bool {
    let Some(acn @ [.., check]) = digits::<9>(text) else { return false };
    complement(weighted(&acn, &[8, 7, 6, 5, 4, 3, 2, 1]), 10) == check && !uniform(&acn)
}

/// Australia, tax file: modulo 11.
fn au_tfn(text: &str) -> bool {
    let Some(tfn) = digits::<9>(text) else { return false };
    weighted(&tfn, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11) && !uniform(&tfn)
}

/// Australia, Medicare card: begins with 2 to 6, the ninth digit checks the first eight; a reference digit may follow.
fn au_medicare(text: &str) -> bool {
    let card = match (digits::<10>(text), digits::<11>(text)) {
        (Some(card), _) => card,
        (_, Some([card @ .., 1..=9])) => card,
        _ => return false,
    };
    let [first, .., check, issue] = card;
    (2..=6).contains(&first) && weighted(&card, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10 == check && issue > 0
}

/// New Zealand, tax: eight or nine digits, a second set of weights when the first gives ten.
fn nz_ird(text: &str) -> bool {
    let body = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    let ird = match (digits::<8>(body), digits::<9>(body)) {
        (Some([a, b, c, d, e, f, g, h]), _) => [0, a, b, c, d, e, f, g, h],
        (_, Some(ird)) => ird,
        _ => return false,
    };
    let [.., check] = ird;
    let value = super::checksums::number(&ird);
    let first = complement(weighted(&ird, &[3, 2, 7, 6, 5, 4, 3, 2]), 11);
    let expected =
        if first == 10 { complement(weighted(&ird, &[7, 4, 3, 2, 5, 2, 7, 6]), 11) } else { first };
    (10_000_000..150_000_000).contains(&value) && expected == check
}

/// South Africa: a date of birth, citizen, resident or refugee, Luhn.
fn za_id(text: &str) -> bool {
    let Some(id @ [y1, y2, m1, m2, d1, d2, _, _, _, _, status, _, _]) = digits::<13>(text) else {
        return false;
    };
    exists_short(y1 * 10 + y2, m1 * 10 + m2, d1 * 10 + d2) && status <= 2 && luhn(&id)
}

/// South Africa, income tax: ten digits, Luhn.
fn za_tax(text: &str) -> bool {
    digits::<10>(text).is_some_and(|tax| luhn(&tax) && !uniform(&tax))
}

/// Nigeria: Verhoeff.
fn ng_nin(text: &str) -> bool {
    digits::<11>(text).is_some_and(|nin| verhoeff(&nin) && !uniform(&nin))
}

/// Egypt: century, date of birth, governorate.
fn eg_national_id(text: &str) -> bool {
    let Some([century, y1, y2, m1, m2, d1, d2, g1, g2, ..]) = digits::<14>(text) else { return false };
    matches!(century, 2 | 3)
        && exists_short(y1 * 10 + y2, m1 * 10 + m2, d1 * 10 + d2)
        && matches!(g1 * 10 + g2, 1..=4 | 11..=19 | 21..=29 | 31..=35 | 88)
}
