//! Made-up values of the same kind, the same for the same value within a tenant.
//!
//! They come from ranges that nobody real is in: reserved domains (RFC 2606), documentation addresses (RFC 5737, RFC
//! 3849), fictional telephone numbers, a test range of cards, social security numbers that are never issued, a bank that
//! does not exist, a century that nobody is born in. So a surrogate is known for one without a key, and is left as it is
//! when a text is redacted again.

use super::RedactionKeys;
use super::date::{DateOrder, Written, days_from_civil};
use super::placeholder::{DIGEST_BYTES, placeholder};

/// What stands for a value.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Surrogate {
    /// A made-up value.
    Value(String),
    /// A keyed digest: no surrogate of its kind is known, or the value is not written like one of its kind.
    Digest(String),
}

/// Returns the stand-in of a value; none without a key.
pub(super) fn surrogate(entity: &str, value: &str, keys: &RedactionKeys) -> Option<Surrogate> {
    if is_surrogate(entity, value) {
        return Some(Surrogate::Value(value.to_owned()));
    }
    let date = (entity == "DATE_TIME").then(|| Written::read(value, DateOrder::Dmy)).flatten();
    let same = match &date {
        Some(date) => date.iso(),
        None if entity == "IBAN_CODE" => value.split_whitespace().collect::<String>().to_lowercase(),
        None => value.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase(),
    };
    let digest = keys.digest("surrogate", &[entity, &same])?;
    let mut draw = Draw { digest, at: 0 };
    Some(match made_up(entity, value, date, &mut draw) {
        Some(made_up) => Surrogate::Value(made_up),
        None => Surrogate::Digest(placeholder(entity, &hex::encode(digest.first_chunk::<DIGEST_BYTES>()?))),
    })
}

fn made_up(entity: &str, value: &str, date: Option<Written<'_>>, draw: &mut Draw) -> Option<String> {
    Some(match entity {
        "EMAIL_ADDRESS" => {
            format!("{}.{}{}{MAIL}", draw.name(FIRST).to_lowercase(), "user", draw.below(100_000))
        }
        "PERSON" => {
            let initial = char::from(b'A' + u8::try_from(draw.below(26)).unwrap_or(0));
            format!("{} {initial}. {}", draw.name(FIRST), draw.name(LAST))
        }
        "PHONE_NUMBER" => {
            format!("+1 {}{:02} 555 01{:02}", 2 + draw.below(8), draw.below(100), draw.below(100))
        }
        "CREDIT_CARD" => like(value, &card(draw)),
        "US_SSN" => like(value, &format!("666{:02}{:04}", 1 + draw.below(99), 1 + draw.below(9999))),
        "IP_ADDRESS" if value.contains(':') => {
            format!("2001:db8::{:x}:{:x}", draw.below(0xFFFF) + 1, draw.below(0xFFFF) + 1)
        }
        "IP_ADDRESS" => format!("{}{}", draw.name(NETS), 1 + draw.below(254)),
        "URL" => format!("https://{}.example/{:08x}", draw.name(HOSTS), draw.below(u32::MAX)),
        "DOMAIN_NAME" => format!("{}-{}.example", draw.name(HOSTS), draw.below(10_000)),
        "LOCATION" => format!("{}{}", draw.name(HOSTS).to_uppercase(), draw.name(PLACES)),
        "IBAN_CODE" => iban(draw, value.contains(char::is_whitespace)),
        "DATE_TIME" => {
            let (first, end) = (days_from_civil(YEARS.start, 1, 1), days_from_civil(YEARS.end, 1, 1));
            date?.on(first + i64::from(draw.below(u32::try_from(end - first).ok()?)))?
        }
        _ => return None,
    })
}

/// The entities that have surrogates.
pub(super) static ENTITIES: &[&str] = &[
    "EMAIL_ADDRESS",
    "PERSON",
    "PHONE_NUMBER",
    "CREDIT_CARD",
    "US_SSN",
    "IP_ADDRESS",
    "URL",
    "DOMAIN_NAME",
    "LOCATION",
    "IBAN_CODE",
    "DATE_TIME",
];

