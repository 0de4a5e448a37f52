//! Hosts that want to be taken for others.

use unicode_security::confusable_detection::skeleton;

/// How a host deceives, worst first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Deceit {
    /// It reads as a well-known name and is another.
    Imitation,
    /// A well-known name stands where it does not decide.
    Subdomain,
    /// Letters of several scripts in one label.
    MixedScript,
    /// An encoded label, as every name outside ASCII has.
    Punycode,
}

/// Judges a host, in lower case.
pub(super) fn deceit(host: &str) -> Option<Deceit> {
    let labels: Vec<&str> = host.split('.').take(MOST_LABELS).collect();
    let registrable = labels.iter().rev().nth(1).copied().unwrap_or_default();
    let second_level = labels.iter().rev().nth(2).copied().unwrap_or_default();
    // In `name.co.uk` it is the third label from the end that somebody chose.
    let owner = if matches!(registrable, "co" | "com" | "org" | "net" | "ac" | "gov" | "edu") {
        second_level
    } else {
        registrable
    };
    let mut found = None;
    for label in &labels {
        let decoded = label.strip_prefix("xn--").and_then(punycode);
        let shown = decoded.as_deref().unwrap_or(label);
        if !shown.is_ascii() {
            let skeleton: String = skeleton(shown).collect();
            // The prototypes of `m` and `w` are two letters.
            let read = skeleton.replace("rn", "m").to_lowercase();
            if BRANDS.iter().any(|brand| {
                contains_brand(&read, brand) || contains_brand(&skeleton, &brand.replace('m', "rn"))
            }) {
                return Some(Deceit::Imitation);
            }
            if mixes_scripts(shown) {
                found = Some(Deceit::MixedScript);
            } else if label.starts_with("xn--") {
                found = found.or(Some(Deceit::Punycode));
            }
        } else if !BRANDS.contains(label) && imitates(label) {
            return Some(Deceit::Imitation);
        }
    }
    let chosen = labels.len().saturating_sub(if owner == registrable { 2 } else { 3 });
    let borrowed = labels.iter().take(chosen).any(|label| BRANDS.contains(label));
    // `paypal.com.example.net`: the name together with its ending, in front of another owner.
    let with_ending = labels
        .windows(2)
        .take(chosen.saturating_sub(1))
        .any(|pair| matches!(pair, [name, "com" | "org" | "net" | "co"] if BRANDS.contains(name)));
    if with_ending || (borrowed && !BRANDS.contains(&owner) && owner.contains('-')) {
        return Some(Deceit::Subdomain);
    }
    found
}

/// Whether a label is a well-known name written with other signs, alone or with a lure beside it.
fn imitates(label: &str) -> bool {
    if !label.bytes().any(|byte| byte.is_ascii_digit()) && !label.contains("rn") && !label.contains("vv") {
        return false;
    }
    let digits: String = label
        .chars()
        .map(|character| match character {
            '0' => 'o',
            '1' => 'l',
            '3' => 'e',
            '4' => 'a',
            '5' => 's',
            other => other,
        })
        .collect();
    let read = digits.replace("rn", "m").replace("vv", "w");
    read != label
        && label.len() <= 40
        && BRANDS.iter().any(|brand| contains_brand(&read, brand) && !contains_brand(label, brand))
}

/// Whether one part of a label, as hyphens divide it, is the brand.
fn contains_brand(label: &str, brand: &str) -> bool {
    label.split('-').any(|part| part == brand)
}

fn mixes_scripts(label: &str) -> bool {
    let script = |character: char| match u32::from(character) {
        0x61..=0x7A | 0xC0..=0x24F => 1,
        0x370..=0x3FF => 2,
        0x400..=0x52F => 3,
        _ => 0,
    };
    let mut scripts = label.chars().map(script).filter(|script| *script > 0);
    let first = scripts.next();
    scripts.any(|script| Some(script) != first)
}

