//! `terraform validate` and `terraform test` without the provider: a server of our own shows Terraform the extract of its
//! schema. What the real provider says about values is not asked.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use super::{schema::EXTRACT, tree::Module};
use crate::{
    process::{Server, fresh_directory},
    shell,
    tools::Tool,
};

const SERVER: &str = "xtask/tools/serve_schema.py";
const PROVIDER: &str = "registry.terraform.io/hashicorp/aws";
const INIT: [&str; 4] = ["init", "-backend=false", "-input=false", "-no-color"];

/// Says whether there is a Terraform to ask.
pub(super) fn possible() -> bool {
    shell::works(shell::command("terraform").arg("version"))
}

/// Validates every module, and runs the tests of those that have some.
pub(super) fn run(modules: &[Module]) -> Result<()> {
    let python = Tool::PythonClient.ensure()?;
    let server = Server::start(shell::command(python).args([SERVER, EXTRACT]), false)?;
    let provider = json!({ PROVIDER: {
        "Protocol": "grpc",
        "ProtocolVersion": 5,
        "Pid": server.id(),
        "Test": true,
        "Addr": { "Network": "tcp", "String": server.address().to_string() },
    }})
    .to_string();
    for module in modules {
        // Outside the tree: what Terraform keeps of an initialisation is no part of it.
        let data = fresh_directory("terraform")?;
        let terraform = |arguments: &[&str]| {
            let mut command = shell::command("terraform");
            command.args(arguments).current_dir(&module.directory);
            command.env("TF_DATA_DIR", data.path()).env("TF_REATTACH_PROVIDERS", &provider);
            quietly(&mut command, &module.directory)
        };
        terraform(&INIT)?;
        terraform(&["validate", "-no-color"])?;
        if module.directory.join("tests").is_dir() {
            terraform(&["test", "-no-color"])?;
        }
    }
    Ok(())
}

/// Shows what a command says only where it fails.
fn quietly(command: &mut Command, place: &Path) -> Result<()> {
    let shown = shell::show(command);
    let output = command.output().with_context(|| format!("cannot run `{shown}`"))?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!(
            "`{shown}` in {} ended with {}\n{}",
            place.display(),
            output.status,
            String::from_utf8_lossy(&said)
        );
    }
    Ok(())
}
