//! The settings that the task definition gives the service have to be settings that the service has, and the metrics that
//! alarms and scaling look at those that it reports.

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

/// Where the service counts and measures.
const SOURCES: [&str; 2] = ["server/src", "server/audit/src"];
/// The local that lists the metrics which a module looks at.
const METRICS: &str = "shield_metrics";

/// Checks every metric that a module names against those in the service's source.
pub(super) fn check_metrics(root: &Path, modules: &[Module]) -> Result<Problems> {
    let mut reported = BTreeSet::new();
    for directory in SOURCES {
        for path in tree::files(&root.join(directory), ".rs")? {
            let text =
                fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let names = text.split("\"shield_").skip(1).filter_map(|rest| rest.split_once('"'));
            reported.extend(names.map(|(name, _)| camel_case(name)));
        }
    }
    let mut problems = Problems::default();
    for module in modules {
        let locals = module.blocks.iter().filter(|block| block.identifier() == "locals");
        for named in locals.flat_map(|block| block.body().attributes()).filter(|named| named.key() == METRICS)
        {
            let Expression::Object(metrics) = named.expr() else { continue };
            for (_, name) in metrics {
                let name = if let Expression::String(name) = name { name } else { "" };
                if !reported.contains(name) {
                    problems.add(name, "the service reports no such metric");
                }
            }
        }
    }
    Ok(problems)
}

/// Names a metric as the service's exporter does.
fn camel_case(name: &str) -> String {
    let capital = |part: &str| {
        let mut letters = part.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>())
    };
    name.split('_').filter_map(capital).collect()
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
