//! Rule tables: what they may say, how they are checked, and what they become.
//!
//! Tables are data (see `docs/rules.md`). A table that is wrong is refused as a whole when the engine is made, with the
//! rule and the field named: a rule that is skipped in silence is a hole that nobody sees.

mod compile;
mod pattern;
mod sample;
mod schema;

pub use sample::{RuleSamples, samples};

pub(crate) use compile::{Family, Invalid, Rule, compile, compile_single};
pub(crate) use schema::{RawInvalid, RawRule, RawTrigger};

include!(concat!(env!("OUT_DIR"), "/tables.rs"));

/// One rule table: TOML text, and the detector that it belongs to.
#[derive(Clone, Copy)]
pub struct Table<'t> {
    /// The detector, such as `secrets`.
    pub detector: &'t str,
    /// The table's own name, for error messages.
    pub name: &'t str,
    /// The text of the table.
    pub toml: &'t str,
}

impl std::fmt::Debug for Table<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Table({}/{}, {} bytes)", self.detector, self.name, self.toml.len())
    }
}

/// Returns the tables that come with the library, sorted by detector and name.
#[must_use]
pub fn builtin_tables() -> &'static [Table<'static>] {
    BUILTIN
}

/// Whether a table is, as it lies in memory, one of the library's own.
fn is_builtin(table: &Table<'_>) -> bool {
    BUILTIN.iter().any(|own| std::ptr::eq(own.toml, table.toml))
}

/// A rule table that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// The file is not a table of rules.
    #[error("table `{table}`: {message}")]
    Table {
        /// `detector/name`.
        table: String,
        /// What is wrong.
        message: String,
    },
    /// One rule is wrong.
    #[error("table `{table}`, rule `{rule}`, field `{field}`: {message}")]
    Rule {
        /// `detector/name`.
        table: String,
        /// The rule's id, or its place in the table when it has none.
        rule: String,
        /// The field.
        field: String,
        /// What is wrong.
        message: String,
    },
    /// The automaton over all rules cannot be built.
    #[error("automaton `{automaton}`: {message}")]
    Automaton {
        /// Which automaton.
        automaton: &'static str,
        /// What is wrong.
        message: String,
    },
}
