//! How a value is redacted: the operators that a policy names, and what each puts in a value's place.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::date::{DateOrder, Written};
use super::placeholder::{DIGEST_BYTES, is_purpose, placeholder};
use super::restore::restore;
use super::surrogate::Surrogate;
use super::{Conversation, RedactionKeys, format, surrogate, token};

/// How a value is redacted. `docs/policy.md` shows each with its result.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "operator", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Operator {
    /// The entity's name in brackets, or a text of one's own.
    Replace {
        /// The text; by default `[ENTITY]`.
        #[serde(default)]
        with: Option<String>,
    },
    /// A sign for each character.
    Mask {
        /// The sign; neither letter nor digit.
        #[serde(default = "asterisk")]
        char: char,
        /// How many characters are masked, and at least half of them; by default all.
        #[serde(default)]
        count: Option<usize>,
        /// Whether characters are counted from the end.
        #[serde(default)]
        from_end: bool,
    },
    /// A keyed digest: equal values stay equal for the holder of the key, and nobody else can try values out.
    Hash {},
    /// The entity's name and a number, the same for the same value within a conversation: `[PERSON_1]`.
    Number {},
    /// A token that the holder of the tenant's key can undo: `[[LS1:ENTITY:…]]`.
    Token {
        /// Tokens of different purposes are not equal and tell nothing of each other. Lower-case letters and `-`.
        #[serde(default)]
        purpose: Option<String>,
    },
    /// Format-preserving encryption (FF1): digits become digits, letters become letters or digits, the rest stays.
    Fpe {
        /// How many letters and digits at the end stay as they are, at most four.
        #[serde(default)]
        keep_last: usize,
    },
    /// A date moved by a number of days that depends on the tenant and the conversation's subject.
    DateShift {
        /// The most days, to either side.
        #[serde(default = "month")]
        days: u32,
        /// Which number comes first where a date does not tell.
        #[serde(default)]
        order: DateOrder,
    },
    /// The range that a number or date lies in: `[AGE:30-39]`, `[DATE_TIME:1984]`.
    Bucket {
        /// How many numbers are in a range; a multiple of 5.
        #[serde(default = "ten")]
        width: u32,
        /// From this number on all are one range, such as `90+`.
        #[serde(default)]
        top: Option<u32>,
        /// What stays of a date.
        #[serde(default)]
        dates: DatePart,
    },
    /// A made-up value of the same kind, the same for the same value within a tenant; a keyed digest for kinds that have
    /// none.
    Surrogate {},
    /// Nothing.
    Redact {},
    /// The value itself.
    Keep,
}

/// What stays of a date in a bucket.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DatePart {
    /// Year and month.
    Month,
    /// The year.
    #[default]
    Year,
    /// The decade.
    Decade,
}

