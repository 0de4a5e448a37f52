//! Calling a server with ghz.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::shell;

const CALL: &str = "llm_shield.v1.ShieldService.Scan";
pub(super) const CONCURRENCY: u32 = 32;
pub(super) const CONNECTIONS: u32 = 4;

/// One run of ghz against one server.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) succeeded: u64,
    pub(super) cpu_per_request: Duration,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
    /// What ghz reports, without its line for each request.
    pub(super) raw: Value,
}

/// ghz, with the client certificate and the schema that it calls with.
#[derive(Debug)]
pub(super) struct Ghz {
    program: PathBuf,
    data: PathBuf,
    schema: PathBuf,
}

impl Ghz {
    pub(super) fn new(program: &Path, data: &Path, schema: &Path) -> Self {
        Self { program: program.to_owned(), data: data.to_owned(), schema: schema.to_owned() }
    }

    /// Sends the request in `body` to a server `requests` times.
    pub(super) fn call(&self, server: SocketAddr, body: &Path, requests: u32) -> Result<Run> {
        let mut ghz = Command::new(&self.program);
        ghz.args(["--call", CALL, "--format", "json", "--protoset"]).arg(&self.schema);
        ghz.arg("--cacert").arg(self.data.join("ca.pem"));
        ghz.arg("--cert").arg(self.data.join("clients/dev.pem"));
        ghz.arg("--key").arg(self.data.join("clients/dev.key"));
        // To ghz the data is a template, and this version cannot be told otherwise: it must not hold `{{`.
        ghz.args(["--cname", "localhost", "--data-file"]);
        ghz.arg(body).args([
            "--concurrency",
            &CONCURRENCY.to_string(),
            "--connections",
            &CONNECTIONS.to_string(),
        ]);
        ghz.args(["--total", &requests.to_string(), &server.to_string()]);
        let output = ghz.output().context("cannot run ghz")?;
        ensure!(
            output.status.success(),
            "`{}` ended with {}: {}",
            shell::show(&ghz),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Run::parse(&output.stdout)
    }
}

impl Run {
    fn parse(report: &[u8]) -> Result<Self> {
        let mut raw: Value = serde_json::from_slice(report).context("ghz wrote no JSON")?;
        let fields = raw.as_object_mut().context("ghz wrote no JSON object")?;
        fields.remove("details");
        // It repeats the prompt, and names files of this machine.
        fields.remove("options");
        let succeeded = raw.pointer("/statusCodeDistribution/OK").and_then(Value::as_u64).unwrap_or(0);
        let (p50, p99) = (percentile(&raw, 50)?, percentile(&raw, 99)?);
        Ok(Self { succeeded, cpu_per_request: Duration::ZERO, p50, p99, raw })
    }
}

fn percentile(report: &Value, percentage: u64) -> Result<Duration> {
    let distribution = report.get("latencyDistribution").and_then(Value::as_array);
    distribution
        .and_then(|entries| entries.iter().find(|entry| entry.get("percentage") == Some(&percentage.into())))
        .and_then(|entry| entry.get("latency")?.as_u64())
        .map(Duration::from_nanos)
        .with_context(|| format!("ghz reports no {percentage}th percentile"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_read() {
        let report = br#"{"count": 3, "details": [1], "statusCodeDistribution": {"OK": 2, "Unavailable": 1},
            "latencyDistribution": [{"percentage": 50, "latency": 1500}, {"percentage": 99, "latency": 9000}]}"#;
        let run = Run::parse(report).unwrap();
        assert_eq!(run.succeeded, 2);
        assert_eq!((run.p50, run.p99), (Duration::from_nanos(1_500), Duration::from_nanos(9_000)));
        assert_eq!(run.raw.get("details"), None);
    }

    #[test]
    fn reports_without_percentiles_are_refused() {
        assert!(Run::parse(br#"{"statusCodeDistribution": {"Unavailable": 3}}"#).is_err());
        assert!(Run::parse(b"Summary: 3").is_err());
    }
}
