//! How fast records are taken; run by name, with `--ignored --nocapture`.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::{Home, Segment, record};

const EACH: usize = 1000;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn append_rate() {
    for producers in [1, 32, 128] {
        let home = Home::new();
        let options =
            llm_shield_audit::AuditOptions { checkpoint_interval: Duration::from_secs(1), ..home.options() };
        let log = Arc::new(llm_shield_audit::AuditLog::open(options).await.unwrap());
        log.append(record("acme", "warm")).await.unwrap();
        let each = if producers == 1 { EACH } else { EACH * 2 };
        let start = Instant::now();
        let tasks: Vec<_> = (0..producers)
            .map(|_| {
                let log = Arc::clone(&log);
                tokio::spawn(async move {
                    let mut waits = Vec::with_capacity(each);
                    for number in 0..each {
                        let begun = Instant::now();
                        log.append(record("acme", &number.to_string())).await.unwrap();
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
        let rate = waits.len() as f64 / start.elapsed().as_secs_f64();
        waits.sort_unstable();
        let (median, late) = (waits[waits.len() / 2], waits[waits.len() / 100 * 99]);
        log.close().await.unwrap();
        let frame = Segment::read(&home.store_path(), "acme", 1).frames[5].clone();
        let bare = bare_rate(&home, &frame, producers, waits.len());
        println!(
            "{producers} producers: {rate:.0} records/s, wait p50 {median:?} p99 {late:?}; \
             bare write and sync of as many frames at once: {bare:.0} records/s ({} bytes each)",
            frame.len()
        );
        if producers == 128 {
            let start = Instant::now();
            let report = crate::support::verify(&home.reader().await).await;
            println!(
                "verify with keys: {:.0} records/s",
                report.records as f64 / start.elapsed().as_secs_f64()
            );
        }
    }
}

fn bare_rate(home: &Home, frame: &[u8], group: usize, records: usize) -> f64 {
    let mut file = File::create(home.directory.path().join("bare")).unwrap();
    let bytes = frame.repeat(group);
    let start = Instant::now();
    for _ in 0..records / group {
        file.write_all(&bytes).unwrap();
        file.sync_data().unwrap();
    }
    records as f64 / start.elapsed().as_secs_f64()
}
