//! The limits that the audit log is held to, each beside what it is measured against, in one run:
//!
//! - appending against the bare group commit: the same bytes, gathered and synced alike, neither sealed nor hashed;
//! - verifying with the public key against SHA-256 of the same bytes on one core;
//! - asking for one principal against reading everything;
//! - memory while verifying and reading, of a tenth of the log and of all of it.
//!
//! `cargo xtask bench audit`, or with another number of records (a million by default):
//! `cargo bench -p llm-shield-audit --bench limits -- 100000`.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "a measurement that cannot be made has nothing to go on with, and prints what it finds"
)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::park_timeout;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{Context, SHA256};
use llm_shield_audit::{
    Action, AuditLog, AuditOptions, Coverage, Direction, Finding, NewRecord, Policy, Query, Severity, Store,
    StoreKeys, Tenant, Verdict, VerifyOptions,
};
use llm_shield_cloud::CloudKeyManager;
use llm_shield_cloud::local::KeyRing;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

const ROUNDS: usize = 5;
const EACH_ROUND: usize = 6_000;
const CALLERS: [usize; 3] = [1, 32, 128];
/// What the log's queue waits for others, so that both gather alike.
const GATHER: Duration = Duration::from_millis(2);
const PRINCIPALS: u64 = 1_000;
const MEBIBYTE: f64 = 1024.0 * 1024.0;

fn main() {
    let records = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(1_000_000);
    // Under the build directory: a temporary directory is often in memory, where a sync costs nothing.
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let runtime = Runtime::new().unwrap();
    let keys = KeyRing::open_or_create(home.path().join("keys/ring.json")).unwrap();
    keys.ensure_encryption_key("audit").unwrap();
    keys.ensure_signing_key("audit-signing").unwrap();
    let keys = Arc::new(keys);

    append(home.path(), &runtime, &keys);
    let tenth = home.path().join("tenth");
    let whole = home.path().join("whole");
    runtime.block_on(fill(&tenth, &keys, records / 10));
    runtime.block_on(fill(&whole, &keys, records));
    verify(&runtime, &keys, &whole);
    query(&runtime, &keys, &whole, records);
    memory(&runtime, &keys, &tenth, &whole);
}

/// Says how a measured value stands to its limit.
fn said(value: f64, at_most: f64) -> String {
    let reached = if value <= at_most { "reached" } else { "NOT REACHED" };
    format!("{value:.3} (limit {at_most:.3}): {reached}")
}

// === appending ===

struct Waits {
    per_second: f64,
    median: Duration,
    late: Duration,
}

fn append(home: &Path, runtime: &Runtime, keys: &Arc<KeyRing>) {
    let options = AuditOptions::new(home.join("append"), Arc::clone(keys) as _, "audit", "audit-signing");
    let log = Arc::new(runtime.block_on(AuditLog::open(options)).unwrap());
    runtime.block_on(log.append(record(0))).unwrap();
    let length = {
        let segment = home.join("append/outbox/default/00000001.seg");
        let before = fs::metadata(&segment).unwrap().len();
        runtime.block_on(log.append(record(0))).unwrap();
        fs::metadata(segment).unwrap().len() - before
    };
    let bare = Bare::start(&home.join("bare"), length as usize);
    println!("appending, {length} bytes a record, medians of {ROUNDS} rounds in turn");
    for callers in CALLERS {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let log = Arc::clone(&log);
            let ours = runtime.block_on(rounds_of(callers, move || {
                let log = Arc::clone(&log);
                async move { drop(log.append(record(0)).await.unwrap()) }
            }));
            let bare = Arc::clone(&bare);
            let theirs = runtime.block_on(rounds_of(callers, move || {
                let bare = Arc::clone(&bare);
                async move { bare.append().await }
            }));
            rounds.push((ours, theirs));
        }
        let middle = |of: &dyn Fn(&(Waits, Waits)) -> f64| {
            let mut values: Vec<f64> = rounds.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
        };
        let milliseconds = |wait: Duration| wait.as_secs_f64() * 1e3;
        println!(
            "  {callers} callers: {:.0} records/s, p50 {:.2} ms, p99 {:.2} ms; bare {:.0} records/s, p50 {:.2} ms, p99 {:.2} ms",
            middle(&|(ours, _)| ours.per_second),
            middle(&|(ours, _)| milliseconds(ours.median)),
            middle(&|(ours, _)| milliseconds(ours.late)),
            middle(&|(_, bare)| bare.per_second),
            middle(&|(_, bare)| milliseconds(bare.median)),
            middle(&|(_, bare)| milliseconds(bare.late)),
        );
        let ratio = |of: &dyn Fn(&Waits) -> f64| said(middle(&|(ours, bare)| of(ours) / of(bare)), 1.3);
        println!("    time for a record: {}", ratio(&|waits| 1.0 / waits.per_second));
        println!("    p50: {}", ratio(&|waits| waits.median.as_secs_f64()));
        println!("    p99: {}", ratio(&|waits| waits.late.as_secs_f64()));
    }
    runtime.block_on(log.close()).unwrap();
}

