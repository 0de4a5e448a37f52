//! Made-up values of the same kind, the same for the same value within a tenant.
//!
//! They come from ranges that nobody real is in: reserved domains (RFC 2606), documentation addresses (RFC 5737, RFC
//! 3849), fictional telephone numbers, a test range of cards, social security numbers that are never issued. So a
//! surrogate is known for one without a key, and is left as it is when a text is redacted again.

use super::RedactionKeys;
use super::placeholder::{DIGEST_BYTES, placeholder};

/// Returns the stand-in of a value; a keyed digest where no surrogate of its kind is known.
pub(super) fn surrogate(entity: &str, value: &str, keys: &RedactionKeys) -> Option<String> {
    if is_surrogate(entity, value) {
        return Some(value.to_owned());
    }
    let same = value.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let digest = keys.digest("surrogate", &[entity, &same])?;
    let mut draw = Draw { digest, at: 0 };
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
        "CREDIT_CARD" => like(value, &card(&mut draw)),
        "US_SSN" => like(value, &format!("666{:02}{:04}", 1 + draw.below(99), 1 + draw.below(9999))),
        "IP_ADDRESS" if value.contains(':') => {
            format!("2001:db8::{:x}:{:x}", draw.below(0xFFFF) + 1, draw.below(0xFFFF) + 1)
        }
        "IP_ADDRESS" => format!("{}{}", draw.name(NETS), 1 + draw.below(254)),
        "URL" => format!("https://{}.example/{:08x}", draw.name(HOSTS), draw.below(u32::MAX)),
        "DOMAIN_NAME" => format!("{}-{}.example", draw.name(HOSTS), draw.below(10_000)),
        "LOCATION" => format!("{}{}", draw.name(HOSTS).to_uppercase(), draw.name(PLACES)),
        _ => {
            let short = digest.first_chunk::<DIGEST_BYTES>()?;
            placeholder(entity, &hex::encode(short))
        }
    })
}

/// Whether a value is in the range of its entity's surrogates.
fn is_surrogate(entity: &str, value: &str) -> bool {
    let digits = || value.chars().filter(char::is_ascii_digit).collect::<String>();
    match entity {
        "EMAIL_ADDRESS" => value.strip_suffix(MAIL).is_some_and(|local| local.contains(".user")),
        "PERSON" => value.split_once(' ').is_some_and(|(first, rest)| {
            FIRST.contains(&first)
                && rest
                    .split_once(". ")
                    .is_some_and(|(initial, last)| initial.len() == 1 && LAST.contains(&last))
        }),
        "PHONE_NUMBER" => {
            let digits = digits();
            value.starts_with("+1 ") && digits.len() == 11 && digits.get(4..9) == Some("55501")
        }
        "CREDIT_CARD" => digits().starts_with(CARD) && luhn(&digits()),
        "US_SSN" => digits().starts_with("666"),
        "IP_ADDRESS" => NETS.iter().any(|net| value.starts_with(net)) || value.starts_with("2001:db8::"),
        "URL" => HOSTS.iter().any(|host| value.starts_with(&format!("https://{host}.example/"))),
        "DOMAIN_NAME" => value.strip_suffix(".example").is_some_and(|name| {
            name.split_once('-').is_some_and(|(host, number)| {
                HOSTS.contains(&host) && number.bytes().all(|byte| byte.is_ascii_digit())
            })
        }),
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
        ] {
            let stand_in = surrogate(entity, value, &keys).unwrap();
            assert_ne!(stand_in, value);
            assert_eq!(surrogate(entity, value, &keys).unwrap(), stand_in);
            assert_ne!(surrogate(entity, value, &other).unwrap(), stand_in, "{entity}");
            assert_eq!(surrogate(entity, &stand_in, &keys).unwrap(), stand_in, "{entity}");
        }
        let card = surrogate("CREDIT_CARD", "4111-1111-1111-1111", &keys).unwrap();
        assert!(luhn(&card.replace('-', "")) && card.starts_with("4000-0000-"));
        assert_eq!(surrogate("PERSON", "ana  LIMA", &keys), surrogate("PERSON", "Ana Lima", &keys));
        assert_eq!(surrogate("PERSON", "Ana Lima", &RedactionKeys::default()), None);
    }
}