/// Decodes the part of a label after `xn--` (RFC 3492).
pub(crate) fn punycode(encoded: &str) -> Option<String> {
    let (basic, extended) = encoded.rsplit_once('-').unwrap_or(("", encoded));
    if encoded.len() > 59 || !encoded.is_ascii() {
        return None;
    }
    let mut output: Vec<char> = basic.chars().collect();
    let (mut code, mut index, mut bias) = (128_u32, 0_u32, 72_u32);
    let mut digits = extended.bytes().peekable();
    let mut first = true;
    while digits.peek().is_some() {
        let (before, mut weight, mut k) = (index, 1_u32, 36_u32);
        loop {
            let digit = match digits.next()?.to_ascii_lowercase() {
                letter @ b'a'..=b'z' => u32::from(letter - b'a'),
                digit @ b'0'..=b'9' => u32::from(digit - b'0') + 26,
                _ => return None,
            };
            index = index.checked_add(digit.checked_mul(weight)?)?;
            let threshold = k.saturating_sub(bias).clamp(1, 26);
            if digit < threshold {
                break;
            }
            weight = weight.checked_mul(36 - threshold)?;
            k += 36;
        }
        let length = u32::try_from(output.len()).ok()? + 1;
        let mut delta = (index - before) / if first { 700 } else { 2 };
        delta += delta / length;
        let mut steps = 0;
        while delta > 455 {
            delta /= 35;
            steps += 36;
        }
        bias = steps + 36 * delta / (delta + 38);
        first = false;
        code = code.checked_add(index / length)?;
        index %= length;
        output.insert(usize::try_from(index).ok()?, char::from_u32(code)?);
        index += 1;
    }
    Some(output.into_iter().collect())
}

/// Names that are imitated most, as they stand before the ending.
static BRANDS: &[&str] = &[
    "adobe",
    "airbnb",
    "amazon",
    "americanexpress",
    "apple",
    "bankofamerica",
    "binance",
    "blockchain",
    "booking",
    "chase",
    "citibank",
    "coinbase",
    "dhl",
    "discord",
    "docusign",
    "dropbox",
    "ebay",
    "facebook",
    "fedex",
    "github",
    "gmail",
    "google",
    "hsbc",
    "icloud",
    "instagram",
    "kraken",
    "linkedin",
    "mastercard",
    "metamask",
    "microsoft",
    "netflix",
    "office365",
    "openai",
    "outlook",
    "paypal",
    "roblox",
    "salesforce",
    "santander",
    "slack",
    "spotify",
    "steamcommunity",
    "telegram",
    "tiktok",
    "twitter",
    "usps",
    "visa",
    "wellsfargo",
    "whatsapp",
    "yahoo",
    "youtube",
    "zoom",
];

const MOST_LABELS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes() {
        assert_eq!(punycode("mnchen-3ya").as_deref(), Some("münchen"));
        assert_eq!(punycode("80ak6aa92e").as_deref(), Some("аррӏе"));
        assert_eq!(punycode("99999999999"), None);
        assert_eq!(punycode("é"), None);
    }

    #[test]
    fn deceits() {
        for (host, expected) in [
            ("xn--80ak6aa92e.com", Some(Deceit::Imitation)),
            ("аррӏе.com", Some(Deceit::Imitation)),
            ("paypa1.com", Some(Deceit::Imitation)),
            ("rnicrosoft.com", Some(Deceit::Imitation)),
            ("g00gle-login.net", Some(Deceit::Imitation)),
            ("paypal.com.account-check.xyz", Some(Deceit::Subdomain)),
            ("xn--mnchen-3ya.de", Some(Deceit::Punycode)),
            ("paypal.com", None),
            ("www.paypal.co.uk", None),
            ("accounts.google.com", None),
            ("google.github.io", None),
            ("learn.microsoft.com", None),
            ("s3.amazonaws.com", None),
            ("office365.com", None),
            ("modern.dev", None),
            ("", None),
        ] {
            assert_eq!(deceit(host), expected, "{host}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_host(host in "(xn--)?[\\PC]{0,30}") {
            deceit(&host);
        }

        #[test]
        fn any_punycode(text in "[a-z0-9-]{0,59}") {
            punycode(&text);
        }
    }
}
