//! What is left when the process or the machine stops at any moment.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use llm_shield_audit::{ArchiveOptions, AuditError, AuditLog, AuditOptions, Query};

use crate::support::{Home, Segment, copy_directory, record, requests, tenant, verify};

#[tokio::test]
async fn an_unfinished_tail_is_cut_off_and_the_log_goes_on() {
    let home = Home::new();
    let log = home.log().await;
    for number in 0..5 {
        log.append(record("acme", &number.to_string())).await.unwrap();
    }
    // A crash leaves a store that says of itself that it is open.
    let crashed = home.copy("crashed");
    log.close().await.unwrap();
    let segment = Segment::read(&home.store_path(), "acme", 1);
    let whole = fs::read(&segment.path).unwrap();
    let next = &segment.frames[4];
    let tails = [next[..3].to_vec(), next[..next.len() - 1].to_vec(), vec![0; 5000]];
    for (run, tail) in (1..).zip(&tails) {
        let closed = home.copy(&format!("closed-{run}"));
        fs::write(Segment::path_in(&closed, "acme", 1), [whole.as_slice(), tail].concat()).unwrap();
        let problem = verify(&home.reader_of(&closed).await).await.problem.unwrap();
        assert_eq!(problem.object, "outbox/acme/00000001.seg record 5");
        let error = AuditLog::open(AuditOptions { directory: closed, ..home.options() }).await.unwrap_err();
        assert!(matches!(error, AuditError::Corrupt { .. }), "{error}");

        let copy = home.directory.path().join(run.to_string());
        copy_directory(&crashed, &copy);
        fs::write(Segment::path_in(&copy, "acme", 1), [whole.as_slice(), tail].concat()).unwrap();
        let before = verify(&home.reader_of(&copy).await).await;
        assert_eq!((before.problem, before.unfinished_bytes), (None, tail.len() as u64));
        let log = AuditLog::open(AuditOptions { directory: copy.clone(), ..home.options() }).await.unwrap();
        assert_eq!(log.append(record("acme", "5")).await.unwrap().sequence, 5);
        log.close().await.unwrap();
        assert_eq!(fs::read(Segment::path_in(&copy, "acme", 1)).unwrap(), whole);
        let store = home.reader_of(&copy).await;
        assert_eq!(requests(&store, Query::of(tenant("acme"))).await, ["0", "1", "2", "3", "4", "5"]);
        let after = verify(&store).await;
        assert_eq!((after.problem, after.records, after.unfinished_bytes), (None, 6, 0));
    }
    // Whole records behind damage are no unfinished write.
    let copy = home.copy("damaged");
    fs::write(Segment::path_in(&copy, "acme", 1), [whole.as_slice(), &[7; 90], next].concat()).unwrap();
    let error = AuditLog::open(AuditOptions { directory: copy, ..home.options() }).await.unwrap_err();
    assert!(matches!(error, AuditError::Corrupt { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_at_any_moment_holds_everything_acknowledged_once() {
    let home = Home::new();
    let options = AuditOptions { segment_bytes: 30_000, ..home.options() };
    let log = Arc::new(AuditLog::open(options).await.unwrap());
    let acknowledged = Arc::new(Mutex::new(BTreeMap::new()));
    let stop = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let (log, acknowledged, stop) = (Arc::clone(&log), Arc::clone(&acknowledged), Arc::clone(&stop));
            tokio::spawn(async move {
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let request = format!("{task}-{number}");
                    let receipt = log.append(record("acme", &request)).await.unwrap();
                    acknowledged.lock().unwrap().insert(receipt.sequence, request);
                }
            })
        })
        .collect();
    while acknowledged.lock().unwrap().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let mut copies = Vec::new();
    for number in 0..10 {
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        // What a crash leaves is one moment; a copy takes some time. Checkpoints are copied first, as a crash could
        // only have kept older ones.
        let before = acknowledged.lock().unwrap().clone();
        let copy = home.directory.path().join(format!("copy-{number}"));
        let source = home.store_path().join("outbox");
        fs::create_dir_all(copy.join("outbox/acme")).unwrap();
        for file in ["ID", "LOGS", "acme/checkpoint", "acme/tenant.key"] {
            fs::copy(source.join(file), copy.join("outbox").join(file)).unwrap();
        }
        let closed = (1..).take_while(|segment| {
            let [from, to] = [home.store_path(), copy.clone()]
                .map(|store| Segment::path_in(&store, "acme", *segment).with_extension("checkpoint"));
            fs::copy(from, to).is_ok()
        });
        let closed = closed.last().unwrap_or(0);
        for segment in 1.. {
            let [from, to] =
                [home.store_path(), copy.clone()].map(|store| Segment::path_in(&store, "acme", segment));
            if fs::copy(&from, &to).is_err() {
                break;
            }
            if segment <= closed {
                fs::copy(from.with_extension("idx"), to.with_extension("idx")).unwrap();
            }
        }
        copies.push((copy, before));
    }
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    log.close().await.unwrap();
    assert!(acknowledged.lock().unwrap().len() > 100);
    for (copy, before) in copies {
        let log = AuditLog::open(AuditOptions { directory: copy.clone(), ..home.options() }).await.unwrap();
        log.append(record("acme", "after")).await.unwrap();
        log.close().await.unwrap();
        let store = home.reader_of(&copy).await;
        assert_eq!(verify(&store).await.problem, None);
        let found = requests(&store, Query::of(tenant("acme"))).await;
        for (sequence, request) in &before {
            assert_eq!(&found[usize::try_from(*sequence).unwrap()], request);
        }
        let mut unique = found.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), found.len());
    }
}

