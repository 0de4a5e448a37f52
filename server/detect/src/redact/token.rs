//! Reversible tokens: `[[LS1:ENTITY:…]]`, or `[[LS1:ENTITY/purpose:…]]`.
//!
//! AES-256-SIV (RFC 5297) under a key of tenant and purpose, with everything before the body as associated data. It is
//! deterministic: equal values of one entity give equal tokens within a tenant and purpose, and nowhere else. A token
//! moved to another entity, tenant or purpose, or changed in a letter, does not open.
//!
//! The decision to argue with: the body is not base64 but sixteen letters, `a` for 0 to `p` for 15. It is a half longer,
//! and a scanner may skip it without giving anybody a place to hide a key.

use aes_siv::KeyInit as _;
use aes_siv::siv::Aes256Siv;
use zeroize::Zeroizing;

use super::RedactionKeys;
use super::placeholder::{TOKEN_CLOSES, TOKEN_OPENS};

/// Makes the token of a value; none without a key, or when the value is too long for one.
pub(super) fn seal(entity: &str, purpose: Option<&str>, value: &str, keys: &RedactionKeys) -> Option<String> {
    if value.len() > MAX_VALUE {
        return None;
    }
    let header = purpose.map_or_else(|| entity.to_owned(), |purpose| format!("{entity}/{purpose}"));
    let sealed = cipher(&header, keys)?.encrypt([header.as_bytes()], value.as_bytes()).ok()?;
    let mut token = String::with_capacity(TOKEN_OPENS.len() + header.len() + 3 + 2 * sealed.len());
    token.push_str(TOKEN_OPENS);
    token.push_str(&header);
    token.push(':');
    for byte in sealed {
        token.push(char::from(b'a' + (byte >> 4)));
        token.push(char::from(b'a' + (byte & 15)));
    }
    token.push_str(TOKEN_CLOSES);
    Some(token)
}

/// Opens what [`seal`] made.
pub(super) fn open(header: &str, body: &str, keys: &RedactionKeys) -> Option<Zeroizing<String>> {
    let mut sealed = Vec::with_capacity(body.len() / 2);
    for pair in body.as_bytes().chunks(2) {
        let [high, low] = pair else { return None };
        sealed.push((high.checked_sub(b'a')? << 4) | low.checked_sub(b'a')?);
    }
    let value = cipher(header, keys)?.decrypt([header.as_bytes()], &sealed).ok()?;
    String::from_utf8(value).ok().map(Zeroizing::new)
}

fn cipher(header: &str, keys: &RedactionKeys) -> Option<Aes256Siv> {
    let purpose = header.split_once('/').map_or("", |(_, purpose)| purpose);
    let key = keys.derive::<64>(&format!("token/{purpose}"))?;
    Aes256Siv::new_from_slice(key.as_slice()).ok()
}

/// Longer values get a placeholder that cannot be undone.
const MAX_VALUE: usize = 8 << 10;
