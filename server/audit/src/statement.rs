//! Signed statements: the head of one log, and the list of all logs.
//!
//! Both are text, so that an auditor can read them and check the signature with any tool: what is signed is everything
//! up to and with the empty line. A statement is read by writing it again and comparing, so each has one spelling.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use llm_shield_cloud::{CloudKeyManager, SignatureAlgorithm};

use crate::chain::{Hash, LOG, Position, sha256};
use crate::trust::Trust;
use crate::{Result, Tenant};

const HEAD_TITLE: &str = "llm-shield audit head v1";
const LIST_TITLE: &str = "llm-shield audit logs v1";
const OPEN: &str = "open";
const CLOSED: &str = "closed";

/// What a log's head says: behind its `records`-th record, which lies in `segment`, the chain stands at `hash`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) segment: u64,
    pub(crate) records: u64,
    pub(crate) hash: Hash,
}

impl From<Position> for Head {
    fn from(position: Position) -> Self {
        Self { segment: position.segment, records: position.records, hash: position.head }
    }
}

/// What the list of logs says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct List {
    /// The head of each log.
    pub(crate) heads: BTreeMap<Tenant, Head>,
    /// Whether the writer ended in order: from then on no log holds anything unfinished.
    pub(crate) closed: bool,
}

/// A statement's signature, taken from its text.
pub(crate) struct Signed<'a> {
    pub(crate) message: &'a [u8],
    pub(crate) key_id: &'a str,
    pub(crate) algorithm: &'a str,
    pub(crate) signature: Vec<u8>,
}

/// Signs statements with one key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signer<'a> {
    pub(crate) key_manager: &'a dyn CloudKeyManager,
    pub(crate) key_id: &'a str,
    pub(crate) algorithm: SignatureAlgorithm,
}

impl Signer<'_> {
    /// Returns the text of a log's signed head.
    pub(crate) async fn head(self, tenant: &Tenant, head: Head) -> Result<String> {
        self.sign(head_body(tenant, head)).await
    }

    /// Returns the text of the signed list of logs.
    pub(crate) async fn list(self, list: &List) -> Result<String> {
        let lines = list_lines(&list.heads);
        // Key managers sign a few kilobytes at most, so the list itself stands behind its signed digest.
        Ok(self.sign(list_body(list, &lines)).await? + &lines)
    }

    async fn sign(self, mut text: String) -> Result<String> {
        text.push_str(&format!(
            "time: {:.6}\nkey: {}\nalgorithm: {}\n\n",
            Timestamp::now(),
            self.key_id,
            self.algorithm.name()
        ));
        let signature = self.key_manager.sign(self.key_id, text.as_bytes()).await?;
        text.push_str(&format!("signature: {}\n", STANDARD.encode(signature)));
        Ok(text)
    }
}

/// Reads a log's head and checks that it is this tenant's and well signed; says what is wrong.
pub(crate) fn read_head(
    text: &[u8],
    tenant: &Tenant,
    trust: &Trust,
) -> std::result::Result<Head, &'static str> {
    const FORM: &str = "it is not a signed head of a log";
    let text = std::str::from_utf8(text).map_err(|_bytes| FORM)?;
    let (signed, behind) = Signed::split(text).ok_or(FORM)?;
    trust.check(&signed)?;
    let head = Head {
        segment: field(text, "segment").and_then(|value| value.parse().ok()).ok_or(FORM)?,
        records: field(text, "records").and_then(|value| value.parse().ok()).ok_or(FORM)?,
        hash: field(text, "head").and_then(parse_hash).ok_or(FORM)?,
    };
    if !text.starts_with(&head_body(tenant, head)) {
        return Err("it is the head of another log");
    }
    if behind.is_empty() { Ok(head) } else { Err(FORM) }
}

/// Reads the list of logs and checks its signature; says what is wrong.
pub(crate) fn read_list(text: &[u8], trust: &Trust) -> std::result::Result<List, &'static str> {
    const FORM: &str = "it is not a signed list of logs";
    let text = std::str::from_utf8(text).map_err(|_bytes| FORM)?;
    let (signed, lines) = Signed::split(text).ok_or(FORM)?;
    trust.check(&signed)?;
    let heads: BTreeMap<Tenant, Head> =
        lines.lines().map(parse_list_line).collect::<Option<_>>().ok_or("the list was changed")?;
    let list = List { heads, closed: field(text, "state") == Some(CLOSED) };
    if list_lines(&list.heads) != lines || !text.starts_with(&list_body(&list, lines)) {
        return Err("the list was changed");
    }
    Ok(list)
}

