//! The program that runs the server.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde::Deserialize;
use serde_json::{Value, json};

/// The harness, and what it said when the server was ready.
pub(crate) struct Harness {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    pub(crate) ready: Ready,
}

#[derive(Deserialize)]
pub(crate) struct Ready {
    pub(crate) address: String,
    pub(crate) server_name: String,
    pub(crate) clients: HashMap<String, Files>,
}

#[derive(Deserialize)]
pub(crate) struct Files {
    pub(crate) dir: PathBuf,
    pub(crate) ca: PathBuf,
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

impl Harness {
    pub(crate) fn start() -> Result<Self, String> {
        let mut command = Command::new("python3");
        command.arg(super::directory().join("harness.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().map_err(|error| format!("python3 cannot be run: {error}"))?;
        let input = process.stdin.take().ok_or("no standard input")?;
        let mut output = BufReader::new(process.stdout.take().ok_or("no standard output")?);
        let ready = serde_json::from_value(read(&mut output)?).map_err(|error| error.to_string())?;
        Ok(Self { process, input, output, ready })
    }

    /// Sends a command and returns the answer, if that is `ok`.
    pub(crate) fn ask(&mut self, command: &Value) -> Result<Value, String> {
        writeln!(self.input, "{command}").map_err(|error| error.to_string())?;
        let answer = read(&mut self.output)?;
        if answer["ok"] == true { Ok(answer) } else { Err(format!("{command}: {answer}")) }
    }

    /// How many requests of a method the server has answered.
    pub(crate) fn requests(&mut self, method: &str) -> Result<u64, String> {
        let answer = self.ask(&json!({"command": "requests"}))?;
        let statuses = answer["requests"][method].as_object();
        Ok(statuses.into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum())
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        drop(self.ask(&json!({"command": "quit"})));
        drop(self.process.wait());
    }
}

fn read(output: &mut BufReader<ChildStdout>) -> Result<Value, String> {
    let mut line = String::new();
    output.read_line(&mut line).map_err(|error| error.to_string())?;
    serde_json::from_str(&line).map_err(|_ended| "the harness ended (is the server built?)".to_owned())
}
