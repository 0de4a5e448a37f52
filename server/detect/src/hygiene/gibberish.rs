//! Letters that make no words.
//!
//! Which letter follows which says whether somebody wrote words, in any language that uses the Latin alphabet. The cost of a
//! pair of letters is how unlikely it is, in bits; words of the languages that the table was made of cost 3.8 bits a
//! pair on average, and no window of benign text cost more than 4.8; letters drawn by chance cost from 5.3.

use crate::ByteSpan;
use crate::coded::Seen;

use super::GIBBERISH;

/// Appends the worst stretch of a text, if it is no language.
pub(super) fn find(text: &str, seen: &mut Vec<Seen>) {
    if text.len() < LETTERS {
        return;
    }
    let mut words = Window::default();
    let (mut letters, mut cost, mut pairs) = (0_usize, 0_usize, 0_usize);
    let mut worst: Option<(usize, ByteSpan)> = None;
    each_word(text.as_bytes(), |word| {
        letters += word.letters;
        cost += word.cost;
        pairs += word.letters + 1;
        words.push(word);
        while let Some(first) = words.first().filter(|first| letters - first.letters >= LETTERS) {
            letters -= first.letters;
            cost -= first.cost;
            pairs -= first.letters + 1;
            words.drop_first();
        }
        // The division waits for windows that are suspect.
        if letters >= LETTERS && words.len() >= WORDS && cost * 100 >= SUSPECT * 2 * pairs {
            let mean = cost * 100 / (2 * pairs);
            let span = ByteSpan {
                start: words.first().map_or(word.start, |first| first.start),
                end: word.start + word.letters,
            };
            worst = Some(match worst {
                Some((most, known)) if known.end >= span.start => {
                    (most.max(mean), ByteSpan { start: known.start, end: span.end })
                }
                Some((most, known)) if most >= mean => (most, known),
                _ => (mean, span),
            });
        }
    });
    if let Some((mean, span)) = worst {
        seen.push(GIBBERISH.scored(span, score(mean)));
    }
}

