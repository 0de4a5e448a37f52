//! Appending to the audit log: time for one acknowledged, durable record with 1, 32 and 128 callers at a time, beside
//! what the disk takes for one write and sync of the same size. One caller cannot be faster than the disk; many callers
//! share a sync. Compare figures of one run only: a shared disk changes its mind.
#![forbid(unsafe_code)]
#![expect(clippy::expect_used, reason = "a bench without a log measures nothing")]

use std::{
    collections::BTreeMap,
    fs::File,
    io::Write as _,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use llm_shield_audit::{
    Action, AuditLog, AuditOptions, Coverage, Direction, Finding, NewRecord, Policy, Severity, Tenant,
    Verdict,
};
use llm_shield_cloud::local::KeyRing;
use tokio::runtime::Runtime;

const CALLERS: [u64; 3] = [1, 32, 128];
/// About what a sealed record with one finding takes.
const RECORD_BYTES: usize = 1_024;

criterion_group!(benches, audit);
criterion_main!(benches);

fn audit(criterion: &mut Criterion) {
    // Under the build directory: a temporary directory is often in memory, where a sync costs nothing.
    let directory =
        tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the build directory can be written");
    let runtime = Runtime::new().expect("a runtime starts");
    let log = runtime.block_on(open(directory.path()));
    let record = record();

    let mut group = criterion.benchmark_group("audit");
    group.throughput(Throughput::Elements(1)).measurement_time(Duration::from_secs(8));
    for callers in CALLERS {
        group.bench_function(BenchmarkId::new("append", callers), |bencher| {
            bencher.iter_custom(|records| runtime.block_on(append(&log, &record, callers, records)));
        });
    }
    let mut file = File::create(directory.path().join("limit")).expect("a file can be made");
    group.bench_function("disk: write and sync", |bencher| {
        bencher.iter(|| {
            file.write_all(&[0; RECORD_BYTES]).expect("the disk has room");
            file.sync_data().expect("the disk syncs");
        });
    });
    group.finish();
    runtime.block_on(log.close()).expect("the log closes");
}

async fn open(directory: &Path) -> Arc<AuditLog> {
    let keys =
        KeyRing::open_or_create(directory.join("keys").join("ring.json")).expect("a key ring can be made");
    keys.ensure_encryption_key("audit").expect("a key can be made");
    keys.ensure_signing_key("audit-signing").expect("a key can be made");
    let options = AuditOptions::new(directory.join("audit"), Arc::new(keys), "audit", "audit-signing");
    Arc::new(AuditLog::open(options).await.expect("the log opens"))
}

/// Appends `records` records, shared among callers of which each waits for its record before it sends the next.
async fn append(log: &Arc<AuditLog>, record: &NewRecord, callers: u64, records: u64) -> Duration {
    let start = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let (log, record) = (Arc::clone(log), record.clone());
            let share = records / callers + u64::from(caller < records % callers);
            tokio::spawn(async move {
                for _ in 0..share {
                    log.append(record.clone()).await.expect("the log takes the record");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a caller ends");
    }
    start.elapsed()
}

fn record() -> NewRecord {
    NewRecord {
        tenant: Tenant::new("default").expect("a name"),
        principal: "dev/app".to_owned(),
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
        ..NewRecord::of_call(Tenant::new("default").expect("a name"), "", "")
    }
}
