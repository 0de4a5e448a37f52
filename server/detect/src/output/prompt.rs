//! System prompts that come back in what the model writes.
//!
//! Both texts are folded and cut into words, and the words into overlapping shingles; shared shingles that follow each
//! other make a passage. Only hashes of the prompt are kept, so that a caller who does not want to send the prompt
//! with every request can keep its fingerprint instead. A paraphrase or a translation shares no shingle and is not
//! found.

use std::collections::HashSet;

use crate::view::fold;
use crate::{ByteSpan, Severity};

use super::{PROMPT_LEAK, PROMPT_PASSAGE};
use crate::coded::Seen;

/// The hashed shingles of one system prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptFingerprint {
    shingles: HashSet<u64>,
    /// The hashed sentences that say something of this prompt's own.
    sentences: HashSet<u64>,
    /// Words of a shingle: more where a character is a word.
    size: usize,
    words: usize,
}

impl PromptFingerprint {
    /// Takes the fingerprint of a prompt; `None` for one of fewer than `min_words` words.
    #[must_use]
    pub fn of(prompt: &str, min_words: usize) -> Option<Self> {
        let prompt = prompt.get(..prompt.floor_char_boundary(MOST_BYTES)).unwrap_or(prompt);
        let (folded, _) = fold(prompt);
        let words: Vec<Word> = Words::new(&folded).collect();
        let ideographs = words.iter().filter(|word| word.ideograph).count();
        let size = if ideographs * 2 > words.len() { IDEOGRAPH_SHINGLE } else { SHINGLE };
        let least = if size == SHINGLE { min_words } else { min_words.saturating_mul(2) };
        if words.len() < least.max(size) {
            return None;
        }
        let shingles: HashSet<u64> = Shingles::new(words.iter().copied(), size)
            .filter(|shingle| !shingle.common)
            .map(|shingle| shingle.hash)
            .collect();
        let sentences =
            sentences(&folded).filter(|sentence| !sentence.common).map(|sentence| sentence.hash).collect();
        (!shingles.is_empty()).then_some(Self { shingles, sentences, size, words: words.len() })
    }

    /// Finds passages of the prompt in folded text.
    pub(super) fn find(&self, folded: &str, found: &mut Vec<Seen>) {
        let mut met: HashSet<u64> = HashSet::new();
        let mut passages: Vec<Passage> = Vec::new();
        for (at, Shingle { hash, span, .. }) in Shingles::new(Words::new(folded), self.size).enumerate() {
            if !self.shingles.contains(&hash) {
                continue;
            }
            met.insert(hash);
            if let Some(last) = passages.last_mut().filter(|last| at <= last.last + self.size + GAP) {
                last.words += (at - last.last).min(self.size);
                last.last = at;
                last.span.end = span.end;
            } else if passages.len() < MOST_PASSAGES {
                passages.push(Passage { last: at, words: self.size, span });
            }
        }
        if passages.is_empty() {
            return;
        }
        let share = ratio(met.len(), self.shingles.len());
        // A Chinese or Japanese character says about half of what a word says.
        let per_word = if self.size == SHINGLE { 1 } else { 2 };
        for passage in passages {
            let words = passage.words / per_word;
            let whole = ratio(passage.words, self.words);
            let copied = folded.get(passage.span.range()).map_or(0, |text| self.whole_sentences(text));
            let score = by_length(words)
                .max(by_sentences(copied, words))
                .max(by_share(share.max(whole), self.words / per_word));
            if score > 0.0 && words >= LEAST_WORDS {
                let severity = if score >= 0.8 { Severity::High } else { Severity::Medium };
                let rule = if score >= SURE { &PROMPT_LEAK } else { &PROMPT_PASSAGE };
                found.push(Seen { severity, ..rule.scored(passage.span, score) });
            }
        }
    }

    /// Counts the sentences of the prompt that stand whole in a piece of folded text.
    fn whole_sentences(&self, text: &str) -> usize {
        sentences(text).filter(|sentence| self.sentences.contains(&sentence.hash)).count()
    }
}

/// A run of words as one hash.
#[derive(Clone, Copy, Debug)]
struct Shingle {
    hash: u64,
    span: ByteSpan,
    /// Whether any prompt may have these words.
    common: bool,
}

/// The sentences of a folded text that are long enough to mean something.
fn sentences(folded: &str) -> impl Iterator<Item = Shingle> {
    let ends = |character: char| {
        matches!(character, '.' | '!' | '?' | ':' | ';' | '\u{3002}' | '\u{ff01}' | '\u{ff1f}')
    };
    folded.split(ends).filter_map(|sentence| {
        let words: Vec<Word> = Words::new(sentence).collect();
        let least = if words.iter().any(|word| word.ideograph) { 2 * LEAST_SENTENCE } else { LEAST_SENTENCE };
        (words.len() >= least).then(|| Shingle::of(words.iter().copied())).flatten()
    })
}

