//! Checks of a secret's own structure, without asking anyone.
//!
//! A validator sees the span alone and answers whether it can be what the rule takes it for: a checksum that agrees, a
//! header that decodes, a value that no person or program would write as a placeholder. None calls a provider: whether a
//! key still works is not for a checkpoint to try.

mod shape;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::Validator;

/// Returns the validator of that name.
pub(super) fn by_name(name: &str) -> Option<Validator> {
    Some(match name {
        "aws-key-id" => is_aws_key_id,
        "aws-secret-key" => is_aws_secret_key,
        "base64-credentials" => is_base64_credentials,
        "base64-private-key" => is_base64_private_key,
        "base64-text" => is_base64,
        "der-private-key" => is_der_private_key,
        "github-crc32" => has_github_checksum,
        "jwt" => is_jwt,
        "letter-digit-mix" => shape::is_opaque,
        "mnemonic" => shape::is_mnemonic,
        "mixed-case" => shape::has_mixed_case,
        "mixed-case-digits" => |text| shape::has_mixed_case(text) && shape::is_opaque(text),
        "passphrase" => shape::is_passphrase,
        "password-assigned" => shape::is_assigned_password,
        "password-strict" => shape::is_strict_password,
        "sql-password" => shape::is_sql_password,
        "secret-value" => |text| shape::is_secret_value(text) && !is_checksummed_elsewhere(text),
        "url-password" => shape::is_url_password,
        _ => return None,
    })
}

/// Checks the CRC-32 that GitHub and npm tokens carry in their last six characters, in base 62.
fn has_github_checksum(token: &str) -> bool {
    let Some((_, body)) = token.rsplit_once('_') else { return false };
    let Some((random, checksum)) = body.len().checked_sub(6).and_then(|at| body.split_at_checked(at)) else {
        return false;
    };
    let mut rest = crc32fast::hash(random.as_bytes());
    checksum.bytes().rev().all(|byte| {
        let digit = rest % 62;
        rest /= 62;
        base62_value(byte) == Some(digit)
    }) && rest == 0
}

/// Leaves GitHub and npm tokens to their own rules: a generic rule would undo the lower tier of a wrong checksum.
fn is_checksummed_elsewhere(text: &str) -> bool {
    ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "npm_"].iter().any(|prefix| {
        text.strip_prefix(prefix)
            .is_some_and(|body| body.len() == 36 && body.bytes().all(|b| b.is_ascii_alphanumeric()))
    })
}

fn base62_value(byte: u8) -> Option<u32> {
    match byte {
        b'0'..=b'9' => Some(u32::from(byte - b'0')),
        b'A'..=b'Z' => Some(u32::from(byte - b'A') + 10),
        b'a'..=b'z' => Some(u32::from(byte - b'a') + 36),
        _ => None,
    }
}

/// Checks that an AWS key id is base 32, and that the account number inside has twelve digits at most.
fn is_aws_key_id(id: &str) -> bool {
    let Some((_, body)) = id.split_at_checked(4) else { return false };
    let mut bits: u128 = 0;
    for byte in body.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'2'..=b'7' => byte - b'2' + 26,
            _ => return false,
        };
        bits = (bits << 5) | u128::from(value);
    }
    // Sixteen characters are 80 bits; the account is the 40 bits after the first.
    body.len() == 16 && (bits >> 39) & 0xff_ffff_ffff <= 999_999_999_999
}

/// Tells a secret access key from a path, a digest and a row of words of the same length.
fn is_aws_secret_key(key: &str) -> bool {
    let is_digest = key.bytes().all(|b| b.is_ascii_hexdigit());
    let slashes = key.bytes().filter(|b| *b == b'/').count();
    !is_digest && slashes <= 5 && shape::is_opaque(key) && shape::has_mixed_case(key)
}

/// Checks that the first part of a token is a JSON header as JOSE has it.
fn is_jwt(token: &str) -> bool {
    let Some(header) = token.split('.').next().and_then(decode) else { return false };
    let Ok(header) = std::str::from_utf8(&header) else { return false };
    let header = header.trim();
    header.starts_with('{')
        && header.ends_with('}')
        && ["\"alg\"", "\"typ\"", "\"kid\"", "\"enc\""].iter().any(|key| header.contains(key))
}

