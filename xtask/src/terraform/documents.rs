//! The modules' READMEs: what terraform-docs would write, between two marks; the prose around them is by hand.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use hcl::Expression;

use super::tree::{self, Module};

const BEGIN: &str = "<!-- begin generated: cargo xtask terraform generate -->";
const END: &str = "<!-- end generated -->";

/// Returns a module's README as it should be.
pub(super) fn generate(module: &Module) -> Result<String> {
    let path = module.directory.join("README.md");
    let present = fs::read_to_string(&path).unwrap_or_default();
    let tables = format!("{BEGIN}\n{}{END}", tables(module)?);
    let around = present.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    Ok(match around {
        Some((before, after)) => format!("{before}{tables}{after}"),
        None => {
            let name = module.name.rsplit('/').next().unwrap_or_default();
            format!("# {name}\n\n{}\n\n{tables}\n", introduction(module)?)
        }
    })
}

/// The remark at the head of the module's main file.
fn introduction(module: &Module) -> Result<String> {
    let file = if module.files.iter().any(|file| file == "main.tf") { Some("main.tf") } else { None };
    let file = file.or_else(|| {
        let others = module.files.iter().map(String::as_str);
        others.into_iter().find(|file| !["outputs.tf", "variables.tf", "versions.tf"].contains(file))
    });
    let Some(file) = file else { return Ok(String::new()) };
    let path = module.directory.join(file);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines = text.lines().map_while(|line| line.strip_prefix("# "));
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

fn tables(module: &Module) -> Result<String> {
    let mut text = String::new();
    if module.name.starts_with("modules/") && !module.is_example() {
        text += &usage(module)?;
    }
    let calls = module.named("module");
    if !calls.is_empty() {
        text += "\n## Modules\n\n| name | source |\n| --- | --- |\n";
        for (name, call) in calls {
            text += &format!("| {name} | `{}` |\n", tree::text(call.body(), "source").unwrap_or_default());
        }
    }
    let mut resources: Vec<String> =
        module.of_kind("resource").map(|block| tree::address(block).replacen("resource ", "", 1)).collect();
    resources.sort();
    if !resources.is_empty() {
        text += "\n## Resources\n\n";
        for resource in resources {
            text += &format!("- `{resource}`\n");
        }
    }
    let variables = module.named("variable");
    if !variables.is_empty() {
        text += "\n## Inputs\n\n| name | what | type | default |\n| --- | --- | --- | --- |\n";
        for (name, variable) in variables {
            let described = tree::text(variable.body(), "description").unwrap_or_default();
            let of_type = tree::attribute(variable.body(), "type").map(shown).unwrap_or_default();
            let default = tree::attribute(variable.body(), "default")
                .map_or_else(|| "required".to_owned(), |default| format!("`{}`", shown(default)));
            text += &format!("| {name} | {} | `{of_type}` | {default} |\n", cell(described));
        }
    }
    let outputs = module.named("output");
    if !outputs.is_empty() {
        text += "\n## Outputs\n\n| name | what |\n| --- | --- |\n";
        for (name, output) in outputs {
            let described = tree::text(output.body(), "description").unwrap_or_default();
            text += &format!("| {name} | {} |\n", cell(described));
        }
    }
    Ok(text)
}

fn usage(module: &Module) -> Result<String> {
    let name = module.name.rsplit('/').next().unwrap_or_default();
    let variables = module.named("variable");
    let required: Vec<&str> = variables
        .iter()
        .filter(|(_, variable)| tree::attribute(variable.body(), "default").is_none())
        .map(|(name, _)| *name)
        .collect();
    let width = required.iter().map(|name| name.len()).max().unwrap_or_default();
    let mut text =
        format!("\n```hcl\nmodule \"{}\" {{\n  source = \"./{}\"\n", name.replace('-', "_"), module.name);
    if !required.is_empty() {
        text.push('\n');
    }
    for name in required {
        text += &format!("  {name:<width$} = …\n");
    }
    Ok(text + "}\n```\n")
}

/// An expression in one line.
fn shown(expression: &Expression) -> String {
    let text = expression.to_string().replace('|', "\\|");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// Writes a file when it is another than before.
pub(super) fn write(path: &Path, contents: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|present| present == contents) {
        return Ok(());
    }
    println!("writing {}", path.display());
    fs::write(path, contents).with_context(|| format!("cannot write {}", path.display()))
}
