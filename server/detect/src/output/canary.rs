//! Canary tokens: marks put into a prompt that tell, when they come back, that the prompt leaked.
//!
//! No list of issued tokens is kept. A token carries when it ends and a tag of its session, under an HMAC by the tenant's
//! key; whoever has the key can tell it from a made-up one and find the session again by its tag. A token is lower-case
//! base32, so that it survives a change of case; a plain checksum tells its shape from words even without the key.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::coded::Seen;
use crate::{ByteSpan, Severity};

use super::{CANARY, CANARY_SHAPE};

/// Makes a token for a session, to be put into its prompt. `expiry` is in seconds since 1970.
///
/// The same arguments always give the same token.
#[must_use]
pub fn issue(key: &[u8], tenant: &str, session: &str, expiry: u64) -> String {
    let mut payload = [0_u8; PAYLOAD];
    let minutes = u32::try_from(expiry.div_ceil(60)).unwrap_or(u32::MAX);
    let parts = VERSION.iter().copied().chain(minutes.to_be_bytes()).chain(session_tag(key, tenant, session));
    for (place, byte) in payload.iter_mut().zip(parts) {
        *place = byte;
    }
    let mac = mac(key, &[b"canary", tenant.as_bytes(), payload.get(..SIGNED).unwrap_or_default()]);
    for (place, byte) in payload.iter_mut().skip(SIGNED).zip(mac.iter().take(MAC)) {
        *place = *byte;
    }
    let checksum = crc32fast::hash(payload.get(..PAYLOAD - CHECKSUM).unwrap_or_default()).to_be_bytes();
    for (place, byte) in payload.iter_mut().skip(PAYLOAD - CHECKSUM).zip(checksum) {
        *place = byte;
    }
    format!("{PREFIX}{}", base32(&payload))
}

/// Returns the tag that tokens of a session carry, to look up which session leaked.
#[must_use]
pub fn session_tag(key: &[u8], tenant: &str, session: &str) -> [u8; TAG] {
    let mut tag = [0; TAG];
    let digest = mac(key, &[b"session", tenant.as_bytes(), session.as_bytes()]);
    for (place, byte) in tag.iter_mut().zip(digest.iter()) {
        *place = *byte;
    }
    tag
}

/// The keys under which a tenant's tokens were issued: the current one, and those before it. Wiped when dropped, and
/// never shown.
#[derive(Clone)]
pub struct CanaryKeys {
    tenant: Arc<str>,
    keys: Arc<[Zeroizing<Vec<u8>>]>,
}

/// What a token turned out to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CanaryState {
    /// Issued under one of the tenant's keys, and in force.
    Valid,
    /// Issued under one of the tenant's keys, and past its end.
    Expired,
    /// Of a valid shape, and not ours: another tenant's, of a lost key, or a forgery.
    Foreign,
}

impl CanaryKeys {
    /// Takes the keys of a tenant.
    #[must_use]
    pub fn new(tenant: &str, keys: Vec<Zeroizing<Vec<u8>>>) -> Self {
        Self { tenant: tenant.into(), keys: keys.into() }
    }

    /// Judges a token at a time, in seconds since 1970; `None` when it is no token.
    #[must_use]
    pub fn verify(&self, token: &str, now: u64) -> Option<CanaryState> {
        let payload = parse(token)?;
        let signed = payload.get(..SIGNED)?;
        let given = payload.get(SIGNED..SIGNED + MAC)?;
        let ours = self.keys.iter().any(|key| {
            keyed(key, &[b"canary", self.tenant.as_bytes(), signed]).verify_truncated_left(given).is_ok()
        });
        let minutes = payload.get(1..5)?.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        Some(match ours {
            true if now / 60 < minutes => CanaryState::Valid,
            true => CanaryState::Expired,
            false => CanaryState::Foreign,
        })
    }
}

impl fmt::Debug for CanaryKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CanaryKeys").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