/// From hundredths of a bit to a score: a half at 5.1, 0.9 from 5.6 on.
fn score(mean: usize) -> f64 {
    match mean {
        0..490 => 0.0,
        490..510 => 0.4,
        510..530 => 0.55,
        530..560 => 0.75,
        _ => 0.9,
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Word {
    start: usize,
    letters: usize,
    /// In half bits.
    cost: usize,
}

/// The words that are looked at together.
///
/// INVARIANT: their letters are fewer than [`LETTERS`] and the longest word, and no word has fewer than two: there are at
/// most forty.
struct Window {
    words: [Word; PLACES],
    begin: usize,
    end: usize,
}

impl Default for Window {
    fn default() -> Self {
        Self { words: [Word::default(); PLACES], begin: 0, end: 0 }
    }
}

impl Window {
    fn push(&mut self, word: Word) {
        if let Some(place) = self.words.get_mut(self.end % PLACES) {
            *place = word;
            self.end += 1;
        }
    }

    fn first(&self) -> Option<Word> {
        self.words.get(self.begin % PLACES).copied().filter(|_| self.begin < self.end)
    }

    fn drop_first(&mut self) {
        self.begin += 1;
    }

    fn len(&self) -> usize {
        self.end - self.begin
    }
}

/// Hands on the runs of ASCII letters that stand alone: no part of an identifier, of a number or of a word with other
/// letters.
fn each_word(bytes: &[u8], mut hand: impl FnMut(Word)) {
    let kind = |byte: &u8| KINDS.get(usize::from(*byte)).copied().unwrap_or(EDGE);
    let mut spoilt = false;
    let mut at = 0;
    while let Some(first) = bytes.get(at).map(kind) {
        if first == EDGE || first == JOINS {
            spoilt = first == JOINS;
            at += 1;
            continue;
        }
        let start = at;
        let (mut cost, mut last) = (0, 0);
        let mut behind = EDGE;
        for letter in bytes.get(at..).unwrap_or_default().iter().map(kind) {
            if letter == EDGE || letter == JOINS {
                behind = letter;
                break;
            }
            cost += pair(last, letter);
            last = letter;
            at += 1;
        }
        if behind == EDGE && !spoilt && (2..=20).contains(&(at - start)) {
            hand(Word { start, letters: at - start, cost: cost + pair(last, 0) });
        }
    }
}

fn pair(first: u8, second: u8) -> usize {
    PAIRS
        .get((usize::from(first) << 5 | usize::from(second)) % PAIRS.len())
        .map_or(0, |cost| usize::from(*cost))
}

/// Letters of a window.
const LETTERS: usize = 60;
const WORDS: usize = 4;
const SUSPECT: usize = 490;
const PLACES: usize = 64;

/// Not a part of any word.
const EDGE: u8 = 0;
/// What spoils a word that it stands in.
const JOINS: u8 = 32;

/// Every byte as the number of its letter, from 1, or as one of the above.
static KINDS: [u8; 256] = kinds();

/// [`COST`] in one piece, a row in 32 places.
static PAIRS: [u8; 1024] = pairs();

#[expect(clippy::indexing_slicing, reason = "indices below 256, evaluated when compiled")]
#[expect(clippy::cast_possible_truncation, reason = "indices below 256, evaluated when compiled")]
const fn kinds() -> [u8; 256] {
    let mut table = [EDGE; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        if byte.is_ascii_alphabetic() {
            table[at] = byte.to_ascii_lowercase() - b'a' + 1;
        } else if byte.is_ascii_digit() || byte == b'_' || !byte.is_ascii() {
            table[at] = JOINS;
        }
        at += 1;
    }
    table
}

#[expect(clippy::indexing_slicing, reason = "indices below 27, evaluated when compiled")]
const fn pairs() -> [u8; 1024] {
    let mut table = [0; 1024];
    let mut first = 0;
    while first < COST.len() {
        let mut second = 0;
        while second < COST[first].len() {
            table[first << 5 | second] = COST[first][second] - b'a';
            second += 1;
        }
        first += 1;
    }
    table
}

/// The cost of a letter (`b` = 1, … after `a` = 0) after another, in half bits: rows by the first, columns by the
/// second, each in the order: word's edge, a to z. Made of the different words of benign texts in 28 languages.
const COST: [&[u8; 27]; 27] = [
    b"zhjhiijkkjnlkikkipjhjlllsop",
    b"hpkijsolpkrmhjgpksgiglmprmo",
    b"kgmqqfssrgoxgrrhruhknhtuznu",
    b"jgvltgwwghzjkssfsvjnhjxxyov",
    b"ehrrmerorfsunpqhrwlkqjqrxoy",
    b"fkojimnmpmtojkgpmqfgjompmop",
    b"igsrsgiqveyuisrgtzinkixuxnu",
    b"eitsrfsljhxskpkjrzhloixuzpv",
    b"hfqrqerusgttlnmgrujnijxpzlt",
    b"ijnhkilktrqnjjfhmqkhiqkyqpl",
    b"kfrrneoqtjrkptnfosqlufnszuq",
    b"fhprpfqqngzniqliqxmijjspvmt",
    b"hgqplfporfyphnrhpwslkjpuzjx",
    b"hfkqrertxgztmkqhhzslqjuwzow",
    b"firjihmgpisonqmkrurigmnswpp",
    b"hnmkkonlqmrniielkugijillqpq",
    b"jgtqrfsskizthqsgjzflijvvwow",
    b"hjrqoptyymttjroorrmqsbtqyty",
    b"ggomlfpmrgxnmklhovljjkoqxms",
    b"djsjrhqskhzonoqjkrsigjtqzow",
    b"ghsosfrtjfztmprirzhjkjupxlq",
    b"jjkjlinlpjtohjgnkughhrptqon",
    b"lfurtcusvfyzqvuhtzmqunuzxqt",
    b"hfpppfpujgwplsjgrykjpozpzpy",
    b"fhriphorngwznppmfwqmflttmnw",
    b"chonmisorjvqklljkynjlmrpzqq",
    b"gfrroetpnfxulnqjuvqrnisoznk",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn best(text: &str) -> f64 {
        let mut seen = Vec::new();
        find(text, &mut seen);
        seen.iter().map(|seen| seen.score).fold(0.0, f64::max)
    }

    #[test]
    fn words() {
        for text in [
            "Our delivery was late again, could you please tell me when the parcel arrives at the office?",
            "Die Lieferung kam schon wieder zu spaet, koennen Sie mir bitte sagen, wann das Paket eintrifft?",
            "Przepraszam, czy mogliby mi powiedziec, kiedy dostawa dotrze do naszego biura w Krakowie jutro",
            "SELECT name, address FROM customers WHERE status = active ORDER BY created LIMIT twenty",
        ] {
            assert!(best(text) < 0.5, "{text}");
        }
    }

    #[test]
    fn no_words() {
        let text = "xqzv kjwpt mbvcq zrtgh wqxkj pfvzb hjkqw vbnxz qwrtp lkjhg zxcvb mnbvq wpxzk gtrqv hjxkz";
        assert!(best(text) > 0.8);
        let long =
            "a fair question about rivers and the towns beside them, with a long and friendly preface ";
        assert!(best(&format!("{long}{text} {long}")) > 0.8);
    }

    proptest::proptest! {
        #[test]
        fn any_text(text in "(\\PC|[a-z]{1,9}| ){0,80}") {
            let mut seen = Vec::new();
            find(&text, &mut seen);
            for seen in seen {
                proptest::prop_assert!(text.get(seen.span.range()).is_some());
            }
        }
    }
}
