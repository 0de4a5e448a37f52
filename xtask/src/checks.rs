//! The checks, each the body of a task and a step of `ci`.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    counts::{self, Counts},
    image,
    shell::{self, cargo, succeed},
    tools::Tool,
};

const BASELINE: &str = "proto/baseline.binpb";

/// Runs everything that reads code without running it.
pub(crate) fn lint() -> Result<()> {
    format()?;
    shell_scripts()?;
    dockerfiles()?;
    clippy()?;
    documentation()
}

/// Refuses code that is not formatted.
pub(crate) fn format() -> Result<()> {
    succeed(cargo().args(["fmt", "--all", "--check"]))
}

/// Refuses what clippy objects to, in tests and benches too.
pub(crate) fn clippy() -> Result<()> {
    succeed(cargo().args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))
}

/// Refuses documentation that is missing or has broken links.
pub(crate) fn documentation() -> Result<()> {
    succeed(cargo().args(["doc", "--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "-D warnings"))
}

/// Lints the shell scripts, where shellcheck can be had.
pub(crate) fn shell_scripts() -> Result<()> {
    lint_files(Tool::Shellcheck, &["--external-sources"], &[".ci/run", "*.sh"])
}

/// Lints the descriptions of images, where hadolint can be had, and refuses code whose files the build is not given.
pub(crate) fn dockerfiles() -> Result<()> {
    image::check()?;
    lint_files(Tool::Hadolint, &["--failure-threshold", "style"], &["*Dockerfile"])
}

/// Runs a linter over the files that some patterns name; a linter that cannot be had is told.
fn lint_files(linter: Tool, options: &[&str], patterns: &[&str]) -> Result<()> {
    let listed = shell::command("git").args(["ls-files", "-z", "--"]).args(patterns).output()?;
    let files = String::from_utf8(listed.stdout).context("a file's name is not UTF-8")?;
    let files: Vec<&str> = files.split_terminator('\0').collect();
    if files.is_empty() {
        return Ok(());
    }
    match linter.ensure() {
        Ok(program) => succeed(shell::command(program).args(options).args(files)),
        Err(reason) => {
            println!("{patterns:?} were not checked: {reason:#}");
            Ok(())
        }
    }
}

/// Lints the schema, and refuses changes that break callers of the released one.
///
/// The released schema is a committed image and not a tag: a shallow clone has no tags.
pub(crate) fn proto() -> Result<()> {
    let buf = Tool::Buf.ensure()?;
    succeed(shell::command(&buf).arg("lint"))?;
    succeed(shell::command(&buf).args(["breaking", "--against", BASELINE]))
}

/// Makes the schema as it is the released one.
pub(crate) fn renew_baseline() -> Result<()> {
    let buf = Tool::Buf.ensure()?;
    succeed(shell::command(buf).args(["build", "--exclude-source-info", "--output", BASELINE]))
}

/// Checks what we depend on.
///
/// The advisory database lies in a Git repository of its own, which is not reachable from everywhere. Where it is not,
/// this says so and succeeds: an outage of somebody else's server says nothing about the code.
pub(crate) fn deny() -> Result<()> {
    let cargo_deny = Tool::CargoDeny.ensure()?;
    let deny = || {
        let mut command = shell::command(&cargo_deny);
        command.args(["--locked", "--log-level", "error"]);
        command
    };
    succeed(deny().args(["check", "--hide-inclusion-graph", "bans", "licenses", "sources"]))?;
    if !shell::works(deny().args(["fetch", "db"])) {
        println!("advisories were NOT checked: their database cannot be reached from here");
        return Ok(());
    }
    succeed(deny().args(["check", "--disable-fetch", "advisories"]))
}

/// Runs all tests, goes on behind a failure, and returns how many there were.
pub(crate) fn test(arguments: &[String]) -> Result<Counts> {
    // The server is also called by a client that knows nothing of this project; without it that test says so.
    if let Err(reason) = Tool::Grpcurl.ensure() {
        println!("grpcurl cannot be had: {reason:#}");
    }
    // Fetched ahead: a test that has to fetch it would look as if it hung.
    Tool::Moto.ensure()?;
    let mut command = cargo();
    command.args(["test", "--workspace", "--locked", "--no-fail-fast"]).args(arguments);
    let counts = counts::run(&mut command, Counts::from_result_line);
    TESTED.store(true, Ordering::Relaxed);
    counts
}

/// Runs the tests of the training, in Python; those that take `PyTorch`, which is not fetched for them, are skipped where
/// it is not there.
pub(crate) fn training() -> Result<Counts> {
    let mut tests = shell::command(Tool::Training.ensure()?);
    tests.current_dir(shell::root().join("classifier")).env("PYTHONDONTWRITEBYTECODE", "1");
    tests.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "training/tests"]);
    counts::run(&mut tests, Counts::from_pytest_line)
}

/// Set when this process has run the tests, which have built the program: alone it has other features of its
/// dependencies, and all of AWS's SDK would be compiled once more.
static TESTED: AtomicBool = AtomicBool::new(false);

/// Builds the server's program and returns its path; `LLM_SHIELD_BIN` names a ready one.
pub(crate) fn server_program() -> Result<PathBuf> {
    if let Some(program) = std::env::var_os("LLM_SHIELD_BIN") {
        return fs::canonicalize(&program).with_context(|| format!("there is no {}", program.display()));
    }
    let program = shell::target().join("debug/llm-shield");
    if TESTED.load(Ordering::Relaxed) && program.exists() {
        return Ok(program);
    }
    println!("building the server …");
    succeed(cargo().args(["build", "--locked", "--package", "llm-shield", "--bin", "llm-shield"]))?;
    if !program.exists() {
        bail!("cargo built no {}", program.display());
    }
    Ok(program)
}