async fn rounds_of<F, T>(callers: usize, call: F) -> Waits
where
    F: Fn() -> T + Send + Sync + 'static,
    T: Future<Output = ()> + Send,
{
    let call = Arc::new(call);
    let each = (EACH_ROUND / callers).min(1_000);
    let start = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let call = Arc::clone(&call);
            tokio::spawn(async move {
                let mut waits = Vec::with_capacity(each);
                for _ in 0..each {
                    let begun = Instant::now();
                    call().await;
                    waits.push(begun.elapsed());
                }
                waits
            })
        })
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await.unwrap());
    }
    let per_second = waits.len() as f64 / start.elapsed().as_secs_f64();
    waits.sort_unstable();
    let at = |share: usize| waits.get(waits.len() * share / 100).copied().unwrap_or_default();
    Waits { per_second, median: at(50), late: at(99) }
}

/// The bare group commit: it gathers as the log does, writes, syncs and answers.
struct Bare {
    waiting: Mutex<(Vec<oneshot::Sender<()>>, usize)>,
    wake: Condvar,
}

impl Bare {
    fn start(path: &Path, length: usize) -> Arc<Self> {
        let bare = Arc::new(Self { waiting: Mutex::new((Vec::new(), 1)), wake: Condvar::new() });
        let (mut file, writer) = (File::create(path).unwrap(), Arc::clone(&bare));
        std::thread::spawn(move || {
            let (record, mut expected) = (vec![7; length], 1);
            loop {
                let group = writer.take(expected);
                file.write_all(&record.repeat(group.len())).unwrap();
                file.sync_data().unwrap();
                let taken = group.len();
                for answer in group {
                    answer.send(()).unwrap();
                }
                expected = taken + writer.waiting.lock().unwrap().0.len();
            }
        });
        bare
    }

    fn take(&self, mut expected: usize) -> Vec<oneshot::Sender<()>> {
        let mut waiting = self.waiting.lock().unwrap();
        let begun = Instant::now();
        while waiting.0.len() < expected {
            waiting.1 = expected;
            let left = GATHER.saturating_sub(begun.elapsed());
            if expected == 1 {
                waiting = self.wake.wait(waiting).unwrap();
            } else if left.is_zero() {
                expected = 1;
            } else {
                waiting = self.wake.wait_timeout(waiting, left).unwrap().0;
            }
        }
        std::mem::take(&mut waiting.0)
    }

    async fn append(&self) {
        let (sender, answer) = oneshot::channel();
        let wakes = {
            let mut waiting = self.waiting.lock().unwrap();
            waiting.0.push(sender);
            waiting.0.len() >= waiting.1
        };
        if wakes {
            self.wake.notify_one();
        }
        answer.await.unwrap();
    }
}

// === verifying ===

fn verify(runtime: &Runtime, keys: &Arc<KeyRing>, store: &Path) {
    let bytes: Vec<Vec<u8>> = segments(store).iter().map(|file| fs::read(file).unwrap()).collect();
    let total = bytes.iter().map(Vec::len).sum::<usize>() as f64;
    let public = runtime.block_on(public(keys, store));
    let mut rounds = Vec::new();
    for _ in 0..3 {
        let begun = Instant::now();
        for bytes in &bytes {
            let mut context = Context::new(&SHA256);
            context.update(bytes);
            black_box(context.finish());
        }
        let hashing = begun.elapsed();
        let begun = Instant::now();
        let report = runtime.block_on(public.verify(VerifyOptions::default(), |_| ())).unwrap();
        assert_eq!(report.problem, None);
        rounds.push((begun.elapsed(), hashing));
    }
    rounds.sort_unstable();
    let (verifying, hashing) = rounds.get(1).copied().unwrap();
    let speed = |time: Duration| total / MEBIBYTE / time.as_secs_f64();
    println!(
        "verifying {:.0} MiB with the public key: {:.0} MiB/s; SHA-256 of the same bytes on one core: {:.0} MiB/s",
        total / MEBIBYTE,
        speed(verifying),
        speed(hashing)
    );
    println!("  times as long: {}", said(verifying.as_secs_f64() / hashing.as_secs_f64(), 2.0));
}

// === reading ===

