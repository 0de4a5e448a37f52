//! The client in Go.

use std::process::Command;

use anyhow::{Result, ensure};

use super::{Client, Code, with_aws};
use crate::{
    checks,
    counts::{self, Counts},
    shell::{self, root, succeed},
};

pub(super) const CLIENT: Client =
    Client { name: "go", code: Code::Buf { directory: "shieldv1", prepare: || Ok(()) }, test };

/// The modules: what few need is in one of its own, so that nobody else has its dependencies.
const MODULES: [&str; 2] = [".", "secretsmanager"];

fn test() -> Result<Counts> {
    let unformatted = in_module(".", "gofmt").args(["-l", "."]).output()?;
    ensure!(
        unformatted.status.success() && unformatted.stdout.is_empty(),
        "gofmt would change {}",
        String::from_utf8_lossy(&unformatted.stdout).trim().replace('\n', ", ")
    );
    let server = checks::server_program()?;
    let mut counts = Counts::default();
    for module in MODULES {
        succeed(in_module(module, "go").args(["vet", "./..."]))?;
        let mut test = in_module(module, "go");
        test.args(["test", "-count=1", "-v", "./..."]).env("LLM_SHIELD_BIN", &server);
        counts += counts::run(with_aws(&mut test)?, Counts::from_go_line)?;
    }
    Ok(counts)
}

fn in_module(module: &str, program: &str) -> Command {
    let mut command = shell::command(program);
    command
        .current_dir(root().join("clients/go").join(module))
        .env("GOFLAGS", "-mod=readonly")
        .env("GOWORK", "off");
    command
}
