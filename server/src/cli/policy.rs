//! `llm-shield policy`.

mod cases;
mod explain;

use std::{fmt::Write as _, path::PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use llm_shield_detect::{Engine, Policy, PolicyError};

use super::{
    NO, YES,
    args::{DirectionArg, RoleArg},
    show,
};

/// Commands on policies. A FILE may also be the name of a preset: strict, standard or permissive.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check policy files and tell all that is wrong at once (exit code 1: something is)
    Check {
        /// Policy files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Print what holds for each entity, or, with a text, why it is decided as it is
    Explain(ExplainArgs),
    /// Run cases against a policy and print where they differ (exit code 1: some do)
    Test {
        /// The policy file
        #[arg(value_name = "FILE")]
        policy: PathBuf,
        /// The cases, see docs/policy.md
        #[arg(value_name = "CASES.yaml")]
        cases: PathBuf,
    },
    /// Print the JSON Schema of policy files, for editors
    Schema,
}

/// What to explain.
#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    /// The policy file
    #[arg(value_name = "FILE")]
    policy: PathBuf,
    /// A text to explain the decision on
    text: Option<String>,
    /// Only these entities or detectors, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    entity: Vec<String>,
    /// On which side of the model
    #[arg(long, value_enum, default_value_t)]
    direction: DirectionArg,
    /// Whose text it is
    #[arg(long, value_enum, default_value_t)]
    role: RoleArg,
}

/// Runs the command.
pub(crate) fn run(command: Command) -> Result<u8> {
    match command {
        Command::Check { files } => check(&files),
        Command::Explain(args) => explain::run(&args),
        Command::Test { policy, cases } => cases::run(&policy, &cases),
        Command::Schema => {
            show::print(Policy::schema())?;
            Ok(YES)
        }
    }
}

fn check(files: &[PathBuf]) -> Result<u8> {
    let engine = engine()?;
    let mut wrong = false;
    for file in files {
        let mut out = String::new();
        let problems = match read(file, |yaml| Policy::from_yaml_for(yaml, &engine))? {
            Ok(policy) => {
                let slow: Vec<&str> = policy.slow_rules().collect();
                if !slow.is_empty() {
                    show::note(&format!(
                        "{}: no literal of three characters says where these rules may match, so each is tried on \
                         all of every text: {}",
                        file.display(),
                        slow.join(", ")
                    ));
                }
                writeln!(out, "{}: policy `{}`, digest {}", file.display(), policy.name(), policy.digest())?;
                Vec::new()
            }
            Err(error @ PolicyError::Several(_)) => match error {
                PolicyError::Several(problems) => problems,
                other => vec![other],
            },
            Err(error) => vec![error],
        };
        wrong |= !problems.is_empty();
        for problem in problems {
            writeln!(out, "{}: {problem}", file.display())?;
        }
        show::print(&out)?;
    }
    Ok(if wrong { NO } else { YES })
}

fn engine() -> Result<Engine> {
    Engine::builtin().context("the rules that come with this program do not compile")
}

/// Reads a policy file, or takes the preset of that name where there is no such file.
fn read(
    file: &PathBuf,
    parse: impl Fn(&str) -> Result<Policy, PolicyError>,
) -> Result<Result<Policy, PolicyError>> {
    let preset = file.to_str().filter(|name| Policy::preset_names().any(|preset| preset == *name));
    match preset.filter(|_| !file.exists()) {
        Some(name) => Ok(Policy::preset(name)),
        None => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("cannot read the policy {}", file.display()))?;
            Ok(parse(&text))
        }
    }
}

fn usable(file: &PathBuf) -> Result<Policy> {
    read(file, Policy::from_yaml)?.with_context(|| format!("in the policy {}", file.display()))
}
