//! The Terraform tree, checked without an account, a provider or a registry.
//!
//! Terraform itself needs the provider, which not every machine can fetch. So this parses every file, resolves every
//! reference, checks every argument against an extract of the provider's schema, and holds the tree to rules of its own.
//! Where there is a Terraform, it validates and tests the modules by that extract; parliament judges the policies and
//! checkov the rest.

mod addresses;
mod archive;
mod buckets;
mod descriptions;
mod documents;
mod extract;
mod firewall;
mod policies;
mod references;
mod rights;
mod rules;
mod runbook;
mod schema;
mod settings;
#[cfg(test)]
mod tests;
mod texts;
mod tree;
mod validate;
mod walk;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    counts::Counts,
    process::fresh_directory,
    shell::{self, succeed},
    tools::Tool,
};

const DIRECTORY: &str = "terraform";
const OPERATORS_POLICIES: &str = "server/cloud-aws/iam-policies";
const PATTERNS: &str = "modules/edge/injection-patterns.json";
const NOT_DEPLOYED: &str = "modules/edge/not-deployed";

const USAGE: &str = "\
usage: cargo xtask terraform             check everything
       cargo xtask terraform static      what needs no other tool
       cargo xtask terraform policies    what parliament judges
       cargo xtask terraform validate    validate and test the modules, with the extract in place of the provider
       cargo xtask terraform generate    write the READMEs' tables, the firewall's patterns, the first package
       cargo xtask terraform schema FILE make the schema extract of `terraform providers schema -json`";

/// What is wrong with something, and where.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<String>);

impl Problems {
    fn add(&mut self, address: &str, problem: &str) {
        self.0.push(format!("{address}: {problem}"));
    }

    fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }
}

/// Runs the task.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => check()?.into_result(),
        ["static"] => check_statically()?.into_result(),
        ["policies"] => parliament(),
        ["validate"] => validate::run(&tree::read(&directory())?),
        ["generate"] => generate(),
        ["schema", file] => extract::write(&shell::root(), &tree::read(&directory())?, Path::new(file)),
        _ => bail!("{USAGE}"),
    }
}

/// Checks everything; each check of each module counts as a test.
pub(crate) fn check() -> Result<Counts> {
    let mut counts = check_statically()?;
    let mut report = |name: &str, outcome: Result<()>| {
        println!("terraform {name} ... {}", if outcome.is_ok() { "ok" } else { "FAILED" });
        if let Err(error) = &outcome {
            println!("  {error:#}");
        }
        counts += if outcome.is_ok() { PASSED } else { FAILED };
    };
    report("format", format());
    report("parliament", parliament());
    report("checkov", checkov());
    if validate::possible() {
        report("validate and test", tree::read(&directory()).and_then(|modules| validate::run(&modules)));
    } else {
        println!("terraform validate and test ... skipped: there is no terraform");
        counts += SKIPPED;
    }
    Ok(counts)
}

const PASSED: Counts = Counts { passed: 1, failed: 0, skipped: 0 };
const FAILED: Counts = Counts { passed: 0, failed: 1, skipped: 0 };
const SKIPPED: Counts = Counts { passed: 0, failed: 0, skipped: 1 };

fn directory() -> PathBuf {
    shell::root().join(DIRECTORY)
}

fn check_statically() -> Result<Counts> {
    let mut counts = Counts::default();
    let mut report = |name: &str, problems: Problems| {
        println!("terraform {name} ... {}", if problems.0.is_empty() { "ok" } else { "FAILED" });
        for problem in &problems.0 {
            println!("  {problem}");
        }
        counts += if problems.0.is_empty() { PASSED } else { FAILED };
    };
    let modules = tree::read(&directory())?;
    let schema = schema::Schema::read(&shell::root())?;
    for module in &modules {
        report(&format!("{} conventions", module.name), references::check_conventions(module));
        report(&format!("{} references", module.name), references::check(module, &modules, &schema));
        report(&format!("{} schema", module.name), schema.check(module));
        report(&format!("{} rules", module.name), rules::check(module));
    }
    report("buckets", buckets::check(&modules));
    report("values of environments", environments(&modules)?);
    report("tests parse", test_files()?);
    report("settings of the service", settings::check(&shell::root(), &modules)?);
    report("metrics of the service", settings::check_metrics(&shell::root(), &modules)?);
    report("alarms in the runbook", runbook::check(&shell::root(), &modules)?);
    report("generated files are current", stale(&modules)?);
    Ok(counts)
}

