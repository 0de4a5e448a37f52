//! Receipts, proofs, contents that are kept, and reads that are on record.

use std::collections::BTreeMap;

use llm_shield::SIGNING_KEY;
use llm_shield_audit::{
    Checkpoint, ContentMode, Trust, leaf_hash, request_erasure, verify_consistency, verify_inclusion,
};
use llm_shield_cloud::{CloudKeyManager, local::KeyRing};
use llm_shield_proto::v1;
use tonic::Code;

use crate::support::{Client, TestServer, eventually, reason, redact_of, scan_of};

const TEXT: &str = "write to ada@babbage-engines.com";

/// Opens a checkpoint with the public key alone.
async fn checkpoint(server: &TestServer, answer: &v1::GetAuditProofResponse) -> Checkpoint {
    let ring = KeyRing::open(server.file("data/keys/ring.json")).unwrap();
    let key = ring.public_key(SIGNING_KEY).await.unwrap();
    let trust = Trust::of(BTreeMap::from([(SIGNING_KEY.to_owned(), key)]));
    Checkpoint::open(answer.checkpoint.as_bytes(), &trust).unwrap()
}

fn hashes(answer: &v1::GetAuditProofResponse) -> Vec<[u8; 32]> {
    answer.hashes.iter().map(|hash| hash.as_slice().try_into().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_proved_at_once_and_the_log_only_grows() {
    let server = TestServer::start().await;
    let mut client = server.client("acme/all").await;
    let mut earlier: Option<Checkpoint> = None;
    for number in 0..3 {
        let receipt = match number {
            0 => client.redact(redact_of(TEXT)).await.unwrap().into_inner().receipt.unwrap(),
            _ => client.scan(scan_of(TEXT)).await.unwrap().into_inner().receipt.unwrap(),
        };
        let ask = v1::GetAuditProofRequest { record_id: receipt.record_id.clone(), ..Default::default() };
        let answer = client.get_audit_proof(ask).await.unwrap().into_inner();
        let checkpoint = checkpoint(&server, &answer).await;
        assert!(
            checkpoint.origin.starts_with("llm-shield/acme/") && checkpoint.origin.ends_with(&receipt.log_id)
        );
        assert_eq!((answer.leaf_index, &answer.leaf_hash), (receipt.leaf_index, &receipt.leaf_hash));
        let leaf = receipt.leaf_hash.as_slice().try_into().unwrap();
        let Checkpoint { size, root, .. } = &checkpoint;
        assert!(verify_inclusion(&leaf, receipt.leaf_index, *size, &hashes(&answer), root));
        assert!(!verify_inclusion(
            &leaf_hash(&[b"another"]),
            receipt.leaf_index,
            *size,
            &hashes(&answer),
            root
        ));
        if let Some(earlier) = &earlier {
            let ask = v1::GetAuditProofRequest { from_tree_size: earlier.size, ..Default::default() };
            let answer = client.get_audit_proof(ask).await.unwrap().into_inner();
            let root = answer.root_hash.as_slice().try_into().unwrap();
            assert!(verify_consistency(
                earlier.size,
                &earlier.root,
                answer.tree_size,
                &root,
                &hashes(&answer)
            ));
        }
        earlier = Some(checkpoint);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_proved_is_told() {
    let server = TestServer::start().await;
    let (mut acme, mut globex) = (server.client("acme/all").await, server.client("globex/all").await);
    let receipt = acme.scan(scan_of("hello")).await.unwrap().into_inner().receipt.unwrap();
    let ask = |record_id: &str, from_tree_size, tree_size| v1::GetAuditProofRequest {
        record_id: record_id.to_owned(),
        from_tree_size,
        tree_size,
    };
    let foreign = globex.get_audit_proof(ask(&receipt.record_id, 0, 0)).await.unwrap_err();
    assert_eq!(reason(&foreign, Code::NotFound), "RECORD_NOT_FOUND");
    for wrong in [
        ask("", 0, 0),
        ask("no id", 0, 0),
        ask(&receipt.record_id, 1, 0),
        ask(&receipt.record_id, 0, 999),
        ask("", 999, 0),
    ] {
        let status = acme.get_audit_proof(wrong).await.unwrap_err();
        assert_eq!(reason(&status, Code::InvalidArgument), "INVALID_FIELD");
    }
}

async fn records(client: &mut Client, filter: v1::AuditFilter) -> Vec<v1::AuditRecord> {
    let request = v1::AuditRequest { filter: Some(filter), ..Default::default() };
    let mut stream = client.audit(request).await.unwrap().into_inner();
    let mut records = Vec::new();
    while let Some(response) = stream.message().await.unwrap() {
        records.extend(response.record);
    }
    records
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_are_on_record() {
    let server = TestServer::start().await;
    let mut client = server.client("acme/all").await;
    client.scan(scan_of("hello")).await.unwrap();
    let filter = v1::AuditFilter { principal: "nobody".to_owned(), ..Default::default() };
    assert!(records(&mut client, filter).await.is_empty());
    let reads = v1::AuditFilter { rpc: "Audit".to_owned(), ..Default::default() };
    let found = records(&mut client, reads).await;
    assert_eq!(found[0].labels["principal"], "nobody");
    assert_eq!(found[0].principal, "spiffe://test.local/acme/all");
    assert_eq!(records(&mut client, v1::AuditFilter::default()).await.len(), 1, "reads are no decisions");
    let both = v1::AuditFilter { include_reads: true, ..Default::default() };
    assert!(records(&mut client, both).await.len() > 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn contents_are_kept_as_configured_and_erased_with_their_subject() {
    for (mode, kept) in [
        (ContentMode::None, None),
        (ContentMode::Fingerprint, None),
        (ContentMode::Redacted, Some("write to [EMAIL_ADDRESS]")),
        (ContentMode::Sealed, Some(TEXT)),
    ] {
        let server = TestServer::with(|config| config.audit.content = mode).await;
        let (mut all, mut auditor) = (server.client("acme/all").await, server.client("acme/auditor").await);
        let mut request = scan_of(TEXT);
        request.subject_id = "customer-17".to_owned();
        all.scan(request).await.unwrap();
        let of_subject = || v1::AuditFilter { subject_id: "customer-17".to_owned(), ..Default::default() };
        let record = records(&mut all, of_subject()).await.remove(0);
        let texts: Vec<_> = record.contents.iter().map(|content| content.text.as_str()).collect();
        assert_eq!(texts, kept.into_iter().collect::<Vec<_>>(), "{mode:?}");
        let fingerprints = record.findings.iter().filter(|finding| finding.fingerprint.len() == 64).count();
        assert_eq!(fingerprints > 0, mode == ContentMode::Fingerprint);
        assert_eq!((record.content_digests.len(), record.contents_erased), (1, false));
        assert!(!record.detectors.is_empty() && !record.subject_tag.contains("customer"));
        assert!(
            records(&mut auditor, of_subject()).await[0].contents.is_empty(),
            "an auditor alone sees none"
        );

        let tenant = llm_shield_audit::Tenant::new("acme").unwrap();
        let request =
            request_erasure(server.file("data/audit"), &tenant, &record.subject_tag, "test").await.unwrap();
        eventually("the subject is erased", || async { (!request.exists()).then_some(()) }).await;
        let erased = records(&mut all, of_subject()).await.remove(0);
        assert_eq!(erased.id, record.id);
        assert!(erased.contents_erased && erased.contents.is_empty() && erased.content_digests.is_empty());
    }
}
