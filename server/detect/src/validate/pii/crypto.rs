//! Addresses of cryptocurrencies: base58check and bech32.

use sha2::{Digest as _, Sha256};

/// A base58check address (Bitcoin, Litecoin, Dogecoin, Tron …): the last four bytes are a double SHA-256.
pub(super) fn base58check(text: &str) -> bool {
    const ALPHABET: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    checked(text, ALPHABET)
}

/// A Ripple address: base58check in another order of the alphabet.
pub(super) fn ripple(text: &str) -> bool {
    const ALPHABET: &[u8] = b"rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz";
    checked(text, ALPHABET)
}

fn checked(text: &str, alphabet: &[u8]) -> bool {
    // Version byte, 20 bytes of hash, 4 bytes of checksum.
    let mut number = [0_u8; 25];
    for byte in text.bytes() {
        let Some(digit) = alphabet.iter().position(|&symbol| symbol == byte) else { return false };
        let mut carry = u32::try_from(digit).unwrap_or_default();
        for slot in number.iter_mut().rev() {
            let [.., low] = {
                carry += u32::from(*slot) * 58;
                carry.to_be_bytes()
            };
            *slot = low;
            carry >>= 8;
        }
        if carry != 0 {
            return false;
        }
    }
    let Some((payload, sum)) = number.split_last_chunk::<4>() else { return false };
    let hash = Sha256::digest(Sha256::digest(payload));
    hash.starts_with(sum)
}

/// A bech32 or bech32m address (BIP 173, BIP 350), in one case.
pub(super) fn bech32(text: &str) -> bool {
    const ALPHABET: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const BECH32: u32 = 1;
    const BECH32M: u32 = 0x2bc8_30a3;
    if text.bytes().any(|b| b.is_ascii_lowercase()) && text.bytes().any(|b| b.is_ascii_uppercase()) {
        return false;
    }
    let lower = text.to_ascii_lowercase();
    let Some((prefix, data)) = lower.rsplit_once('1') else { return false };
    let high = prefix.bytes().map(|byte| u32::from(byte >> 5));
    let low = prefix.bytes().map(|byte| u32::from(byte & 31));
    let mut sum = high.chain([0]).chain(low).fold(1, polymod);
    for byte in data.bytes() {
        let Some(value) = ALPHABET.iter().position(|&symbol| symbol == byte) else { return false };
        sum = polymod(sum, u32::try_from(value).unwrap_or_default());
    }
    data.len() >= 6 && matches!(sum, BECH32 | BECH32M)
}

fn polymod(sum: u32, value: u32) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let top = sum >> 25;
    let sum = ((sum & 0x01ff_ffff) << 5) ^ value;
    GENERATOR
        .iter()
        .enumerate()
        .filter(|(bit, _)| (top >> bit) & 1 == 1)
        .fold(sum, |sum, (_, term)| sum ^ term)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn genesis_and_bip_samples() {
        assert!(base58check("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"));
        assert!(!base58check("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"));
        assert!(ripple("rrrrrrrrrrrrrrrrrrrrrhoLvTp"));
        assert!(bech32("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4"));
        assert!(bech32("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"));
        assert!(!bech32("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5"));
    }
}