/// Checks that `user:password` lies under the base64 of a Basic authorization.
fn is_base64_credentials(text: &str) -> bool {
    decode(text).is_some_and(|bytes| {
        let colon = bytes.iter().position(|b| *b == b':');
        colon.is_some_and(|at| at + 1 < bytes.len())
            && std::str::from_utf8(&bytes).is_ok_and(|text| !text.chars().any(char::is_control))
    })
}

/// Checks that a PEM private key, and not a certificate, lies under the base64.
fn is_base64_private_key(text: &str) -> bool {
    // The label stands in the first line: what follows need not be whole.
    let start: String = text.chars().filter(|c| !c.is_whitespace()).take(64).collect();
    decode(&start).is_some_and(|bytes| bytes.windows(11).any(|window| window == b"PRIVATE KEY"))
}

/// Checks that the text decodes at all: words and references do not, by their length or their signs.
fn is_base64(text: &str) -> bool {
    text.len().is_multiple_of(4) && decode(text).is_some()
}

/// Checks that an RSA or PKCS#8 private key lies under the base64: a sequence that begins with a small version number.
fn is_der_private_key(text: &str) -> bool {
    let start: String = text.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
    decode(&start).is_some_and(|bytes| {
        // 30 82 len len 02 01 00 (long form), 30 81 len 02 01 00, or with the version 1 of an EC key.
        let ([0x30, 0x82, _, _, body @ ..] | [0x30, 0x81, _, body @ ..] | [0x30, _, body @ ..]) =
            bytes.as_slice()
        else {
            return false;
        };
        matches!(body, [0x02, 0x01, 0x00 | 0x01, 0x02 | 0x04 | 0x30, ..])
    })
}

/// Decodes base64 of either alphabet, padded or not.
fn decode(text: &str) -> Option<Vec<u8>> {
    let standard: String = text
        .chars()
        .map(|c| {
            if c == '-' {
                '+'
            } else if c == '_' {
                '/'
            } else {
                c
            }
        })
        .collect();
    LENIENT.decode(standard).ok()
}

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn github_checksum_agrees_or_not() {
        // The token of GitHub's own article about the format.
        let token = format!("ghp_{}{}", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ", "0mLq17");
        assert!(has_github_checksum(&token));
        assert!(!has_github_checksum(&token.replace("0mLq17", "0mLq18")));
        assert!(!has_github_checksum(&token.replace("zQW", "zQX")));
        assert!(
            !has_github_checksum("ghp_") && !has_github_checksum("") && !has_github_checksum("ghp_äöüäöü")
        );
    }

    #[test]
    fn aws_key_id_holds_an_account() {
        assert!(is_aws_key_id(&format!("AKIA{}", "Y7GJ5WQ2N3XK4LMP".replace('Y', "A"))));
        assert!(!is_aws_key_id(&format!("AKIA{}", "7".repeat(16))), "account above twelve digits");
        assert!(!is_aws_key_id("AKIA1890189018901890"), "not base 32");
        assert!(!is_aws_key_id("AKIA") && !is_aws_key_id("äöü"));
    }

    #[test]
    fn aws_secret_key_is_no_digest_and_no_path() {
        assert!(is_aws_secret_key(&"kT7/q9Xw+Lz3VbN5mR8c".repeat(2)));
        assert!(!is_aws_secret_key(&"7ff06cc2122b6d6a9a2b".repeat(2)));
        assert!(!is_aws_secret_key("home/user/projects/app/src/main/java/com"));
    }

    #[test]
    fn jwt_header_parses() {
        assert!(is_jwt("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.x"));
        assert!(!is_jwt("eyJAAAA.eyJBBB.x"));
        assert!(!is_jwt("") && !is_jwt("äöü.x.y"));
    }

    #[test]
    fn basic_credentials_have_a_colon() {
        assert!(is_base64_credentials("dXNlcjpwYXNz"));
        assert!(!is_base64_credentials("aGVsbG8gd29ybGQ=") && !is_base64_credentials("Operations"));
    }

    #[test]
    fn encoded_private_key_is_no_certificate() {
        let encode = |text: &str| LENIENT.encode(text);
        assert!(is_base64_private_key(&encode("-----BEGIN RSA PRIVATE KEY-----\nMIIEow")));
        assert!(!is_base64_private_key(&encode("-----BEGIN CERTIFICATE-----\nMIIEow")));
    }
}
