//! Identifiers of the Nordic and Baltic countries.

use super::super::Validator;
use super::checksums::{Code, complement, digits, luhn, uniform, weighted};
use super::dates::{exists, exists_short};

pub(super) fn by_name(name: &str) -> Option<Validator> {
    Some(match name {
        "dk-cpr" => dk_cpr,
        "dk-cvr" => dk_cvr,
        "ee-ik" => ee_ik,
        "fi-hetu" => fi_hetu,
        "fi-ytunnus" => fi_ytunnus,
        "is-kennitala" => is_kennitala,
        "lv-pk" => lv_pk,
        "no-fnr" => no_fnr,
        "no-orgnr" => no_orgnr,
        "se-orgnr" => se_orgnr,
        "se-personnummer" => se_personnummer,
        _ => return None,
    })
}

/// Sweden, person: a date (coordination numbers add 60 to the day) and Luhn over the last ten digits.
fn se_personnummer(text: &str) -> bool {
    let short = match (digits::<10>(text), digits::<12>(text)) {
        (Some(short), _) => short,
        (_, Some([1, 8 | 9, short @ ..] | [2, 0, short @ ..])) => short,
        _ => return false,
    };
    let [y1, y2, m1, m2, d1, d2, ..] = short;
    let day = d1 * 10 + d2;
    exists_short(y1 * 10 + y2, m1 * 10 + m2, if day > 60 { day - 60 } else { day }) && luhn(&short)
}

/// Sweden, organisation: Luhn, and a third digit that no month has.
fn se_orgnr(text: &str) -> bool {
    digits::<10>(text).is_some_and(|number @ [first, _, third, ..]| first > 0 && third >= 2 && luhn(&number))
}

/// Norway, person: a date (D-numbers add 40 to the day, others 40 or 80 to the month), two check digits modulo 11.
fn no_fnr(text: &str) -> bool {
    let Some(fnr @ [d1, d2, m1, m2, y1, y2, .., one, two]) = digits::<11>(text) else { return false };
    let (day, month) = ((d1 * 10 + d2) % 40, (m1 * 10 + m2) % 40);
    exists_short(y1 * 10 + y2, month, day)
        && complement(weighted(&fnr, &[3, 7, 6, 1, 8, 9, 4, 5, 2]), 11) == one
        && complement(weighted(&fnr, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]), 11) == two
}

/// Norway, organisation: modulo 11.
fn no_orgnr(text: &str) -> bool {
    let Some(number @ [8 | 9, .., check]) = digits::<9>(text) else { return false };
    complement(weighted(&number, &[3, 2, 7, 6, 5, 4, 3, 2]), 11) == check && !uniform(&number)
}

/// Denmark, person: a date that is not to come; the check digit was given up in 2007.
fn dk_cpr(text: &str) -> bool {
    let Some([d1, d2, m1, m2, y1, y2, seventh, ..]) = digits::<10>(text) else { return false };
    let short = y1 * 10 + y2;
    let century = match (seventh, short) {
        (0..=3, _) | (4 | 9, 37..) => 1900,
        (4 | 9, _) | (5..=8, ..58) => 2000,
        _ => 1800,
    };
    let year = century + short;
    year <= LAST_BIRTH_YEAR && exists(year, m1 * 10 + m2, d1 * 10 + d2)
}

/// A birth after this year is not on a number in use; generous, since the library outlives its build.
const LAST_BIRTH_YEAR: u32 = 2040;

/// Denmark, company: modulo 11.
fn dk_cvr(text: &str) -> bool {
    let start = text.find(|c: char| c.is_ascii_digit()).unwrap_or_default();
    text.get(start..).and_then(digits::<8>).is_some_and(|cvr| {
        weighted(&cvr, &[2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
            && cvr.first() != Some(&0)
            && !uniform(&cvr)
    })
}

/// Finland, person: a date, and the nine digits modulo 31 as a character.
fn fi_hetu(text: &str) -> bool {
    let (Some(date), Some(serial), Some(check)) = (
        text.get(..6).and_then(digits::<6>),
        text.get(7..10).and_then(digits::<3>),
        text.as_bytes().get(10).copied(),
    ) else {
        return false;
    };
    let [d1, d2, m1, m2, y1, y2] = date;
    let value = super::checksums::number(&date) * 1000 + super::checksums::number(&serial);
    let expected = b"0123456789ABCDEFHJKLMNPRSTUVWXY".get(usize::try_from(value % 31).unwrap_or_default());
    text.len() == 11
        && exists_short(y1 * 10 + y2, m1 * 10 + m2, d1 * 10 + d2)
        && expected == Some(&check.to_ascii_uppercase())
}

/// Finland, company: weights 7, 9, 10, 5, 8, 4, 2.
fn fi_ytunnus(text: &str) -> bool {
    let Some(number @ [.., check]) = digits::<8>(text) else { return false };
    let rest = weighted(&number, &[7, 9, 10, 5, 8, 4, 2]) % 11;
    rest != 1 && (11 - rest) % 11 == check && !uniform(&number)
}

/// Iceland: a date (companies add 40 to the day), the ninth digit checks, the tenth is the century.
fn is_kennitala(text: &str) -> bool {
    let Some(id @ [d1, d2, m1, m2, y1, y2, _, _, check, 8 | 9 | 0]) = digits::<10>(text) else {
        return false;
    };
    exists_short(y1 * 10 + y2, m1 * 10 + m2, (d1 * 10 + d2) % 40)
        && complement(weighted(&id, &[3, 2, 7, 6, 5, 4, 3, 2]), 11) == check
}

/// Estonia and Lithuania: sex and century, date, two sets of weights.
fn ee_ik(text: &str) -> bool {
    let Some(id @ [sex, y1, y2, m1, m2, d1, d2, .., check]) = digits::<11>(text) else { return false };
    let first = weighted(&id, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11;
    let expected = if first == 10 { weighted(&id, &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11 % 10 } else { first };
    let century = match sex {
        1 | 2 => 1800,
        3 | 4 => 1900,
        5 | 6 => 2000,
        _ => return false,
    };
    exists(century + y1 * 10 + y2, m1 * 10 + m2, d1 * 10 + d2) && expected == check
}

/// Latvia: numbers with a date have a check digit; those since 2017 begin with 32 and have none.
fn lv_pk(text: &str) -> bool {
    let Some(code) = Code::new(text) else { return false };
    let Some(pk @ [d1, d2, m1, m2, y1, y2, .., check]) = digits::<11>(code.as_str()) else { return false };
    if (d1, d2) == (3, 2) {
        return !uniform(&pk);
    }
    let sum = weighted(&pk, &[10, 5, 8, 4, 2, 1, 6, 3, 7, 9]);
    exists_short(y1 * 10 + y2, m1 * 10 + m2, d1 * 10 + d2) && (1 + sum) % 11 % 10 == check
}
