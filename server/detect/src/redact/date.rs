//! Dates: read in the forms that people write, moved by days, written back in the form they had.

use serde::{Deserialize, Serialize};

/// Which number comes first in `03/04/2024`, where the numbers themselves do not tell.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DateOrder {
    /// Day, month, year.
    #[default]
    Dmy,
    /// Month, day, year.
    Mdy,
}

/// A date in a text, with what is around its parts.
#[derive(Debug)]
pub(super) struct Written<'t> {
    pub(super) year: i64,
    pub(super) month: u32,
    day: u32,
    tokens: Vec<&'t str>,
    /// Places among the tokens.
    places: Places,
    rest: &'t str,
}

#[derive(Clone, Copy, Debug)]
struct Places {
    year: usize,
    month: usize,
    day: usize,
}

impl<'t> Written<'t> {
    /// Reads the date that a value begins with; a time of day may follow.
    pub(super) fn read(value: &'t str, order: DateOrder) -> Option<Self> {
        let mut tokens = Vec::new();
        let mut rest = value;
        while tokens.len() < 8 {
            let Some(first) = rest.chars().next() else { break };
            let class = class(first);
            let length = rest.find(|character| self::class(character) != class).unwrap_or(rest.len());
            let (token, after) = rest.split_at_checked(length)?;
            tokens.push(token);
            rest = after;
        }
        let numeric =
            |at: usize| tokens.get(at).filter(|token| token.starts_with(|c: char| c.is_ascii_digit()));
        let named = |at: usize| tokens.get(at).and_then(|token| month_named(token));
        let ordinal = |at: usize| usize::from(tokens.get(at).is_some_and(|t| ORDINALS.contains(t)));
        let places = if named(0).is_some() && numeric(2).is_some() {
            let suffix = ordinal(3);
            Places { month: 0, day: 2, year: 4 + suffix }
        } else if numeric(0).is_some() && named(2 + ordinal(1)).is_some() {
            let suffix = ordinal(1);
            Places { day: 0, month: 2 + suffix, year: 4 + suffix }
        } else {
            let (first, second, third) = (numeric(0)?, numeric(2)?, numeric(4)?);
            let separator = tokens.get(1)?;
            if tokens.get(3) != Some(separator) || !matches!(*separator, "-" | "/" | "." | ". ") {
                return None;
            }
            if first.len() == 4 {
                Places { year: 0, month: 2, day: 4 }
            } else if third.len() != 4 {
                return None;
            } else {
                let (first, second): (u32, u32) = (first.parse().ok()?, second.parse().ok()?);
                let month_first =
                    if first > 12 || second > 12 { second > 12 } else { order == DateOrder::Mdy };
                if month_first {
                    Places { month: 0, day: 2, year: 4 }
                } else {
                    Places { day: 0, month: 2, year: 4 }
                }
            }
        };
        let year_token = numeric(places.year).filter(|token| token.len() == 4)?;
        let month = match named(places.month) {
            Some(month) => month,
            None => numeric(places.month).filter(|token| token.len() <= 2)?.parse().ok()?,
        };
        let day = numeric(places.day).filter(|token| token.len() <= 2)?.parse().ok()?;
        let year: i64 = year_token.parse().ok()?;
        let known = year > 0 && (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
        known.then_some(Self { year, month, day, tokens, places, rest })
    }

    /// Writes the date some days later, in its own form.
    pub(super) fn shifted(&self, days: i64) -> Option<String> {
        let (year, month, day) = civil(days_from_civil(self.year, self.month, self.day).checked_add(days)?);
        if !(1..=9999).contains(&year) {
            return None;
        }
        let mut out = String::new();
        for (at, token) in self.tokens.iter().enumerate() {
            if at == self.places.year {
                out.push_str(&format!("{year:04}"));
            } else if at == self.places.month {
                out.push_str(&write_month(month, token)?);
            } else if at == self.places.day {
                out.push_str(&padded(day, token, self.is_named()));
            } else if ORDINALS.contains(token) {
                out.push_str(ordinal_of(day));
            } else {
                out.push_str(token);
            }
        }
        out.push_str(self.rest);
        Some(out)
    }

    /// Writes another date, by its days since 1970, in this one's form; what follows the date is left out.
    pub(super) fn on(&self, days: i64) -> Option<String> {
        let tokens = self.tokens.get(..self.length())?.to_vec();
        let date = Written { tokens, rest: "", ..*self };
        date.shifted(days.checked_sub(days_from_civil(self.year, self.month, self.day))?)
    }

    /// Writes the date as the standard has it.
    pub(super) fn iso(&self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }

    /// Whether nothing follows the date.
    pub(super) fn is_bare(&self) -> bool {
        self.rest.is_empty() && self.tokens.len() == self.length()
    }

    /// How many tokens the date itself has.
    fn length(&self) -> usize {
        let last = self.places.year.max(self.places.month).max(self.places.day) + 1;
        last + usize::from(self.tokens.get(last).is_some_and(|token| ORDINALS.contains(token)))
    }

    fn is_named(&self) -> bool {
        self.tokens.get(self.places.month).is_some_and(|month| month_named(month).is_some())
    }
}

fn class(character: char) -> u8 {
    match character {
        '0'..='9' => 0,
        c if c.is_alphabetic() => 1,
        _ => 2,
    }
}

fn month_named(token: &str) -> Option<u32> {
    let lower = token.to_lowercase();
    let found = MONTHS.iter().position(|name| *name == lower || name.get(..3).is_some_and(|s| s == lower))?;
    u32::try_from(found + 1).ok()
}

fn write_month(month: u32, like: &str) -> Option<String> {
    if like.starts_with(|c: char| c.is_ascii_digit()) {
        return Some(padded(month, like, false));
    }
    let name = MONTHS.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    // `May` is both the name and its short form: then the name is written.
    let name = if like.len() == 3 && !like.eq_ignore_ascii_case("may") { name.get(..3)? } else { name };
    if like.chars().all(char::is_uppercase) {
        return Some(name.to_uppercase());
    }
    let capital = like.starts_with(char::is_uppercase);
    let mut letters = name.chars();
    let first = letters.next()?;
    Some(if capital { first.to_uppercase().chain(letters).collect() } else { name.to_owned() })
}

/// Writes a number with two digits where the form has them; beside the name of a month a day has no zero of its own.
fn padded(number: u32, like: &str, beside_name: bool) -> String {
    let two = if beside_name { like.starts_with('0') } else { like.len() == 2 };
    if two { format!("{number:02}") } else { number.to_string() }
}

fn ordinal_of(day: u32) -> &'static str {
    match day {
        1 | 21 | 31 => "st",
        2 | 22 => "nd",
        3 | 23 => "rd",
        _ => "th",
    }
}

