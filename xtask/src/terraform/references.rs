//! Everything that is named has to be there, and everything that is there has to be named.

use std::collections::{BTreeMap, BTreeSet};

use hcl::{Block, Expression};

use super::{
    Problems,
    schema::Schema,
    tree::{self, Module},
    walk::{Reference, Walk},
};

/// Functions of Terraform that our files may call.
const FUNCTIONS: [&str; 55] = [
    "abs",
    "alltrue",
    "anytrue",
    "base64encode",
    "can",
    "ceil",
    "cidrhost",
    "cidrsubnet",
    "cidrsubnets",
    "coalesce",
    "coalescelist",
    "compact",
    "concat",
    "contains",
    "distinct",
    "element",
    "endswith",
    "file",
    "filebase64",
    "filebase64sha256",
    "fileexists",
    "flatten",
    "floor",
    "format",
    "formatlist",
    "join",
    "jsondecode",
    "jsonencode",
    "keys",
    "length",
    "lookup",
    "lower",
    "max",
    "merge",
    "min",
    "one",
    "range",
    "regex",
    "replace",
    "reverse",
    "setproduct",
    "setsubtract",
    "setunion",
    "sha1",
    "slice",
    "sort",
    "split",
    "startswith",
    "toset",
    "tolist",
    "tonumber",
    "tostring",
    "trimprefix",
    "try",
    "values",
];

/// Checks the references of a module.
pub(super) fn check(module: &Module, modules: &[Module], schema: &Schema) -> Problems {
    let mut problems = Problems::default();
    let mut used = BTreeSet::new();
    let scope = Scope { module, modules, schema };
    for block in &module.blocks {
        let address = tree::address(block);
        let walk = match Walk::of(block.body(), &[]) {
            Ok(walk) => walk,
            Err(error) => {
                problems.add(&address, &format!("{error:#}"));
                continue;
            }
        };
        for reference in &walk.references {
            if block.identifier() == "variable" && is_type_word(&reference.root) {
                continue;
            }
            if let Err(problem) = scope.resolve(block, reference) {
                problems.add(&address, &problem);
            }
            used.insert((reference.root.clone(), reference.name(0).unwrap_or_default().to_owned()));
        }
        for function in &walk.functions {
            let of_type = block.identifier() == "variable" && is_type_word(function);
            if !of_type && !FUNCTIONS.contains(&function.as_str()) {
                problems.add(&address, &format!("there is no function `{function}`"));
            }
        }
        if block.identifier() == "module" {
            scope.check_call(block, &mut problems);
        }
    }
    for name in module.named("variable").into_keys() {
        if !used.contains(&("var".to_owned(), name.to_owned())) {
            problems.add(&format!("variable {name}"), "nothing uses it");
        }
    }
    for name in module.locals().into_keys() {
        if !used.contains(&("local".to_owned(), name.to_owned())) {
            problems.add(&format!("local {name}"), "nothing uses it");
        }
    }
    problems
}

/// Words of type constraints, which stand where references do.
fn is_type_word(word: &str) -> bool {
    let words = ["string", "number", "bool", "any", "list", "set", "map", "object", "tuple", "optional"];
    words.contains(&word)
}

struct Scope<'a> {
    module: &'a Module,
    modules: &'a [Module],
    schema: &'a Schema,
}

