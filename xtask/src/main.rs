//! The tasks of this repository: `cargo xtask …`.
//!
//! Continuous integration runs the same functions as a developer does (`ci` is the others in a row), so what fails there
//! is reproduced by the same word here. Few dependencies on purpose: this builds before everything else.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a task runner talks on its standard streams")]

mod bench;
mod checks;
mod ci;
mod clients;
mod counts;
mod demo;
mod docs;
mod image;
mod process;
mod quality;
mod shell;
mod terraform;
mod tools;

use std::{env, process::ExitCode};

use anyhow::{Result, bail};

/// The tasks, a line each.
pub(crate) const USAGE: &str = "\
usage: cargo xtask TASK

  demo                      start a server, show a block, a redaction and the verified audit trail
  test [ARGS…]              all tests, documentation examples too; ARGS go to cargo test
  lint                      formatting, clippy, rustdoc, shell scripts, Dockerfile
  proto [--renew-baseline]  lint the schema and compare it with the released one
  clients [NAME…]           the clients in other languages: go, python, typescript, java;
                            --generate: make their code from the schema
  training                  the tests of the classifier's training
  policies                  check the IAM policies with parliament
  deny                      bans, licences and sources of dependencies, and advisories where they can be fetched
  docs                      links, paths, pictures and commands of the documents
  docs draw                 draw docs/diagrams/*.dot anew
  bench [NAME…]             criterion benches (detect), the audit log beside its limits (audit), or the load
                            measurement (load); without a name: all
  bench classifier          the encoder beside ONNX Runtime, which it fetches, on the same weights
  bench served              Scan with the classifier under load, beside the encoder alone on the same texts
  bench peers               speed beside gitleaks and Presidio, which it fetches
  bench cloud               the operations on AWS beside boto3, against moto
  quality [--data DIR]      what is found of labelled texts, into docs/quality.md; --peers: beside peers, too
  terraform [static|policies|generate|schema FILE]
                            check the infrastructure without an account; write its generated files
  tools [NAME…]             fetch the pinned tools into .tools/: buf, cargo-deny, checkov, ghz, graphviz, grpcurl,
                            hadolint, moto, shellcheck; by name only: gitleaks, presidio, python-client, training
  ci                        lint, proto, docs, terraform, test, demo and deny, timed; ends with the number of tests
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<ExitCode> {
    let (task, rest) =
        arguments.split_first().map_or(("help", arguments), |(task, rest)| (task.as_str(), rest));
    match task {
        "demo" => demo::run()?,
        "test" => checks::test(rest)?.into_result()?,
        "training" => checks::training()?.into_result()?,
        "lint" => checks::lint()?,
        "proto" if rest.iter().any(|argument| argument == "--renew-baseline") => checks::renew_baseline()?,
        "proto" => checks::proto()?,
        "clients" => clients::run(rest)?,
        "policies" => terraform::operators_policies()?,
        "deny" => checks::deny()?,
        "docs" => docs::run(rest)?,
        "bench" => bench::run(rest)?,
        "quality" => quality::run(rest)?,
        "terraform" => terraform::run(rest)?,
        "tools" => tools::fetch(rest)?,
        "ci" => return Ok(ci::run()),
        "help" | "-h" | "--help" => print!("{USAGE}"),
        unknown => bail!("there is no task `{unknown}`\n\n{USAGE}"),
    }
    Ok(ExitCode::SUCCESS)
}
