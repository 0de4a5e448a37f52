//! The clients in languages with tools of their own: generated code, lints, and tests against this commit's server.

mod go;
mod python;

use std::path::Path;

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
    /// What buf makes of the schema, below its directory.
    generated: &'static str,
    /// Fetches what generating needs.
    prepare: fn() -> Result<()>,
    /// Lints and tests it.
    test: fn() -> Result<Counts>,
}

const CLIENTS: [Client; 1] = [go::CLIENT];

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
            client.generate(None)?;
        } else {
            counts += test(client.name)?;
        }
    }
    if names.is_empty() || names.iter().any(|name| *name == python::NAME) {
        if generate {
            python::generate()?;
        } else {
            counts += python::test()?;
        }
    }
    if generate { Ok(()) } else { counts.into_result() }
}

/// Tests one client, and that its generated code is that of the schema.
pub(crate) fn test(name: &str) -> Result<Counts> {
    // Its generator is its own, since protoc comes with the Python package that generates.
    if name == python::NAME {
        return python::test();
    }
    let client = CLIENTS
        .iter()
        .find(|client| client.name == name)
        .with_context(|| format!("there is no client `{name}`"))?;
    client.check_generated()?;
    (client.test)()
}

impl Client {
    /// Makes the code anew, below `base` instead of the repository when that is given.
    fn generate(&self, base: Option<&Path>) -> Result<()> {
        (self.prepare)()?;
        let mut generate = shell::command(Tool::Buf.ensure()?);
        generate.args(["generate", "--template", &format!("clients/{}/buf.gen.yaml", self.name)]);
        if let Some(base) = base {
            generate.arg("--output").arg(base);
        }
        succeed(&mut generate)
    }

    fn check_generated(&self) -> Result<()> {
        let base = root().join(".tools").join("generated");
        self.generate(Some(&base))?;
        let generated = Path::new("clients").join(self.name).join(self.generated);
        succeed(
            shell::command("diff")
                .args(["--recursive", "--brief"])
                .arg(&generated)
                .arg(base.join(&generated)),
        )
        .with_context(|| format!("{} is not what the schema makes: `--generate`", generated.display()))
    }
}
