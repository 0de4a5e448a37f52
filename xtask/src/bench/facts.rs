//! What a measurement has to say about the machine, and what the kernel says about a process.

use std::{env, fs, process::Command, thread, time::Duration};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::ghz::{CONCURRENCY, CONNECTIONS};
use crate::{shell, tools::GHZ};

/// Collects what a reader needs to judge the figures of any bench.
pub(super) fn of_machine() -> Value {
    json!({
        "date": output("date", &["--utc", "+%Y-%m-%dT%H:%M:%SZ"]),
        "commit": output("git", &["rev-parse", "HEAD"]),
        "uncommitted_changes": !output("git", &["status", "--porcelain", "--untracked-files=no"]).is_empty(),
        "cpu": after_colon("/proc/cpuinfo", "model name"),
        "cores": thread::available_parallelism().map_or(0, usize::from),
        "memory": after_colon("/proc/meminfo", "MemTotal"),
        "kernel": output("uname", &["-sr"]),
        "load_average_before": fs::read_to_string("/proc/loadavg").unwrap_or_default().trim(),
        "rustc": output("rustc", &["--version"]),
        "profile": profile(),
    })
}

/// Collects what a reader needs to judge the figures of ghz.
pub(super) fn of_load() -> Value {
    let mut facts = of_machine();
    add(
        &mut facts,
        [("ghz", GHZ.into()), ("concurrency", CONCURRENCY.into()), ("connections", CONNECTIONS.into())],
    );
    facts
}

/// Adds facts to others.
pub(super) fn add<const N: usize>(facts: &mut Value, more: [(&str, Value); N]) {
    if let Some(facts) = facts.as_object_mut() {
        facts.extend(more.map(|(name, value)| (name.to_owned(), value)));
    }
}

/// Lists facts for the foot of a page.
pub(super) fn list(facts: &Value) -> String {
    let mut text = String::new();
    for (name, value) in facts.as_object().into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text += &format!("- {}: {value}\n", name.replace('_', " "));
    }
    text
}

/// Names the build profile, with what the environment changes of it: a quick try is not to pass for the real thing.
fn profile() -> String {
    let changes = env::vars().filter(|(name, _)| name.starts_with("CARGO_PROFILE_RELEASE_"));
    let changes: Vec<String> = changes.map(|(name, value)| format!("{name}={value}")).collect();
    if changes.is_empty() {
        return "release: fat LTO, one codegen unit".to_owned();
    }
    format!("release, but {}", changes.join(" "))
}

/// Returns the CPU time, in user and kernel, that a process has used.
pub(super) fn cpu_time(process: u32) -> Result<Duration> {
    time_in_stat(&process.to_string(), 11)
}

/// Returns the CPU time that children of ours have used that have ended.
pub(super) fn cpu_time_of_children() -> Result<Duration> {
    time_in_stat("self", 13)
}

fn time_in_stat(process: &str, field: usize) -> Result<Duration> {
    let path = format!("/proc/{process}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let ticks = ticks(&stat, field).with_context(|| format!("cannot understand {path}"))?;
    let per_second: u64 =
        output("getconf", &["CLK_TCK"]).parse().context("cannot ask getconf for CLK_TCK")?;
    Ok(Duration::from_nanos(ticks.saturating_mul(1_000_000_000 / per_second.max(1))))
}

/// Reads the sum of two fields, the first of which comes so many behind the name. The name, field 2, may hold anything,
/// so it counts from behind it: 11 for utime and stime, 13 for those of children.
fn ticks(stat: &str, field: usize) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(field);
    let user: u64 = fields.next()?.parse().ok()?;
    let kernel: u64 = fields.next()?.parse().ok()?;
    user.checked_add(kernel)
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(shell::root()).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

fn after_colon(path: &str, key: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let value = text.lines().find(|line| line.starts_with(key)).and_then(|line| line.split_once(':'));
    value.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_read_behind_any_name() {
        let stat = "42 (a ) (b) S 1 42 42 0 -1 4194560 1 0 0 0 150 50 7 2 20 0 4 0 1 1 1";
        assert_eq!(ticks(stat, 11), Some(200));
        assert_eq!(ticks(stat, 13), Some(9));
        assert_eq!(ticks("42 (a", 11), None);
        assert_eq!(ticks("42 (a) S 1 2", 11), None);
    }

    #[test]
    fn own_cpu_time_can_be_read() {
        assert!(cpu_time(std::process::id()).is_ok());
        assert!(cpu_time_of_children().is_ok());
    }
}
