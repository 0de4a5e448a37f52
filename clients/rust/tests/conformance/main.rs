//! The clients' conformance suite (`clients/conformance`), with this client: one test for each case.
//!
//! Cases stop and change the one server that they share, so they run one behind the other.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test")]

mod answers;
mod blocking;
mod call;
mod case;
mod harness;
mod quickstart;
mod streams;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
};

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

use self::harness::Harness;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let suite = std::fs::read_to_string(directory().join("cases.json")).expect("the cases can be read");
    let suite: Value = serde_json::from_str(&suite).expect("the cases are JSON");
    let cases = suite["cases"].as_array().expect("there are cases").clone();
    // Started by the first case that is run: listing the cases takes no server.
    let harness: Arc<Mutex<Option<Harness>>> = Arc::default();
    let mut trials = vec![
        trial("quick start".to_owned(), &harness, quickstart::run),
        trial("blocking".to_owned(), &harness, blocking::run),
    ];
    trials.extend(cases.into_iter().map(|case| {
        let name = case["name"].as_str().expect("a case has a name").to_owned();
        trial(name, &harness, move |harness| case::run(&case, harness))
    }));
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(harness.lock().map(|mut harness| harness.take()));
    conclusion.exit_code()
}

fn trial(
    name: String,
    harness: &Arc<Mutex<Option<Harness>>>,
    run: impl FnOnce(&mut Harness) -> Result<(), String> + Send + 'static,
) -> Trial {
    let harness = Arc::clone(harness);
    Trial::test(name, move || {
        // A case that panicked has left the harness as it was.
        let mut harness = harness.lock().unwrap_or_else(PoisonError::into_inner);
        if harness.is_none() {
            *harness = Some(Harness::start()?);
        }
        let harness = harness.as_mut().ok_or("there is no server")?;
        run(harness).map_err(Failed::from)
    })
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance")
}
