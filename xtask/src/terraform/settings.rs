//! The settings that the task definition gives the service have to be settings that the service has.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context as _, Result};
use hcl::{Body, Expression, expr::ObjectKey};

use super::{
    Problems,
    tree::{self, Module},
};

/// The list of all keys. The server refuses one that it does not know, and a test holds the list to the server.
const DOCUMENT: &str = "docs/configuration.md";
const PREFIX: &str = "LLM_SHIELD__";

/// Checks every `LLM_SHIELD__…` that is set anywhere against the list of keys.
pub(super) fn check(root: &Path, modules: &[Module]) -> Result<Problems> {
    let text = fs::read_to_string(root.join(DOCUMENT)).with_context(|| format!("cannot read {DOCUMENT}"))?;
    let known: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(key, _)| format!("{PREFIX}{}", key.to_uppercase().replace('.', "__")))
        .collect();
    let mut problems = Problems::default();
    let mut named = BTreeSet::new();
    for module in modules {
        for block in &module.blocks {
            collect(block.body(), &mut named);
        }
    }
    for path in tree::files(&root.join(super::DIRECTORY).join("environments"), ".tfvars")? {
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        collect(&hcl::parse(&text).with_context(|| format!("cannot parse {}", path.display()))?, &mut named);
    }
    for name in named.difference(&known) {
        problems.add(name, &format!("{DOCUMENT} has no such key"));
    }
    Ok(problems)
}

fn collect(body: &Body, into: &mut BTreeSet<String>) {
    for attribute in body.attributes() {
        keys(attribute.expr(), into);
    }
    for block in body.blocks() {
        collect(block.body(), into);
    }
}

fn keys(expression: &Expression, into: &mut BTreeSet<String>) {
    match expression {
        Expression::Object(object) => {
            for (key, value) in object {
                let key = match key {
                    ObjectKey::Identifier(name) => name.as_str().to_owned(),
                    ObjectKey::Expression(Expression::String(name)) => name.clone(),
                    ObjectKey::Expression(Expression::Variable(name)) => name.as_str().to_owned(),
                    _ => String::new(),
                };
                if key.starts_with(PREFIX) {
                    into.insert(key);
                }
                keys(value, into);
            }
        }
        Expression::FuncCall(call) => call.args.iter().for_each(|argument| keys(argument, into)),
        Expression::Conditional(choice) => {
            keys(&choice.true_expr, into);
            keys(&choice.false_expr, into);
        }
        Expression::Parenthesis(inner) => keys(inner, into),
        _ => {}
    }
}
