//! Views: the ways in which a text is read, each with an exact map back to the text as the caller gave it.
//!
//! Byte patterns read the text as it is, its clean form where that differs, and what it decodes to. Phrases are looked
//! for in folded text. A view is made only where a cheap look says that it differs from those that there are.

pub(crate) mod chars;
mod clean;
mod decode;
mod deobfuscate;
mod disguise;
mod fold;
mod layers;
mod map;
pub(crate) mod structure;
pub(crate) mod traits;

pub(crate) use deobfuscate::Vocabulary;
pub(crate) use fold::fold;
pub(crate) use layers::{Layer, Layers, Wanted};