impl<'a> Signed<'a> {
    /// Splits a text into what is signed, and what stands behind the signature's line.
    fn split(text: &'a str) -> Option<(Self, &'a str)> {
        let (body, tail) = text.split_once("\n\n")?;
        let message = text.get(..body.len() + 2)?.as_bytes();
        let (signature, behind) = tail.strip_prefix("signature: ")?.split_once('\n')?;
        let signature = STANDARD.decode(signature).ok()?;
        let (key_id, algorithm) = (field(body, "key")?, field(body, "algorithm")?);
        Some((Self { message, key_id, algorithm, signature }, behind))
    }
}

fn head_body(tenant: &Tenant, head: Head) -> String {
    format!(
        "{HEAD_TITLE}\ntenant: {}\nlog: {LOG}\nsegment: {}\nrecords: {}\nhead: {}\n",
        tenant.path_name(),
        head.segment,
        head.records,
        hex::encode(head.hash)
    )
}

fn list_body(list: &List, lines: &str) -> String {
    let state = if list.closed { CLOSED } else { OPEN };
    let (count, digest) = (list.heads.len(), hex::encode(sha256(lines.as_bytes())));
    format!("{LIST_TITLE}\nstate: {state}\nlogs: {count}\nsha256: {digest}\n")
}

fn list_lines(heads: &BTreeMap<Tenant, Head>) -> String {
    heads
        .iter()
        .map(|(tenant, head)| {
            let (name, hash) = (tenant.path_name(), hex::encode(head.hash));
            format!("{name} {} {} {hash}\n", head.segment, head.records)
        })
        .collect()
}

fn parse_list_line(line: &str) -> Option<(Tenant, Head)> {
    let mut words = line.split(' ');
    let tenant = Tenant::from_path_name(words.next()?)?;
    let (segment, records) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let hash = parse_hash(words.next()?)?;
    words.next().is_none().then_some((tenant, Head { segment, records, hash }))
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn parse_hash(digits: &str) -> Option<Hash> {
    hex::decode(digits).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use llm_shield_cloud::local::KeyRing;
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "signing";

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    fn signer_keys() -> (tempfile::TempDir, Arc<KeyRing>, Trust) {
        let directory = tempfile::tempdir().unwrap();
        let keys = KeyRing::open_or_create(directory.path().join("keys/ring.json")).unwrap();
        keys.ensure_signing_key(KEY).unwrap();
        let trust = block_on(Trust::from_manager(&keys, &[KEY.to_owned()])).unwrap();
        (directory, Arc::new(keys), trust)
    }

    #[test]
    fn statements_come_back_and_no_changed_byte_passes() {
        let (_directory, keys, trust) = signer_keys();
        let algorithm = SignatureAlgorithm::EcdsaP256Sha256;
        let signer = Signer { key_manager: &*keys, key_id: KEY, algorithm };
        let acme = Tenant::new("acme\nkey: other").unwrap();
        let head = Head { segment: 3, records: 17, hash: [7; 32] };
        let heads = BTreeMap::from([(acme.clone(), head), (Tenant::new("b").unwrap(), head)]);
        let text = block_on(signer.head(&acme, head)).unwrap();
        let heads = List { heads, closed: true };
        let list = block_on(signer.list(&heads)).unwrap();
        assert_eq!(read_head(text.as_bytes(), &acme, &trust), Ok(head));
        assert_eq!(read_list(list.as_bytes(), &trust), Ok(heads));
        assert_eq!(
            read_head(text.as_bytes(), &Tenant::new("b").unwrap(), &trust),
            Err("it is the head of another log")
        );
        for position in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[position] ^= 1;
            assert!(read_head(&changed, &acme, &trust).is_err(), "byte {position}");
        }
        for position in 0..list.len() {
            let mut changed = list.clone().into_bytes();
            changed[position] ^= 1;
            assert!(read_list(&changed, &trust).is_err(), "byte {position}");
            assert!(read_list(&list.as_bytes()[..position], &trust).is_err(), "cut at {position}");
        }
        // One kind of statement is never taken for the other.
        assert!(read_list(text.as_bytes(), &trust).is_err());
        assert!(read_head(list.as_bytes(), &acme, &trust).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "(\\PC|\n){0,200}", bytes in proptest::collection::vec(any::<u8>(), 0..99)) {
            let (trust, tenant) = (Trust::default(), Tenant::new("acme").unwrap());
            let signed = format!("{text}\nkey: a\nalgorithm: b\n\nsignature: AAAA\n{text}");
            for statement in [text.as_bytes(), signed.as_bytes(), &bytes] {
                prop_assert!(read_head(statement, &tenant, &trust).is_err());
                prop_assert!(read_list(statement, &trust).is_err());
            }
        }
    }
}
