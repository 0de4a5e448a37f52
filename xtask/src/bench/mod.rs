//! Measurements. The criterion benches and the empty server lie in the package `llm-shield-benches`.

mod classifier;
mod facts;
mod ghz;
mod load;
mod peers;
mod report;

use anyhow::{Result, bail};

use crate::shell::{cargo, succeed};

const PACKAGE: &str = "llm-shield-benches";
/// Where what was measured is written.
const RESULTS: &str = "benches/results";
const CRITERION: [&str; 2] = ["detect", "audit"];

/// Runs the named bench, or all of them.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    match arguments.split_first() {
        None => {
            CRITERION.into_iter().try_for_each(|name| criterion(name, &[]))?;
            load::run(&[])
        }
        Some((name, rest)) if name == "classifier" => classifier::run(rest),
        Some((name, rest)) if name == "load" => load::run(rest),
        Some((name, rest)) if name == "peers" => peers::run(rest),
        Some((name, rest)) if CRITERION.contains(&name.as_str()) => criterion(name, rest),
        Some((name, _)) => bail!("there is no bench `{name}`: detect, audit, classifier, load, peers"),
    }
}

fn criterion(name: &str, arguments: &[String]) -> Result<()> {
    succeed(cargo().args(["bench", "--locked", "--package", PACKAGE, "--bench", name, "--"]).args(arguments))
}
