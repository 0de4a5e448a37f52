//! Durations and sizes as people write them: `"30s"`, `"1h 30m"`, `"4MiB"`, or a bare number of seconds or bytes.

use std::{fmt, marker::PhantomData, time::Duration};

use serde::{Deserializer, Serializer, de};

/// A unit's name and its factor to the base unit.
type Units = &'static [(&'static str, u64)];

/// Nanoseconds, so that every unit is a whole number.
const DURATION_UNITS: Units = &[
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

const SIZE_UNITS: Units = &[
    ("b", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
];

/// Reads a duration such as `30s`, `500ms` or `1h 30m`; a bare number counts seconds.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let nanos = parse_sum(text, DURATION_UNITS)
        .ok_or_else(|| format!("`{text}` is not a duration such as \"30s\", \"500ms\" or \"1h 30m\""))?;
    Ok(Duration::from_nanos(nanos))
}

/// Reads a size such as `4MiB` or `64 KB`; a bare number counts bytes.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    if let Ok(bytes) = text.trim().parse::<u64>() {
        return Ok(bytes);
    }
    parse_sum(text, SIZE_UNITS).ok_or_else(|| format!("`{text}` is not a size such as \"4MiB\" or \"64KB\""))
}

fn parse_sum(text: &str, units: Units) -> Option<u64> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut sum = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let tail = tail.trim_start();
        let end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let (_, factor) = units.iter().find(|(name, _)| unit.eq_ignore_ascii_case(name))?;
        sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(*factor)?)?;
        rest = tail.trim_start();
    }
    Some(sum)
}

/// Serde form of a [`Duration`].
pub(crate) mod duration {
    use super::{DURATION_UNITS, Deserializer, Duration, Parsed, Serializer, parse_duration, render};

    pub(crate) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&render(u64::try_from(value.as_nanos()).unwrap_or(u64::MAX), DURATION_UNITS))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Parsed::visit(deserializer, parse_duration, Duration::from_secs, "a duration such as \"30s\"")
    }
}

/// Serde form of a size in bytes.
pub(crate) mod size {
    use super::{Deserializer, Parsed, SIZE_UNITS, Serializer, parse_size, render};

    pub(crate) fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&render(*value, SIZE_UNITS))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        Parsed::visit(deserializer, parse_size, |bytes| bytes, "a size such as \"4MiB\"")
    }
}

/// Writes a value in the largest unit that holds it exactly.
fn render(value: u64, units: Units) -> String {
    let mut fitting: Vec<_> = units.iter().filter(|(_, factor)| value.is_multiple_of(*factor)).collect();
    fitting.sort_by_key(|(_, factor)| *factor);
    match fitting.last() {
        Some((unit, factor)) if value > 0 => format!("{}{unit}", value / factor),
        _ => "0".to_owned(),
    }
}

/// Takes a text in the unit's notation, or a bare number.
struct Parsed<T> {
    text: fn(&str) -> Result<T, String>,
    number: fn(u64) -> T,
    expected: &'static str,
    value: PhantomData<T>,
}

impl<T> Parsed<T> {
    fn visit<'de, D: Deserializer<'de>>(
        deserializer: D,
        text: fn(&str) -> Result<T, String>,
        number: fn(u64) -> T,
        expected: &'static str,
    ) -> Result<T, D::Error> {
        deserializer.deserialize_any(Self { text, number, expected, value: PhantomData })
    }
}

impl<T> de::Visitor<'_> for Parsed<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<T, E> {
        Ok((self.number)(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<T, E> {
        (self.text)(value).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        assert_eq!(parse_duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_duration("1h 30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_duration("250 ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("7"), Ok(Duration::from_secs(7)));
        for bad in ["", "s", "3x", "-1s", "1.5s", "99999999999999999999s", "18446744073709551615d"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_are_read_and_written() {
        assert_eq!(parse_size("4MiB"), Ok(4 << 20));
        assert_eq!(parse_size("64 kb"), Ok(64_000));
        assert_eq!(render(4 << 20, SIZE_UNITS), "4mib");
        assert_eq!(parse_size(&render(4 << 20, SIZE_UNITS)), Ok(4 << 20));
        assert!(parse_size("4 parsecs").is_err());
    }
}
