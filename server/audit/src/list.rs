//! The signed list of a writer's logs: what shows that a whole log is gone, or was put back to an older state.
//!
//! It is a checkpoint over its lines, which stand behind it: key managers sign a few kilobytes at most.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use crate::checkpoint::Checkpoint;
use crate::name::LogId;
use crate::note::{FORM, Signer, Trust};
use crate::tree::{Frontier, Hash, leaf_hash};
use crate::{Result, Tenant};

/// What the list says of each log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct List {
    pub(crate) id: LogId,
    pub(crate) heads: BTreeMap<Tenant, Head>,
}

/// Where a log stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) size: u64,
    pub(crate) root: Hash,
    pub(crate) segment: u64,
    /// Whether that segment had ended.
    pub(crate) closed: bool,
}

impl From<&Checkpoint> for Head {
    fn from(checkpoint: &Checkpoint) -> Self {
        let Checkpoint { size, root, segment, closing, .. } = checkpoint;
        Self { size: *size, root: *root, segment: *segment, closed: closing.is_some() }
    }
}

impl List {
    pub(crate) fn new(id: LogId) -> Self {
        Self { id, heads: BTreeMap::new() }
    }

    /// Reads a list after checking its signature; says what is wrong.
    pub(crate) fn open(bytes: &[u8], trust: &Trust) -> std::result::Result<Self, &'static str> {
        const CHANGED: &str = "the list was changed";
        let text = std::str::from_utf8(bytes).map_err(|_bytes| FORM)?;
        let (signed, lines) = trust.open_first(text)?;
        let id = signed.strip_prefix(ORIGIN).and_then(|rest| LogId::parse(rest.get(..16)?)).ok_or(CHANGED)?;
        let heads: Option<_> = lines.lines().map(parse_line).collect();
        let list = Self { id, heads: heads.ok_or(CHANGED)? };
        let (head, lines_again) = list.text();
        if lines_again == lines && signed.starts_with(&head) { Ok(list) } else { Err(CHANGED) }
    }

    /// Returns the signed list.
    pub(crate) async fn sign(&self, signer: Signer<'_>) -> Result<String> {
        let (head, lines) = self.text();
        Ok(signer.sign(&format!("{head}time {:.6}\n", Timestamp::now())).await? + &lines)
    }

    /// Returns what is signed but for the time, and the lines.
    fn text(&self) -> (String, String) {
        let (mut tree, mut lines) = (Frontier::default(), String::new());
        for (tenant, head) in &self.heads {
            let state = if head.closed { CLOSED } else { OPEN };
            let Head { size, segment, .. } = head;
            let line =
                format!("{} {size} {} {segment} {state}\n", tenant.path_name(), STANDARD.encode(head.root));
            tree.push(leaf_hash(&[line.as_bytes()]));
            lines.push_str(&line);
        }
        (format!("{ORIGIN}{}\n{}\n{}\n", self.id, tree.size(), STANDARD.encode(tree.root())), lines)
    }
}

/// No tenant's directory has capital letters, so no log has this origin.
const ORIGIN: &str = "llm-shield/LOGS/";
const OPEN: &str = "open";
const CLOSED: &str = "closed";

fn parse_line(line: &str) -> Option<(Tenant, Head)> {
    let mut words = line.split(' ');
    let tenant = Tenant::from_path_name(words.next()?)?;
    let size = words.next()?.parse().ok()?;
    let root = STANDARD.decode(words.next()?).ok()?.try_into().ok()?;
    let segment = words.next()?.parse().ok()?;
    let closed = words.next()? == CLOSED;
    words.next().is_none().then_some((tenant, Head { size, root, segment, closed }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::tests::{KEY, block_on, signing_keys};
    use llm_shield_cloud::CloudKeyManager;

    #[test]
    fn a_list_comes_back_and_no_changed_byte_passes() {
        let (_directory, keys, trust) = signing_keys();
        let key = block_on(keys.public_key(KEY)).unwrap();
        let signer = Signer { key_manager: &*keys, key_id: KEY, key: &key };
        let mut list = List::new(LogId::random().unwrap());
        let empty = block_on(list.sign(signer)).unwrap();
        assert_eq!(List::open(empty.as_bytes(), &trust), Ok(list.clone()));
        let head = Head { size: 17, root: [7; 32], segment: 3, closed: false };
        for name in ["acme\nx", "b"] {
            list.heads.insert(Tenant::new(name).unwrap(), Head { closed: name == "b", ..head });
        }
        let text = block_on(list.sign(signer)).unwrap();
        assert_eq!(List::open(text.as_bytes(), &trust), Ok(list));
        for position in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[position] ^= 1;
            assert!(List::open(&changed, &trust).is_err(), "byte {position}");
            assert!(List::open(&text.as_bytes()[..position], &trust).is_err(), "cut at {position}");
        }
    }
}