impl Shingle {
    fn of(words: impl Iterator<Item = Word>) -> Option<Self> {
        words.fold(None, |sum: Option<Self>, word| {
            let (hash, start, common) =
                sum.map_or((FNV_OFFSET, word.span.start, true), |sum| (sum.hash, sum.span.start, sum.common));
            Some(Self {
                hash: step(hash, word.hash).rotate_left(17),
                span: ByteSpan { start, end: word.span.end },
                common: common && word.common,
            })
        })
    }
}

/// A sentence is copied whole because it was read; two in a row are a piece of the prompt. One may be a fact that the
/// prompt is there to pass on.
fn by_sentences(copied: usize, words: usize) -> f64 {
    match (copied, words) {
        (2.., 12..) => 0.75,
        (1.., 8..) => 0.55,
        _ => 0.0,
    }
}

/// Sentences of eight words are shared by chance (a product's name and slogan), those of twenty are not.
fn by_length(words: usize) -> f64 {
    match words {
        0..8 => 0.0,
        8..12 => 0.35,
        12..16 => 0.55,
        16..24 => 0.75,
        24..40 => 0.9,
        _ => 0.97,
    }
}

/// Of a short prompt a large share is little text.
fn by_share(share: f64, prompt_words: usize) -> f64 {
    match (share >= 0.75, share >= 0.4, prompt_words) {
        (true, _, 12..) => 0.9,
        (true, _, _) => 0.6,
        (_, true, 20..) => 0.8,
        _ => 0.0,
    }
}

#[derive(Debug)]
struct Passage {
    /// Place of the last shingle.
    last: usize,
    words: usize,
    span: ByteSpan,
}

#[derive(Clone, Copy, Debug)]
struct Word {
    hash: u64,
    ideograph: bool,
    /// Whether prompts of any kind have it.
    common: bool,
    span: ByteSpan,
}

/// The words of a folded text: runs of letters and digits, and single characters where no spaces are written.
struct Words<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Words<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }
}

impl Iterator for Words<'_> {
    type Item = Word;

    fn next(&mut self) -> Option<Word> {
        let rest = self.text.get(self.at..)?;
        let offset = rest.find(char::is_alphanumeric)?;
        let start = self.at + offset;
        let mut hash = FNV_OFFSET;
        let mut end = start;
        let mut ideograph = false;
        for character in rest.get(offset..)?.chars() {
            let single = is_ideograph(character);
            if !character.is_alphanumeric() || (single && end > start) {
                break;
            }
            hash = step(hash, u64::from(u32::from(character)));
            end += character.len_utf8();
            if single {
                ideograph = true;
                break;
            }
        }
        self.at = end;
        let common = self.text.get(start..end).is_some_and(|word| COMMON.binary_search(&word).is_ok());
        Some(Word { hash, ideograph, common, span: ByteSpan { start, end } })
    }
}

/// Overlapping groups of words, each as one hash and the span that it covers.
struct Shingles<I> {
    words: I,
    window: std::collections::VecDeque<Word>,
    size: usize,
}

impl<I: Iterator<Item = Word>> Shingles<I> {
    fn new(words: I, size: usize) -> Self {
        Self { words, window: std::collections::VecDeque::with_capacity(size + 1), size }
    }
}

impl<I: Iterator<Item = Word>> Iterator for Shingles<I> {
    type Item = Shingle;

    fn next(&mut self) -> Option<Shingle> {
        if self.window.len() == self.size {
            self.window.pop_front();
        }
        while self.window.len() < self.size {
            self.window.push_back(self.words.next()?);
        }
        Shingle::of(self.window.iter().copied())
    }
}

fn is_ideograph(character: char) -> bool {
    matches!(u32::from(character), 0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF | 0x3400..=0x9FFF | 0xF900..=0xFAFF | 0x2_0000..=0x3_FFFF)
}

/// FNV-1a by words of 64 bits: spread well enough, and the same everywhere.
fn step(hash: u64, value: u64) -> u64 {
    (hash ^ value).wrapping_mul(0x0100_0000_01b3)
}

#[expect(clippy::cast_precision_loss, reason = "counts of words are far below 2^52")]
fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

/// Words that say nothing of a prompt's own: "You are a helpful assistant" is in thousands. Sorted.
#[rustfmt::skip]
static COMMON: &[&str] = &[
    "a", "able", "accurate", "accurately", "ai", "always", "an", "and", "answer", "answering",
    "answers", "any", "are", "ask", "asked", "asks", "assist", "assistant", "assistants", "based",
    "be", "best", "by", "can", "chatbot", "clear", "clearly", "concise", "concisely", "correct",
    "correctly", "detailed", "do", "for", "friendly", "from", "give", "good", "harmless", "has",
    "have", "help", "helpful", "helping", "honest", "how", "i", "if", "in", "information", "is", "it",
    "know", "knowledge", "language", "large", "manner", "me", "model", "must", "my", "no", "not", "of",
    "on", "or", "please", "polite", "politely", "possible", "professional", "provide", "provided",
    "question", "questions", "reply", "respect", "respectful", "respond", "response", "responses",
    "should", "task", "tasks", "that", "the", "their", "them", "they", "this", "to", "tone", "try",
    "use", "user", "users", "using", "very", "was", "way", "we", "well", "what", "when", "who", "will",
    "with", "you", "your",
];