/// Finds tokens in any text: in any case, with blanks or dots between their letters, and written backwards.
pub(super) fn find(text: &str, keys: Option<&CanaryKeys>, found: &mut Vec<Seen>) {
    // The digit is the rarest byte of the prefix.
    for digit in memchr::memchr_iter(b'1', text.as_bytes()) {
        let Some((token, span)) = token_at(text, digit) else { continue };
        let state = match keys {
            Some(keys) => keys.verify(&token, now()),
            None => parse(&token).map(|_| CanaryState::Foreign),
        };
        let Some(state) = state else { continue };
        found.push(match state {
            CanaryState::Valid => CANARY.at(span),
            CanaryState::Expired => Seen { severity: Severity::Medium, ..CANARY.scored(span, 0.8) },
            CanaryState::Foreign => CANARY_SHAPE.at(span),
        });
        if found.len() >= MOST {
            return;
        }
    }
}

/// Returns what may be a token whose prefix has its digit at this place, put together, and where it stands.
fn token_at(text: &str, digit: usize) -> Option<(String, ByteSpan)> {
    read(text.as_bytes(), digit, false).or_else(|| read(text.as_bytes(), digit, true))
}

/// Reads a token from its digit on, to the left where it is written backwards.
fn read(bytes: &[u8], digit: usize, backwards: bool) -> Option<(String, ByteSpan)> {
    let mut head = digit;
    for letter in *b"csl" {
        head = neighbour(bytes, head, backwards)?;
        bytes.get(head).filter(|byte| byte.eq_ignore_ascii_case(&letter))?;
    }
    let mut token = String::from("lsc1");
    let mut tail = digit;
    while token.len() < TOKEN {
        tail = neighbour(bytes, tail, !backwards)?;
        let byte = *bytes.get(tail)?;
        if token.len() < PREFIX.len() && byte != b'-' {
            return None;
        }
        token.push(char::from(byte));
    }
    Some((token, ByteSpan { start: head.min(tail), end: head.max(tail) + 1 }))
}