fn environments(modules: &[tree::Module]) -> Result<Problems> {
    let mut problems = Problems::default();
    let root = modules.iter().find(|module| module.name == ".").context("there is no root module")?;
    for path in tree::files(&directory().join("environments"), ".tfvars")? {
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let values = hcl::parse(&text).with_context(|| format!("cannot parse {}", path.display()))?;
        let name = path.display().to_string();
        problems.extend(references::check_values(root, &name, &values));
        problems.extend(addresses::check_values(root, &name, &values));
    }
    Ok(problems)
}

fn test_files() -> Result<Problems> {
    let mut problems = Problems::default();
    for path in tree::files(&directory(), ".tftest.hcl")? {
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.display().to_string();
        match hcl::parse(&text) {
            Ok(body) => {
                let mocked = body.blocks().any(|block| block.identifier() == "mock_provider");
                if !mocked {
                    problems.add(&name, "it would need an account: there is no mock_provider");
                }
            }
            Err(error) => problems.add(&name, &error.to_string()),
        }
    }
    Ok(problems)
}

/// The generated files with what they should hold.
fn generated(modules: &[tree::Module]) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let directory = directory();
    let program = directory.join(NOT_DEPLOYED).join("bootstrap");
    let bootstrap = fs::read(&program).with_context(|| format!("cannot read {}", program.display()))?;
    let mut files = vec![
        (directory.join(PATTERNS), firewall::generate(&shell::root())?.into_bytes()),
        (directory.join(NOT_DEPLOYED).with_extension("zip"), archive::of("bootstrap", &bootstrap)?),
    ];
    for module in modules {
        files.push((module.directory.join("README.md"), documents::generate(module)?.into_bytes()));
    }
    Ok(files)
}

fn stale(modules: &[tree::Module]) -> Result<Problems> {
    let mut problems = Problems::default();
    for (path, contents) in generated(modules)? {
        if fs::read(&path).ok().as_ref() != Some(&contents) {
            problems.add(&path.display().to_string(), "run `cargo xtask terraform generate`");
        }
    }
    Ok(problems)
}

fn generate() -> Result<()> {
    let modules = tree::read(&directory())?;
    generated(&modules)?.iter().try_for_each(|(path, contents)| documents::write(path, contents))
}

/// Refuses files that are not formatted, where Terraform is there to say so.
fn format() -> Result<()> {
    if !validate::possible() {
        println!("the format was NOT checked: there is no terraform");
        return Ok(());
    }
    succeed(shell::command("terraform").args(["fmt", "-check", "-recursive", "-diff", DIRECTORY]))
}

/// Has every policy judged: unknown actions, actions that do not fit their resource, conditions that do not apply.
fn parliament() -> Result<()> {
    let python = Tool::Checkov.ensure()?;
    let written = fresh_directory("policies")?;
    let mut count = 0;
    for module in tree::read(&directory())? {
        count += policies::write(&module, written.path())?;
    }
    println!("{count} policies");
    judge(&python, written.path())
}

/// Has the IAM policies that are given to operators judged in the same way.
pub(crate) fn operators_policies() -> Result<()> {
    judge(&Tool::Checkov.ensure()?, &shell::root().join(OPERATORS_POLICIES))
}

fn judge(python: &Path, policies: &Path) -> Result<()> {
    let judge = shell::root().join("xtask/tools/judge_policies.py");
    succeed(shell::command(python).arg(judge).arg(policies))
}

fn checkov() -> Result<()> {
    let python = Tool::Checkov.ensure()?;
    let mut checkov = shell::command(&python);
    checkov.args(["-m", "checkov.main", "--directory", DIRECTORY, "--framework", "terraform", "--compact"]);
    checkov.args(["--quiet", "--skip-download", "--config-file", "terraform/.checkov.yaml"]);
    // It would otherwise ask after newer versions and send what it saw.
    succeed(checkov.env("CHECKOV_RUN_SCA_PACKAGE_SCAN_V2", "false").env("LOG_LEVEL", "ERROR"))
}