impl Scope<'_> {
    fn resolve(&self, from: &Block, reference: &Reference) -> Result<(), String> {
        let name = reference.name(0).unwrap_or_default();
        let has = |argument: &str| tree::attribute(from.body(), argument).is_some();
        let known = match reference.root.as_str() {
            "var" => self.module.named("variable").contains_key(name),
            "local" => self.module.locals().contains_key(name),
            "module" => return self.resolve_output(name, reference),
            "path" => ["module", "root"].contains(&name),
            "each" => ["key", "value"].contains(&name) && has("for_each"),
            "count" => name == "index" && has("count"),
            "run" => true,
            kind @ ("data" | "ephemeral") => {
                return self.resolve_object(kind, name, reference.name(1), reference, 2);
            }
            of_type if of_type.starts_with("aws_") => {
                return self.resolve_object("resource", of_type, reference.name(0), reference, 1);
            }
            // Within `ignore_changes` stand names of the resource's own arguments.
            argument => {
                let own = tree::label(from, 0).and_then(|name| self.schema.of(from.identifier(), name));
                own.is_some_and(|own| own.attributes.contains_key(argument))
                    && from.body().blocks().any(|block| block.identifier() == "lifecycle")
            }
        };
        if known { Ok(()) } else { Err(format!("`{}.{name}` is not there", reference.root)) }
    }

    fn resolve_object(
        &self,
        kind: &str,
        of_type: &str,
        name: Option<&str>,
        reference: &Reference,
        behind: usize,
    ) -> Result<(), String> {
        let name = name.unwrap_or_default();
        let shown = format!("{of_type}.{name}");
        let block =
            self.module.object(kind, of_type, name).ok_or_else(|| format!("`{shown}` is not there"))?;
        let counted = tree::attribute(block.body(), "count").is_some();
        let repeated = counted || tree::attribute(block.body(), "for_each").is_some();
        if !repeated && reference.is_index(behind) {
            return Err(format!("`{shown}` is a single one and has no index"));
        }
        // `aws_x.y["name"]` reads like an attribute; with for_each it is an index.
        let by_name = repeated && !counted && !reference.is_index(behind) && reference.name(behind).is_some();
        let place = if repeated { behind + 1 } else { behind };
        if counted && reference.name(behind).is_some() {
            return Err(format!("`{shown}` is counted and needs an index"));
        }
        let Some(schema) = self.schema.of(kind, of_type) else { return Ok(()) };
        let attribute = reference.name(place);
        match attribute {
            Some(attribute)
                if !schema.attributes.contains_key(attribute) && !schema.blocks.contains_key(attribute) =>
            {
                Err(format!("`{shown}` has no attribute `{attribute}`"))
            }
            None if by_name && schema.attributes.contains_key(reference.name(behind).unwrap_or_default()) => {
                Err(format!("`{shown}` is made for each of several and needs an index"))
            }
            _ => Ok(()),
        }
    }

    fn resolve_output(&self, name: &str, reference: &Reference) -> Result<(), String> {
        let calls = self.module.named("module");
        let call = calls.get(name).ok_or_else(|| format!("`module.{name}` is not there"))?;
        let counted = tree::attribute(call.body(), "count").is_some();
        if counted != reference.is_index(1) {
            return Err(format!("`module.{name}` is counted, or indexed, but not both"));
        }
        let Some(called) = self.called(call) else { return Ok(()) };
        match reference.name(if counted { 2 } else { 1 }) {
            Some(output) if !called.named("output").contains_key(output) => {
                Err(format!("`module.{name}` has no output `{output}`"))
            }
            _ => Ok(()),
        }
    }

    /// The module that a call is of. All of ours are called by a relative path.
    fn called(&self, call: &Block) -> Option<&Module> {
        let directory = self.module.directory.join(tree::text(call.body(), "source")?);
        let directory = directory.canonicalize().ok()?;
        self.modules.iter().find(|module| module.directory.canonicalize().is_ok_and(|own| own == directory))
    }

    fn check_call(&self, call: &Block, problems: &mut Problems) {
        let address = tree::address(call);
        let Some(called) = self.called(call) else {
            problems.add(&address, "its source is none of our modules");
            return;
        };
        let variables = called.named("variable");
        for attribute in call.body().attributes() {
            let own = ["source", "count", "for_each", "depends_on", "providers"];
            if !own.contains(&attribute.key()) && !variables.contains_key(attribute.key()) {
                problems.add(&address, &format!("there is no variable `{}`", attribute.key()));
            }
        }
        for (name, variable) in variables {
            let required = tree::attribute(variable.body(), "default").is_none();
            if required && tree::attribute(call.body(), name).is_none() {
                problems.add(&address, &format!("the variable `{name}` is missing"));
            }
        }
    }
}

/// Checks what every module of ours has: its files, typed and described variables, described outputs, versions.
pub(super) fn check_conventions(module: &Module) -> Problems {
    let mut problems = Problems::default();
    let mut files = vec!["main.tf", "versions.tf"];
    if !module.is_example() {
        files.extend(["variables.tf", "outputs.tf"]);
    }
    for file in files {
        let split = file == "main.tf" && module.files.len() > 3;
        if !split && !module.files.iter().any(|own| own == file) {
            problems.add(&module.name, &format!("there is no {file}"));
        }
    }
    for block in module.blocks.iter().filter(|block| ["variable", "output"].contains(&block.identifier())) {
        let address = tree::address(block);
        let described = tree::text(block.body(), "description").is_some_and(|text| !text.is_empty());
        if !described {
            problems.add(&address, "it has no description");
        }
        if block.identifier() == "variable" && tree::attribute(block.body(), "type").is_none() {
            problems.add(&address, "it has no type");
        }
        for validation in block.body().blocks().filter(|inner| inner.identifier() == "validation") {
            for argument in ["condition", "error_message"] {
                if tree::attribute(validation.body(), argument).is_none() {
                    problems.add(&address, &format!("a validation has no {argument}"));
                }
            }
        }
    }
    let provider = module.of_kind("provider").next().is_some();
    if module.name.starts_with("modules/") && !module.is_example() && provider {
        problems.add(&module.name, "a module takes its provider from its caller");
    }
    duplicates(module, &mut problems);
    problems
}

fn duplicates(module: &Module, problems: &mut Problems) {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for block in &module.blocks {
        if !["locals", "terraform", "provider", "moved", "removed", "import"].contains(&block.identifier()) {
            *seen.entry(tree::address(block)).or_default() += 1;
        }
    }
    for (address, _) in seen.into_iter().filter(|(_, times)| *times > 1) {
        problems.add(&address, "it is there twice");
    }
}

/// Checks that the values for an environment are of variables of the root module.
pub(super) fn check_values(root: &Module, file: &str, values: &hcl::Body) -> Problems {
    let mut problems = Problems::default();
    let variables = root.named("variable");
    for attribute in values.attributes() {
        if !variables.contains_key(attribute.key()) {
            problems.add(file, &format!("there is no variable `{}`", attribute.key()));
        }
        if matches!(attribute.expr(), Expression::Variable(_) | Expression::Traversal(_)) {
            problems.add(file, &format!("`{}` is no plain value", attribute.key()));
        }
    }
    problems
}
