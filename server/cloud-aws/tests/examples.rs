//! The examples do what they say, against moto.
#![expect(clippy::unwrap_used, reason = "a test that cannot prepare its case fails")]

mod common;

use std::{path::PathBuf, process::Command};

use llm_shield_aws_emulator::Emulator;

/// Beside the directory of the tests' programs, where cargo has put the examples.
fn program(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let program = tests.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(program.exists(), "not built: cargo build -p llm-shield-cloud-aws --examples");
    program
}

#[tokio::test]
async fn all_of_them_run() {
    let bucket = common::emulator().await.bucket().await;
    for (name, said) in [
        ("secrets_example", "1000 reads made 1 call"),
        ("storage_example", "deleted all but 0"),
        ("metrics_example", "0 dropped"),
        ("logging_example", "in time: true, 0 dropped"),
        ("combined_example", "10 records written"),
        ("clean_up_test_resources", "log groups"),
    ] {
        let mut command = Command::new(program(name));
        command.env("TEST_S3_BUCKET", &bucket).envs(Emulator::shared().environment());
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && text.contains(said), "{name}: {text}{errors}");
        assert!(!text.contains("first") && !text.contains("second"), "{name} prints a secret");
    }
}
