//! The function that renews client certificates, against emulated AWS services. The filters are tested with the workspace.

use anyhow::Result;

use super::{Client, Code, with_aws};
use crate::{
    counts::{self, Counts},
    shell::{self, root, succeed, target},
    tools::Tool,
};

pub(super) const CLIENT: Client = Client { name: "lambda", code: Code::Build, test };

fn test() -> Result<Counts> {
    succeed(shell::cargo().args(["build", "--quiet", "--package", "llm-shield-lambda", "--bin", "rotate"]))?;
    // The Python that the client in Python is tested with has what the emulation takes.
    let mut tests = shell::command(Tool::PythonClient.ensure()?);
    tests.current_dir(root().join("clients/lambda/tests/rotation"));
    tests.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:llm_shield"]);
    tests.env("PYTHONDONTWRITEBYTECODE", "1").env("LLM_SHIELD_ROTATE", target().join("debug/rotate"));
    counts::run(with_aws(&mut tests)?, Counts::from_pytest_line)
}
