//! What a policy may say about the `hygiene` detector.

use serde::{Deserialize, Serialize};

use crate::Action;

use super::language;

/// Parameters of the `hygiene` detector. Whether it runs, from which score on, and what is done, is said where every
/// detector's is.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct HygieneConfig {
    /// The most tokens of one content. Default: none. Counted by the host's tokenizer where it gives one, else estimated.
    pub max_tokens: Option<usize>,
    /// The languages that may be used, as ISO 639-1 codes; empty for all. Default: empty. Text whose language is not
    /// recognised passes.
    pub allowed_languages: Vec<String>,
    /// Whether letters that make no words are told of. Default: true.
    pub gibberish: bool,
    /// Whether one character, word, line or phrase again and again is told of. Default: true.
    pub repetition: bool,
    /// How often one word or line may follow itself. Default: 64.
    pub max_repeats: usize,
    /// How often one character may follow itself. Default: 1024.
    pub max_character_run: usize,
    /// The longest stretch without white space, in bytes. Default: none.
    pub max_word_bytes: Option<usize>,
    /// The longest line, in bytes. Default: none.
    pub max_line_bytes: Option<usize>,
    /// Words and phrases that are not wanted. Default: none.
    pub word_lists: Vec<WordList>,
}

/// A named list of words and phrases.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WordList {
    /// Kebab-case; findings carry the rule id `banned-<name>`.
    pub name: String,
    /// What the entries stand for. Default: words.
    #[serde(default)]
    pub kind: WordKind,
    /// What is done about a match. Default: what the detector's `action` says.
    #[serde(default)]
    pub action: Option<Action>,
    /// Whether an entry matches whole words only. Default: true. Scripts without spaces have no whole words.
    #[serde(default = "yes")]
    pub whole_words: bool,
    /// How many different entries must occur before there is a finding: 1 for words, more for a topic. Default: 1.
    #[serde(default = "one")]
    pub min_matches: usize,
    /// The words and phrases; case, diacritics and white space do not matter.
    pub entries: Vec<String>,
}

/// What the entries of a list stand for.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum WordKind {
    /// Words that are not to be said.
    #[default]
    Words,
    /// Words of a subject that is not to be talked about.
    Topic,
    /// Names of competitors.
    Competitors,
}

impl HygieneConfig {
    /// Checks the values.
    ///
    /// # Errors
    /// When a limit is 0, a language is unknown, or a list is unnamed, doubled, empty or too long; the message names the
    /// field.
    pub fn check(&self) -> Result<(), String> {
        let limits = [
            ("max_tokens", self.max_tokens),
            ("max_repeats", Some(self.max_repeats)),
            ("max_character_run", Some(self.max_character_run)),
            ("max_word_bytes", self.max_word_bytes),
            ("max_line_bytes", self.max_line_bytes),
        ];
        if let Some((field, _)) = limits.iter().find(|(_, limit)| *limit == Some(0)) {
            return Err(format!("`{field}` is 0"));
        }
        if let Some(code) = self.allowed_languages.iter().find(|code| !language::is_known(code)) {
            return Err(format!("`allowed_languages`: there is no language `{code}`"));
        }
        self.check_lists()
    }

    fn check_lists(&self) -> Result<(), String> {
        let total: usize = self.word_lists.iter().map(|list| list.entries.len()).sum();
        if total > MOST_ENTRIES {
            return Err(format!("`word_lists` have {total} entries, more than {MOST_ENTRIES}"));
        }
        for (place, list) in self.word_lists.iter().enumerate() {
            let field = format!("word_lists[{place}]");
            let kebab = !list.name.is_empty()
                && list
                    .name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
            if !kebab {
                return Err(format!("`{field}.name` is not kebab-case"));
            }
            if self.word_lists.iter().take(place).any(|other| other.name == list.name) {
                return Err(format!("`{field}.name` is used twice"));
            }
            if list.min_matches == 0 {
                return Err(format!("`{field}.min_matches` is 0"));
            }
            if let Some(entry) =
                list.entries.iter().position(|entry| entry.trim().is_empty() || entry.len() > LONGEST_ENTRY)
            {
                return Err(format!(
                    "`{field}.entries[{entry}]` is empty or longer than {LONGEST_ENTRY} bytes"
                ));
            }
        }
        Ok(())
    }

    /// The parameters where no policy says otherwise, made once.
    pub(crate) fn shared_default() -> &'static Self {
        static DEFAULT: std::sync::LazyLock<HygieneConfig> = std::sync::LazyLock::new(HygieneConfig::default);
        &DEFAULT
    }
}

impl Default for HygieneConfig {
    fn default() -> Self {
        Self {
            max_tokens: None,
            allowed_languages: Vec::new(),
            gibberish: true,
            repetition: true,
            max_repeats: 64,
            max_character_run: 1024,
            max_word_bytes: None,
            max_line_bytes: None,
            word_lists: Vec::new(),
        }
    }
}

fn yes() -> bool {
    true
}

fn one() -> usize {
    1
}

const MOST_ENTRIES: usize = 100_000;
const LONGEST_ENTRY: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_values_are_named() {
        assert!(HygieneConfig::default().check().is_ok());
        let languages =
            HygieneConfig { allowed_languages: vec!["xx".to_owned()], ..HygieneConfig::default() };
        assert!(languages.check().unwrap_err().contains("xx"));
        let limit = HygieneConfig { max_tokens: Some(0), ..HygieneConfig::default() };
        assert!(limit.check().unwrap_err().contains("max_tokens"));
        let list = |name: &str, entry: &str| WordList {
            name: name.to_owned(),
            kind: WordKind::Words,
            action: None,
            whole_words: true,
            min_matches: 1,
            entries: vec![entry.to_owned()],
        };
        for lists in [vec![list("A b", "x")], vec![list("a", " ")], vec![list("a", "x"), list("a", "y")]] {
            assert!(HygieneConfig { word_lists: lists, ..HygieneConfig::default() }.check().is_err());
        }
    }
}
