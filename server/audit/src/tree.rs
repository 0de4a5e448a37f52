//! The Merkle tree of RFC 6962, section 2.1: hashes, the right edge that a log grows at, and proofs.
//!
//! Nothing here reads a log: who makes a proof is told which ranges of leaves to hash, so that a log of any length is
//! proved in the memory of one proof.

use std::ops::Range;

use aws_lc_rs::digest::{SHA256, digest};

/// A SHA-256.
pub type Hash = [u8; 32];

// First bytes of what is hashed, so that no leaf can be taken for a node.
const LEAF: u8 = 0;
const NODE: u8 = 1;

/// Returns the SHA-256 of some bytes.
pub(crate) fn sha256(bytes: &[u8]) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// Returns the hash of a leaf whose data is these parts, one behind the other.
pub fn leaf_hash(parts: &[&[u8]]) -> Hash {
    // In one piece: a context costs as much to set up as a short record to hash.
    let mut leaf = Vec::with_capacity(1 + parts.iter().map(|part| part.len()).sum::<usize>());
    leaf.push(LEAF);
    parts.iter().for_each(|part| leaf.extend_from_slice(part));
    sha256(&leaf)
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut node = [NODE; 65];
    for (to, from) in node.iter_mut().skip(1).zip(left.iter().chain(right)) {
        *to = *from;
    }
    sha256(&node)
}

/// The right edge of a tree: the roots of its perfect subtrees from left to right. Enough to append and to know the
/// root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Frontier {
    size: u64,
    subtrees: Vec<Hash>,
}

impl Frontier {
    /// Takes an edge from its parts; `None` when a tree of this size has another number of subtrees.
    pub(crate) fn from_parts(size: u64, subtrees: Vec<Hash>) -> Option<Self> {
        let fits = u32::try_from(subtrees.len()).is_ok_and(|count| count == size.count_ones());
        fits.then_some(Self { size, subtrees })
    }

    /// Returns how many leaves there are.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn subtrees(&self) -> &[Hash] {
        &self.subtrees
    }

    /// Appends a leaf.
    pub(crate) fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // Each trailing one of the size is a subtree that this leaf completes.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.subtrees.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.subtrees.push(hash);
        self.size = self.size.saturating_add(1);
    }

    /// Returns the root.
    pub(crate) fn root(&self) -> Hash {
        let mut subtrees = self.subtrees.iter().rev();
        let Some(last) = subtrees.next() else { return sha256(&[]) };
        subtrees.fold(*last, |right, left| node_hash(left, &right))
    }
}

/// Returns the ranges of leaves whose roots prove that the leaf at `index` is in the tree of `size`, lowest first.
pub(crate) fn inclusion_ranges(index: u64, size: u64) -> Vec<Range<u64>> {
    let mut ranges = Vec::new();
    let mut tree = 0..size;
    while tree.end - tree.start > 1 {
        let middle = tree.start + split(tree.end - tree.start);
        if index < middle {
            ranges.push(middle..tree.end);
            tree.end = middle;
        } else {
            ranges.push(tree.start..middle);
            tree.start = middle;
        }
    }
    ranges.reverse();
    ranges
}

/// Returns the ranges of leaves whose roots prove that the tree of `size` begins with that of `from`, lowest first.
pub(crate) fn consistency_ranges(from: u64, size: u64) -> Vec<Range<u64>> {
    let mut ranges = Vec::new();
    if from == 0 || from >= size {
        return ranges;
    }
    let mut tree = 0..size;
    // While the smaller tree ends with a whole subtree of the larger one from its start, the verifier has its root.
    let mut known = true;
    while tree.end != from {
        let middle = tree.start + split(tree.end - tree.start);
        if from <= middle {
            ranges.push(middle..tree.end);
            tree.end = middle;
        } else {
            ranges.push(tree.start..middle);
            tree.start = middle;
            known = false;
        }
    }
    if !known {
        ranges.push(tree);
    }
    ranges.reverse();
    ranges
}

/// Returns the largest power of two below a number above one.
fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// Returns whether `path` proves that a leaf lies at `index` in the tree of `size` with this root (RFC 9162, section
/// 2.1.3.2).
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, *leaf);
    for other in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(other, &hash);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, other);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && hash == *root
}

/// Returns whether `path` proves that the tree of `size` with `root` begins with that of `from` with `from_root` (RFC
/// 9162, section 2.1.4.2).
pub fn verify_consistency(from: u64, from_root: &Hash, size: u64, root: &Hash, path: &[Hash]) -> bool {
    if from == size {
        return path.is_empty() && from_root == root;
    }
    if from == 0 || from > size {
        return from == 0 && path.is_empty();
    }
    let shift = (from - 1).trailing_ones();
    let (mut at, mut last) = ((from - 1) >> shift, (size - 1) >> shift);
    let mut path = path.iter();
    let first = if from.is_power_of_two() { Some(from_root) } else { path.next() };
    let Some(first) = first else { return false };
    let (mut old, mut new) = (*first, *first);
    for other in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            old = node_hash(other, &old);
            new = node_hash(other, &new);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            new = node_hash(&new, other);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && old == *from_root && new == *root
}

#[cfg(test)]
mod tests;