impl Operator {
    /// Returns the operator's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Replace { .. } => "replace",
            Self::Mask { .. } => "mask",
            Self::Hash {} => "hash",
            Self::Number {} => "number",
            Self::Token { .. } => "token",
            Self::Fpe { .. } => "fpe",
            Self::DateShift { .. } => "date_shift",
            Self::Bucket { .. } => "bucket",
            Self::Surrogate {} => "surrogate",
            Self::Redact {} => "redact",
            Self::Keep => "keep",
        }
    }

    /// Whether a stand-in is known for one wherever it is met.
    pub(super) fn leaves_mark(&self) -> bool {
        !matches!(
            self,
            Self::Fpe { .. }
                | Self::DateShift { .. }
                | Self::Surrogate {}
                | Self::Mask { count: Some(_), .. }
        )
    }

    /// Whether it needs a tenant's key.
    pub(crate) fn is_keyed(&self) -> bool {
        matches!(
            self,
            Self::Hash {}
                | Self::Token { .. }
                | Self::Fpe { .. }
                | Self::DateShift { .. }
                | Self::Surrogate {}
        )
    }

    pub(crate) fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Mask { char, .. } if char.is_alphanumeric() || char.is_control() => {
                Err("`char` is a letter, a digit or a control character")
            }
            Self::Replace { with: Some(with) } if with.chars().any(char::is_control) => {
                Err("`with` holds a control character")
            }
            Self::Token { purpose: Some(purpose) } if !is_purpose(purpose) => {
                Err("`purpose` is not 1 to 32 lower-case letters and `-`")
            }
            Self::Fpe { keep_last } if *keep_last > 4 => Err("`keep_last` is more than 4"),
            Self::DateShift { days, .. } if !(1..=36_500).contains(days) => {
                Err("`days` is not within 1 and 36500")
            }
            Self::Bucket { width, .. } if *width == 0 || width % 5 != 0 || *width > 1_000_000 => {
                Err("`width` is not a multiple of 5 up to 1000000")
            }
            Self::Bucket { top: Some(top), .. } if *top > 9999 => Err("`top` is more than 9999"),
            _ => Ok(()),
        }
    }

    /// Returns the operator for what is more than one plain value: nothing of it may stay open.
    pub(super) fn whole(&self) -> Self {
        match self {
            Self::Mask { char, .. } => Self::Mask { char: *char, count: None, from_end: false },
            Self::Fpe { .. } => Self::Replace { with: None },
            other => other.clone(),
        }
    }

    /// Returns the operator for a conversation: what can be undone in it is numbered.
    pub(super) fn within(self, conversation: &Conversation) -> Self {
        match self {
            Self::Replace { with: None } if conversation.is_restorable() => Self::Number {},
            other => other,
        }
    }

    /// Returns what stands for a value, and the name of the operator that wrote it. One that cannot treat this value, or
    /// has no key, writes the entity's name: that is `replace`.
    pub(super) fn stand_in(
        &self,
        entity: &str,
        value: &str,
        keys: &RedactionKeys,
        conversation: &mut Conversation,
    ) -> (String, &'static str) {
        let mut name = self.name();
        let stand_in = match self {
            Self::Replace { with } => with.clone(),
            Self::Mask { char, count, from_end } => Some(mask(value, *char, *count, *from_end)),
            Self::Hash {} => hash(entity, value, keys),
            Self::Number {} => {
                conversation.number(entity, value, keys).map(|number| format!("[{entity}_{number}]"))
            }
            Self::Token { purpose } => token::seal(entity, purpose.as_deref(), value, keys),
            Self::Fpe { keep_last } => format::convert(format::Way::Encrypt, entity, value, *keep_last, keys),
            Self::DateShift { days, order } => shift(value, *days, *order, 1, keys, conversation),
            Self::Bucket { width, top, dates } => {
                bucket(value, *width, *top, *dates).map(|range| placeholder(entity, &range))
            }
            Self::Surrogate {} => surrogate::surrogate(entity, value, keys).map(|stand_in| match stand_in {
                Surrogate::Value(made_up) => made_up,
                Surrogate::Digest(digest) => {
                    name = "hash";
                    digest
                }
            }),
            Self::Redact {} => Some(String::new()),
            Self::Keep => Some(value.to_owned()),
        };
        stand_in.map_or_else(|| (placeholder(entity, ""), "replace"), |stand_in| (stand_in, name))
    }

    /// Returns the value that a stand-in of `token`, `fpe` or `date_shift` stands for, for those who know where the
    /// stand-in is and whose: `fpe` and `date_shift` leave no mark in the text. A token of another key is refused; the
    /// others carry no check, so another key gives another value.
    #[must_use]
    pub fn undo(
        &self,
        entity: &str,
        stand_in: &str,
        keys: &RedactionKeys,
        conversation: &Conversation,
    ) -> Option<Zeroizing<String>> {
        match self {
            Self::Token { .. } => {
                let restored = restore(stand_in, keys);
                (restored.restored == 1 && restored.refused == 0).then(|| Zeroizing::new(restored.text))
            }
            Self::Fpe { keep_last } => {
                format::convert(format::Way::Decrypt, entity, stand_in, *keep_last, keys).map(Zeroizing::new)
            }
            Self::DateShift { days, order } => {
                shift(stand_in, *days, *order, -1, keys, conversation).map(Zeroizing::new)
            }
            _ => None,
        }
    }
}

/// Masks as many characters as asked for, and at least half: of a short value, a few open ones would be most.
fn mask(value: &str, sign: char, count: Option<usize>, from_end: bool) -> String {
    let length = value.chars().count();
    let masked = count.map_or(length, |count| count.max(length.div_ceil(2)).min(length));
    let mut out = String::with_capacity(value.len());
    for (place, character) in value.chars().enumerate() {
        let hide = if from_end { place >= length - masked } else { place < masked };
        out.push(if hide { sign } else { character });
    }
    out
}

/// Returns the digest; none without a key, since a digest without one would let anybody try values out.
fn hash(entity: &str, value: &str, keys: &RedactionKeys) -> Option<String> {
    let digest = keys.digest("hash", &[entity, value])?;
    Some(placeholder(entity, &hex::encode(digest.first_chunk::<DIGEST_BYTES>()?)))
}

/// Moves a date, by at least a day.
fn shift(
    value: &str,
    most: u32,
    order: DateOrder,
    sign: i64,
    keys: &RedactionKeys,
    conversation: &Conversation,
) -> Option<String> {
    let date = Written::read(value, order)?;
    let digest = keys.digest("date", &[conversation.subject()])?;
    let drawn = u64::from_be_bytes(*digest.first_chunk::<8>()?) % (2 * u64::from(most));
    let days = i64::try_from(drawn).ok()? - i64::from(most);
    let days = if days >= 0 { days + 1 } else { days };
    date.shifted(days * sign)
}

fn bucket(value: &str, width: u32, top: Option<u32>, dates: DatePart) -> Option<String> {
    if let Some(date) = Written::read(value, DateOrder::Dmy) {
        return Some(match dates {
            DatePart::Month => format!("{:04}-{:02}", date.year, date.month),
            DatePart::Year => format!("{:04}", date.year),
            DatePart::Decade => format!("{:04}s", date.year / 10 * 10),
        });
    }
    // The first number of the value, with or without separators of thousands.
    let start = value.find(|c: char| c.is_ascii_digit())?;
    let digits: String = value
        .get(start..)?
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == ',')
        .filter(char::is_ascii_digit)
        .take(9)
        .collect();
    let number: u32 = digits.parse().ok().filter(|number| *number < 100_000_000)?;
    Some(match top {
        Some(top) if number >= top => format!("{top}+"),
        _ => {
            let low = number / width * width;
            format!("{low}-{}", low + width - 1)
        }
    })
}

fn asterisk() -> char {
    '*'
}

fn month() -> u32 {
    30
}

fn ten() -> u32 {
    10
}
