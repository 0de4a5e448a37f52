//! Identifiers of the Americas.

use super::super::Validator;
use super::checksums::{Code, base36, complement, digits, luhn, number, uniform, weighted};
use super::dates::exists_short;

pub(super) fn by_name(name: &str) -> Option<Validator> {
    Some(match name {
        "aba-routing" => aba_routing,
        "ar-cbu" => ar_cbu,
        "ar-cuit" => ar_cuit,
        "br-cnpj" => br_cnpj,
        "br-cpf" => br_cpf,
        "ca-sin" => ca_sin,
        "cl-rut" => cl_rut,
        "co-nit" => co_nit,
        "do-cedula" => do_cedula,
        "ec-ci" => ec_ci,
        "mx-clabe" => mx_clabe,
        "mx-curp" => mx_curp,
        "mx-rfc" => mx_rfc,
        "pe-cui" => pe_cui,
        "pe-ruc" => pe_ruc,
        "us-dea" => us_dea,
        "us-itin" => us_itin,
        "us-npi" => us_npi,
        "us-ssn" => us_ssn,
        "uy-ci" => uy_ci,
        "ve-rif" => ve_rif,
        _ => return None,
    })
}

// === United States and Canada ===

/// Social security number: ranges that were never issued, and numbers that appeared in advertisements.
fn us_ssn(text: &str) -> bool {
    let separators = |c: &char| !c.is_ascii_digit();
    let mut kinds = text.chars().filter(separators);
    let mixed = kinds.next().zip(kinds.next()).is_some_and(|(first, second)| first != second);
    let Some(ssn) = digits::<9>(text) else { return false };
    let [area @ .., _, _, _, _, _, _] = ssn;
    let [_, _, _, group @ .., _, _, _, _] = ssn;
    let [_, _, _, _, _, serial @ ..] = ssn;
    !mixed
        && !matches!(number(&area), 0 | 666 | 900..)
        && number(&group) != 0
        && number(&serial) != 0
        && !matches!(number(&ssn), 78_051_120 | 219_099_999 | 123_456_789)
        && !uniform(&ssn)
}

/// Individual taxpayer number: 9, and a group that the IRS uses for it.
fn us_itin(text: &str) -> bool {
    let Some([9, _, _, high, low, ..]) = digits::<9>(text) else { return false };
    matches!(high * 10 + low, 50..=65 | 70..=88 | 90..=92 | 94..=99)
}

/// National provider identifier: Luhn behind the prefix 80840.
fn us_npi(text: &str) -> bool {
    let Some(npi @ [first @ (1 | 2), body @ .., _]) = digits::<10>(text) else { return false };
    let whole: Vec<u32> = [8, 0, 8, 4, 0].into_iter().chain(npi).collect();
    luhn(&whole) && !(uniform(&body) && body.first() == Some(&first))
}

/// Routing number of a bank: a Federal Reserve prefix, weights 3, 7, 1.
fn aba_routing(text: &str) -> bool {
    let Some(routing @ [first, second, ..]) = digits::<9>(text) else { return false };
    matches!(first * 10 + second, 1..=12 | 21..=32 | 61..=72 | 80)
        && weighted(&routing, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10)
}

/// Registration of a prescriber with the Drug Enforcement Administration.
fn us_dea(text: &str) -> bool {
    let Some(tail) = text.trim().get(2..) else { return false };
    let Some([a, b, c, d, e, f, check]) = digits::<7>(tail) else { return false };
    (a + c + e + 2 * (b + d + f)) % 10 == check && a + b + c + d + e + f > 0
}

/// Social insurance number: Luhn; no number begins with 0 or 8.
fn ca_sin(text: &str) -> bool {
    digits::<9>(text).is_some_and(|sin| luhn(&sin) && !matches!(sin.first(), Some(0 | 8)) && !uniform(&sin))
}

// === Mexico ===

/// Tax number of a person (four letters) or company (three), with a real date.
///
/// The last character checks the others, but many numbers in use were given without it, so it decides nothing here.
fn mx_rfc(text: &str) -> bool {
    let Some(code) = Code::new(text) else { return false };
    let letters = code.as_bytes().iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let Some((date, rest)) = code.as_str().get(letters..).and_then(|tail| tail.split_at_checked(6)) else {
        return false;
    };
    let suffixed = matches!(letters, 3 | 4) && rest.len() == 3 || letters == 4 && rest.is_empty();
    suffixed && digits::<6>(date).is_some_and(birth_date)
}

