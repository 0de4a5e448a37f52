//! `scripts/deploy.sh` towards AWS, with an AWS CLI that writes down what it is asked.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Output};

use crate::stack::{programs, script};

/// Says what Lambda has: the digest of what was uploaded last.
const DIGEST: &str = "import base64, hashlib, re, sys; \
    package = re.findall(r'fileb://(.*)', open(sys.argv[1]).read())[-1]; \
    print(base64.b64encode(hashlib.sha256(open(package, 'rb').read()).digest()).decode())";

/// Runs the script with that CLI, and returns what it was asked.
fn deploy(directory: &Path, arguments: &[&str]) -> (Output, String) {
    deploy_to(directory, DIGEST, arguments)
}

/// The same, with a program in Python that answers what digest a function has.
fn deploy_to(directory: &Path, digest: &str, arguments: &[&str]) -> (Output, String) {
    let (log, cli) = (directory.join("log"), directory.join("aws"));
    let answer =
        format!("case \"$*\" in *get-function-configuration*) python3 -c \"{digest}\" \"$log\" ;; esac");
    let program = format!("#!/bin/sh\nlog={}\necho \"$*\" >> \"$log\"\n{answer}\n", log.display());
    fs::write(&cli, program).unwrap();
    fs::set_permissions(&cli, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", directory.display(), std::env::var("PATH").unwrap());
    let output = script()
        .args(["--bin-dir", &programs().to_string_lossy(), "--out", &directory.join("out").to_string_lossy()])
        .args(arguments)
        .env("PATH", path)
        .output()
        .unwrap();
    (output, fs::read_to_string(log).unwrap_or_default())
}

#[test]
fn both_functions_get_their_package() {
    let directory = tempfile::tempdir().unwrap();
    let (output, asked) = deploy(directory.path(), &["--prefix", "shield-dev", "--region", "eu-west-1"]);
    assert!(output.status.success(), "{output:?}");
    for name in ["input", "output"] {
        let package = directory.path().join(format!("out/{name}_filter.zip"));
        let update = format!(
            "--region eu-west-1 lambda update-function-code --function-name shield-dev-{name}-filter \
             --architectures arm64 --publish --zip-file fileb://{}",
            package.display()
        );
        assert!(asked.contains(&update), "{asked}");
        assert!(
            asked.contains(&format!("wait function-updated-v2 --function-name shield-dev-{name}-filter"))
        );
        assert!(fs::read(package).unwrap().starts_with(b"PK"));
    }
}

#[test]
fn another_package_than_ours_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let (output, asked) = deploy_to(directory.path(), "print('another')", &["--prefix", "shield-dev"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && told.contains("shield-dev-input-filter runs another"), "{told}");
    assert!(!asked.contains("shield-dev-output-filter"), "{asked}");
}

#[test]
fn a_dry_run_does_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (output, asked) = deploy(directory.path(), &["--dry-run"]);
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && shown.contains("+ aws lambda update-function-code"), "{shown}");
    assert_eq!(asked, "");
    assert!(!directory.path().join("out").exists());
}

#[test]
fn wrong_options_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [["--arch", "mips"], ["--prefix=x", "--dry-run"], ["--dry-run", "--region"]] {
        let (output, asked) = deploy(directory.path(), &arguments);
        assert_eq!((output.status.code(), asked.as_str()), (Some(2), ""), "{arguments:?}");
    }
}
