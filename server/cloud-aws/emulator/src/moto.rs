use std::{
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use crate::Front;

/// How long moto may take to start, on a machine that has other things to do.
const START: Duration = Duration::from_secs(180);

/// Ends with this process: moto's standard input is a pipe from it, and closes when it is gone.
const PROGRAM: &str = "
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
from moto.server import main
main(['-H', '127.0.0.1', '-p', sys.argv[1]])
";

/// moto in a process of its own, behind a front.
#[derive(Debug)]
pub struct Emulator {
    process: Child,
    moto: SocketAddr,
    front: Front,
}

impl Emulator {
    /// Returns the one of this process, which lives as long as the process does.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Emulator> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts one, empty. Fetches moto when it is not there.
    pub fn start() -> Self {
        // Another process may take the port in between; then moto ends and this tries again.
        for _ in 0..5 {
            let moto = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let mut process = Command::new(python())
                .args(["-c", PROGRAM, &moto.port().to_string()])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            // Read to the end, so that it never waits for somebody to read.
            let errors = BufReader::new(process.stderr.take().unwrap());
            thread::spawn(move || errors.lines().for_each(drop));
            let began = Instant::now();
            while process.try_wait().unwrap().is_none() {
                if TcpStream::connect(moto).is_ok() {
                    return Self { process, moto, front: Front::before(moto) };
                }
                if began.elapsed() > START {
                    drop(process.kill());
                    panic!("moto did not start within {START:?}");
                }
                pause();
            }
        }
        panic!("moto ends as soon as it is started: look at .tools/moto");
    }

    /// Returns the Python that has moto, and boto3 with it: `LLM_SHIELD_MOTO_PYTHON`, or that of
    /// `cargo xtask tools moto`, which is run when it is not there.
    pub fn python() -> PathBuf {
        python()
    }

    /// Returns the endpoint for the SDK.
    pub fn endpoint(&self) -> &str {
        self.front.endpoint()
    }

    /// Returns another front before the same moto, to do harm with.
    pub fn front(&self) -> Front {
        Front::before(self.moto)
    }

    /// Sets the environment of a program that is to find this emulator, and credentials for it.
    pub fn environment(&self) -> [(&'static str, String); 7] {
        [
            ("AWS_ENDPOINT_URL", self.endpoint().to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_SESSION_TOKEN", "test".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
        ]
    }
}

#[expect(clippy::disallowed_methods, reason = "a test waits here before anything asynchronous begins")]
fn pause() {
    thread::sleep(Duration::from_millis(50));
}

impl Drop for Emulator {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Returns the interpreter that has moto; the tests of a program ask for it all at once, and one of them fetches it.
fn python() -> PathBuf {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(fetched).clone()
}

fn fetched() -> PathBuf {
    if let Some(python) = std::env::var_os("LLM_SHIELD_MOTO_PYTHON") {
        return python.into();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3).unwrap();
    let python = root.join(".tools/moto/bin/python");
    if !root.join(".tools/moto/.fetched").exists() {
        let fetched = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["xtask", "tools", "moto"])
            .current_dir(root)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(fetched.success(), "moto cannot be fetched: cargo xtask tools moto");
    }
    python
}