/// Population register key: a real date, a state, and a check digit over an alphabet with Ñ.
fn mx_curp(text: &str) -> bool {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMN\xd1OPQRSTUVWXYZ";
    let Some(code) = Code::new(text) else { return false };
    let Some(date) = code.as_str().get(4..10).and_then(digits::<6>) else { return false };
    let sum: Option<usize> = code
        .as_bytes()
        .iter()
        .take(17)
        .zip((2..=18).rev())
        .map(|(&byte, weight)| Some(ALPHABET.iter().position(|&known| known == byte)? * weight))
        .sum();
    let check = code.as_bytes().last().and_then(|&byte| char::from(byte).to_digit(10));
    code.as_bytes().len() == 18
        && birth_date(date)
        && sum.and_then(|sum| u32::try_from((10 - sum % 10) % 10).ok()) == check
}

/// Bank account: weights 3, 7, 1, each product modulo 10.
fn mx_clabe(text: &str) -> bool {
    let Some(clabe @ [.., check]) = digits::<18>(text) else { return false };
    let sum: u32 = clabe.iter().take(17).zip([3, 7, 1].into_iter().cycle()).map(|(d, w)| d * w % 10).sum();
    complement(sum, 10) == check && !uniform(&clabe)
}

fn birth_date([y1, y2, m1, m2, d1, d2]: [u32; 6]) -> bool {
    exists_short(y1 * 10 + y2, m1 * 10 + m2, d1 * 10 + d2)
}

// === Brazil ===

/// Tax number of a person: two check digits by weights that rise to 10 and 11.
fn br_cpf(text: &str) -> bool {
    let Some(cpf @ [.., first, second]) = digits::<11>(text) else { return false };
    let check = |sum: u32| if sum % 11 < 2 { 0 } else { 11 - sum % 11 };
    let one = weighted(&cpf, &[10, 9, 8, 7, 6, 5, 4, 3, 2]);
    let two = weighted(&cpf, &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    check(one) == first && check(two) == second && !uniform(&cpf)
}

/// Tax number of a company; letters are allowed since 2026 and count as their ASCII code minus 48.
fn br_cnpj(text: &str) -> bool {
    let Some(code) = Code::new(text) else { return false };
    let values: Vec<u32> = code.as_bytes().iter().map(|&byte| u32::from(byte - b'0')).collect();
    let [.., first, second] = *values.as_slice() else { return false };
    let check = |sum: u32| if sum % 11 < 2 { 0 } else { 11 - sum % 11 };
    let one = weighted(&values, &[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]);
    let two = weighted(&values, &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]);
    values.len() == 14 && check(one) == first && check(two) == second && !uniform(&values)
}

// === the other countries ===

