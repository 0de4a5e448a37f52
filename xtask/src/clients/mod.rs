//! The clients in languages with tools of their own: generated code, lints, and tests against this commit's server.

mod go;
mod java;
mod lambda;
mod python;
mod typescript;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    counts::Counts,
    shell::{self, root, succeed},
    tools::Tool,
};

/// A client.
struct Client {
    /// The name of its directory.
    name: &'static str,
    /// How its code is made of the schema.
    code: Code,
    /// Lints and tests it.
    test: fn() -> Result<Counts>,
}

/// How a client's code is made of the schema.
enum Code {
    /// By buf, as `clients/NAME/buf.gen.yaml` says, and committed.
    Buf {
        /// Where it lies, below the client's directory.
        directory: &'static str,
        /// Fetches what making it needs.
        prepare: fn() -> Result<()>,
    },
    /// By a program of its own, and committed; its tests look whether it is current.
    Own(fn() -> Result<()>),
    /// By each build.
    Build,
}

const CLIENTS: [Client; 5] = [go::CLIENT, python::CLIENT, typescript::CLIENT, java::CLIENT, lambda::CLIENT];

/// Runs `cargo xtask clients`.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let (options, names): (Vec<_>, Vec<_>) =
        arguments.iter().partition(|argument| argument.starts_with("--"));
    let generate = match options.as_slice() {
        [] => false,
        [generate] if *generate == "--generate" => true,
        _ => bail!("`clients` takes names and `--generate` only"),
    };
    let mut counts = Counts::default();
    for client in
        CLIENTS.iter().filter(|client| names.is_empty() || names.iter().any(|name| *name == client.name))
    {
        if generate {
            client.generate()?;
        } else {
            counts += test(client.name)?;
        }
    }
    if generate { Ok(()) } else { counts.into_result() }
}

/// Tests one client, and that its generated code is that of the schema.
pub(crate) fn test(name: &str) -> Result<Counts> {
    let client = CLIENTS
        .iter()
        .find(|client| client.name == name)
        .with_context(|| format!("there is no client `{name}`"))?;
    client.check_generated()?;
    (client.test)()
}

/// Names the emulation of AWS to tests; the Python client brings it.
fn with_aws(command: &mut Command) -> Result<&mut Command> {
    Ok(command.env("MOTO_SERVER", Tool::PythonClient.ensure()?.with_file_name("moto_server")))
}

impl Client {
    fn generate(&self) -> Result<()> {
        match self.code {
            Code::Buf { prepare, .. } => {
                prepare()?;
                self.buf(None)
            }
            Code::Own(generate) => generate(),
            Code::Build => Ok(()),
        }
    }

    fn check_generated(&self) -> Result<()> {
        let Code::Buf { directory, prepare } = self.code else { return Ok(()) };
        prepare()?;
        let base = root().join(".tools").join("generated");
        self.buf(Some(&base))?;
        let generated: PathBuf = ["clients", self.name, directory].iter().collect();
        succeed(
            shell::command("diff")
                .args(["--recursive", "--brief"])
                .arg(&generated)
                .arg(base.join(&generated)),
        )
        .with_context(|| format!("{} is not what the schema makes: `--generate`", generated.display()))
    }

    /// Makes the code anew, below `base` instead of the repository when that is given.
    fn buf(&self, base: Option<&Path>) -> Result<()> {
        let mut generate = shell::command(Tool::Buf.ensure()?);
        generate.args(["generate", "--template", &format!("clients/{}/buf.gen.yaml", self.name)]);
        if let Some(base) = base {
            generate.arg("--output").arg(base);
        }
        succeed(&mut generate)
    }
}
