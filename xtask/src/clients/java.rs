//! The client in Java. Its code is made from the schema by its build, and never committed.

use std::process::Command;

use anyhow::Result;

use super::{Client, Code, with_aws};
use crate::{
    checks,
    counts::{self, Counts},
    shell::{self, root},
};

pub(super) const CLIENT: Client = Client { name: "java", code: Code::Build, test };

fn test() -> Result<Counts> {
    let mut verify = maven();
    verify.args(["--batch-mode", "--no-transfer-progress", "clean", "verify"]);
    verify.env("LLM_SHIELD_BIN", checks::server_program()?);
    counts::run(with_aws(&mut verify)?, Counts::from_surefire_line)
}

fn maven() -> Command {
    let mut command = shell::command("mvn");
    command.current_dir(root().join("clients/java"));
    command
}