fn query(runtime: &Runtime, keys: &Arc<KeyRing>, store: &Path, records: u64) {
    let run = |narrow: bool| {
        let principal = narrow.then(|| principal(17));
        runtime.block_on(async {
            let store = readable(keys, store).await;
            let begun = Instant::now();
            let mut found = store.query(Query { principal, ..Query::of(tenant()) }).unwrap();
            let mut count = 0_u64;
            while let Some(record) = found.next().await {
                black_box(record.unwrap());
                count += 1;
            }
            (begun.elapsed(), count, found.progress().records())
        })
    };
    let (all, count, _) = run(false);
    assert_eq!(count, records);
    let mut narrow: Vec<_> = (0..3).map(|_| run(true)).collect();
    narrow.sort_unstable();
    let (one, count, opened) = narrow.get(1).copied().unwrap();
    println!(
        "reading all of {records} records: {:.2} s; one principal's {count} ({opened} opened): {:.3} s",
        all.as_secs_f64(),
        one.as_secs_f64()
    );
    println!("  share: {}", said(one.as_secs_f64() / all.as_secs_f64(), 0.05));
}

// === memory ===

fn memory(runtime: &Runtime, keys: &Arc<KeyRing>, tenth: &Path, whole: &Path) {
    let verified = |store: &Path| {
        peak(|| {
            runtime.block_on(async {
                let store = readable(keys, store).await;
                assert_eq!(store.verify(VerifyOptions::default(), |_| ()).await.unwrap().problem, None);
            });
        })
    };
    let read = |store: &Path| {
        peak(|| {
            runtime.block_on(async {
                let mut found = readable(keys, store).await.query(Query::of(tenant())).unwrap();
                while let Some(record) = found.next().await {
                    black_box(record.unwrap());
                }
            });
        })
    };
    for (what, [tenth, whole]) in
        [("verifying", [verified(tenth), verified(whole)]), ("reading", [read(tenth), read(whole)])]
    {
        println!("memory while {what}: {tenth:.1} MiB for a tenth of the log, {whole:.1} MiB for all of it");
        println!("  growth: {}", said(whole / tenth, 1.5));
    }
}

/// Returns the most memory that was resident while `work` ran, in MiB.
fn peak(work: impl FnOnce()) -> f64 {
    let (most, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let watch = std::thread::spawn({
        let (most, stop) = (Arc::clone(&most), Arc::clone(&stop));
        move || {
            while !stop.load(Ordering::Relaxed) {
                most.fetch_max(resident_kib(), Ordering::Relaxed);
                park_timeout(Duration::from_millis(5));
            }
        }
    });
    work();
    stop.store(true, Ordering::Relaxed);
    watch.join().unwrap();
    most.load(Ordering::Relaxed) as f64 / 1024.0
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

// === the log ===

async fn fill(store: &Path, keys: &Arc<KeyRing>, records: u64) {
    let options = AuditOptions::new(store, Arc::clone(keys) as _, "audit", "audit-signing");
    let log = Arc::new(AuditLog::open(options).await.unwrap());
    let next = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> = (0..512)
        .map(|_| {
            let (log, next) = (Arc::clone(&log), Arc::clone(&next));
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= records {
                        break;
                    }
                    log.append(record(number)).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    log.close().await.unwrap();
}

fn segments(store: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(store.join("outbox/default")).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    files.filter(|file| file.extension().is_some_and(|suffix| suffix == "seg")).collect()
}

async fn readable(keys: &Arc<KeyRing>, store: &Path) -> Store {
    let key_manager = Arc::clone(keys) as _;
    let keys = StoreKeys::Manager { key_manager, signing_key_ids: vec!["audit-signing".to_owned()] };
    Store::open(store, keys).await.unwrap()
}

async fn public(keys: &Arc<KeyRing>, store: &Path) -> Store {
    let key = keys.public_key("audit-signing").await.unwrap();
    let keys = StoreKeys::Public(BTreeMap::from([("audit-signing".to_owned(), key)]));
    Store::open(store, keys).await.unwrap()
}

fn tenant() -> Tenant {
    Tenant::new("default").unwrap()
}

fn principal(number: u64) -> String {
    format!("spiffe://example.org/app-{number}")
}

fn record(number: u64) -> NewRecord {
    NewRecord {
        tenant: tenant(),
        principal: principal(number % PRINCIPALS),
        rpc: "Scan".to_owned(),
        request_id: "0198c5a2-7d3e-7c41-9b1a-000000000000".to_owned(),
        direction: Direction::Input,
        verdict: Verdict::Malicious,
        action: Action::Block,
        policy: Policy { name: "standard".to_owned(), digest: "0".repeat(64) },
        findings: vec![Finding {
            content_id: "0".to_owned(),
            detector: "injection".to_owned(),
            category: "prompt_injection".to_owned(),
            entity: "PROMPT_INJECTION".to_owned(),
            rule_id: "override-ignore-previous".to_owned(),
            severity: Severity::High,
            score: 0.9,
            start_byte: 0,
            end_byte: 32,
            fingerprint: None,
        }],
        content_digests: vec!["0".repeat(64)],
        coverage: Coverage { bytes_total: 2_048, bytes_scanned: 2_048 },
        duration_us: 40,
        degraded: false,
        labels: BTreeMap::new(),
        ..NewRecord::of_call(tenant(), "", "")
    }
}
