//! The client in Python: generated code, types, lints, and its tests on the wheel that users get.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use super::{Client, Code};
use crate::{
    checks,
    counts::{self, Counts},
    shell::{self, root, succeed},
    tools::Tool,
};

/// Its generator is its own, since protoc comes with the Python package that generates.
pub(super) const CLIENT: Client = Client { name: "python", code: Code::Own(generate), test };

/// Makes the generated code anew.
fn generate() -> Result<()> {
    succeed(python()?.arg("generate.py"))
}

fn test() -> Result<Counts> {
    succeed(python()?.args(["generate.py", "--check"]))?;
    for check in [&["format", "--check"][..], &["check"]] {
        let mut ruff = python()?;
        ruff.args(["-m", "ruff"]).args(check).args(["--quiet", "--config", "pyproject.toml"]);
        succeed(ruff.args([".", "../conformance"]))?;
    }
    succeed(python()?.args(["-m", "mypy"]))?;
    let server = checks::server_program()?;
    install()?;
    let mut tests = python()?;
    tests.args(["-m", "pytest", "-q", "-p", "no:cacheprovider"]).env("LLM_SHIELD_BIN", &server);
    counts::run(&mut tests, Counts::from_pytest_line)
}

/// Builds the wheel and installs it, so that what is tested is what users get.
fn install() -> Result<()> {
    let wheels = root().join(".tools/python-client-wheel");
    if wheels.exists() {
        fs::remove_dir_all(&wheels).with_context(|| format!("cannot remove {}", wheels.display()))?;
    }
    succeed(python()?.args(["-m", "hatchling", "build", "-t", "wheel", "-d"]).arg(&wheels))?;
    let wheel = only_file(&wheels)?;
    let options = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--force-reinstall"];
    succeed(
        python()?.args(options).args(["--root-user-action=ignore", "--disable-pip-version-check"]).arg(wheel),
    )
}

fn only_file(directory: &std::path::Path) -> Result<PathBuf> {
    let mut entries =
        fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    Ok(entries.next().with_context(|| format!("{} is empty", directory.display()))??.path())
}

/// Prepares a run of the Python that has all the client is tested with.
fn python() -> Result<Command> {
    let mut python = shell::command(Tool::PythonClient.ensure()?);
    python.current_dir(root().join("clients/python")).env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(python)
}
