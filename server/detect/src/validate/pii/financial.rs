//! Identifiers of money: cards, accounts, banks, securities; and of things numbered world-wide.

use super::super::Validator;
use super::checksums::{Code, base36, digits, luhn, mod_11_2, mod_97, uniform};

pub(super) fn by_name(name: &str) -> Option<Validator> {
    Some(match name {
        "bic" => bic,
        "credit-card" => credit_card,
        "iban" => iban,
        "imei" => imei,
        "isin" => isin,
        "lei" => lei,
        "luhn" => luhn_any,
        "orcid" => orcid,
        "vin" => vin,
        _ => return None,
    })
}

/// A payment card: a prefix that some network uses, at that network's length, and Luhn.
pub(super) fn credit_card(text: &str) -> bool {
    let Some(code) = Code::new(text) else { return false };
    let numbers: Option<Vec<u32>> =
        code.as_bytes().iter().map(|&byte| char::from(byte).to_digit(10)).collect();
    let Some(numbers) = numbers else { return false };
    let Some(prefix) = code.as_str().get(..6).and_then(|prefix| prefix.parse::<u32>().ok()) else {
        return false;
    };
    let length = numbers.len();
    let network = match prefix {
        100_000..=199_999 => length == 15,
        340_000..=349_999 | 370_000..=379_999 => length == 15,
        300_000..=309_999 | 360_000..=369_999 | 380_000..=399_999 => {
            matches!(length, 14 | 16 | 19)
        }
        350_000..=359_999 => (16..=19).contains(&length),
        400_000..=499_999 => matches!(length, 13 | 16 | 19),
        510_000..=559_999 | 222_100..=272_099 => length == 16,
        220_000..=220_499 => (16..=19).contains(&length),
        // Maestro, Discover, UnionPay, RuPay, Elo, Hipercard, Verve, Troy, UzCard, Humo
        500_000..=509_999 | 560_000..=589_999 | 600_000..=699_999 => {
            (12..=19).contains(&length) && length != 14
        }
        810_000..=829_999 | 860_000..=860_999 | 970_000..=989_999 => length == 16,
        _ => false,
    };
    network && luhn(&numbers) && !uniform(&numbers)
}

/// An IBAN: the length of its country, ISO 7064 MOD 97-10, and letters all of one case.
pub(super) fn iban(text: &str) -> bool {
    let lower = text.bytes().any(|byte| byte.is_ascii_lowercase());
    let upper = text.bytes().any(|byte| byte.is_ascii_uppercase());
    let Some(code) = Code::new(text) else { return false };
    let Some((head, body)) = code.as_bytes().split_at_checked(4) else { return false };
    let country = head.get(..2).unwrap_or_default();
    let length_fits = IBAN_LENGTHS.iter().any(|(length, countries)| {
        *length == code.as_bytes().len() && countries.split(' ').any(|known| known.as_bytes() == country)
    });
    !(lower && upper) && length_fits && mod_97(body.iter().chain(head).copied()) == Some(1)
}

/// The IBAN registry (SWIFT), countries by length.
const IBAN_LENGTHS: &[(usize, &str)] = &[
    (15, "NO"),
    (16, "BE"),
    (18, "DK FI FK FO GL NL SD"),
    (19, "MK SI"),
    (20, "AT BA EE KZ LT LU MN XK"),
    (21, "CH HR LI LV"),
    (22, "BG BH CR DE GB GE IE ME RS VA"),
    (23, "AE GI IL IQ OM SO TL"),
    (24, "AD CZ ES MD PK RO SA SE SK TN VG"),
    (25, "LY PT ST"),
    (26, "IS TR"),
    (27, "BI DJ FR GR IT MC MR SM"),
    (28, "AL AZ BY CY DO GT HN HU LB NI PL SV"),
    (29, "BR EG PS QA UA"),
    (30, "JO KW MU YE"),
    (31, "MT SC"),
    (32, "LC"),
    (33, "RU"),
];