/// Argentina, tax and labour number (CUIT, CUIL).
fn ar_cuit(text: &str) -> bool {
    let Some(cuit @ [high, low, .., check]) = digits::<11>(text) else { return false };
    let sum = weighted(&cuit, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
    matches!(high * 10 + low, 20 | 23 | 24 | 27 | 30 | 33 | 34 | 50 | 51 | 55)
        && (if complement(sum, 11) == 10 { 9 } else { complement(sum, 11) }) == check
}

/// Argentina, bank account: two blocks, each with its check digit.
fn ar_cbu(text: &str) -> bool {
    let Some(cbu @ [_, _, _, _, _, _, _, bank, ..]) = digits::<22>(text) else { return false };
    let [_, _, _, _, _, _, _, _, account @ .., check] = cbu;
    complement(weighted(&cbu, &[7, 1, 3, 9, 7, 1, 3]), 10) == bank
        && complement(weighted(&account, &[3, 9, 7, 1, 3, 9, 7, 1, 3, 9, 7, 1, 3]), 10) == check
        && !uniform(&cbu)
}

/// Chile: weights 2 to 7 from the right, K for ten.
fn cl_rut(text: &str) -> bool {
    let Some(code) = Code::new(text) else { return false };
    let Some((&check, body)) = code.as_bytes().split_last() else { return false };
    let sum = body
        .iter()
        .rev()
        .zip([2, 3, 4, 5, 6, 7].into_iter().cycle())
        .try_fold(0, |sum, (&byte, weight)| Some(sum + char::from(byte).to_digit(10)? * weight));
    let expected = sum.map(|sum| complement(sum, 11));
    let given = if check == b'K' { Some(10) } else { char::from(check).to_digit(10) };
    matches!(body.len(), 7 | 8) && expected == given && body.iter().any(|byte| Some(byte) != body.first())
}

/// Colombia: primes as weights from the right.
fn co_nit(text: &str) -> bool {
    let Some(code) = Code::new(text) else { return false };
    let Some((&check, body)) = code.as_bytes().split_last() else { return false };
    let primes = [3, 7, 13, 17, 19, 23, 29, 37, 41, 43, 47, 53, 59, 67, 71];
    let sum = body
        .iter()
        .rev()
        .zip(primes)
        .try_fold(0, |sum, (&byte, prime)| Some(sum + char::from(byte).to_digit(10)? * prime));
    let expected = sum.map(|sum| match sum % 11 {
        rest @ (0 | 1) => rest,
        rest => 11 - rest,
    });
    (7..=15).contains(&body.len()) && expected.is_some() && expected == char::from(check).to_digit(10)
}

/// Dominican Republic: Luhn.
fn do_cedula(text: &str) -> bool {
    digits::<11>(text).is_some_and(|cedula| luhn(&cedula) && !uniform(&cedula))
}

/// Ecuador: a province, a third digit below 6, and Luhn from the left.
fn ec_ci(text: &str) -> bool {
    let Some(ci @ [high, low, third, ..]) = digits::<10>(text) else { return false };
    matches!(high * 10 + low, 1..=24 | 30) && third < 6 && luhn(&ci)
}

/// Peru, identity document: check digit or, on older cards, check letter.
fn pe_cui(text: &str) -> bool {
    let Some(code) = Code::new(text) else { return false };
    let bytes = code.as_bytes();
    let numbers: Vec<u32> = bytes.iter().take(8).filter_map(|&byte| char::from(byte).to_digit(10)).collect();
    let rest = usize::try_from(weighted(&numbers, &[3, 2, 7, 6, 5, 4, 3, 2]) % 11).unwrap_or_default();
    let check = bytes.get(8).copied();
    let expected = [b"65432110987".get(rest), b"KJIHGFEDCBA".get(rest)];
    numbers.len() == 8
        && !uniform(&numbers)
        && (bytes.len() == 8 || bytes.len() == 9 && expected.into_iter().any(|known| known.copied() == check))
}

/// Peru, tax number.
fn pe_ruc(text: &str) -> bool {
    let Some(ruc @ [high, low, .., check]) = digits::<11>(text) else { return false };
    let sum = weighted(&ruc, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
    matches!(high * 10 + low, 10 | 15 | 16 | 17 | 20) && (11 - sum % 11) % 10 == check
}

/// Uruguay: weights 2, 9, 8, 7, 6, 3, 4.
fn uy_ci(text: &str) -> bool {
    let Some(ci @ [.., check]) = digits::<8>(text) else { return false };
    complement(weighted(&ci, &[2, 9, 8, 7, 6, 3, 4]), 10) == check && !uniform(&ci)
}

/// Venezuela: the kind of person counts as a digit.
fn ve_rif(text: &str) -> bool {
    let Some(code) = Code::new(text) else { return false };
    let kind = match code.as_bytes().first() {
        Some(b'V') => 4,
        Some(b'E') => 8,
        Some(b'J' | b'C') => 12,
        Some(b'P') => 16,
        Some(b'G') => 20,
        _ => return false,
    };
    let values: Vec<u32> = code.as_bytes().iter().skip(1).filter_map(|&byte| base36(byte)).collect();
    let rest =
        usize::try_from((kind + weighted(&values, &[3, 2, 7, 6, 5, 4, 3, 2])) % 11).unwrap_or_default();
    values.len() == 9 && b"00987654321".get(rest) == code.as_bytes().last()
}
