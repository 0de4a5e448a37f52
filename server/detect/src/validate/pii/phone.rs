//! Telephone numbers: country calling codes with the lengths of their national numbers.
//!
//! Not a numbering plan: which ranges are in use changes monthly, and a detector that misses a new range leaks. Length
//! and first digits tell a number from an order number well enough, with the context that the rule asks for.

use super::checksums::uniform;

/// A number in international form: `+` or `00`, a calling code that exists, and as many digits as its country has.
pub(super) fn international(text: &str) -> bool {
    let number = strip_extension(text);
    let all: Vec<u32> = number.chars().filter_map(|c| c.to_digit(10)).collect();
    if is_decimal(number.trim_start_matches('+')) {
        return false;
    }
    let plus = number.trim_start_matches('(').starts_with('+');
    let digits = match all.as_slice() {
        [0, 1, 1, rest @ ..] if !plus => rest,
        [0, 0, rest @ ..] if !plus => rest,
        rest if plus => rest,
        _ => return false,
    };
    let has_trunk_zero = number.contains("(0)");
    (1..=3).any(|length| {
        let Some((code, national)) = digits.split_at_checked(length) else { return false };
        let code = code.iter().fold(0, |code, digit| code * 10 + digit);
        let size = national.len() - usize::from(has_trunk_zero && !national.is_empty());
        CODES.iter().any(|&(known, shortest, longest)| {
            known == code && (shortest..=longest).contains(&size) && national_is_plausible(code, national)
        })
    })
}

/// A national number written with separators or after a telephone word: 7 to 12 digits that are no date.
pub(super) fn national(text: &str) -> bool {
    let number = strip_extension(text);
    let digits: Vec<u32> = number.chars().filter_map(|c| c.to_digit(10)).collect();
    let digits = if let [0, 0, 1, rest @ ..] = digits.as_slice() { rest } else { &digits };
    (7..=12).contains(&digits.len()) && !uniform(digits) && !looks_like_date(number) && !is_decimal(number)
}

/// A North American number: ten digits, the area code not a service code or a string of zeros.
pub(super) fn north_american(text: &str) -> bool {
    let digits: Vec<u32> = strip_extension(text).chars().filter_map(|c| c.to_digit(10)).collect();
    let national = match digits.as_slice() {
        [0, 0, 1, rest @ ..] | [1, rest @ ..] if rest.len() == 10 => rest,
        rest => rest,
    };
    match *national {
        [2..=9, second, third, 2..=9, _, _, _, _, _, _] => (second, third) != (1, 1) && !uniform(national),
        _ => false,
    }
}

/// Cuts off "ext. 123", "x123".
fn strip_extension(text: &str) -> &str {
    let end = text.find(|c: char| c.is_ascii_alphabetic() || c == '#' || c == ';').unwrap_or(text.len());
    text.get(..end).unwrap_or(text)
}

fn national_is_plausible(code: u32, national: &[u32]) -> bool {
    match (code, national) {
        (1, &[first, _, _, exchange, ..]) => first >= 2 && exchange >= 2,
        (_, rest) => !uniform(rest),
    }
}

fn looks_like_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split(['-', '.', '/', ' ']).collect();
    let number = |part: &str, range: std::ops::RangeInclusive<u32>| {
        part.parse::<u32>().is_ok_and(|value| range.contains(&value))
    };
    match *parts.as_slice() {
        [year, month, day] if year.len() == 4 => {
            number(year, 1900..=2099) && number(month, 1..=12) && number(day, 1..=31) && day.len() == 2
        }
        [first, second, year] if year.len() == 4 && first.len() <= 2 && second.len() <= 2 => {
            number(first, 1..=31) && number(second, 1..=31) && number(year, 1900..=2099)
        }
        _ => false,
    }
}

/// One point among digits, as in prices and coordinates.
fn is_decimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && text.matches('.').count() == 1
}

