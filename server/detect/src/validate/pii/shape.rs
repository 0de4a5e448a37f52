//! Values that a label announces and that have no checksum: what a placeholder or a word cannot be.

/// A document number after its label: at least four digits, and no placeholder.
pub(super) fn id_with_digits(text: &str) -> bool {
    text.bytes().filter(u8::is_ascii_digit).count() >= 4 && not_placeholder(text)
}

/// Anything but one character repeated, or `x`s in place of characters.
pub(super) fn not_placeholder(text: &str) -> bool {
    let mut characters = text.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
    let Some(first) = characters.next() else { return false };
    let masked = text.bytes().filter(|byte| matches!(byte, b'x' | b'X' | b'*')).count() >= 4;
    !masked && characters.any(|byte| byte != first)
}

/// A vehicle's plate: a digit, and a letter or a second group.
pub(super) fn plate(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let characters = text.bytes().filter(u8::is_ascii_alphanumeric).count();
    digits >= 1 && (4..=10).contains(&characters) && not_placeholder(text)
}