/// The next place on one side that may be part of a token, past a few bytes that set letters apart.
fn neighbour(bytes: &[u8], at: usize, right: bool) -> Option<usize> {
    let mut at = at;
    for _ in 0..=MOST_BETWEEN {
        at = if right { at.checked_add(1)? } else { at.checked_sub(1)? };
        match bytes.get(at)? {
            b' ' | b'\t' | b'\n' | b'\r' | b'.' | b',' | b'_' | b'*' | b'|' | b'/' | b'+' => {}
            byte if byte.is_ascii_alphanumeric() || *byte == b'-' => return Some(at),
            _ => return None,
        }
    }
    None
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Reads a token whose version and checksum are right.
fn parse(token: &str) -> Option<[u8; PAYLOAD]> {
    let (prefix, digits) = token.split_at_checked(PREFIX.len())?;
    if !prefix.eq_ignore_ascii_case(PREFIX) || digits.len() != TOKEN - PREFIX.len() {
        return None;
    }
    let mut payload = [0_u8; PAYLOAD];
    for (place, group) in payload.chunks_exact_mut(5).zip(digits.as_bytes().chunks_exact(8)) {
        let mut bits = 0_u64;
        for byte in group {
            let digit = match byte.to_ascii_lowercase() {
                letter @ b'a'..=b'z' => letter - b'a',
                digit @ b'2'..=b'7' => digit - b'2' + 26,
                _ => return None,
            };
            bits = (bits << 5) | u64::from(digit);
        }
        for (out, byte) in place.iter_mut().zip(bits.to_be_bytes().into_iter().skip(3)) {
            *out = byte;
        }
    }
    let (body, checksum) = payload.split_at_checked(PAYLOAD - CHECKSUM)?;
    (payload.first() == VERSION.first() && crc32fast::hash(body).to_be_bytes() == *checksum)
        .then_some(payload)
}

fn base32(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for group in bytes.chunks(5) {
        let bits = group.iter().fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
        for digit in (0..8).rev() {
            let index = u8::try_from((bits >> (5 * digit)) & 31).unwrap_or(0);
            out.push(char::from(if index < 26 { b'a' + index } else { b'2' + index - 26 }));
        }
    }
    out
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(keyed(key, parts).finalize().into_bytes().to_vec())
}

/// Every part goes in with its length, so that no two lists of parts read the same.
#[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
fn keyed(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length will do");
    mac.update(b"llm-shield canary 1");
    for part in parts {
        mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(part);
    }
    mac
}

const PREFIX: &str = "lsc1-";
const VERSION: [u8; 1] = [1];
/// Bytes of a session's tag.
pub const TAG: usize = 6;
/// Bytes under the MAC: version, end, tag.
const SIGNED: usize = 1 + 4 + TAG;
const MAC: usize = 10;
const CHECKSUM: usize = 4;
const PAYLOAD: usize = SIGNED + MAC + CHECKSUM;
const TOKEN: usize = PREFIX.len() + PAYLOAD / 5 * 8;
const MOST: usize = 64;
/// Bytes that may stand between two letters of a token.
const MOST_BETWEEN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"a key of this test";

    fn keys(tenant: &str, keys: &[&[u8]]) -> CanaryKeys {
        CanaryKeys::new(tenant, keys.iter().map(|key| Zeroizing::new(key.to_vec())).collect())
    }

    #[test]
    fn states() {
        let token = issue(KEY, "acme", "s-1", 6000);
        assert_eq!(token.len(), TOKEN);
        let ours = keys("acme", &[b"new", KEY]);
        assert_eq!(ours.verify(&token, 5000), Some(CanaryState::Valid));
        assert_eq!(ours.verify(&token.to_uppercase(), 5000), Some(CanaryState::Valid));
        assert_eq!(ours.verify(&token, 6000), Some(CanaryState::Expired));
        assert_eq!(keys("other", &[KEY]).verify(&token, 0), Some(CanaryState::Foreign));
        assert_eq!(keys("acme", &[b"new"]).verify(&token, 0), Some(CanaryState::Foreign));
        assert_ne!(token, issue(KEY, "acme", "s-2", 6000));
    }

    #[test]
    fn not_tokens() {
        let token = issue(KEY, "acme", "s-1", 6000);
        let ours = keys("acme", &[KEY]);
        let mut changed = token.clone().into_bytes();
        changed[20] = if changed[20] == b'a' { b'b' } else { b'a' };
        assert_eq!(ours.verify(&String::from_utf8(changed).unwrap(), 0), None);
        assert_eq!(ours.verify(token.get(..40).unwrap(), 0), None);
        assert_eq!(ours.verify("", 0), None);
    }

    #[test]
    fn within_text() {
        let token = issue(KEY, "acme", "s-1", u64::MAX);
        let text = format!("1 é lsc1- {} and lsc1-xyz", token.to_uppercase());
        let mut found = Vec::new();
        find(&text, Some(&keys("acme", &[KEY])), &mut found);
        assert_eq!(found.len(), 1);
        assert!(found[0].score > 0.9);
        assert_eq!(text.get(found[0].span.range()), Some(&*token.to_uppercase()));
        found.clear();
        find(&text, None, &mut found);
        assert!((found[0].score - 0.5).abs() < 1e-9);
    }

    #[test]
    fn apart_and_backwards() {
        let token = issue(KEY, "acme", "s-1", u64::MAX);
        let backwards: String = token.chars().rev().collect();
        let apart =
            |mark: &str| token.split("").filter(|part| !part.is_empty()).collect::<Vec<_>>().join(mark);
        for hidden in [backwards.clone(), apart(" "), apart(". "), apart("\n"), backwards.replace('1', "1 ")]
        {
            let text = format!("1 é it is {hidden}, 1 and lsc1-abc");
            let mut found = Vec::new();
            find(&text, Some(&keys("acme", &[KEY])), &mut found);
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(text.get(found[0].span.range()), Some(&*hidden));
        }
        for text in ["l s c 1 - a b c", "1csl", "ls c1 of the list -1csl", &apart("      ")] {
            let mut found = Vec::new();
            find(text, Some(&keys("acme", &[KEY])), &mut found);
            assert!(found.is_empty(), "{text}");
        }
    }

    #[test]
    fn keys_are_not_shown() {
        assert!(!format!("{:?}", keys("acme", &[KEY])).contains("test"));
    }

    proptest::proptest! {
        #[test]
        fn any_text(text in "(\\PC|lsc1-|1){0,60}") {
            find(&text, None, &mut Vec::new());
        }

        #[test]
        fn any_token(session in "\\PC{0,20}", expiry: u64) {
            let token = issue(KEY, "t", &session, expiry);
            proptest::prop_assert!(keys("t", &[KEY]).verify(&token, 0).is_some_and(|state| state != CanaryState::Foreign));
        }
    }
}