/// A BIC (ISO 9362): the fifth and sixth letters are a country.
pub(super) fn bic(text: &str) -> bool {
    let Some(code) = Code::new(text) else { return false };
    let bytes = code.as_bytes();
    let country = bytes.get(4..6).unwrap_or_default();
    matches!(bytes.len(), 8 | 11)
        && bytes.iter().take(6).all(u8::is_ascii_uppercase)
        && COUNTRIES.as_bytes().chunks(3).any(|known| known.starts_with(country))
}

/// ISO 3166-1 alpha-2, and XK and EU, each with a space behind.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS \
BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET EU FI FJ \
FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE \
JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR \
MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU \
RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG \
UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW ";

/// A security's number (ISO 6166): a country or supranational prefix, and Luhn over the letters as two digits.
pub(super) fn isin(text: &str) -> bool {
    let Some(code) = Code::new(text) else { return false };
    let bytes = code.as_bytes();
    let country = bytes.get(..2).unwrap_or_default();
    let known = COUNTRIES.as_bytes().chunks(3).any(|known| known.starts_with(country))
        || matches!(country, b"XS" | b"XA" | b"XB" | b"XC" | b"XD" | b"XF");
    let expanded: Vec<u32> = bytes
        .iter()
        .filter_map(|&byte| base36(byte))
        .flat_map(|value| if value < 10 { [None, Some(value)] } else { [Some(value / 10), Some(value % 10)] })
        .flatten()
        .collect();
    bytes.len() == 12 && country.len() == 2 && known && luhn(&expanded)
}

/// A legal entity (ISO 17442): ISO 7064 MOD 97-10.
pub(super) fn lei(text: &str) -> bool {
    Code::new(text)
        .is_some_and(|code| code.as_bytes().len() == 20 && mod_97(code.as_bytes().iter().copied()) == Some(1))
}

/// A mobile device: 15 digits with Luhn.
pub(super) fn imei(text: &str) -> bool {
    digits::<15>(text).is_some_and(|number| luhn(&number) && !uniform(&number))
}

/// Any number with a Luhn check digit.
pub(super) fn luhn_any(text: &str) -> bool {
    let Some(code) = Code::new(text) else { return false };
    let numbers: Option<Vec<u32>> =
        code.as_bytes().iter().map(|&byte| char::from(byte).to_digit(10)).collect();
    numbers.is_some_and(|numbers| numbers.len() >= 6 && luhn(&numbers) && !uniform(&numbers))
}

/// A researcher's ORCID: ISO 7064 MOD 11,2.
pub(super) fn orcid(text: &str) -> bool {
    Code::new(text).is_some_and(|code| code.as_bytes().len() == 16 && mod_11_2(code.as_bytes()))
}

/// A vehicle's number (ISO 3779) with the check digit that North America and China ask for.
pub(super) fn vin(text: &str) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let Some(code) = Code::new(text) else { return false };
    let value = |byte: u8| match byte {
        b'0'..=b'9' => Some(u32::from(byte - b'0')),
        b'A'..=b'H' => Some(u32::from(byte - b'A') + 1),
        b'J'..=b'N' => Some(u32::from(byte - b'J') + 1),
        b'P' => Some(7),
        b'R' => Some(9),
        b'S'..=b'Z' => Some(u32::from(byte - b'S') + 2),
        _ => None,
    };
    let bytes = code.as_bytes();
    let sum = bytes.iter().zip(WEIGHTS).try_fold(0, |sum, (&byte, weight)| Some(sum + value(byte)? * weight));
    let check = match bytes.get(8) {
        Some(b'X') => Some(10),
        Some(&byte) => char::from(byte).to_digit(10),
        None => None,
    };
    bytes.len() == 17
        && bytes.iter().filter(|byte| byte.is_ascii_alphabetic()).count() >= 3
        && sum.map(|sum| sum % 11) == check
}
