//! A server as a child process, and directories to work in.

use std::{
    env,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

use crate::shell;

/// The first start makes keys and certificates and warms the engine; a loaded machine may take long over it.
const START_LIMIT: Duration = Duration::from_secs(120);
const STOP_LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// A running server; killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts a server and waits for the line in which it names its address.
    pub(crate) fn start(command: &mut Command, shown: bool) -> Result<Self> {
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(if shown { Stdio::inherit() } else { Stdio::null() })
            .spawn()
            .with_context(|| format!("cannot start `{}`", shell::show(command)))?;
        let output = process.stdout.take().context("the server has no output")?;
        // Held from here on, so that no way out leaves the process behind.
        let mut server = Self { process, address: SocketAddr::from(([0, 0, 0, 0], 0)) };
        let mut lines = BufReader::new(output).lines();
        for line in lines.by_ref() {
            let line = line.context("cannot read the server's output")?;
            if shown {
                println!("{line}");
            }
            if let Some(address) = address_in(&line) {
                server.address = address;
                break;
            }
        }
        ensure!(server.address.port() != 0, "the server ended without naming its address");
        // Read on, or a full pipe would stop the server.
        thread::spawn(move || {
            for line in lines.map_while(Result::ok).filter(|_| shown) {
                println!("{line}");
            }
        });
        Ok(server)
    }

    /// Returns where the server listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the id of the process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until `probe` succeeds.
    pub(crate) fn wait_until(&mut self, mut probe: impl FnMut() -> bool) -> Result<()> {
        let start = Instant::now();
        while !probe() {
            if let Some(status) = self.process.try_wait()? {
                bail!("the server ended with {status} before it was ready");
            }
            ensure!(start.elapsed() < START_LIMIT, "the server was not ready in {START_LIMIT:?}");
            pause();
        }
        Ok(())
    }

    /// Asks the server to end, and refuses any way of ending but a clean one.
    pub(crate) fn stop(mut self) -> Result<()> {
        // The shell's own `kill`: there need not be a program of that name.
        shell::succeed(Command::new("sh").args(["-c", &format!("kill -TERM {}", self.process.id())]))?;
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.process.try_wait()? {
                break status;
            }
            ensure!(start.elapsed() < STOP_LIMIT, "the server did not stop in {STOP_LIMIT:?}");
            pause();
        };
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone after `stop`; nothing else can be done about an error here.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Makes a fresh directory for `task` that nobody else uses, other threads of this process included; removed when
/// dropped.
pub(crate) fn fresh_directory(task: &str) -> Result<TempDir> {
    tempfile::Builder::new()
        .prefix(&format!("llm-shield-{task}-"))
        .tempdir()
        .with_context(|| format!("cannot make a directory for {task} in {}", env::temp_dir().display()))
}

fn address_in(line: &str) -> Option<SocketAddr> {
    line.split(|c: char| c.is_whitespace() || c == ',').find_map(|word| {
        let address: SocketAddr = word.trim_end_matches('.').parse().ok()?;
        (address.port() != 0).then_some(address)
    })
}

#[expect(clippy::disallowed_methods, reason = "there is no runtime here to block")]
fn pause() {
    thread::sleep(POLL);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_found_in_a_sentence() {
        assert_eq!(address_in("listening on 127.0.0.1:50051"), Some(([127, 0, 0, 1], 50051).into()));
        assert_eq!(address_in("gRPC 127.0.0.1:50051, mTLS"), Some(([127, 0, 0, 1], 50051).into()));
        assert_eq!(address_in("version 0.1.0 ready at 12:30"), None);
    }
}
