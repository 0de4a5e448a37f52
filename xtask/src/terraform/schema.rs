//! What the provider takes: a reduced extract of its schema, and the check of our blocks against it.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, Result};
use hcl::{Block, Body, Expression};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Problems,
    tree::{self, Module},
};

/// The extract; `cargo xtask terraform schema FILE` makes it of what `terraform providers schema -json` writes.
pub(super) const EXTRACT: &str = "terraform/provider-schema.json";

/// Arguments and blocks that are Terraform's own.
const META_ARGUMENTS: [&str; 4] = ["count", "for_each", "depends_on", "provider"];
const META_BLOCKS: [&str; 1] = ["lifecycle"];

/// The extract of a provider's schema.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Schema {
    /// `aws_vpc` and what it takes.
    pub(super) resources: BTreeMap<String, BlockSchema>,
    pub(super) data: BTreeMap<String, BlockSchema>,
    pub(super) ephemerals: BTreeMap<String, BlockSchema>,
    pub(super) provider: BlockSchema,
}

/// What a block takes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct BlockSchema {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) attributes: BTreeMap<String, AttributeSchema>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) blocks: BTreeMap<String, NestedSchema>,
}

/// What an attribute takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct AttributeSchema {
    #[serde(rename = "type")]
    pub(super) value: Value,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) required: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) optional: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) deprecated: bool,
}

/// How often a block may stand in another, and what it takes. `unused`: not in the extract, as nothing of ours has one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct NestedSchema {
    #[serde(default)]
    pub(super) min_items: u64,
    #[serde(default)]
    pub(super) max_items: u64,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) unused: bool,
    #[serde(default)]
    pub(super) block: BlockSchema,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl Schema {
    pub(super) fn read(root: &Path) -> Result<Self> {
        let path = root.join(EXTRACT);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("cannot parse {}", path.display()))
    }

    /// The schema of a resource, a data source or an ephemeral resource.
    pub(super) fn of(&self, kind: &str, name: &str) -> Option<&BlockSchema> {
        match kind {
            "resource" => self.resources.get(name),
            "data" => self.data.get(name),
            "ephemeral" => self.ephemerals.get(name),
            _ => None,
        }
    }

    /// Checks the arguments and nested blocks of everything in a module that the provider has to know.
    pub(super) fn check(&self, module: &Module) -> Problems {
        let mut problems = Problems::default();
        for block in &module.blocks {
            let name = tree::label(block, 0).unwrap_or_default();
            let address = tree::address(block);
            let schema = match block.identifier() {
                kind @ ("resource" | "data" | "ephemeral") => self.of(kind, name),
                "provider" => Some(&self.provider),
                _ => continue,
            };
            match schema {
                Some(schema) => check_body(schema, block.body(), &address, true, &mut problems),
                None => problems.add(&address, "the provider's schema extract does not have this type"),
            }
        }
        problems
    }
}

fn check_body(schema: &BlockSchema, body: &Body, address: &str, outermost: bool, problems: &mut Problems) {
    for attribute in body.attributes() {
        let name = attribute.key();
        match schema.attributes.get(name) {
            Some(known) if !known.required && !known.optional => {
                problems.add(address, &format!("`{name}` is computed and cannot be set"));
            }
            Some(known) => {
                if known.deprecated {
                    problems.add(address, &format!("`{name}` is deprecated"));
                }
                if let Some(expected) = mismatch(&known.value, attribute.expr()) {
                    problems.add(address, &format!("`{name}` is no {expected}"));
                }
            }
            None if outermost && META_ARGUMENTS.contains(&name) => {}
            None => problems.add(address, &format!("there is no argument `{name}`")),
        }
    }
    for (name, _) in schema.attributes.iter().filter(|(_, known)| known.required) {
        if tree::attribute(body, name).is_none() {
            problems.add(address, &format!("the argument `{name}` is missing"));
        }
    }
    let mut counts: BTreeMap<&str, (u64, bool)> = BTreeMap::new();
    for block in body.blocks() {
        let dynamic = block.identifier() == "dynamic";
        let name = if dynamic { tree::label(block, 0).unwrap_or_default() } else { block.identifier() };
        if outermost && !dynamic && META_BLOCKS.contains(&name) {
            continue;
        }
        let below = format!("{address} {name}");
        let Some(known) = schema.blocks.get(name) else {
            problems.add(address, &format!("there is no block `{name}`"));
            continue;
        };
        if known.unused {
            problems.add(&below, "the schema extract does not have this block; make it anew");
            continue;
        }
        let count = counts.entry(name).or_default();
        if dynamic {
            count.1 = true;
            check_dynamic(&known.block, block, &below, problems);
        } else {
            count.0 += 1;
            check_body(&known.block, block.body(), &below, false, problems);
        }
    }
    for (name, known) in &schema.blocks {
        let (count, dynamic) = counts.get(name.as_str()).copied().unwrap_or_default();
        if count < known.min_items && !dynamic {
            problems.add(address, &format!("too few blocks `{name}`: {count} of {}", known.min_items));
        }
        if known.max_items > 0 && count > known.max_items {
            problems.add(address, &format!("too many blocks `{name}`: {count} of {}", known.max_items));
        }
    }
}

fn check_dynamic(schema: &BlockSchema, block: &Block, address: &str, problems: &mut Problems) {
    if tree::attribute(block.body(), "for_each").is_none() {
        problems.add(address, "the argument `for_each` is missing");
    }
    for attribute in block.body().attributes() {
        if !["for_each", "iterator", "labels"].contains(&attribute.key()) {
            problems.add(address, &format!("there is no argument `{}` in dynamic", attribute.key()));
        }
    }
    let mut contents = block.body().blocks().filter(|content| content.identifier() == "content");
    match contents.next() {
        Some(content) => check_body(schema, content.body(), address, false, problems),
        None => problems.add(address, "the block `content` is missing"),
    }
}

/// Says what a literal should have been. What is computed can be anything.
fn mismatch(expected: &Value, given: &Expression) -> Option<&'static str> {
    if let Expression::Parenthesis(inner) = given {
        return mismatch(expected, inner);
    }
    match expected {
        Value::String(primitive) => match (primitive.as_str(), given) {
            (_, Expression::Array(_)) | (_, Expression::Object(_)) => Some("single value"),
            ("bool", Expression::Number(_)) => Some("bool"),
            ("bool", Expression::String(text)) if text != "true" && text != "false" => Some("bool"),
            ("number", Expression::Bool(_)) => Some("number"),
            ("number", Expression::String(text)) if text.parse::<f64>().is_err() => Some("number"),
            _ => None,
        },
        Value::Array(parts) => {
            let kind = parts.first().and_then(Value::as_str).unwrap_or_default();
            let literal = matches!(
                given,
                Expression::String(_)
                    | Expression::Number(_)
                    | Expression::Bool(_)
                    | Expression::TemplateExpr(_)
            );
            match (kind, given) {
                ("list" | "set" | "tuple", Expression::Object(_)) => Some("list"),
                ("list" | "set", Expression::Array(items)) => {
                    let item = parts.get(1)?;
                    items.iter().find_map(|given| mismatch(item, given))
                }
                ("map" | "object", Expression::Array(_)) => Some("map"),
                ("map", Expression::Object(object)) => {
                    let item = parts.get(1)?;
                    object.iter().find_map(|(_, given)| mismatch(item, given))
                }
                ("list" | "set" | "tuple", _) if literal => Some("list"),
                ("map" | "object", _) if literal => Some("map"),
                _ => None,
            }
        }
        _ => None,
    }
}