fn days_in(year: i64, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the Gregorian calendar; years begin in March here, so that the leap day is the last.
pub(super) fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((i64::from(month) + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = u32::try_from(of_year - (153 * shifted + 2) / 5 + 1).unwrap_or(1);
    let month = u32::try_from(if shifted < 10 { shifted + 3 } else { shifted - 9 }).unwrap_or(1);
    (year + era * 400 + i64::from(month <= 2), month, day)
}

static MONTHS: &[&str] = &[
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
static ORDINALS: &[&str] = &["st", "nd", "rd", "th"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_kept() {
        let shifted =
            |value: &str, days| Written::read(value, DateOrder::Dmy).and_then(|date| date.shifted(days));
        for (value, days, expected) in [
            ("2024-02-28", 2, "2024-03-01"),
            ("2023-12-31T23:59:59Z", 1, "2024-01-01T23:59:59Z"),
            ("31/12/1999", 1, "01/01/2000"),
            ("12/31/1999", 1, "01/01/2000"),
            ("3.4.2024", -3, "31.3.2024"),
            ("March 3, 1985", -3, "February 28, 1985"),
            ("3rd Mar 1985", 19, "22nd Mar 1985"),
            ("14 MAY 1985", 20, "3 JUNE 1985"),
        ] {
            assert_eq!(shifted(value, days).as_deref(), Some(expected), "{value}");
        }
        for value in ["", "30/02/2024", "tomorrow", "1985", "12/31", "2024-13-01", "1-2-3", "3/4.2024"] {
            assert_eq!(shifted(value, 1), None, "{value}");
        }
    }

    #[test]
    fn days_and_back() {
        for days in (-700_000..2_900_000).step_by(97) {
            let (year, month, day) = civil(days);
            assert_eq!(days_from_civil(year, month, day), days);
            assert!((1..=days_in(year, month)).contains(&day));
        }
    }
}
