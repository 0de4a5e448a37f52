//! Checkpoints: signed statements of how many records a log has and what the root of their tree is (C2SP
//! `tlog-checkpoint`).
//!
//! Behind the three lines of the form stand lines of ours: the segment that the last record lies in; for the checkpoint
//! that closes a segment its length and the digest of its index; the digest of the checkpoint that closed the segment
//! before; the time.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use crate::Result;
use crate::name::LogName;
use crate::note::{FORM, Signer, Trust};
use crate::tree::{Frontier, Hash, sha256};

/// A checkpoint of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose log it is and which: the first line.
    pub origin: String,
    /// How many records the log has.
    pub size: u64,
    /// The root of their tree.
    pub root: Hash,
    /// The segment that the last of them lies in, 0 before the first.
    pub segment: u64,
    /// Says that this segment has ended, and how.
    pub closing: Option<Closing>,
    /// The digest of the text of the checkpoint that closed the segment before.
    pub previous: Option<Hash>,
    /// When it was made.
    pub time: Timestamp,
}

/// How a segment ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// Its length.
    pub bytes: u64,
    /// The SHA-256 of its index.
    pub index: Hash,
    /// The roots of the tree's perfect subtrees, from left to right: enough to go on without the segment.
    pub edge: Vec<Hash>,
}

impl Checkpoint {
    /// Returns the checkpoint of a log without records.
    pub(crate) fn start(log: &LogName) -> Self {
        Self {
            origin: log.origin(),
            size: 0,
            root: sha256(&[]),
            segment: 0,
            closing: None,
            previous: None,
            time: Timestamp::now(),
        }
    }

    /// Reads a checkpoint of any log after checking its signature; says what is wrong.
    ///
    /// # Errors
    /// A phrase that says what is wrong.
    pub fn open(note: &[u8], trust: &Trust) -> std::result::Result<Self, &'static str> {
        let note = std::str::from_utf8(note).map_err(|_bytes| FORM)?;
        let text = trust.open(note)?;
        let checkpoint = Self::parse(text).ok_or("it is not a checkpoint")?;
        // One spelling: nothing that is signed is left unread.
        if checkpoint.text() == text { Ok(checkpoint) } else { Err("it is not a checkpoint") }
    }

    /// Reads a checkpoint that must be of this log.
    pub(crate) fn open_of(
        note: &[u8],
        trust: &Trust,
        log: &LogName,
    ) -> std::result::Result<Self, &'static str> {
        let checkpoint = Self::open(note, trust)?;
        if checkpoint.origin == log.origin() {
            Ok(checkpoint)
        } else {
            Err("it is the checkpoint of another log")
        }
    }

    /// Returns the note that says this.
    pub(crate) async fn sign(&self, signer: Signer<'_>) -> Result<String> {
        signer.sign(&self.text()).await
    }

    /// Returns what the next segment's checkpoints hold of this one.
    pub(crate) fn digest(&self) -> Hash {
        sha256(self.text().as_bytes())
    }

    /// Returns the tree behind a closed segment; `None` when the edge is not the root's.
    pub(crate) fn tree(&self) -> Option<Frontier> {
        let edge = self.closing.as_ref()?.edge.clone();
        Frontier::from_parts(self.size, edge).filter(|tree| tree.root() == self.root)
    }

    fn text(&self) -> String {
        let Self { origin, size, root, segment, closing, previous, time } = self;
        let mut text = format!("{origin}\n{size}\n{}\nsegment {segment}\n", STANDARD.encode(root));
        if let Some(Closing { bytes, index, edge }) = closing {
            let (index, edge) = (STANDARD.encode(index), STANDARD.encode(edge.concat()));
            text.push_str(&format!("closed {bytes} {index} {edge}\n"));
        }
        if let Some(previous) = previous {
            text.push_str(&format!("previous {}\n", STANDARD.encode(previous)));
        }
        text.push_str(&format!("time {time:.6}\n"));
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let origin = lines.next()?.to_owned();
        let (size, root) = (lines.next()?.parse().ok()?, hash(lines.next()?)?);
        let segment = lines.next()?.strip_prefix("segment ")?.parse().ok()?;
        let mut line = lines.next()?;
        let mut closing = None;
        if let Some(rest) = line.strip_prefix("closed ") {
            let mut words = rest.splitn(3, ' ');
            let (bytes, index) = (words.next()?.parse().ok()?, hash(words.next()?)?);
            let edge = STANDARD.decode(words.next()?).ok()?;
            let edge = edge.chunks(32).map(|hash| hash.try_into().ok()).collect::<Option<_>>()?;
            closing = Some(Closing { bytes, index, edge });
            line = lines.next()?;
        }
        let mut previous = None;
        if let Some(digits) = line.strip_prefix("previous ") {
            previous = Some(hash(digits)?);
            line = lines.next()?;
        }
        let time = line.strip_prefix("time ")?.parse().ok()?;
        Some(Self { origin, size, root, segment, closing, previous, time })
    }
}

fn hash(text: &str) -> Option<Hash> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tenant;
    use crate::name::LogId;
    use crate::note::tests::{sign, signing_keys};

    fn checkpoints() -> [Checkpoint; 3] {
        let log = LogName { tenant: Tenant::new("ac\nme").unwrap(), id: LogId::random().unwrap() };
        let start = Checkpoint::start(&log);
        let open =
            Checkpoint { size: 7, root: [3; 32], segment: 2, previous: Some([9; 32]), ..start.clone() };
        let closing = Some(Closing { bytes: 12, index: [4; 32], edge: vec![[5; 32]; 3] });
        [start, Checkpoint { closing, ..open.clone() }, open]
    }

    #[test]
    fn checkpoints_come_back() {
        let (_directory, keys, trust) = signing_keys();
        for checkpoint in checkpoints() {
            let time = Timestamp::from_microsecond(checkpoint.time.as_microsecond()).unwrap();
            let checkpoint = Checkpoint { time, ..checkpoint };
            let note = sign(&keys, &checkpoint.text());
            assert_eq!(Checkpoint::open(note.as_bytes(), &trust), Ok(checkpoint));
        }
    }

    #[test]
    fn what_is_signed_and_no_checkpoint_is_refused() {
        let (_directory, keys, trust) = signing_keys();
        let [start, ..] = checkpoints();
        for text in [
            start.text().replace('0', "00"),
            start.text() + "more 1\n",
            start.text().replace("segment", "Segment"),
            "a\n".to_owned(),
        ] {
            assert_eq!(
                Checkpoint::open(sign(&keys, &text).as_bytes(), &trust),
                Err("it is not a checkpoint"),
                "{text}"
            );
        }
        let other = LogName { tenant: Tenant::new("other").unwrap(), id: LogId::random().unwrap() };
        let note = sign(&keys, &start.text());
        assert_eq!(
            Checkpoint::open_of(note.as_bytes(), &trust, &other),
            Err("it is the checkpoint of another log")
        );
    }
}