/// Calling code, shortest and longest national number: from the metadata of libphonenumber (Apache-2.0), machine to
/// machine and pager ranges left out.
const CODES: &[(u32, usize, usize)] = &[
    (1, 10, 10),
    (7, 10, 13),
    (20, 8, 10),
    (27, 5, 10),
    (30, 10, 12),
    (31, 5, 11),
    (32, 8, 9),
    (33, 9, 9),
    (34, 9, 9),
    (36, 8, 9),
    (39, 6, 12),
    (40, 6, 9),
    (41, 9, 9),
    (43, 4, 13),
    (44, 7, 10),
    (45, 8, 8),
    (46, 6, 10),
    (47, 5, 8),
    (48, 7, 10),
    (49, 5, 13),
    (51, 8, 9),
    (52, 10, 10),
    (53, 6, 10),
    (54, 10, 11),
    (55, 8, 11),
    (56, 9, 11),
    (57, 8, 11),
    (58, 10, 10),
    (60, 8, 10),
    (61, 6, 12),
    (62, 7, 13),
    (63, 6, 13),
    (64, 5, 10),
    (65, 8, 11),
    (66, 8, 13),
    (81, 8, 13),
    (82, 5, 13),
    (84, 7, 10),
    (86, 7, 12),
    (90, 7, 13),
    (91, 8, 13),
    (92, 8, 12),
    (93, 9, 9),
    (94, 9, 9),
    (95, 6, 10),
    (98, 4, 10),
    (211, 9, 9),
    (212, 9, 9),
    (213, 8, 9),
    (216, 8, 8),
    (218, 9, 9),
    (220, 7, 9),
    (221, 9, 9),
    (222, 8, 8),
    (223, 8, 8),
    (224, 8, 9),
    (225, 10, 10),
    (226, 8, 8),
    (227, 8, 8),
    (228, 8, 8),
    (229, 10, 10),
    (230, 7, 10),
    (231, 7, 9),
    (232, 8, 8),
    (233, 8, 9),
    (234, 10, 13),
    (235, 8, 8),
    (236, 8, 8),
    (237, 8, 9),
    (238, 7, 7),
    (239, 7, 7),
    (240, 9, 9),
    (241, 7, 8),
    (242, 9, 9),
    (243, 7, 10),
    (244, 9, 9),
    (245, 7, 9),
    (246, 7, 7),
    (247, 5, 6),
    (248, 7, 7),
    (249, 9, 9),
    (250, 8, 9),
    (251, 9, 9),
    (252, 6, 9),
    (253, 8, 8),
    (254, 7, 10),
    (255, 9, 9),
    (256, 9, 9),
    (257, 8, 8),
    (258, 8, 9),
    (260, 9, 9),
    (261, 9, 9),
    (262, 9, 9),
    (263, 7, 10),
    (264, 8, 9),
    (265, 7, 9),
    (266, 8, 8),
    (267, 7, 10),
    (268, 8, 9),
    (269, 7, 7),
    (290, 4, 5),
    (291, 7, 7),
    (297, 7, 7),
    (298, 6, 6),
    (299, 6, 6),
    (350, 8, 8),
    (351, 9, 9),
    (352, 4, 11),
    (353, 7, 10),
    (354, 7, 9),
    (355, 6, 9),
    (356, 8, 8),
    (357, 8, 8),
    (358, 5, 12),
    (359, 6, 12),
    (370, 8, 8),
    (371, 8, 8),
    (372, 7, 10),
    (373, 8, 8),
    (374, 8, 8),
    (375, 6, 11),
    (376, 6, 9),
    (377, 8, 9),
    (378, 8, 10),
    (380, 9, 10),
    (381, 6, 12),
    (382, 8, 9),
    (383, 8, 12),
    (385, 7, 9),
    (386, 5, 8),
    (387, 8, 9),
    (389, 8, 8),
    (420, 9, 9),
    (421, 6, 9),
    (423, 7, 9),
    (500, 5, 5),
    (501, 7, 11),
    (502, 8, 11),
    (503, 7, 11),
    (504, 8, 11),
    (505, 8, 8),
    (506, 8, 10),
    (507, 7, 11),
    (508, 6, 9),
    (509, 8, 8),
    (590, 9, 9),
    (591, 8, 9),
    (592, 7, 7),
    (593, 8, 11),
    (594, 9, 9),
    (595, 6, 11),
    (596, 9, 9),
    (597, 6, 7),
    (598, 4, 13),
    (599, 7, 8),
    (670, 7, 8),
    (672, 6, 6),
    (673, 7, 7),
    (674, 7, 7),
    (675, 7, 8),
    (676, 5, 7),
    (677, 5, 7),
    (678, 5, 7),
    (679, 7, 11),
    (680, 7, 7),
    (681, 6, 9),
    (682, 5, 5),
    (683, 4, 7),
    (685, 5, 10),
    (686, 5, 8),
    (687, 6, 6),
    (688, 5, 7),
    (689, 6, 9),
    (690, 4, 7),
    (691, 7, 7),
    (692, 7, 7),
    (800, 8, 8),
    (808, 8, 8),
    (850, 8, 10),
    (852, 5, 11),
    (853, 7, 8),
    (855, 8, 10),
    (856, 8, 10),
    (870, 9, 12),
    (878, 12, 12),
    (880, 6, 10),
    (881, 9, 10),
    (882, 7, 12),
    (883, 8, 12),
    (886, 7, 11),
    (888, 11, 11),
    (960, 7, 10),
    (961, 7, 8),
    (962, 8, 9),
    (963, 8, 9),
    (964, 8, 10),
    (965, 7, 8),
    (966, 9, 10),
    (967, 7, 9),
    (968, 7, 9),
    (970, 8, 10),
    (971, 5, 12),
    (972, 7, 12),
    (973, 8, 8),
    (974, 7, 11),
    (975, 7, 8),
    (976, 8, 10),
    (977, 8, 11),
    (979, 9, 9),
    (992, 9, 9),
    (993, 8, 8),
    (994, 9, 9),
    (995, 9, 9),
    (996, 9, 10),
    (998, 9, 9),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn international_form() {
        for number in
            ["+44 20 7946 0018", "+1-202-555-0143", "+46 (0)8 928 571 38", "0049 30 1234567", "+290 8999"]
        {
            assert!(international(number), "{number}");
        }
        for other in ["+999 123 4567", "+1 111 111 1111", "+44 20", "+0 123 456 789", "12345678", "+33 1 42"]
        {
            assert!(!international(other), "{other}");
        }
    }

    #[test]
    fn national_form() {
        assert!(north_american("(202) 555-0143 ext. 12") && north_american("001-212-736-5000x77"));
        assert!(!north_american("911-123-4567") && !north_american("123-456-7890"));
        assert!(
            national("030 123456")
                && !national("2024-01-31")
                && !national("12.345678")
                && !national("111111111")
        );
    }
}
