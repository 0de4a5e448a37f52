//! Structure: the JSON and XML that a text is or holds, walked to its leaves.
//!
//! Two things come of a walk. The *tree* says of every byte at which place of its document it stands, so that a finding
//! carries a pointer. The *reading* is a view: every leaf as itself, its escapes undone, after the name that it has in
//! its document (`password: hunter2`), because a name beside a value is what rules look for. A string that holds a
//! document itself, as the arguments of a tool call do, is walked in its place.
//!
//! What is no well-formed JSON is no structure; of markup nothing is demanded but tags, as browsers do. Each is read in
//! one pass, to a bounded depth.

mod html;
mod json;
mod label;
pub(crate) mod markup;
mod regions;
mod tree;
mod walk;

pub(crate) use self::regions::{Reading, open_document, read};
pub(crate) use self::tree::Tree;

#[cfg(test)]
mod tests;
