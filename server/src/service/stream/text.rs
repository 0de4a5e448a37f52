//! The pieces of a text put together: characters that are cut between two messages, and the limit on the whole.

use crate::status::Fault;

/// What is known of the text that has arrived.
#[derive(Debug)]
pub(super) struct Arrived {
    limit_bytes: u64,
    /// The beginning of a character whose end has not come: at most three bytes.
    cut: Vec<u8>,
    /// How long the text was when it was last looked at.
    looked_at: usize,
    /// How much of it was taken from the tenant's quota.
    paid: usize,
}

impl Arrived {
    pub(super) const fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, cut: Vec::new(), looked_at: 0, paid: 0 }
    }

    /// Adds a piece to the text.
    pub(super) fn add(&mut self, bytes: &[u8], text: &mut String) -> Result<(), Fault> {
        let length = text.len() + self.cut.len() + bytes.len();
        if length as u64 > self.limit_bytes {
            return Err(Fault::TooLarge { limit_bytes: self.limit_bytes });
        }
        self.cut.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.cut) {
            Ok(all) => all.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_error) => return Err(invalid()),
        };
        let rest = self.cut.split_off(whole);
        let characters = std::mem::replace(&mut self.cut, rest);
        text.push_str(&String::from_utf8(characters).map_err(|_error| invalid())?);
        Ok(())
    }

    /// Whether enough has come to look at the text anew; if so, it is taken to be looked at.
    pub(super) fn is_due(&mut self, text: &str, hold: usize) -> bool {
        let grown = text.len().saturating_sub(self.looked_at);
        let due = text.len() > hold && grown >= (text.len() / SHARE).max(LEAST_STEP);
        if due {
            self.looked_at = text.len();
        }
        due
    }

    /// Returns how much of the text was never paid for; from now on it is.
    pub(super) fn unpaid(&mut self, text: &str) -> u64 {
        let unpaid = text.len().saturating_sub(self.paid);
        self.paid = text.len();
        unpaid as u64
    }

    /// Says that no more comes.
    pub(super) fn end(&self) -> Result<(), Fault> {
        if self.cut.is_empty() { Ok(()) } else { Err(invalid()) }
    }
}

fn invalid() -> Fault {
    Fault::Undecodable { field: Some("delta".to_owned()), utf8: true }
}

/// A text is looked at when an eighth of it is new.
const SHARE: usize = 8;

/// How much must be new at least, in bytes.
const LEAST_STEP: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_may_be_cut_anywhere() {
        let text = "é🚀\u{10ffff}a";
        for size in 1..=text.len() {
            let (mut arrived, mut whole) = (Arrived::new(100), String::new());
            for piece in text.as_bytes().chunks(size) {
                arrived.add(piece, &mut whole).unwrap();
            }
            arrived.end().unwrap();
            assert_eq!(whole, text);
        }
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let mut text = String::new();
        assert!(Arrived::new(100).add(b"a\xffb", &mut text).is_err());
        let mut arrived = Arrived::new(100);
        arrived.add("é".as_bytes().split_at(1).0, &mut text).unwrap();
        assert!(arrived.end().is_err());
    }

    #[test]
    fn the_whole_is_bounded() {
        let (mut arrived, mut text) = (Arrived::new(4), String::new());
        arrived.add(b"abcd", &mut text).unwrap();
        assert!(matches!(arrived.add(b"e", &mut text), Err(Fault::TooLarge { limit_bytes: 4 })));
    }
}
