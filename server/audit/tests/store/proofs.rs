//! What a caller can demand for a receipt, and what anybody can check of it.

use std::path::Path;
use std::time::Duration;

use llm_shield_audit::{
    AuditError, AuditLog, AuditOptions, Checkpoint, Query, Trust, VerifyOptions, verify_consistency,
    verify_inclusion,
};
use llm_shield_cloud::CloudKeyManager;

use crate::support::{Home, SIGNING_KEY, Segment, all, record, tenant};

async fn trust(home: &Home) -> Trust {
    let key = home.keys.public_key(SIGNING_KEY).await.unwrap();
    Trust::of([(SIGNING_KEY.to_owned(), key)].into())
}

#[tokio::test]
async fn every_receipt_is_proved_while_the_log_grows() {
    let home = Home::new();
    let log = AuditLog::open(AuditOptions { segment_bytes: 5_000, ..home.options() }).await.unwrap();
    let (acme, store) = (tenant("acme"), {
        // Made by the first record.
        log.append(record("other", "")).await.unwrap();
        home.reader().await
    });
    let mut receipts = Vec::new();
    let mut seen: Vec<Checkpoint> = Vec::new();
    for number in 0..40 {
        let receipt = log.append(record("acme", &number.to_string())).await.unwrap();
        log.signed(&acme, receipt.sequence + 1).await;
        let proof = store.prove_inclusion(&acme, None, receipt.sequence, 0).await.unwrap();
        let checkpoint = Checkpoint::open(proof.note.as_bytes(), &trust(&home).await).unwrap();
        assert_eq!((&checkpoint, proof.leaf_hash), (&proof.checkpoint, receipt.leaf_hash));
        assert!(checkpoint.origin.ends_with(receipt.log()));
        assert!(verify_inclusion(
            &receipt.leaf_hash,
            receipt.sequence,
            checkpoint.size,
            &proof.path,
            &checkpoint.root
        ));
        for old in &seen {
            let proof = store.prove_consistency(&acme, None, old.size, 0).await.unwrap();
            let Checkpoint { size, root, .. } = proof.checkpoint;
            assert!(verify_consistency(old.size, &old.root, size, &root, &proof.path));
        }
        seen.push(checkpoint);
        receipts.push(receipt);
    }
    log.close().await.unwrap();
    for (receipt, record) in receipts.iter().zip(all(store.query(Query::of(acme.clone())).unwrap()).await) {
        let proof = store.prove_inclusion(&acme, None, receipt.sequence, 0).await.unwrap();
        assert_eq!(proof.leaf_hash, record.leaf_hash);
        let Checkpoint { size, root, .. } = proof.checkpoint;
        assert!(verify_inclusion(&receipt.leaf_hash, receipt.sequence, size, &proof.path, &root));
        // Nor is it proved at another place, or of another record.
        assert!(!verify_inclusion(&receipt.leaf_hash, (receipt.sequence + 1) % 40, size, &proof.path, &root));
    }
    for (index, size) in [(40, 0), (0, 99), (7, 3)] {
        let error = store.prove_inclusion(&acme, None, index, size).await.unwrap_err();
        assert!(matches!(error, AuditError::Invalid { .. }), "{error}");
    }
    assert!(matches!(
        store.prove_inclusion(&tenant("nobody"), None, 0, 0).await,
        Err(AuditError::Invalid { .. })
    ));
}

#[tokio::test]
async fn a_range_of_times_is_verified_alone() {
    let home = Home::new();
    for run in 0..5 {
        let log = home.log().await;
        for number in 0..3 {
            log.append(record("acme", &format!("{run}-{number}"))).await.unwrap();
        }
        log.close().await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let store = home.public_reader_of(&home.store_path()).await;
    let times: Vec<_> = all(home.reader().await.query(Query::of(tenant("acme"))).unwrap()).await;
    let options = |start: usize, end: usize| VerifyOptions {
        start: Some(times[start].time),
        end: Some(times[end].time),
        ..VerifyOptions::default()
    };
    let report = store.verify(options(4, 7), |_| ()).await.unwrap();
    assert_eq!((report.problem, report.segments, report.records), (None, 2, 6));
    let path = Segment::path_in(&home.store_path(), "acme", 4);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(store.verify(options(4, 7), |_| ()).await.unwrap().problem, None);
    assert!(store.verify(options(4, 11), |_| ()).await.unwrap().problem.is_some());
}

#[tokio::test]
async fn a_range_of_times_does_not_hide_a_cut_tail() {
    let home = Home::new();
    let mut signed = Vec::new();
    let path = |store: &Path, number| Segment::path_in(store, "acme", number);
    for run in 0..4 {
        let log = home.log().await;
        for number in 0..3 {
            log.append(record("acme", &format!("{run}-{number}"))).await.unwrap();
            log.signed(&tenant("acme"), run * 3 + number + 1).await;
            signed.push(std::fs::read(home.store_path().join("outbox/acme/checkpoint")).unwrap());
        }
        log.close().await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let times = all(home.reader().await.query(Query::of(tenant("acme"))).unwrap()).await;
    let (early, late) = (times[1].time, times.last().unwrap().time + jiff::SignedDuration::from_hours(1));
    let ranges = [(None, Some(early)), (None, Some(late)), (Some(early), None), (Some(late), None)];
    let options = |(start, end), checkpoints: &[Checkpoint]| VerifyOptions {
        start,
        end,
        checkpoints: checkpoints.to_vec(),
        ..VerifyOptions::default()
    };
    let trust = trust(&home).await;
    let checkpoint = |note: &[u8]| Checkpoint::open(note, &trust).unwrap();
    for range in ranges {
        let whole = home.public_reader_of(&home.store_path()).await;
        let middle = [checkpoint(&signed[4])];
        assert_eq!(whole.verify(options(range, &middle), |_| ()).await.unwrap().problem, None, "{range:?}");
        for attack in ["removed", "cut", "put back"] {
            let copy = home.copy("copy");
            let last = path(&copy, 4);
            match attack {
                "removed" => {
                    for suffix in ["seg", "idx", "checkpoint"] {
                        std::fs::remove_file(last.with_extension(suffix)).unwrap();
                    }
                }
                // Its closing checkpoint, and so all that says that it had ended, is gone too.
                "cut" => {
                    let mut segment = Segment::read(&copy, "acme", 4);
                    segment.frames.pop();
                    segment.write();
                    std::fs::remove_file(last.with_extension("checkpoint")).unwrap();
                }
                _ => std::fs::remove_file(&last).unwrap(),
            }
            let store = home.public_reader_of(&copy).await;
            let problem = store.verify(options(range, &[]), |_| ()).await.unwrap().problem;
            assert!(problem.is_some(), "{attack} {range:?}");
            std::fs::remove_dir_all(copy).unwrap();
        }
    }
    // A log that is shorter than a given checkpoint, and one that is another within what is left out.
    let mut other = checkpoint(&signed[4]);
    other.root = [7; 32];
    let mut longer = checkpoint(signed.last().unwrap());
    longer.size += 1;
    for range in ranges {
        for given in [&longer, &other] {
            let store = home.public_reader_of(&home.store_path()).await;
            let report = store.verify(options(range, std::slice::from_ref(given)), |_| ()).await.unwrap();
            assert!(report.problem.is_some(), "{range:?} {given:?}");
        }
    }
}