#[tokio::test]
async fn dropped_without_close_keeps_what_was_acknowledged() {
    let home = Home::new();
    let log = home.log().await;
    for number in 0..10 {
        log.append(record("acme", &number.to_string())).await.unwrap();
    }
    drop(log);
    let log = loop {
        match AuditLog::open(home.options()).await {
            Err(AuditError::Locked { .. }) => tokio::task::yield_now().await,
            opened => break opened.unwrap(),
        }
    };
    assert_eq!(log.append(record("acme", "10")).await.unwrap().sequence, 10);
    log.close().await.unwrap();
    let report = verify(&home.reader().await).await;
    assert_eq!((report.problem, report.records), (None, 11));
}

const CHILD_STORE: &str = "LLM_SHIELD_AUDIT_TEST_STORE";

/// Not a test by itself: the process that `killed_processes_lose_nothing_acknowledged` kills.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(home) = std::env::var(CHILD_STORE) else { return };
    let home = std::path::PathBuf::from(home);
    let keys = Arc::new(llm_shield_cloud::local::KeyRing::open(home.join("keys/ring.json")).unwrap());
    let storage = llm_shield_cloud::local::DirectoryStorage::open(home.join("store")).unwrap();
    let options = AuditOptions {
        segment_bytes: 20_000,
        archive: Some(ArchiveOptions::new(Arc::new(storage))),
        ..AuditOptions::new(
            home.join("store"),
            keys,
            crate::support::ENCRYPTION_KEY,
            crate::support::SIGNING_KEY,
        )
    };
    let log = Arc::new(AuditLog::open(options).await.unwrap());
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                for number in 0..1_000_000 {
                    let request = format!("{}-{task}-{number}", std::process::id());
                    let receipt = log.append(record("acme", &request)).await.unwrap();
                    println!("acknowledged {} {request}", receipt.sequence);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// How often a process is killed, unless the environment says so.
const ROUNDS: usize = 50;
const CHILD_ROUNDS: &str = "LLM_SHIELD_KILL_ROUNDS";

#[tokio::test]
async fn killed_processes_lose_nothing_acknowledged() {
    let home = Home::new();
    let rounds = std::env::var(CHILD_ROUNDS).map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let mut acknowledged = BTreeMap::new();
    for round in 0..rounds {
        // Now and then before the first record, mostly within the first segments, seldom much later.
        let lines = usize::from(random()) * if round % 10 == 0 { 4 } else { 1 } / 4;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::child", "--nocapture"])
            .env(CHILD_STORE, home.directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        let mut note = |line: String| {
            // The harness writes its own words on the same line as the first.
            let Some((_, rest)) = line.split_once("acknowledged ") else { return 0 };
            let Some((sequence, request)) = rest.split_once(' ') else { return 0 };
            let Ok(sequence) = sequence.parse::<usize>() else { return 0 };
            acknowledged.insert(sequence, request.to_owned());
            1
        };
        while seen < lines {
            seen += note(output.next().expect("the child ended by itself").unwrap());
        }
        tokio::time::sleep(std::time::Duration::from_micros(u64::from(random()) * 100)).await;
        child.kill().unwrap();
        for line in output {
            note(line.unwrap());
        }
        child.wait().unwrap();
    }
    let store = home.reader().await;
    assert_eq!(verify(&store).await.problem, None);
    let log = home.log().await;
    log.close().await.unwrap();
    let report = verify(&store).await;
    assert_eq!((report.problem, report.unfinished_bytes), (None, 0));
    let found = requests(&store, Query::of(tenant("acme"))).await;
    assert!(acknowledged.len() >= rounds, "{}", acknowledged.len());
    for (sequence, request) in &acknowledged {
        // The last line of a killed process may itself be cut.
        assert!(found[*sequence].starts_with(request.as_str()), "record {sequence}");
    }
    let mut unique = found.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), found.len(), "none is there twice");
    let archived = home.store_path().join("scan-results/acme");
    assert!(archived.is_dir(), "none of them archived anything");
}

fn random() -> u8 {
    let mut byte = [0];
    aws_lc_rs::rand::fill(&mut byte).unwrap();
    byte[0]
}
