//! The embedded implementation: keys in a file of this machine.
//!
//! A [`KeyRing`] protects what is stored elsewhere (a copied disk image of the data, a bucket, a backup) from who does
//! not have the ring. It does not protect against who can read the file: that is what a key management service or an
//! HSM is for.

mod key_ring;
mod ring_file;
mod wrapped;

pub use key_ring::KeyRing;
