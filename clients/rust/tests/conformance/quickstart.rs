//! The quick start of the README, as its reader would run it.

use std::process::Command;

use crate::harness::Harness;

const README: &str = include_str!("../../README.md");
const ATTEMPTS: usize = 30;
const EXAMPLE: &str = include_str!("../../examples/quickstart.rs");

pub(crate) fn run(harness: &mut Harness) -> Result<(), String> {
    let shown = EXAMPLE.find("use std::env;").and_then(|start| EXAMPLE.get(start..)).unwrap_or(EXAMPLE);
    if !README.contains(shown) {
        return Err("the README does not show examples/quickstart.rs".to_owned());
    }
    // Cargo builds examples beside the tests: `debug/examples` and `debug/deps`.
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let program = program.with_file_name("../examples/quickstart");
    let address = harness.ready.address.replace("127.0.0.1", &harness.ready.server_name);
    let expected = "blocked: false\n\
        EMAIL_ADDRESS ada.lovelace@babbage-engines.com\n\
        Write to [EMAIL_ADDRESS] 🚀\n\
        Redact ACTION_REDACT\n\
        Scan ACTION_REDACT\n";
    // It has the client's own deadlines, and the machine may be slower than these.
    let mut problem = String::new();
    for _ in 0..ATTEMPTS {
        let output = Command::new(&program)
            .arg(&address)
            .arg(&harness.ready.clients["all"].dir)
            .output()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let said = String::from_utf8_lossy(&output.stdout);
        if said == expected {
            return Ok(());
        }
        problem = format!("{said}{}", String::from_utf8_lossy(&output.stderr));
    }
    Err(problem)
}
