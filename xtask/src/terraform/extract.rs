//! Makes the reduced extract of the provider's schema, so that the whole of it (megabytes) need not lie here.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, Result};
use hcl::Body;
use serde_json::Value;

use super::{
    schema::{AttributeSchema, BlockSchema, EXTRACT, NestedSchema, Schema},
    tree::{self, Module},
};

/// Writes the extract of what our modules use, out of what `terraform providers schema -json` wrote.
pub(super) fn write(root: &Path, modules: &[Module], whole: &Path) -> Result<()> {
    let text = fs::read_to_string(whole).with_context(|| format!("cannot read {}", whole.display()))?;
    let whole: Value = serde_json::from_str(&text).context("the schema is not JSON")?;
    let providers = whole.get("provider_schemas").and_then(Value::as_object);
    let provider = providers
        .and_then(|providers| providers.iter().find(|(name, _)| name.ends_with("/aws")))
        .map_or(&whole, |(_, provider)| provider);
    let mut schema = Schema::default();
    for module in modules {
        for block in &module.blocks {
            let (kind, into) = match block.identifier() {
                "resource" => ("resource_schemas", &mut schema.resources),
                "data" => ("data_source_schemas", &mut schema.data),
                "ephemeral" => ("ephemeral_resource_schemas", &mut schema.ephemerals),
                "provider" => {
                    if let Some(known) = provider.pointer("/provider/block") {
                        schema.provider = merged(&schema.provider, reduce(known, Some(block.body())));
                    }
                    continue;
                }
                _ => continue,
            };
            let name = tree::label(block, 0).unwrap_or_default();
            let known = provider.get(kind).and_then(|all| all.get(name)).and_then(|one| one.get("block"));
            // What the provider does not have, the check reports.
            let Some(known) = known else { continue };
            let reduced = reduce(known, Some(block.body()));
            let entry = into.entry(name.to_owned()).or_default();
            *entry = merged(entry, reduced);
        }
    }
    let path = root.join(EXTRACT);
    let text = serde_json::to_string(&schema).context("cannot write the extract")?;
    // A line for each type keeps changes readable.
    let text = text.replace("},\"aws_", "},\n\"aws_").replace(":{\"aws_", ":{\n\"aws_");
    fs::write(&path, text + "\n").with_context(|| format!("cannot write {}", path.display()))
}

/// Keeps all attributes, and of the nested blocks' inside what `used` has.
fn reduce(known: &Value, used: Option<&Body>) -> BlockSchema {
    let mut reduced = BlockSchema::default();
    for (name, attribute) in members(known, "attributes") {
        let flag = |flag: &str| attribute.get(flag).and_then(Value::as_bool).unwrap_or_default();
        let value = attribute.get("type").cloned().unwrap_or(Value::Null);
        let (required, optional, deprecated) = (flag("required"), flag("optional"), flag("deprecated"));
        reduced.attributes.insert(name.clone(), AttributeSchema { value, required, optional, deprecated });
    }
    for (name, nested) in members(known, "block_types") {
        let bodies: Vec<&Body> = used.map(|used| bodies(used, name)).unwrap_or_default();
        let number = |key: &str| nested.get(key).and_then(Value::as_u64).unwrap_or_default();
        let inner = nested.get("block").unwrap_or(&Value::Null);
        let block = bodies
            .iter()
            .map(|body| reduce(inner, Some(body)))
            .fold(BlockSchema::default(), |all, one| merged(&all, one));
        reduced.blocks.insert(
            name.clone(),
            NestedSchema {
                min_items: number("min_items"),
                max_items: number("max_items"),
                unused: bodies.is_empty(),
                block,
            },
        );
    }
    reduced
}

fn members<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.get(key).and_then(Value::as_object).into_iter().flatten()
}

/// The nested blocks of a name, the contents of dynamic ones among them.
fn bodies<'a>(body: &'a Body, name: &str) -> Vec<&'a Body> {
    let mut found = Vec::new();
    for block in body.blocks() {
        if block.identifier() == name {
            found.push(block.body());
        } else if block.identifier() == "dynamic" && tree::label(block, 0) == Some(name) {
            found.extend(block.body().blocks().map(hcl::Block::body));
        }
    }
    found
}

fn merged(one: &BlockSchema, other: BlockSchema) -> BlockSchema {
    let mut attributes = one.attributes.clone();
    attributes.extend(other.attributes);
    let mut blocks: BTreeMap<String, NestedSchema> = one.blocks.clone();
    for (name, nested) in other.blocks {
        let both = match blocks.get(&name) {
            Some(known) => NestedSchema {
                unused: known.unused && nested.unused,
                block: merged(&known.block, nested.block),
                ..*known
            },
            None => nested,
        };
        blocks.insert(name, both);
    }
    BlockSchema { attributes, blocks }
}
