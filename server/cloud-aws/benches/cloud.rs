//! The operations of the source's table, here and with boto3 in the same run against the same emulator.
//!
//! `cargo xtask bench cloud`. What the emulator takes is in all rows but the first, so they compare the two clients and
//! say little of AWS. One caller, one call after the other, in both; they take turns, since what else the machine does
//! and what the emulator has to keep grow and fall meanwhile.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench that cannot prepare its case fails, and talks"
)]

use std::{
    future::Future,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use bytes::Bytes;
use llm_shield_aws_emulator::Emulator;
use llm_shield_cloud::{
    CloudLogger, CloudMetrics, CloudSecretManager, CloudStorage, LogEntry, LogLevel, Metric, MetricUnit,
    SecretValue,
};
use llm_shield_cloud_aws::{
    Aws, AwsOptions, AwsS3Storage, AwsSecretsManager, CloudWatchLogger, CloudWatchMetrics, Credentials,
    LoggerOptions, MetricsOptions, S3Options, SecretsOptions,
};

const BUCKET: &str = "llm-shield-bench";
const SECRET: &str = "llm-shield/bench";
const MB: usize = 1 << 20;
/// How often each of the two has its turn.
const TURNS: usize = 4;

/// What the source says of each row: throughput with its unit, p50, p99.
const SOURCE: [(&str, &str, &str, &str); 7] = [
    ("secret, cached", "100,000/s", "< 1 ms", "< 5 ms"),
    ("secret, uncached", "1,000/s", "50 ms", "150 ms"),
    ("upload 1 MB", "50 MB/s", "20 ms", "100 ms"),
    ("upload 50 MB", "80 MB/s", "625 ms", "2 s"),
    ("download 1 MB", "100 MB/s", "10 ms", "50 ms"),
    ("metrics, 20 a batch", "1,000/s", "10 ms", "50 ms"),
    ("logs, 100 a batch", "10,000/s", "5 ms", "25 ms"),
];

/// The times of one row, and how many units one call moves.
struct Row {
    name: String,
    units: f64,
    seconds: Vec<f64>,
}

impl Row {
    fn throughput(&self) -> f64 {
        self.units * f64::from(u32::try_from(self.seconds.len()).unwrap()) / self.seconds.iter().sum::<f64>()
    }

    fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.seconds.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[(sorted.len() - 1) * percent / 100]
    }
}

async fn row<F: Future>(name: &str, times: u32, units: f64, mut call: impl FnMut() -> F) -> Row {
    call().await;
    let scale = scale();
    let mut seconds = Vec::new();
    for _ in 0..(f64::from(times) * scale).max(3.0).round() as u32 {
        let began = Instant::now();
        call().await;
        seconds.push(began.elapsed().as_secs_f64());
    }
    Row { name: name.to_owned(), units, seconds }
}

/// For a quick try: `SCALE=0.1`.
fn scale() -> f64 {
    std::env::var("SCALE").ok().and_then(|scale| scale.parse().ok()).unwrap_or(1.0)
}

#[tokio::main]
async fn main() {
    let emulator = Emulator::start();
    let options = AwsOptions {
        region: Some("us-east-1".to_owned()),
        endpoint: Some(emulator.endpoint().to_owned()),
        operation_timeout: Duration::from_secs(120),
        attempt_timeout: Duration::from_secs(60),
        ..AwsOptions::default()
    };
    let keys = Credentials::new("test", "test", None, None, "bench");
    let aws = Aws::load(options).await.unwrap().with_credentials(keys);
    let config = aws_sdk_s3::config::Builder::from(aws.config()).force_path_style(true).build();
    aws_sdk_s3::Client::from_conf(config).create_bucket().bucket(BUCKET).send().await.unwrap();

    let secrets = AwsSecretsManager::with(&aws, SecretsOptions::default());
    let secret = SecretValue::from_string("a secret of some length".to_owned());
    secrets.create_secret(SECRET, &secret).await.unwrap();

    let (mut all_ours, mut all_theirs) = (Vec::new(), Vec::new());
    for turn in 0..TURNS {
        // Whoever comes first finds another machine than whoever comes second.
        if turn % 2 == 0 {
            merge(&mut all_ours, ours(&aws).await);
            merge(&mut all_theirs, boto(&emulator));
        } else {
            merge(&mut all_theirs, boto(&emulator));
            merge(&mut all_ours, ours(&aws).await);
        }
    }
    print(&all_ours, &all_theirs);
}

