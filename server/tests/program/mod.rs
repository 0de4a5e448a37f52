//! The real program as a child process.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Output, Stdio},
};

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_llm-shield");

/// A directory that goes away with the test.
pub(crate) struct Directory(tempfile::TempDir);

#[allow(clippy::allow_attributes, dead_code, reason = "each test program uses a part of this module")]
impl Directory {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// `llm-shield serve` on a free port; killed when dropped.
#[allow(clippy::allow_attributes, dead_code, reason = "each test program uses a part of this module")]
pub(crate) struct Server {
    process: Child,
    pub(crate) address: String,
    data: PathBuf,
    _output: BufReader<ChildStdout>,
}

#[allow(clippy::allow_attributes, dead_code, reason = "each test program uses a part of this module")]
impl Server {
    /// Starts a server on embedded defaults.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_as(Command::new(PROGRAM).arg("serve"), data)
    }

    /// Starts a server by a command that is `serve` already.
    pub(crate) fn start_as(serve: &mut Command, data: &Path) -> Self {
        let mut process = serve
            .args(["--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let address =
            line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("said {line:?}")).to_owned();
        Self { process, address, data: data.to_owned(), _output: output }
    }

    /// Runs a command of the program against this server.
    pub(crate) fn call(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).args(["--endpoint", &self.address, "--data-dir"]).arg(&self.data);
        command.stdin(Stdio::null()).output().unwrap()
    }

    /// Ends the server without a chance to clean up.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Asks the server to end, and returns its exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        assert!(Command::new("kill").arg(self.process.id().to_string()).status().unwrap().success());
        self.process.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
