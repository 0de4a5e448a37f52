use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use llm_shield_audit::{
    Action, AuditLog, AuditOptions, AuditRecord, Coverage, Direction, Finding, NewRecord, Policy, Query,
    RecordStream, Severity, Store, StoreKeys, Tenant, Verdict, VerifyOptions, VerifyReport,
};
use llm_shield_cloud::CloudKeyManager;
use llm_shield_cloud::local::KeyRing;

pub(crate) const ENCRYPTION_KEY: &str = "audit";
pub(crate) const SIGNING_KEY: &str = "audit-signing";

/// A directory with a key ring and a store.
pub(crate) struct Home {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) keys: Arc<KeyRing>,
}

impl Home {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let keys = KeyRing::open_or_create(directory.path().join("keys/ring.json")).unwrap();
        keys.ensure_encryption_key(ENCRYPTION_KEY).unwrap();
        keys.ensure_signing_key(SIGNING_KEY).unwrap();
        Self { directory, keys: Arc::new(keys) }
    }

    pub(crate) fn store_path(&self) -> PathBuf {
        self.directory.path().join("store")
    }

    pub(crate) fn options(&self) -> AuditOptions {
        AuditOptions {
            checkpoint_interval: Duration::from_millis(5),
            ..AuditOptions::new(self.store_path(), Arc::clone(&self.keys) as _, ENCRYPTION_KEY, SIGNING_KEY)
        }
    }

    pub(crate) async fn log(&self) -> AuditLog {
        AuditLog::open(self.options()).await.unwrap()
    }

    pub(crate) async fn reader(&self) -> Store {
        self.reader_of(&self.store_path()).await
    }

    pub(crate) async fn reader_of(&self, store: &Path) -> Store {
        let key_manager = Arc::clone(&self.keys) as Arc<dyn CloudKeyManager>;
        let keys = StoreKeys::Manager { key_manager, signing_key_ids: vec![SIGNING_KEY.to_owned()] };
        Store::open(store, keys).await.unwrap()
    }

    pub(crate) async fn public_reader_of(&self, store: &Path) -> Store {
        let key = self.keys.public_key(SIGNING_KEY).await.unwrap();
        Store::open(store, StoreKeys::Public(BTreeMap::from([(SIGNING_KEY.to_owned(), key)]))).await.unwrap()
    }

    pub(crate) fn copy(&self, name: &str) -> PathBuf {
        let copy = self.directory.path().join(name);
        copy_directory(&self.store_path(), &copy);
        copy
    }
}

pub(crate) fn tenant(name: &str) -> Tenant {
    Tenant::new(name).unwrap()
}

pub(crate) fn record(tenant_name: &str, request: &str) -> NewRecord {
    NewRecord {
        tenant: tenant(tenant_name),
        principal: "spiffe://example.org/app".to_owned(),
        rpc: "Scan".to_owned(),
        request_id: request.to_owned(),
        direction: Direction::Input,
        verdict: Verdict::Malicious,
        action: Action::Block,
        policy: Policy { name: "default".to_owned(), digest: "ab".repeat(32) },
        findings: vec![Finding {
            content_id: "0".to_owned(),
            detector: "injection".to_owned(),
            category: "prompt_injection".to_owned(),
            entity: String::new(),
            rule_id: "ignore-instructions".to_owned(),
            severity: Severity::High,
            score: 0.5,
            start_byte: 3,
            end_byte: 9,
            fingerprint: None,
        }],
        content_digests: vec!["00".repeat(32)],
        coverage: Coverage { bytes_total: 20, bytes_scanned: 20 },
        duration_us: 120,
        degraded: false,
        labels: BTreeMap::from([("app".to_owned(), "chat".to_owned())]),
        ..NewRecord::of_call(tenant(tenant_name), "", "")
    }
}

pub(crate) async fn all(mut stream: RecordStream) -> Vec<AuditRecord> {
    let mut records = Vec::new();
    while let Some(record) = stream.next().await {
        records.push(record.unwrap());
    }
    records
}