/// Puts the times of another turn to those so far.
fn merge(rows: &mut Vec<Row>, more: Vec<Row>) {
    for row in more {
        match rows.iter_mut().find(|known| known.name == row.name) {
            Some(known) => known.seconds.extend(row.seconds),
            None => rows.push(row),
        }
    }
}

async fn ours(aws: &Aws) -> Vec<Row> {
    let cached = AwsSecretsManager::with(aws, SecretsOptions::default());
    let uncached = SecretsOptions { cache_ttl: Duration::ZERO, stale: Duration::ZERO };
    let uncached = AwsSecretsManager::with(aws, uncached);
    let storage = AwsS3Storage::with(aws, BUCKET, S3Options::default());
    let metrics = CloudWatchMetrics::with(aws, "Bench", MetricsOptions::default());
    let logger = CloudWatchLogger::with(aws, "/bench/ours", "s", LoggerOptions::default());
    let (one, fifty) = (Bytes::from(vec![0; MB]), Bytes::from(vec![0; 50 * MB]));
    let metric = Metric::new("M", 1.0).with_unit(MetricUnit::Count).with_dimension("D", "d");
    let batch = vec![metric; 20];
    let mut rows = vec![
        row("secret, cached", 500, 1.0, async || {
            for _ in 0..10_000 {
                std::hint::black_box(cached.get_secret(SECRET).await.unwrap());
            }
        })
        .await,
    ];
    // One of the ten thousand calls of a round.
    if let Some(first) = rows.first_mut() {
        first.seconds.iter_mut().for_each(|seconds| *seconds /= 10_000.0);
    }
    rows.push(
        row("secret, uncached", 100, 1.0, async || drop(uncached.get_secret(SECRET).await.unwrap())).await,
    );
    rows.push(
        row("upload 1 MB", 30, 1.0, async || drop(storage.put_object("ours/1", one.clone()).await.unwrap()))
            .await,
    );
    rows.push(
        row("upload 50 MB", 3, 50.0, async || {
            drop(storage.put_object("ours/50", fifty.clone()).await.unwrap())
        })
        .await,
    );
    rows.push(
        row("download 1 MB", 50, 1.0, async || drop(storage.get_object("ours/1").await.unwrap())).await,
    );
    rows.push(
        row("metrics, 20 a batch", 50, 20.0, async || metrics.export_metrics(&batch).await.unwrap()).await,
    );
    let entries =
        || (0..100).map(|number| LogEntry::new(LogLevel::Info, format!("entry {number}"))).collect();
    rows.push(row("logs, 100 a batch", 50, 100.0, async || logger.log_batch(entries()).await.unwrap()).await);
    rows
}

fn boto(emulator: &Emulator) -> Vec<Row> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/boto.py");
    let mut command = Command::new(Emulator::python());
    command.arg(script).args([emulator.endpoint(), BUCKET, SECRET, &scale().to_string()]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines
        .lines()
        .map(|line| {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            Row {
                name: row["name"].as_str().unwrap().to_owned(),
                units: row["units"].as_f64().unwrap(),
                seconds: row["seconds"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|time| time.as_f64().unwrap())
                    .collect(),
            }
        })
        .collect()
}

fn print(ours: &[Row], theirs: &[Row]) {
    println!("| | throughput | p50 | p99 | boto3 | p50 | p99 | source | p50 | p99 |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for row in ours {
        let unit = if row.name.contains("MB") { " MB/s" } else { "/s" };
        let show = |row: &Row| {
            let time = |seconds: f64| {
                if seconds < 1e-5 {
                    format!("{:.0} ns", seconds * 1e9)
                } else {
                    format!("{:.1} ms", seconds * 1e3)
                }
            };
            format!(
                "{:.0}{unit} | {} | {}",
                row.throughput(),
                time(row.percentile(50)),
                time(row.percentile(99))
            )
        };
        let their =
            theirs.iter().find(|their| their.name == row.name).map_or_else(|| "– | – | –".to_owned(), show);
        let (_, throughput, p50, p99) =
            SOURCE.into_iter().find(|(name, ..)| *name == row.name).unwrap_or_default();
        println!("| {} | {} | {their} | {throughput} | {p50} | {p99} |", row.name, show(row));
    }
}
