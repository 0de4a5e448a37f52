//! The command line: one program for the server, for scans and redactions by hand or in bulk, and for the audit log.
//!
//! Exit codes: 0 done (for `scan` and `redact`: allowed), 1 blocked or, for a check, failed; 2 wrong usage or a failure.

mod args;
mod audit;
mod bulk;
mod canary;
mod case;
mod certs;
mod cost;
mod doctor;
mod health;
mod judge;
mod model;
mod pipeline;
mod policy;
mod redact;
mod remote;
mod scan;
mod serve;
mod show;

use std::{io::Write as _, process::ExitCode};

use clap::{CommandFactory as _, Parser, Subcommand};

/// The answer is yes: allowed, intact, healthy.
const YES: u8 = 0;
/// The answer is no: blocked, tampered with, not serving.
const NO: u8 = 1;
/// There is no answer: wrong usage, or a failure.
const FAILED: u8 = 2;

/// Security checkpoint for LLM traffic: finds prompt injections, secrets and personal data, redacts, and keeps a
/// tamper-evident record of each decision.
#[derive(Debug, Parser)]
#[command(name = "llm-shield", version, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gRPC server
    Serve(serve::Args),
    /// Say whether a text is allowed, and what was found in it
    Scan(scan::Args),
    /// Print a text with secrets and personal data replaced
    Redact(redact::Args),
    /// List, show and verify the audit log
    #[command(subcommand)]
    Audit(audit::Command),
    /// Check, explain and test policies
    #[command(subcommand)]
    Policy(policy::Command),
    /// Issue canary tokens for prompts, and tell them in a text
    #[command(subcommand)]
    Canary(canary::Command),
    /// Check and list model bundles
    #[command(subcommand)]
    Model(model::Command),
    /// Make and show certificates
    #[command(subcommand)]
    Certs(certs::Command),
    /// Ask a server whether it is serving (exit code 0 when it is)
    Health(health::Args),
    /// Look at everything that a configured server depends on, and say what is wrong and how it is mended
    Doctor(doctor::Args),
    /// Estimate the monthly cost of what AWS keeps
    Cost(cost::Args),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Runs the command line of this process.
pub(crate) fn run() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve(args) => serve::run(args),
        Command::Scan(args) => scan::run(args),
        Command::Redact(args) => redact::run(args),
        Command::Audit(command) => audit::run(command),
        Command::Policy(command) => policy::run(command),
        Command::Canary(command) => canary::run(command),
        Command::Model(command) => model::run(command),
        Command::Certs(command) => certs::run(command),
        Command::Health(args) => health::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Cost(args) => cost::run(args),
        Command::Completions { shell } => completions(shell),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        // The reader went away (`llm-shield … | head`): nobody is left to tell.
        Err(error) if is_broken_pipe(&error) => ExitCode::from(YES),
        Err(error) => {
            show::error(&error);
            ExitCode::from(FAILED)
        }
    }
}

fn completions(shell: clap_complete::Shell) -> anyhow::Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "llm-shield", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(YES)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn arguments_are_consistent() {
        super::Cli::command().debug_assert();
    }
}
