//! The vectors are those of the Certificate Transparency implementations for RFC 6962.

use proptest::prelude::*;

use super::*;

const DATA: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

const A: &str = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
const B: &str = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
const C: &str = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";
const D: &str = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
const E: &str = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
const F: &str = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";

fn at(index: u64) -> usize {
    usize::try_from(index).unwrap()
}

fn hash(digits: &str) -> Hash {
    hex::decode(digits).unwrap().try_into().unwrap()
}

fn leaves() -> Vec<Hash> {
    DATA.iter().map(|digits| leaf_hash(&[&hex::decode(digits).unwrap()])).collect()
}

fn root_of(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    leaves.iter().for_each(|leaf| frontier.push(*leaf));
    frontier.root()
}

fn proof(leaves: &[Hash], ranges: Vec<Range<u64>>) -> Vec<Hash> {
    ranges.into_iter().map(|range| root_of(&leaves[at(range.start)..at(range.end)])).collect()
}

#[test]
fn roots_of_the_vectors() {
    let leaves = leaves();
    assert_eq!(root_of(&[]), hash("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    for (size, root) in (1..).zip(ROOTS) {
        assert_eq!(root_of(&leaves[..size]), hash(root), "{size}");
    }
}

#[test]
fn inclusion_proofs_of_the_vectors() {
    let leaves = leaves();
    let cases: [(u64, u64, &[&str]); 5] = [
        (0, 1, &[]),
        (0, 8, &[A, B, C]),
        (5, 8, &[D, E, ROOTS[3]]),
        (2, 3, &[ROOTS[1]]),
        (1, 5, &[ROOTS[0], B, D]),
    ];
    for (index, size, expected) in cases {
        let path = proof(&leaves, inclusion_ranges(index, size));
        assert_eq!(path, expected.iter().map(|digits| hash(digits)).collect::<Vec<_>>(), "{index} {size}");
        let root = hash(ROOTS[at(size) - 1]);
        assert!(verify_inclusion(&leaves[at(index)], index, size, &path, &root));
    }
}

#[test]
fn consistency_proofs_of_the_vectors() {
    let leaves = leaves();
    let cases: [(u64, u64, &[&str]); 4] =
        [(1, 1, &[]), (1, 8, &[A, B, C]), (6, 8, &[F, E, ROOTS[3]]), (2, 5, &[B, D])];
    for (from, size, expected) in cases {
        let path = proof(&leaves, consistency_ranges(from, size));
        assert_eq!(path, expected.iter().map(|digits| hash(digits)).collect::<Vec<_>>(), "{from} {size}");
        let (old, new) = (hash(ROOTS[at(from) - 1]), hash(ROOTS[at(size) - 1]));
        assert!(verify_consistency(from, &old, size, &new, &path));
    }
}

/// The definition of the RFC, word for word.
fn defined_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => sha256(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(at(split(leaves.len() as u64)));
            node_hash(&defined_root(left), &defined_root(right))
        }
    }
}

fn some_leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|number| leaf_hash(&[&number.to_be_bytes()])).collect()
}

proptest! {
    #[test]
    fn the_edge_has_the_root_that_is_defined(size in 0_u64..200) {
        let leaves = some_leaves(size);
        prop_assert_eq!(root_of(&leaves), defined_root(&leaves));
    }

    #[test]
    fn an_edge_taken_apart_goes_on(size in 0_u64..100, more in 0_u64..50) {
        let leaves = some_leaves(size + more);
        let mut edge = Frontier::default();
        leaves[..at(size)].iter().for_each(|leaf| edge.push(*leaf));
        prop_assert!(Frontier::from_parts(size + 1, edge.subtrees().to_vec()).is_none_or(|other| other != edge));
        let mut edge = Frontier::from_parts(size, edge.subtrees().to_vec()).unwrap();
        leaves[at(size)..].iter().for_each(|leaf| edge.push(*leaf));
        prop_assert_eq!(edge.root(), defined_root(&leaves));
    }

    #[test]
    fn inclusion_is_proved_and_nothing_else(size in 1_u64..130, index in 0_u64..130, wrong in 0_u64..130) {
        let (index, wrong) = (index % size, wrong % size);
        let leaves = some_leaves(size);
        let root = root_of(&leaves);
        let path = proof(&leaves, inclusion_ranges(index, size));
        prop_assert!(verify_inclusion(&leaves[at(index)], index, size, &path, &root));
        prop_assert_eq!(verify_inclusion(&leaves[at(wrong)], index, size, &path, &root), wrong == index);
        prop_assert_eq!(verify_inclusion(&leaves[at(index)], wrong, size, &path, &root), wrong == index);
        for cut in 0..path.len() {
            prop_assert!(!verify_inclusion(&leaves[at(index)], index, size, &path[..cut], &root));
            let mut changed = path.clone();
            changed[cut][3] ^= 1;
            prop_assert!(!verify_inclusion(&leaves[at(index)], index, size, &changed, &root));
        }
        let longer = [path.as_slice(), &[root]].concat();
        prop_assert!(!verify_inclusion(&leaves[at(index)], index, size, &longer, &root));
    }

    #[test]
    fn consistency_is_proved_and_nothing_else(size in 1_u64..130, from in 1_u64..130) {
        let from = 1 + from % size;
        let leaves = some_leaves(size);
        let (old, new) = (root_of(&leaves[..at(from)]), root_of(&leaves));
        let path = proof(&leaves, consistency_ranges(from, size));
        prop_assert!(verify_consistency(from, &old, size, &new, &path));
        prop_assert!(!verify_consistency(from, &sha256(b"x"), size, &new, &path));
        prop_assert!(!verify_consistency(from, &old, size, &sha256(b"x"), &path));
        for changed in 0..path.len() {
            let mut path = path.clone();
            path[changed][0] ^= 1;
            prop_assert!(!verify_consistency(from, &old, size, &new, &path));
        }
        // A fork: the same size, one leaf changed.
        let mut forked = leaves;
        forked[at(from) - 1][0] ^= 1;
        let forked_root = root_of(&forked);
        prop_assert!(!verify_consistency(from, &old, size, &forked_root, &proof(&forked, consistency_ranges(from, size))));
    }

    #[test]
    fn arbitrary_proofs_never_panic(
        (from, index, size) in any::<(u64, u64, u64)>(),
        path in proptest::collection::vec(any::<Hash>(), 0..70),
    ) {
        prop_assert!(!verify_inclusion(&[1; 32], index, size, &path, &[2; 32]));
        let proved = verify_consistency(from, &[1; 32], size, &[2; 32], &path);
        prop_assert_eq!(proved, from == 0 && path.is_empty());
    }
}
