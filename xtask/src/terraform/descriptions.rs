//! Descriptions that AWS takes only of some characters, which it says no sooner than when it makes the thing.

use hcl::Body;

use super::{
    Problems, texts,
    tree::{self, Module},
};

/// Checks the descriptions of a module's firewall and security groups, as far as they are known before it runs.
pub(super) fn check(module: &Module) -> Problems {
    let mut problems = Problems::default();
    for resource in module.of_kind("resource") {
        let of_type = tree::label(resource, 0).unwrap_or_default();
        let taken: fn(&str) -> bool = if of_type.starts_with("aws_wafv2_") {
            is_of_waf
        } else if of_type.contains("security_group") {
            is_of_security_group
        } else {
            continue;
        };
        described(module, resource.body(), taken, &tree::address(resource), &mut problems);
    }
    problems
}

fn described(module: &Module, body: &Body, taken: fn(&str) -> bool, address: &str, problems: &mut Problems) {
    let description = tree::attribute(body, "description").into_iter();
    for text in description.flat_map(|description| texts::whole(module, description)) {
        if !taken(&text.replace(texts::FILLED, "x")) {
            problems.add(address, &format!("AWS refuses this description: {text}"));
        }
    }
    for block in body.blocks() {
        described(module, block.body(), taken, address, problems);
    }
}

/// `^[\w+=:#@/\-,\.][\w+=:#@/\-,\.\s]+[\w+=:#@/\-,\.]$`, up to 256.
fn is_of_waf(text: &str) -> bool {
    let taken = |c: char| c.is_ascii_alphanumeric() || "_+=:#@/-,.".contains(c);
    let ends = [text.chars().next(), text.chars().last()];
    (3..=256).contains(&text.chars().count())
        && ends.into_iter().flatten().all(taken)
        && text.chars().all(|c| taken(c) || c.is_ascii_whitespace())
}

/// `^[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]*$`, up to 255.
fn is_of_security_group(text: &str) -> bool {
    text.len() <= 255
        && text.chars().all(|c| c.is_ascii_alphanumeric() || ". _-:/()#,@[]+=&;{}!$*".contains(c))
}
