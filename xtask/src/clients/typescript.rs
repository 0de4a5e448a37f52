//! The client in TypeScript.

use std::process::Command;

use anyhow::Result;

use super::{Client, Code, with_aws};
use crate::{
    checks,
    counts::{self, Counts},
    shell::{self, root, succeed},
};

pub(super) const CLIENT: Client =
    Client { name: "typescript", code: Code::Buf { directory: "src/gen", prepare: install }, test };

/// Fetches the packages of the lock file, which has their hashes.
fn install() -> Result<()> {
    succeed(npm().args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]))
}

fn test() -> Result<Counts> {
    let mut test = npm();
    test.args(["test", "--silent"]).env("LLM_SHIELD_BIN", checks::server_program()?);
    counts::run(with_aws(&mut test)?, Counts::from_tap_line)
}

fn npm() -> Command {
    let mut command = shell::command("npm");
    command.current_dir(root().join("clients/typescript"));
    command
}
