//! Measurements. The work is done in the package `llm-shield-benches`; this builds what it needs and calls it.

use anyhow::{Result, bail};

use crate::{
    checks,
    shell::{self, cargo, succeed},
    tools::Tool,
};

const PACKAGE: &str = "llm-shield-benches";
const CRITERION: [&str; 2] = ["detect", "audit"];

/// Runs the named benches, or all of them; what follows `load` goes to the load driver.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    match arguments.split_first() {
        None => {
            CRITERION.into_iter().try_for_each(|name| criterion(name, &[]))?;
            load(&[])
        }
        Some((name, rest)) if name == "load" => load(rest),
        Some((name, rest)) if CRITERION.contains(&name.as_str()) => criterion(name, rest),
        Some((name, _)) => bail!("there is no bench `{name}`: detect, audit, load"),
    }
}

fn criterion(name: &str, arguments: &[String]) -> Result<()> {
    succeed(cargo().args(["bench", "--locked", "--package", PACKAGE, "--bench", name, "--"]).args(arguments))
}

/// Puts the same load on the server and on an empty one, in turns.
fn load(arguments: &[String]) -> Result<()> {
    let ghz = Tool::Ghz.ensure()?;
    let server = checks::server_program(true)?;
    succeed(cargo().args(["build", "--locked", "--release", "--package", PACKAGE, "--bins"]))?;
    let programs = shell::target().join("release");
    let mut driver = shell::command(programs.join("load"));
    driver.arg("--ghz").arg(ghz).arg("--server").arg(server);
    succeed(driver.arg("--empty").arg(programs.join("empty_server")).args(arguments))
}
