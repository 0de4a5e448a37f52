//! Which addresses are written down: private ones, whatever they are for.

use std::net::IpAddr;

use hcl::Body;

use super::{
    Problems, texts,
    tree::{self, Module},
};

/// Values for an environment that hold public addresses, with the reason.
const PUBLIC_VALUES: [(&str, &str); 1] =
    [("s3_prefix_list", "S3's own, which answers come from through its gateway endpoint")];

/// Refuses public blocks of addresses in what a module makes or calls, in local values and in variables' defaults.
pub(super) fn check(module: &Module) -> Problems {
    let mut problems = Problems::default();
    for block in module.blocks.iter().filter(|block| ["resource", "module"].contains(&block.identifier())) {
        refuse(&texts::of_body(module, block.body()), &tree::address(block), &mut problems);
    }
    problems
}

/// Refuses them in the values for an environment.
pub(super) fn check_values(root: &Module, file: &str, values: &Body) -> Problems {
    let mut problems = Problems::default();
    for value in values.attributes() {
        if !PUBLIC_VALUES.iter().any(|(name, _)| *name == value.key()) {
            refuse(&texts::of(root, value.expr()), &format!("{file} {}", value.key()), &mut problems);
        }
    }
    problems
}

fn refuse(texts: &[String], address: &str, problems: &mut Problems) {
    for text in texts {
        let words = text.split(|c: char| c.is_whitespace() || ",;\"'()[]".contains(c));
        for word in words.filter(|word| is_public(word)) {
            problems.add(address, &format!("it opens to public addresses: {word}"));
        }
    }
}

/// Whether a word is a block that holds an address outside of the private ones.
fn is_public(word: &str) -> bool {
    let Some((address, bits)) = word.split_once('/') else { return false };
    let bits: u8 = match bits.parse() {
        Ok(bits) => bits,
        Err(_) if bits.contains(texts::FILLED) => 0,
        Err(_) => return false,
    };
    match address.parse() {
        Ok(IpAddr::V4(address)) => {
            let within = |network: u32, length: u8| {
                bits >= length && (u32::from(address) ^ network) >> (32 - u32::from(length)) == 0
            };
            !(within(0x0a00_0000, 8) || within(0xac10_0000, 12) || within(0xc0a8_0000, 16))
        }
        Ok(IpAddr::V6(address)) => !(bits >= 7 && address.is_unique_local()),
        Err(_) => false,
    }
}
