//! Measurements. The criterion benches and the empty server lie in the package `llm-shield-benches`.

mod classifier;
mod facts;
mod ghz;
mod load;
mod peers;
mod report;
mod served;

use anyhow::{Result, bail};

use crate::{
    shell::{cargo, succeed},
    tools::Tool,
};

const PACKAGE: &str = "llm-shield-benches";
/// Where what was measured is written.
const RESULTS: &str = "benches/results";
const CRITERION: [&str; 1] = ["detect"];

/// Runs the named bench, or all of them.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    match arguments.split_first() {
        None => {
            CRITERION.into_iter().try_for_each(|name| criterion(name, &[]))?;
            audit_limits(&[])?;
            load::run(&[])
        }
        Some((name, rest)) if name == "classifier" => classifier::run(rest),
        Some((name, rest)) if name == "audit" => audit_limits(rest),
        Some((name, rest)) if name == "load" => load::run(rest),
        Some((name, [])) if name == "served" => served::run(),
        Some((name, rest)) if name == "peers" => peers::run(rest),
        Some((name, _)) if name == "cloud" => cloud(),
        Some((name, rest)) if CRITERION.contains(&name.as_str()) => criterion(name, rest),
        Some((name, _)) => {
            bail!("there is no bench `{name}`: detect, audit, classifier, load, served, peers, cloud")
        }
    }
}

/// What the audit log is held to, each limit beside what it is measured against; takes another number of records.
fn audit_limits(arguments: &[String]) -> Result<()> {
    let bench = ["bench", "--locked", "--package", "llm-shield-audit", "--bench", "limits", "--"];
    succeed(cargo().args(bench).args(arguments))
}

fn criterion(name: &str, arguments: &[String]) -> Result<()> {
    succeed(cargo().args(["bench", "--locked", "--package", PACKAGE, "--bench", name, "--"]).args(arguments))
}

/// The operations on AWS beside boto3, against the emulator. Without link-time optimisation: the SDK would take half an
/// hour of it, and what is measured waits for an emulator.
fn cloud() -> Result<()> {
    Tool::Moto.ensure()?;
    let mut bench = cargo();
    bench.args(["bench", "--locked", "--package", "llm-shield-cloud-aws", "--bench", "cloud"]);
    succeed(bench.env("CARGO_PROFILE_BENCH_LTO", "off").env("CARGO_PROFILE_BENCH_CODEGEN_UNITS", "16"))
}
