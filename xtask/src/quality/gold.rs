//! The labelled cases, as their files hold them.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, de::DeserializeOwned};

/// A text that something is known of.
pub(super) trait Case {
    /// Its id, which predictions name.
    fn id(&self) -> &str;
    /// The text.
    fn text(&self) -> &str;
    /// Whose text it is, where that is told.
    fn role(&self) -> Option<&str> {
        None
    }
}

/// A text with credentials, or with what looks like them.
#[derive(Debug, Deserialize)]
pub(super) struct Secret {
    id: String,
    #[serde(rename = "text_x", deserialize_with = "unmask")]
    text: String,
    pub(super) label: u8,
    pub(super) source: String,
    pub(super) kind: String,
    pub(super) context: Option<String>,
    #[serde(default)]
    pub(super) negative_kind: String,
    pub(super) spans: Vec<Mark>,
}

/// A text with personal data, or without.
#[derive(Debug, Deserialize)]
pub(super) struct Personal {
    id: String,
    text: String,
    pub(super) source: String,
    pub(super) spans: Vec<Mark>,
    /// The entity types of which every occurrence is marked.
    pub(super) scope: BTreeSet<String>,
}

/// An attack or a harmless text, perhaps in disguise.
#[derive(Debug, Deserialize)]
pub(super) struct Evasion {
    id: String,
    text: String,
    pub(super) label: u8,
    pub(super) mutation: String,
    pub(super) group: String,
    pub(super) base_id: String,
}

/// A prompt, document or tool result, with an attack or without.
#[derive(Debug, Deserialize)]
pub(super) struct Injection {
    id: String,
    text: String,
    role: String,
    pub(super) label: u8,
    pub(super) source: String,
}

impl Injection {
    /// Returns the same text as somebody else's.
    pub(super) fn as_role(&self, role: &str) -> Self {
        let Self { id, text, label, source, .. } = self;
        Self {
            id: id.clone(),
            text: text.clone(),
            role: role.to_owned(),
            label: *label,
            source: source.clone(),
        }
    }
}

/// A marked span; offsets in code points.
#[derive(Debug, Deserialize)]
pub(super) struct Mark {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) entity: String,
    /// Of doubtful type, such as a bare number: scored neither way.
    #[serde(default)]
    pub(super) weak: bool,
}

macro_rules! case {
    ($name:ident $(, $role:ident)?) => {
        impl Case for $name {
            fn id(&self) -> &str {
                &self.id
            }

            fn text(&self) -> &str {
                &self.text
            }
            $(
            fn role(&self) -> Option<&str> {
                Some(&self.$role)
            })?
        }
    };
}

case!(Secret);
case!(Personal);
case!(Evasion);
case!(Injection, role);

/// Reads a file of cases, compressed (`.gz`) or not.
pub(super) fn read<C: DeserializeOwned>(path: &Path) -> Result<Vec<C>> {
    let lines = if path.extension().is_some_and(|extension| extension == "gz") {
        let unpacked = Command::new("gzip").arg("-dc").arg(path).output().context("cannot run gzip")?;
        ensure!(unpacked.status.success(), "cannot read {}", path.display());
        unpacked.stdout
    } else {
        fs::read(path).with_context(|| format!("cannot read {}", path.display()))?
    };
    parse(&lines).with_context(|| format!("{} holds something else", path.display()))
}

/// Reads lines of JSON.
pub(super) fn parse<C: DeserializeOwned>(lines: &[u8]) -> Result<Vec<C>> {
    let lines = lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    Ok(lines.map(serde_json::from_slice).collect::<serde_json::Result<_>>()?)
}

/// The texts with credentials are kept so that no scanner takes their file for a leak: base64 of bytes XOR 0x5A.
fn unmask<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let masked = String::deserialize(deserializer)?;
    let bytes = BASE64_STANDARD.decode(masked).map_err(serde::de::Error::custom)?;
    String::from_utf8(bytes.into_iter().map(|byte| byte ^ 0x5A).collect()).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masked_texts_are_read() {
        let line =
            br#"{"id":"a","text_x":"MjM=","label":1,"source":"s","kind":"k","context":null,"spans":[]}"#;
        let cases: Vec<Secret> = parse(line).unwrap();
        assert_eq!(cases[0].text(), "hi");
        assert_eq!(cases[0].role(), None);
    }

    #[test]
    fn roles_are_read() {
        let line = br#"{"id":"a","text":"t","role":"tool","label":0,"source":"s"}"#;
        let cases: Vec<Injection> = parse(line).unwrap();
        assert_eq!((cases[0].id(), cases[0].role()), ("a", Some("tool")));
        assert!(parse::<Injection>(b"{}").is_err());
    }
}
