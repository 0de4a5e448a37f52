//! Views: the ways in which a text is read, each with an exact map back to the text as the caller gave it.

pub(crate) mod chars;
mod fold;
mod map;

pub(crate) use fold::fold;
pub(crate) use map::{Map, Writer};
