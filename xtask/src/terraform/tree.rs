//! The Terraform files as blocks, module by module.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use hcl::{Block, Body, Expression};

/// Directories that are no modules of ours.
const NO_MODULES: [&str; 3] = [".terraform", "tests", "environments"];

/// One directory with `.tf` files.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) directory: PathBuf,
    /// Relative to the root module, which is `.`.
    pub(super) name: String,
    /// The names of its files, and all their top-level blocks.
    pub(super) files: Vec<String>,
    pub(super) blocks: Vec<Block>,
}

impl Module {
    pub(super) fn read(directory: &Path, name: String) -> Result<Self> {
        let mut files = Vec::new();
        let mut blocks = Vec::new();
        for path in entries(directory)? {
            if path.extension().is_none_or(|extension| extension != "tf") {
                continue;
            }
            let text =
                fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let body: Body = hcl::parse(&text).with_context(|| format!("cannot parse {}", path.display()))?;
            for structure in body {
                match structure.into_block() {
                    Some(block) => blocks.push(block),
                    None => bail!("{} has an attribute outside of blocks", path.display()),
                }
            }
            files.push(file_name(&path));
        }
        Ok(Self { directory: directory.to_owned(), name, files, blocks })
    }

    /// Says whether it shows how another module is used.
    pub(super) fn is_example(&self) -> bool {
        self.name.split('/').any(|part| part == "examples")
    }

    /// The blocks of a kind, such as `variable`.
    pub(super) fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Block> {
        self.blocks.iter().filter(move |block| block.identifier() == kind)
    }

    /// The blocks of a kind by their first label: variables, outputs, module calls.
    pub(super) fn named<'a>(&'a self, kind: &'a str) -> BTreeMap<&'a str, &'a Block> {
        self.of_kind(kind).filter_map(|block| Some((label(block, 0)?, block))).collect()
    }

    /// The resource, data source or ephemeral resource of a type and name.
    pub(super) fn object(&self, kind: &str, of_type: &str, name: &str) -> Option<&Block> {
        self.blocks.iter().find(|block| {
            block.identifier() == kind && label(block, 0) == Some(of_type) && label(block, 1) == Some(name)
        })
    }

    /// The resources of a type.
    pub(super) fn resources<'a>(&'a self, of_type: &'a str) -> impl Iterator<Item = &'a Block> {
        self.of_kind("resource").filter(move |block| label(block, 0) == Some(of_type))
    }

    /// The local values by name.
    pub(super) fn locals(&self) -> BTreeMap<&str, &Expression> {
        self.of_kind("locals")
            .flat_map(|block| block.body().attributes())
            .map(|attribute| (attribute.key(), attribute.expr()))
            .collect()
    }
}

/// Reads the root module, the modules and the examples below a directory.
pub(super) fn read(root: &Path) -> Result<Vec<Module>> {
    let mut modules = Vec::new();
    let mut open = vec![(root.to_owned(), ".".to_owned())];
    while let Some((directory, name)) = open.pop() {
        for path in entries(&directory)? {
            let below = file_name(&path);
            if path.is_dir() && !NO_MODULES.contains(&below.as_str()) {
                let below = if name == "." { below } else { format!("{name}/{below}") };
                open.push((path, below));
            }
        }
        let module = Module::read(&directory, name)?;
        if !module.files.is_empty() {
            modules.push(module);
        }
    }
    modules.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(modules)
}

/// The files with an ending below a directory, in order.
pub(super) fn files(directory: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in entries(directory)? {
        if path.is_dir() && !file_name(&path).starts_with('.') {
            found.extend(files(&path, ending)?);
        } else if file_name(&path).ends_with(ending) {
            found.push(path);
        }
    }
    Ok(found)
}

/// A block's label by its place.
pub(super) fn label(block: &Block, place: usize) -> Option<&str> {
    block.labels().get(place).map(hcl::BlockLabel::as_str)
}

/// How one names a block: `resource aws_vpc.this`.
pub(super) fn address(block: &Block) -> String {
    let labels: Vec<&str> = block.labels().iter().map(hcl::BlockLabel::as_str).collect();
    format!("{} {}", block.identifier(), labels.join("."))
}

/// An attribute's expression by its name.
pub(super) fn attribute<'a>(body: &'a Body, name: &str) -> Option<&'a Expression> {
    body.attributes().find(|attribute| attribute.key() == name).map(hcl::Attribute::expr)
}

/// The text of an attribute that is a plain string.
pub(super) fn text<'a>(body: &'a Body, name: &str) -> Option<&'a str> {
    match attribute(body, name)? {
        Expression::String(text) => Some(text),
        _ => None,
    }
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let listed = fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))?;
    let mut paths = Vec::new();
    for entry in listed {
        paths.push(entry.with_context(|| format!("cannot list {}", directory.display()))?.path());
    }
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