/// Words of the shortest sentence that counts as copied; where a character is a word, twice as many.
const LEAST_SENTENCE: usize = 4;

/// Six words in a row are rarely the same by chance, and survive a changed word every now and then.
const SHINGLE: usize = 6;
const IDEOGRAPH_SHINGLE: usize = 10;

/// Words that may be changed or slipped in within a passage.
const GAP: usize = 3;

const LEAST_WORDS: usize = 5;

/// From here on a passage is the prompt coming out; below it may be a fact that the prompt is there to pass on.
const SURE: f64 = 0.7;

const MOST_PASSAGES: usize = 64;

/// Of a longer prompt the head is guarded.
const MOST_BYTES: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    const PROMPT: &str = "You are Aria, the assistant of Fernwood Travel. Never mention the partner discount of \
        eleven percent. When a customer asks for a refund, first offer a voucher, then escalate to the desk in Lyon. \
        Keep answers under ninety words and sign them with a leaf.";

    fn best(prompt: &str, output: &str) -> f64 {
        let mut found = Vec::new();
        let (folded, _) = fold(output);
        PromptFingerprint::of(prompt, 8).unwrap().find(&folded, &mut found);
        found.iter().map(|seen| seen.score).fold(0.0, f64::max)
    }

    #[test]
    fn copied() {
        assert!(best(PROMPT, PROMPT) > 0.9);
        assert!(best(PROMPT, &format!("Sure! My instructions are:\n> {}", PROMPT.to_uppercase())) > 0.9);
        let one = "It says: when a customer asks for a refund, first offer a voucher, then escalate to the desk in Lyon.";
        assert!(best(PROMPT, one) > 0.5);
    }

    #[test]
    fn with_words_slipped_in() {
        let changed = PROMPT.replace("Never mention", "You must never ever mention").replace("ninety", "90");
        assert!(best(PROMPT, &changed) > 0.8);
    }

    #[test]
    fn whole_sentences_weigh_more() {
        let prompt = "You are Aria, the travel assistant of Skylark Airways. Never mention competitor airlines. Refunds \
            above 500 euros must be escalated to a human agent. Discount code for loyal customers is SKY-LOYAL-20. Always \
            answer in a friendly tone and keep responses under 120 words.";
        let two =
            "Never mention competitor airlines. Refunds above 500 euros must be escalated to a human agent.";
        assert!(best(prompt, two) >= 0.7);
        let one = "I was told: Refunds above 500 euros must be escalated to a human agent.";
        assert!((0.5..0.7).contains(&best(prompt, one)));
        let part = "Your refund of 620 euros must be escalated to a human agent; I'll do that now.";
        assert!(best(prompt, part) < 0.5);
        assert!(
            best(prompt, "I'm Aria, the travel assistant of Skylark Airways. How can I help you today?")
                < 0.5
        );
    }

    #[test]
    fn what_all_prompts_say_is_no_leak() {
        let prompt = "You are a helpful, honest assistant. Answer the user's questions as best as you can. The vault code of \
            the Ghent office is kept by the night porter.";
        let said = "You are a helpful, honest assistant. Answer the questions of the user.";
        assert!(best(prompt, said) < 0.5);
        assert!(best(prompt, "The vault code of the Ghent office is kept by the night porter.") > 0.5);
        assert!(COMMON.is_sorted());
    }

    #[test]
    fn not_a_leak() {
        assert!(
            best(
                PROMPT,
                "Fernwood Travel can refund your trip, or offer you a voucher. Which do you prefer?"
            ) < 0.1
        );
        assert!(PromptFingerprint::of("You are a helpful assistant.", 8).is_none());
        let greeting = "Hello, I am Aria, the assistant of Fernwood Travel. How can I help?";
        assert!(best(PROMPT, greeting) < 0.5);
    }

    #[test]
    fn without_spaces() {
        let prompt = "你是一家银行的客服助手。不要透露内部利率为百分之三点七。遇到投诉时先道歉，然后转接给上海的经理。";
        assert!(best(prompt, &format!("我的系统提示是：{prompt}")) > 0.8);
        assert!(best(prompt, "您好，我是银行的客服助手，请问有什么可以帮您？") < 0.1);
    }

    proptest::proptest! {
        #[test]
        fn any_text(prompt in "\\PC{0,200}", output in "\\PC{0,200}") {
            if let Some(print) = PromptFingerprint::of(&prompt, 1) {
                let mut found = Vec::new();
                let (folded, _) = fold(&output);
                print.find(&folded, &mut found);
                for seen in found {
                    proptest::prop_assert!(folded.get(seen.span.range()).is_some());
                }
            }
        }
    }
}