/// Whether a value is in the range of its entity's surrogates, and nothing else is in it.
pub(super) fn is_surrogate(entity: &str, value: &str) -> bool {
    let digits = |separators: &[char]| {
        let plain: String = value.chars().filter(|c| !separators.contains(c)).collect();
        Some(plain).filter(|plain| plain.bytes().all(|byte| byte.is_ascii_digit())).unwrap_or_default()
    };
    let number = |text: &str, most: usize| {
        (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let hex = |text: &str, most: usize| {
        (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    match entity {
        "EMAIL_ADDRESS" => value
            .strip_suffix(MAIL)
            .and_then(|local| local.split_once(".user"))
            .is_some_and(|(name, of)| FIRST.iter().any(|n| n.to_lowercase() == name) && number(of, 5)),
        "PERSON" => value.split_once(' ').is_some_and(|(first, rest)| {
            FIRST.contains(&first)
                && rest
                    .split_once(". ")
                    .is_some_and(|(initial, last)| initial.len() == 1 && LAST.contains(&last))
        }),
        "PHONE_NUMBER" => value.strip_prefix("+1 ").is_some_and(|rest| {
            let place = |at: usize, text: &str| rest.get(at..).is_some_and(|rest| rest.starts_with(text));
            let digits = rest.replace(' ', "");
            number(&digits, 10) && rest.len() == 12 && place(3, " 555 01")
        }),
        "CREDIT_CARD" => {
            let digits = digits(&[' ', '-']);
            digits.len() == 16 && digits.starts_with(CARD) && luhn(&digits)
        }
        "US_SSN" => {
            let digits = digits(&[' ', '-']);
            digits.len() == 9 && digits.starts_with("666")
        }
        "IP_ADDRESS" => {
            let last = NETS.iter().find_map(|net| value.strip_prefix(net));
            let v6 = value.strip_prefix("2001:db8::").and_then(|rest| rest.split_once(':'));
            last.is_some_and(|last| number(last, 3)) || v6.is_some_and(|(a, b)| hex(a, 4) && hex(b, 4))
        }
        "URL" => value
            .strip_prefix("https://")
            .and_then(|rest| rest.split_once(".example/"))
            .is_some_and(|(host, page)| HOSTS.contains(&host) && page.len() == 8 && hex(page, 8)),
        "DOMAIN_NAME" => value.strip_suffix(".example").is_some_and(|name| {
            name.split_once('-').is_some_and(|(host, of)| HOSTS.contains(&host) && number(of, 4))
        }),
        "LOCATION" => PLACES.iter().any(|end| {
            value.strip_suffix(end).is_some_and(|host| HOSTS.iter().any(|known| known.to_uppercase() == host))
        }),
        "IBAN_CODE" => {
            let plain: String = value.split(' ').collect();
            let body = plain.strip_prefix("GB").and_then(|rest| rest.get(2..)?.strip_prefix(BANK));
            body.is_some_and(|body| body.len() == 14 && number(body, 14) && plain == iban_of(body))
        }
        "DATE_TIME" => Written::read(value, DateOrder::Dmy)
            .is_some_and(|date| date.is_bare() && YEARS.contains(&date.year)),
        _ => false,
    }
}

/// Numbers drawn from a digest.
struct Draw {
    digest: [u8; 32],
    at: usize,
}

impl Draw {
    fn below(&mut self, limit: u32) -> u32 {
        let mut number = 0_u64;
        for _ in 0..4 {
            number = number << 8 | u64::from(self.digest.get(self.at % 32).copied().unwrap_or(0));
            self.at += 1;
        }
        // The bias of 32 bits against limits this small is of no use to anybody.
        u32::try_from(number % u64::from(limit.max(1))).unwrap_or(0)
    }

    fn name(&mut self, names: &[&'static str]) -> &'static str {
        let count = u32::try_from(names.len()).unwrap_or(1);
        let pick = usize::try_from(self.below(count)).unwrap_or(0);
        names.get(pick).copied().unwrap_or_default()
    }
}

/// Writes digits in the form of a value, if it has as many places.
fn like(value: &str, digits: &str) -> String {
    if value.chars().filter(char::is_ascii_digit).count() != digits.len() {
        return digits.to_owned();
    }
    let mut digits = digits.chars();
    value.chars().map(|c| if c.is_ascii_digit() { digits.next().unwrap_or('0') } else { c }).collect()
}

fn card(draw: &mut Draw) -> String {
    let body = format!("{CARD}{:07}", draw.below(10_000_000));
    let check = ('0'..='9').find(|check| luhn(&format!("{body}{check}"))).unwrap_or('0');
    format!("{body}{check}")
}

/// Makes an account of a bank that does not exist.
fn iban(draw: &mut Draw, grouped: bool) -> String {
    let plain = iban_of(&format!("{:07}{:07}", draw.below(10_000_000), draw.below(10_000_000)));
    if !grouped {
        return plain;
    }
    let groups: Vec<&str> =
        (0..plain.len()).step_by(4).filter_map(|at| plain.get(at..plain.len().min(at + 4))).collect();
    groups.join(" ")
}

/// Writes an IBAN with its check digits (ISO 13616, ISO 7064 MOD 97-10).
fn iban_of(body: &str) -> String {
    let digits = format!("{BANK}{body}GB00");
    let rest = digits
        .chars()
        .filter_map(|character| character.to_digit(36))
        .fold(0, |rest, value| if value < 10 { (rest * 10 + value) % 97 } else { (rest * 100 + value) % 97 });
    format!("GB{:02}{BANK}{body}", 98 - rest)
}

fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte.wrapping_sub(b'0'));
            if place % 2 == 0 { digit } else { digit * 2 / 10 + digit * 2 % 10 }
        })
        .sum();
    sum.is_multiple_of(10)
}

const MAIL: &str = "@mail.example";
const CARD: &str = "40000000";
/// No bank of the United Kingdom has this code.
const BANK: &str = "TEST";
/// Years of made-up dates: nobody who lives was born in them.
const YEARS: std::ops::Range<i64> = 1801..1900;
static NETS: &[&str] = &["192.0.2.", "198.51.100.", "203.0.113."];
static HOSTS: &[&str] =
    &["alder", "birch", "cedar", "elm", "fir", "hazel", "juniper", "larch", "maple", "oak"];
static PLACES: &[&str] = &["VILLE", "TON", "STADT", "BY"];
static LAST: &[&str] = &["Bloggs", "Doe", "Example", "Nomen", "Public", "Roe", "Sample", "Specimen"];
static FIRST: &[&str] = &[
    "Alex", "Andrea", "Ariel", "Avery", "Blair", "Cameron", "Casey", "Charlie", "Dana", "Devon", "Drew",
    "Eden", "Ellis", "Emery", "Finley", "Frankie", "Harper", "Hayden", "Jamie", "Jesse", "Jordan", "Jules",
    "Kai", "Kelly", "Kim", "Lee", "Logan", "Marley", "Mika", "Morgan", "Noel", "Parker", "Quinn", "Reese",
    "Riley", "Robin", "Rowan", "Sam", "Sasha", "Skyler", "Taylor", "Toni", "Tracy", "Val",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_and_known_again() {
        let keys = RedactionKeys::from_secret(b"one");
        let other = RedactionKeys::from_secret(b"two");
        for (entity, value) in [
            ("EMAIL_ADDRESS", "ana@lima.pe"),
            ("PERSON", "Ana Lima"),
            ("PHONE_NUMBER", "+44 20 7946 0018"),
            ("CREDIT_CARD", "4111-1111-1111-1111"),
            ("US_SSN", "536-90-4399"),
            ("IP_ADDRESS", "10.1.2.3"),
            ("IP_ADDRESS", "fe80::1"),
            ("URL", "https://ana.pe/private"),
            ("DOMAIN_NAME", "ana.pe"),
            ("LOCATION", "Lima"),
            ("IBAN_CODE", "DE89 3704 0044 0532 0130 00"),
            ("DATE_TIME", "14 March 1985"),
            ("DATE_TIME", "1985-03-14T10:00:00Z"),
        ] {
            let surrogate =
                |entity: &str, value: &str, keys: &RedactionKeys| match surrogate(entity, value, keys)? {
                    Surrogate::Value(made_up) => Some(made_up),
                    Surrogate::Digest(_) => None,
                };
            assert!(ENTITIES.contains(&entity));
            let stand_in = surrogate(entity, value, &keys).unwrap();
            assert_ne!(stand_in, value);
            assert_eq!(surrogate(entity, value, &keys).unwrap(), stand_in);
            // There are few places.
            assert!(
                entity == "LOCATION" || surrogate(entity, value, &other).unwrap() != stand_in,
                "{entity}"
            );
            assert_eq!(surrogate(entity, &stand_in, &keys).unwrap(), stand_in, "{entity}");
        }
        let value = |entity: &str, value: &str| match surrogate(entity, value, &keys) {
            Some(Surrogate::Value(made_up)) => made_up,
            other => panic!("{other:?}"),
        };
        let card = value("CREDIT_CARD", "4111-1111-1111-1111");
        assert!(luhn(&card.replace('-', "")) && card.starts_with("4000-0000-"));
        assert_eq!(surrogate("PERSON", "ana  LIMA", &keys), surrogate("PERSON", "Ana Lima", &keys));
        assert_eq!(surrogate("PERSON", "Ana Lima", &RedactionKeys::default()), None);
        // The same date and account, in whatever form they are written.
        assert_eq!(value("IBAN_CODE", "DE89370400440532013000").len(), 22);
        let (spaced, plain) = ("DE89 3704 0044 0532 0130 00", "DE89370400440532013000");
        assert_eq!(value("IBAN_CODE", spaced).replace(' ', ""), value("IBAN_CODE", plain));
        let iso = value("DATE_TIME", "1985-03-14");
        assert_eq!(value("DATE_TIME", "1985-03-14T10:00:00Z"), iso);
        assert_eq!(value("DATE_TIME", "14.03.1985").split('.').rev().collect::<Vec<_>>().join("-"), iso);
        for (entity, value) in [("SECRET", "hunter2-is-long"), ("DATE_TIME", "next Tuesday"), ("AGE", "34")] {
            assert!(matches!(surrogate(entity, value, &keys), Some(Surrogate::Digest(_))), "{entity}");
        }
    }

    #[test]
    fn nothing_hides_in_the_form_of_a_surrogate() {
        for (entity, value) in [
            ("URL", "https://elm.example/?token=ghp_1234"),
            ("URL", "https://elm.example/0123456789"),
            ("IP_ADDRESS", "192.0.2.7/secret"),
            ("IP_ADDRESS", "2001:db8::1:2:3:4:5:6"),
            ("EMAIL_ADDRESS", "ana.lima.user7@mail.example"),
            ("EMAIL_ADDRESS", "alex.user-hunter2@mail.example"),
            ("CREDIT_CARD", "4000 0000 0000 0002 123"),
            ("US_SSN", "666-12-34567"),
            ("PHONE_NUMBER", "+1 212 555 0123 4"),
            ("PERSON", "Alex B. Lima"),
            ("IBAN_CODE", "GB00TEST12345612345678"),
            ("DATE_TIME", "1843-07-02T10:00:00Z"),
            ("DATE_TIME", "1985-03-14"),
            ("LOCATION", "LIMA"),
        ] {
            assert!(!is_surrogate(entity, value), "{entity}: {value}");
        }
    }
}
