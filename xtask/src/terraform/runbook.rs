//! Whoever gets an alarm has to find in the runbook what to do about it.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context as _, Result};
use hcl::{
    Block, Expression,
    expr::ObjectKey,
    template::{Element, Template},
};

use super::{
    Problems,
    tree::{self, Module},
};

const DOCUMENT: &str = "docs/operations.md";
const HEADING: &str = "## When an alarm is raised";
const MODULE: &str = "modules/detection";

/// Rules that nobody is told by, with the reason.
const TELL_NOBODY: [(&str, &str); 1] =
    [("verdicts", "it starts the import of alarms, which are told by themselves")];

/// Checks that every alarm and event rule has a row in the runbook.
pub(super) fn check(root: &Path, modules: &[Module]) -> Result<Problems> {
    let text = fs::read_to_string(root.join(DOCUMENT)).with_context(|| format!("cannot read {DOCUMENT}"))?;
    Ok(check_text(&text, modules))
}

/// Checks it against the text of the runbook.
pub(super) fn check_text(text: &str, modules: &[Module]) -> Problems {
    let rows = rows(text);
    let mut problems = Problems::default();
    for module in modules.iter().filter(|module| module.name == MODULE) {
        for (of_type, argument) in
            [("aws_cloudwatch_metric_alarm", "alarm_name"), ("aws_cloudwatch_event_rule", "name")]
        {
            for resource in module.resources(of_type) {
                let names = names(module, resource, argument);
                if names.is_empty() {
                    problems.add(&tree::address(resource), "what it is called is not known here");
                }
                for name in names {
                    let silent = TELL_NOBODY.iter().any(|(silent, _)| *silent == name);
                    if !silent && !rows.contains(name.as_str()) {
                        problems
                            .add(&tree::address(resource), &format!("{DOCUMENT} has no row for `{name}`"));
                    }
                }
            }
        }
    }
    problems
}

/// What the first column of the runbook's table names.
fn rows(text: &str) -> BTreeSet<&str> {
    let section = text.lines().skip_while(|line| *line != HEADING).skip(1);
    let section = section.take_while(|line| !line.starts_with("## "));
    let cells = section.filter_map(|line| line.strip_prefix('|')?.split('|').next());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
}

/// What a resource is called, without the prefix of all: one name, or one for each that it is made for.
fn names(module: &Module, resource: &Block, argument: &str) -> Vec<String> {
    let template = match tree::attribute(resource.body(), argument) {
        Some(Expression::TemplateExpr(template)) => Template::from_expr(template).ok(),
        _ => None,
    };
    let Some(template) = template else { return Vec::new() };
    let keys = match tree::attribute(resource.body(), "for_each") {
        Some(each) => keys(module, each),
        None => vec![String::new()],
    };
    let name = |key: String| {
        let pieces = template.elements().iter().map(|element| match element {
            Element::Literal(text) => text.clone(),
            Element::Interpolation(value) if value.expr.to_string() == "each.key" => key.clone(),
            _ => String::new(),
        });
        pieces.collect::<String>().trim_start_matches('-').to_owned()
    };
    keys.into_iter().map(name).collect()
}

/// The keys of a map that is written out, in pieces or as one.
fn keys(module: &Module, map: &Expression) -> Vec<String> {
    match map {
        Expression::Object(object) => object.keys().filter_map(key).collect(),
        Expression::Parenthesis(inner) => keys(module, inner),
        Expression::FuncCall(call) => call.args.iter().flat_map(|part| keys(module, part)).collect(),
        Expression::Conditional(choice) => {
            [&choice.true_expr, &choice.false_expr].into_iter().flat_map(|part| keys(module, part)).collect()
        }
        Expression::Traversal(traversal) => match super::texts::named(traversal) {
            Some(("local", name)) => {
                module.locals().get(name).map(|local| keys(module, local)).unwrap_or_default()
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn key(key: &ObjectKey) -> Option<String> {
    match key {
        ObjectKey::Identifier(name) => Some(name.as_str().to_owned()),
        ObjectKey::Expression(Expression::String(name)) => Some(name.clone()),
        ObjectKey::Expression(Expression::Variable(name)) => Some(name.as_str().to_owned()),
        _ => None,
    }
}