pub(crate) async fn requests(store: &Store, query: Query) -> Vec<String> {
    all(store.query(query).unwrap()).await.into_iter().map(|record| record.decision.request_id).collect()
}

pub(crate) async fn verify(store: &Store) -> VerifyReport {
    store.verify(VerifyOptions::default(), |_| ()).await.unwrap()
}

pub(crate) fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, target) = {
            let entry = entry.unwrap();
            let target = to.join(entry.file_name());
            (entry.path(), target)
        };
        if entry.is_dir() {
            copy_directory(&entry, &target);
        } else {
            // A temporary file may have been renamed since the directory was listed.
            drop(fs::copy(&entry, &target));
        }
    }
}

/// A segment taken apart the way an attacker without keys can.
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    pub(crate) header: Vec<u8>,
    pub(crate) frames: Vec<Vec<u8>>,
}

impl Segment {
    pub(crate) fn path_in(store: &Path, tenant: &str, number: u64) -> PathBuf {
        store.join(format!("outbox/{tenant}/{number:08}.seg"))
    }

    pub(crate) fn read(store: &Path, tenant: &str, number: u64) -> Self {
        let path = Self::path_in(store, tenant, number);
        let bytes = fs::read(&path).unwrap();
        let before = u64::from_be_bytes(bytes[27..35].try_into().unwrap());
        let mut header_end = 35 + 32 * before.count_ones() as usize;
        for _ in 0..4 {
            header_end += 2 + usize::from(u16::from_be_bytes([bytes[header_end], bytes[header_end + 1]]));
        }
        header_end += 4;
        let (header, mut rest) = bytes.split_at(header_end);
        let mut frames = Vec::new();
        while !rest.is_empty() {
            let length = 8 + u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
            frames.push(rest[..length].to_vec());
            rest = &rest[length..];
        }
        Self { path, header: header.to_vec(), frames }
    }

    pub(crate) fn write(&self) {
        fs::write(&self.path, [self.header.clone(), self.frames.concat()].concat()).unwrap();
    }

    /// Makes every checksum and number right again, as far as that works without keys.
    pub(crate) fn forge(&mut self) {
        let end = self.header.len() - 4;
        let crc = crc32fast::hash(&self.header[..end]).to_be_bytes();
        self.header[end..].copy_from_slice(&crc);
        let first = u64::from_be_bytes(self.header[27..35].try_into().unwrap());
        for (sequence, frame) in (first..).zip(&mut self.frames) {
            frame[8..16].copy_from_slice(&sequence.to_be_bytes());
            fix_checksum(frame);
        }
    }

    /// Writes the index that fits the segment as it is now, but for what is sealed in it.
    pub(crate) fn forge_index(&self) {
        let path = self.path.with_extension("idx");
        let old = fs::read(&path).unwrap();
        let count = u32::from_be_bytes(old[58..62].try_into().unwrap()) as usize;
        let digest = Sha256::hash(&[&self.header]);
        let mut index = [&old[..26], &digest, &length(&self.frames).to_be_bytes()].concat();
        for frame in &self.frames {
            index.extend(Sha256::hash(&[&[0], &digest, frame]));
            index.extend(length(frame).to_be_bytes());
            index.extend(&frame[16..24]);
        }
        index.extend(&old[62 + 44 * count..]);
        fs::write(path, index).unwrap();
    }
}

/// The length as files hold it.
pub(crate) fn length<T>(of: &[T]) -> u32 {
    u32::try_from(of.len()).unwrap()
}

pub(crate) fn fix_checksum(frame: &mut [u8]) {
    let covered = [&frame[..4], &frame[8..]].concat();
    frame[4..8].copy_from_slice(&crc32fast::hash(&covered).to_be_bytes());
}

struct Sha256;

impl Sha256 {
    fn hash(parts: &[&[u8]]) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        parts.iter().for_each(|part| context.update(part));
        context.finish().as_ref().try_into().unwrap()
    }
}
