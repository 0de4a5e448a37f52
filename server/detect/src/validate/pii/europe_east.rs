//! Identifiers of Central and Eastern Europe.

use super::super::Validator;
use super::checksums::{Code, base36, complement, digits, mod_11_10, number, uniform, weighted};
use super::dates::exists;

pub(super) fn by_name(name: &str) -> Option<Validator> {
    Some(match name {
        "bg-egn" => bg_egn,
        "cz-rc" => cz_rc,
        "emso" => emso,
        "hr-oib" => hr_oib,
        "hu-taj" => hu_taj,
        "hu-tax-id" => hu_tax_id,
        "pl-id-card" => pl_id_card,
        "pl-nip" => pl_nip,
        "pl-pesel" => pl_pesel,
        "pl-regon" => pl_regon,
        "ro-cnp" => ro_cnp,
        "ru-inn" => ru_inn,
        "ru-snils" => ru_snils,
        "ua-rntrc" => ua_rntrc,
        _ => return None,
    })
}

// === Poland ===

/// Person: the century is added to the month; weights 1, 3, 7, 9.
fn pl_pesel(text: &str) -> bool {
    let Some(pesel @ [y1, y2, m1, m2, d1, d2, .., check]) = digits::<11>(text) else { return false };
    let month = m1 * 10 + m2;
    let century = match month / 20 {
        0 => 1900,
        1 => 2000,
        2 => 2100,
        3 => 2200,
        _ => 1800,
    };
    exists(century + y1 * 10 + y2, month % 20, d1 * 10 + d2)
        && complement(weighted(&pesel, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]), 10) == check
}

/// Taxpayer: modulo 11, a rest of ten is not used.
fn pl_nip(text: &str) -> bool {
    let Some(nip @ [first, .., check]) = digits::<10>(text) else { return false };
    first > 0 && weighted(&nip, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == check && !uniform(&nip)
}

/// Business: modulo 11.
fn pl_regon(text: &str) -> bool {
    let Some(regon @ [.., check]) = digits::<9>(text) else { return false };
    weighted(&regon, &[8, 9, 2, 3, 4, 5, 6, 7]) % 11 % 10 == check && !uniform(&regon)
}

/// Identity card: letters count from 10; the fourth character checks.
fn pl_id_card(text: &str) -> bool {
    let Some(code) = Code::new(text) else { return false };
    let values: Vec<u32> = code.as_bytes().iter().filter_map(|&byte| base36(byte)).collect();
    values.len() == 9 && weighted(&values, &[7, 3, 1, 9, 7, 3, 1, 7, 3]).is_multiple_of(10)
}

// === Czechia, Slovakia, Hungary ===

/// Birth number: women add 50 to the month, overflow 20 more; ten digits are divisible by 11, nine end with 1953.
fn cz_rc(text: &str) -> bool {
    let (body, check) = match (digits::<9>(text), digits::<10>(text)) {
        (Some(body), _) => (body, None),
        (_, Some([body @ .., check])) => (body, Some(check)),
        _ => return false,
    };
    let [y1, y2, m1, m2, d1, d2, ..] = body;
    let short = y1 * 10 + y2;
    let (year, checked) = match check {
        None if short >= 80 => (1800 + short, true),
        None => (1900 + short, short <= 53),
        Some(check) => {
            let fits = number(&body) % 11 % 10 == u64::from(check);
            (if short < 54 { 2000 } else { 1900 } + short, fits)
        }
    };
    exists(year, (m1 * 10 + m2) % 50 % 20, d1 * 10 + d2) && checked
}

/// Hungary, tax number of a person: begins with 8, the places as weights.
fn hu_tax_id(text: &str) -> bool {
    let Some(id @ [8, .., check]) = digits::<10>(text) else { return false };
    weighted(&id, &[1, 2, 3, 4, 5, 6, 7, 8, 9]) % 11 == check
}

/// Hungary, social insurance: weights 3 and 7.
fn hu_taj(text: &str) -> bool {
    let Some(taj @ [.., check]) = digits::<9>(text) else { return false };
    weighted(&taj, &[3, 7, 3, 7, 3, 7, 3, 7]) % 10 == check && !uniform(&taj)
}

// === the Balkans ===

/// Romania: sex and century, date, county.
fn ro_cnp(text: &str) -> bool {
    let Some(cnp @ [sex, y1, y2, m1, m2, d1, d2, c1, c2, .., check]) = digits::<13>(text) else {
        return false;
    };
    let century = match sex {
        1 | 2 => 1900,
        3 | 4 => 1800,
        5 | 6 => 2000,
        7..=9 => 2000,
        _ => return false,
    };
    let rest = weighted(&cnp, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
    exists(century + y1 * 10 + y2, m1 * 10 + m2, d1 * 10 + d2)
        && matches!(c1 * 10 + c2, 1..=48 | 51 | 52 | 70 | 80..=83)
        && (if rest == 10 { 1 } else { rest }) == check
}

/// Bulgaria: the century is added to the month.
fn bg_egn(text: &str) -> bool {
    let Some(egn @ [y1, y2, m1, m2, d1, d2, .., check]) = digits::<10>(text) else { return false };
    let month = m1 * 10 + m2;
    let century = match month {
        41.. => 2000,
        21..=40 => 1800,
        _ => 1900,
    };
    exists(century + y1 * 10 + y2, month % 20, d1 * 10 + d2)
        && weighted(&egn, &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10 == check
}

/// Croatia: ISO 7064 MOD 11,10.
fn hr_oib(text: &str) -> bool {
    digits::<11>(text).is_some_and(|oib| mod_11_10(&oib) && !uniform(&oib))
}

/// The register number of the former Yugoslavia (EMŠO, JMBG): date with three digits of the year, modulo 11.
fn emso(text: &str) -> bool {
    let Some(id @ [d1, d2, m1, m2, y1, y2, y3, .., check]) = digits::<13>(text) else { return false };
    let year = y1 * 100 + y2 * 10 + y3;
    let year = if y1 >= 8 { 1000 + year } else { 2000 + year };
    exists(year, m1 * 10 + m2, d1 * 10 + d2)
        && complement(weighted(&id, &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]), 11) % 10 == check
}

// === Ukraine and Russia ===

/// Ukraine, taxpayer: the first weight is −1.
fn ua_rntrc(text: &str) -> bool {
    let Some(number @ [.., check]) = digits::<10>(text) else { return false };
    // −1 is 10 modulo 11.
    weighted(&number, &[10, 5, 7, 9, 4, 6, 10, 5, 7]) % 11 % 10 == check && !uniform(&number)
}

/// Russia, taxpayer: twelve digits for people, ten for companies.
fn ru_inn(text: &str) -> bool {
    if let Some(inn @ [.., check]) = digits::<10>(text) {
        return weighted(&inn, &[2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10 == check && !uniform(&inn);
    }
    let Some(inn @ [.., one, two]) = digits::<12>(text) else { return false };
    weighted(&inn, &[7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10 == one
        && weighted(&inn, &[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10 == two
        && !uniform(&inn)
}

/// Russia, pension account: falling weights modulo 101.
fn ru_snils(text: &str) -> bool {
    let Some(snils @ [.., c1, c2]) = digits::<11>(text) else { return false };
    weighted(&snils, &[9, 8, 7, 6, 5, 4, 3, 2, 1]) % 101 % 100 == c1 * 10 + c2 && !uniform(&snils)
}
