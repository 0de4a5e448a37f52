//! What `scripts/deploy.sh --local` runs.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::OnceLock,
};

use serde::Deserialize;
use serde_json::Value;

/// A running stack; it ends with the standard input that it was given, so with this process at the latest.
pub(crate) struct Stack {
    process: Child,
    input: Option<ChildStdin>,
    pub(crate) ready: Ready,
}

#[derive(Deserialize)]
pub(crate) struct Ready {
    pub(crate) rest: String,
    pub(crate) http: String,
    pub(crate) model: String,
    #[serde(default)]
    pub(crate) data_dir: PathBuf,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) text: String,
}

impl Stack {
    /// The stack that most tests share.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Stack> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[]))
    }

    /// Starts one with settings of its own.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        let mut command = script();
        command
            .args(["--local", "--until-eof", "--bin-dir"])
            .arg(programs())
            .env("LLM_SHIELD_BIN", server())
            // The suite measures no time, and runs on slow machines.
            .env("LLM_SHIELD_SCAN_TIMEOUT_MS", "30000")
            .env("LLM_SHIELD_REDACT_TIMEOUT_MS", "30000")
            .env("NO_PROXY", "127.0.0.1")
            .envs(settings.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Self { input: process.stdin.take(), process, ready }
    }

    /// Sends JSON to the REST API.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        curl(&format!("{}{path}", self.ready.rest), &body.to_string(), &[])
    }

    /// Returns what has reached the model and holds `mark`.
    pub(crate) fn reached_model(&self, mark: &str) -> Vec<Value> {
        let output =
            Command::new("curl").args(["-sS", &format!("{}/requests", self.ready.model)]).output().unwrap();
        let all: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        all.into_iter().filter(|request| request.to_string().contains(mark)).collect()
    }

    /// Returns the audit record of an id, as the command line shows it.
    pub(crate) fn record(&self, id: &str) -> Value {
        let output = Command::new(server())
            .args(["audit", "show", id, "--data-dir"])
            .arg(&self.ready.data_dir)
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.input.take();
        self.process.wait().unwrap();
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Sends a body with curl.
pub(crate) fn curl(url: &str, body: &str, arguments: &[&str]) -> Reply {
    let mut command = Command::new("curl");
    command
        .args([
            "-sS",
            "-i",
            "--max-time",
            "120",
            "-X",
            "POST",
            "-H",
            "content-type: application/json",
            "-H",
            "expect:",
        ])
        .args(arguments)
        .args(["--data-binary", "@-", url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut process = command.spawn().unwrap();
    process.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (head, text) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text}"));
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    Reply { status, headers, text: text.to_owned() }
}

/// The deployment script.
pub(crate) fn script() -> Command {
    Command::new(root().join("scripts/deploy.sh"))
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

pub(crate) fn programs() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_input_filter")).parent().unwrap()
}

/// The service's program: one that was named, or that which `cargo test --workspace` has built beside the filters.
pub(crate) fn server() -> PathBuf {
    let program =
        std::env::var_os("LLM_SHIELD_BIN").map_or_else(|| programs().join("llm-shield"), PathBuf::from);
    assert!(program.is_file(), "there is no {}: cargo build -p llm-shield", program.display());
    program
}
