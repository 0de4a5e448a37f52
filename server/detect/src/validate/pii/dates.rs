//! Dates inside identifiers, and dates as such.

/// Says whether `year-month-day` is in the Gregorian calendar.
pub(super) fn exists(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// Says whether `month-day` occurs in a year of which only two digits are known.
pub(super) fn exists_short(year: u32, month: u32, day: u32) -> bool {
    // 1900 is no leap year but 2000 is, and both may be meant by 00.
    exists(2000 + year % 100, month, day)
}

/// A date or time in the usual notations: every part in its range, the day in the month.
pub(super) fn date_time(text: &str) -> bool {
    let (date, time) = split_time(text);
    date.is_none_or(date_is_real) && time.is_none_or(time_is_real)
}

/// Splits at the `T` or space before an `hh:mm`.
fn split_time(text: &str) -> (Option<&str>, Option<&str>) {
    let Some(colon) = text.find(':') else { return (Some(text), None) };
    match text.get(..colon).and_then(|head| head.rfind(|mark: char| !mark.is_ascii_digit())) {
        Some(at) => (
            text.get(..at),
            text.get(at..).map(|time| time.trim_start_matches(|c: char| !c.is_ascii_digit())),
        ),
        None => (None, Some(text)),
    }
}

fn numbers(text: &str) -> Vec<(u32, usize)> {
    text.split(|c: char| !c.is_ascii_digit())
        .filter(|run| !run.is_empty())
        .filter_map(|run| Some((run.parse().ok()?, run.len())))
        .collect()
}

fn date_is_real(text: &str) -> bool {
    // A month in words leaves day and year, in either order; the pattern has seen to their size.
    if text
        .chars()
        .any(|c| c.is_alphabetic() && !matches!(c, 'T' | 't' | '年' | '月' | '日' | '년' | '월' | '일'))
    {
        return true;
    }
    match *numbers(text).as_slice() {
        [(year, 4), (month, _), (day, _)] => (1000..=2999).contains(&year) && exists(year, month, day),
        [(first, _), (second, _), (year, 4)] => {
            (1000..=2999).contains(&year) && (exists(year, first, second) || exists(year, second, first))
        }
        [(first, _), (second, _), (third, _)] => {
            exists_short(third, first, second)
                || exists_short(third, second, first)
                || exists_short(first, second, third)
        }
        [(first, 4), (second, _)] => (1800..=2199).contains(&first) && (1..=12).contains(&second),
        [(first, _), (second, 4)] => (1800..=2199).contains(&second) && (1..=12).contains(&first),
        [(first, _), (second, _)] => exists_short(0, first, second) || exists_short(0, second, first),
        [(year, 4)] => (1800..=2199).contains(&year),
        _ => true,
    }
}

fn time_is_real(text: &str) -> bool {
    let clock = text.split(['.', ',', '+', '-', 'Z', 'z']).next().unwrap_or_default();
    let mut parts = numbers(clock).into_iter().map(|(value, _)| value);
    let (hour, minute, second) = (parts.next(), parts.next(), parts.next());
    hour.is_none_or(|hour| hour <= 24)
        && minute.is_none_or(|minute| minute < 60)
        && second.is_none_or(|second| second <= 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_and_unreal() {
        for real in [
            "2024-02-29",
            "29.02.2024",
            "5/20/2021",
            "21/05/21",
            "2024-03-15T14:30:00-05:00",
            "23:59",
            "05-May",
        ] {
            assert!(date_time(real), "{real}");
        }
        for unreal in ["2024-02-30", "31.04.2023", "2024-13-01", "2024-02-20T25:61:00", "99:99"] {
            assert!(!date_time(unreal), "{unreal}");
        }
    }
}
