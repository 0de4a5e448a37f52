//! Which language a text is in, by its script, the small words of the language and letters that only it has.
//!
//! A guess for allow lists, of sentences and longer: single words and names have no language. Closely related languages are
//! told apart by little, so a text passes when an allowed language is nearly as likely as the likeliest.

mod tables;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::ByteSpan;
use crate::coded::Seen;
use crate::view::fold;

use super::LANGUAGE;
use tables::{LETTERS, SCRIPTS, WORDS};

/// The likeliest language of a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Language {
    /// ISO 639-1 code.
    pub code: &'static str,
    /// How sure the guess is, in [0, 1].
    pub confidence: f64,
}

/// Guesses the language of a text; `None` where there is too little to tell.
#[must_use]
pub fn identify(text: &str) -> Option<Language> {
    let text = text.get(..text.floor_char_boundary(SAMPLE)).unwrap_or(text);
    Weights::of(text).language()
}

/// Whether languages are told by this code.
pub(super) fn is_known(code: &str) -> bool {
    WORDS.iter().any(|(known, _)| *known == code) || SCRIPTS.iter().any(|(known, _)| *known == code)
}

/// Appends the stretches that are in none of the allowed languages.
pub(super) fn find(text: &str, allowed: &[String], seen: &mut Vec<Seen>) {
    let most = seen.len() + MOST;
    let mut start = 0;
    let mut open: Option<(ByteSpan, f64)> = None;
    while start < text.len() {
        let end =
            text.floor_char_boundary(start.saturating_add(BLOCK)).max(text.ceil_char_boundary(start + 1));
        let span = ByteSpan { start, end };
        start = end;
        let weights = Weights::of(text.get(span.range()).unwrap_or_default());
        match (weights.foreign(allowed), &mut open) {
            (Some(score), Some((known, best))) => {
                known.end = span.end;
                *best = best.max(score);
            }
            (Some(score), None) => open = Some((span, score)),
            (None, _) => seen.extend(open.take().map(|(span, score)| LANGUAGE.scored(span, score))),
        }
        if seen.len() >= most {
            return;
        }
    }
    seen.extend(open.map(|(span, score)| LANGUAGE.scored(span, score)));
}

/// How much speaks for each language, in thousandths of a letter's share or word.
#[derive(Debug, Default)]
struct Weights {
    /// By language, best first.
    languages: Vec<(&'static str, f64)>,
    letters: usize,
    /// The script of most letters, and how many those are.
    script: Option<(Script, usize)>,
    words: Words,
}

/// The small words of a text, for what is too short to weigh.
#[derive(Debug, Default)]
struct Words {
    all: usize,
    /// By language: its words, and those of them that at most one other language has.
    hits: HashMap<&'static str, (usize, usize)>,
}

impl Weights {
    fn of(text: &str) -> Self {
        let mut scripts: HashMap<Script, usize> = HashMap::new();
        let mut own: HashMap<&'static str, usize> = HashMap::new();
        let mut letters = 0;
        for character in text.chars().filter(|character| character.is_alphabetic()) {
            letters += 1;
            *scripts.entry(script(character)).or_default() += 1;
            if !character.is_ascii()
                && let Some(codes) = LETTER_INDEX.get(&character)
            {
                for code in codes {
                    *own.entry(code).or_default() += 1;
                }
            }
        }
        let mut languages: Vec<(&'static str, f64)> = Vec::new();
        if letters >= LEAST_LETTERS
            && let Some((script, count)) = main_script(&scripts)
            && count * 2 > letters
        {
            match SCRIPTS.iter().find(|(_, of)| *of == script) {
                Some((code, _)) => languages.push((code, 1.0)),
                None => languages = by_words(text, script, &own),
            }
        } else if let Some((code, share)) = mixed(&scripts, letters) {
            languages.push((code, share));
        }
        languages.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let script = main_script(&scripts).filter(|(_, count)| count * 2 > letters);
        let words = if script.is_some_and(|(script, _)| script == Script::Latin) {
            Words::of(text, &own)
        } else {
            Words::default()
        };
        Self { languages, letters, script, words }
    }

    fn language(&self) -> Option<Language> {
        let (code, best) = *self.languages.first()?;
        let second = self.languages.get(1).map_or(0.0, |(_, weight)| *weight);
        let margin = if best > 0.0 { (best - second) / best } else { 0.0 };
        (best >= LEAST_WEIGHT)
            .then(|| Language { code, confidence: (0.5 * best.min(1.0) + 0.25 + 0.5 * margin).min(1.0) })
    }

    /// Returns how surely the text is in none of the allowed languages.
    fn foreign(&self, allowed: &[String]) -> Option<f64> {
        if self.script.is_some_and(|(script, count)| {
            count >= script.least() && !allowed.iter().any(|code| script.writes(code))
        }) {
            return Some(0.9);
        }
        self.likeliest_foreign(allowed)
            .or_else(|| self.words.foreign(allowed).filter(|_| self.letters >= LEAST_LETTERS))
    }

    fn likeliest_foreign(&self, allowed: &[String]) -> Option<f64> {
        let language = self.language().filter(|_| self.letters >= LEAST_LETTERS)?;
        let (code, best) = self.languages.first()?;
        // A few words of another language are names and titles.
        if self.words.all < FEW
            && self.words.hits.get(code).is_some_and(|(hits, rare)| *hits < 3 && *rare < 2)
        {
            return None;
        }
        let near = self
            .languages
            .iter()
            .take_while(|(_, weight)| *weight >= best * NEAR)
            .any(|(code, _)| allowed.iter().any(|allowed| allowed == code));
        (!near).then_some(language.confidence)
    }
}

impl Words {
    fn of(text: &str, own: &HashMap<&'static str, usize>) -> Self {
        let mut words = Self::default();
        for word in words_of(text) {
            words.all += 1;
            // Names are capitalised, and in no language.
            let counts = usize::from(!word.starts_with(char::is_uppercase));
            let codes = WORD_INDEX.get(&fold(word).0);
            for code in codes.into_iter().flatten() {
                let (hits, rare) = words.hits.entry(code).or_default();
                *hits += counts;
                *rare += if codes.is_some_and(|codes| codes.len() <= 2) { counts } else { 0 };
            }
        }
        // A language's letters speak for it where some word of it does.
        for (code, letters) in own {
            if let Some((_, rare)) = words.hits.get_mut(code) {
                *rare += letters / 2;
            }
        }
        words
    }

    /// Whether a short text has no word of an allowed language, and several of another that few share.
    fn foreign(&self, allowed: &[String]) -> Option<f64> {
        let allows = |code: &str| allowed.iter().any(|allowed| allowed == code);
        if self.all < LEAST_SENTENCE || self.hits.keys().any(|code| allows(code)) {
            return None;
        }
        let told = self.hits.values().any(|(hits, rare)| *hits >= 2 && *rare >= 2 && hits * 5 >= self.all);
        told.then_some(0.6)
    }
}

impl Script {
    /// Whether a language, by its code, is written in it.
    fn writes(self, code: &str) -> bool {
        match self {
            Self::Han => matches!(code, "zh" | "ja" | "ko"),
            Self::Kana => code == "ja",
            Self::Cyrillic => matches!(code, "ru" | "uk" | "bg" | "sr"),
            Self::Arabic => matches!(code, "ar" | "fa" | "ur"),
            Self::Latin => {
                matches!(code, "sr")
                    || !SCRIPTS.iter().any(|(known, _)| *known == code) && !NOT_LATIN.contains(&code)
            }
            // Letters of formulas and of scripts that no known language has.
            Self::Other => true,
            _ => SCRIPTS.iter().any(|(known, script)| *known == code && *script == self),
        }
    }

    /// Letters that are words: a formula has a few, and quotes a sign.
    fn least(self) -> usize {
        match self {
            Self::Han | Self::Kana | Self::Hangul => 4,
            // A name or an identifier is in no language.
            Self::Latin => LEAST_LETTERS,
            _ => 8,
        }
    }
}

/// Languages that share a script with others, which is not Latin.
static NOT_LATIN: &[&str] = &["ru", "uk", "bg", "ar", "fa", "ur"];

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Script {
    Latin,
    Cyrillic,
    Greek,
    Arabic,
    Hebrew,
    Devanagari,
    Bengali,
    Tamil,
    Telugu,
    Thai,
    Georgian,
    Armenian,
    Ethiopic,
    Khmer,
    Myanmar,
    Hangul,
    Kana,
    Han,
    Other,
}

fn script(character: char) -> Script {
    match u32::from(character) {
        0x41..=0x24F | 0x1E00..=0x1EFF | 0xFF21..=0xFF5A => Script::Latin,
        0x370..=0x3FF | 0x1F00..=0x1FFF => Script::Greek,
        0x400..=0x52F => Script::Cyrillic,
        0x530..=0x58F => Script::Armenian,
        0x590..=0x5FF => Script::Hebrew,
        0x600..=0x77F | 0x8A0..=0x8FF | 0xFB50..=0xFDFF | 0xFE70..=0xFEFC => Script::Arabic,
        0x900..=0x97F => Script::Devanagari,
        0x980..=0x9FF => Script::Bengali,
        0xB80..=0xBFF => Script::Tamil,
        0xC00..=0xC7F => Script::Telugu,
        0xE00..=0xE7F => Script::Thai,
        0x1000..=0x109F => Script::Myanmar,
        0x10A0..=0x10FF => Script::Georgian,
        0x1200..=0x137F => Script::Ethiopic,
        0x1780..=0x17FF => Script::Khmer,
        0x1100..=0x11FF | 0xAC00..=0xD7A3 => Script::Hangul,
        0x3040..=0x30FF => Script::Kana,
        0x3400..=0x9FFF | 0xF900..=0xFAFF | 0x2_0000..=0x3_FFFF => Script::Han,
        _ => Script::Other,
    }
}

fn main_script(scripts: &HashMap<Script, usize>) -> Option<(Script, usize)> {
    let kana = scripts.get(&Script::Kana).copied().unwrap_or(0);
    let han = scripts.get(&Script::Han).copied().unwrap_or(0);
    // Japanese is written in both; Chinese without the one.
    if kana * 10 > han && kana > 0 {
        return Some((Script::Kana, kana + han));
    }
    scripts.iter().map(|(script, count)| (*script, *count)).max_by_key(|(_, count)| *count)
}

/// A text of few letters, or of two scripts: one letter of a script that a single language uses says enough.
fn mixed(scripts: &HashMap<Script, usize>, letters: usize) -> Option<(&'static str, f64)> {
    let (script, count) = main_script(scripts)?;
    let (code, _) = SCRIPTS.iter().find(|(_, of)| *of == script)?;
    (count >= 8 && count * 3 > letters).then_some((*code, 0.7))
}

fn by_words(text: &str, script: Script, own: &HashMap<&'static str, usize>) -> Vec<(&'static str, f64)> {
    let (folded, _) = fold(text);
    let mut hits: HashMap<&'static str, (f64, usize)> = HashMap::new();
    let mut words = 0_usize;
    for word in words_of(&folded) {
        words += 1;
        if let Some(codes) = WORD_INDEX.get(word) {
            for code in codes {
                let (weight, count) = hits.entry(code).or_default();
                // A word of many languages says little for each.
                *weight += match codes.len() {
                    1 => 1.0,
                    2 => 0.6,
                    3 => 0.45,
                    _ => 0.3,
                };
                *count += 1;
            }
        }
    }
    let share = |part: f64| if words == 0 { 0.0 } else { part / as_f64(words) };
    let mut languages: Vec<(&'static str, f64)> = hits
        .iter()
        .filter(|(_, (_, count))| *count >= LEAST_WORDS)
        .map(|(code, (weight, _))| {
            let letters = own.get(code).copied().unwrap_or(0).min(words);
            (*code, (share(*weight) * 2.5 + share(as_f64(letters)) * 0.8).min(1.5))
        })
        .collect();
    // Cyrillic and Arabic letters that one language alone has decide where words are few.
    if languages.is_empty() && script != Script::Latin {
        languages = own.iter().map(|(code, count)| (*code, share(as_f64(*count)).min(1.0))).collect();
    }
    languages
}

fn words_of(folded: &str) -> impl Iterator<Item = &str> {
    let outside = |character: char| !character.is_alphabetic() && character != '\'';
    folded.split(outside).filter(|word| !word.is_empty())
}

#[expect(clippy::cast_precision_loss, reason = "counts of words are far below 2^52")]
fn as_f64(count: usize) -> f64 {
    count as f64
}

/// The languages of every small word.
static WORD_INDEX: LazyLock<HashMap<String, Vec<&'static str>>> = LazyLock::new(|| {
    let mut index: HashMap<String, Vec<&'static str>> = HashMap::new();
    for (code, words) in WORDS {
        for word in fold(words).0.split_whitespace() {
            let codes = index.entry(word.to_owned()).or_default();
            if !codes.contains(code) {
                codes.push(code);
            }
        }
    }
    index
});

static LETTER_INDEX: LazyLock<HashMap<char, Vec<&'static str>>> = LazyLock::new(|| {
    let mut index: HashMap<char, Vec<&'static str>> = HashMap::new();
    for (code, letters) in LETTERS {
        for letter in letters.chars() {
            index.entry(letter).or_default().push(code);
        }
    }
    index
});

/// Bytes that one guess is made of.
const SAMPLE: usize = 8192;
/// Bytes that are judged together; a foreign passage is told of by such blocks.
const BLOCK: usize = 2048;
const LEAST_LETTERS: usize = 20;
const LEAST_WORDS: usize = 2;
/// Words of a text whose small words are asked one by one.
const LEAST_SENTENCE: usize = 4;
/// A text of fewer words needs more than two small ones.
const FEW: usize = 12;
/// What a language needs to be named.
const LEAST_WEIGHT: f64 = 0.25;
/// What an allowed language needs of the likeliest one's weight for a text to pass.
const NEAR: f64 = 0.75;
const MOST: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    static SAMPLES: &[(&str, &str)] = &[
        ("en", "The parcel has not arrived yet and I would like to know when it will be here."),
        ("de", "Das Paket ist noch nicht angekommen und ich möchte wissen, wann es hier sein wird."),
        ("fr", "Le colis n'est pas encore arrivé et je voudrais savoir quand il sera là."),
        ("es", "El paquete todavía no ha llegado y me gustaría saber cuándo va a estar aquí."),
        ("pt", "O pacote ainda não chegou e eu gostaria de saber quando é que ele vai estar aqui."),
        ("it", "Il pacco non è ancora arrivato e vorrei sapere quando sarà qui da noi."),
        ("nl", "Het pakket is nog niet aangekomen en ik zou graag willen weten wanneer het er is."),
        ("sv", "Paketet har inte kommit än och jag skulle vilja veta när det är här hos oss."),
        ("da", "Pakken er ikke kommet endnu, og jeg vil gerne vide, hvornår den er her hos os."),
        ("fi", "Paketti ei ole vielä saapunut ja haluaisin tietää, milloin se on täällä."),
        ("pl", "Paczka jeszcze nie dotarła i chciałbym wiedzieć, kiedy będzie u nas na miejscu."),
        ("cs", "Balík ještě nedorazil a rád bych věděl, kdy bude tady u nás, protože na něj čekám."),
        ("ro", "Pachetul nu a ajuns încă și aș vrea să știu când va fi aici la noi."),
        ("hu", "A csomag még nem érkezett meg, és szeretném tudni, hogy mikor lesz itt nálunk."),
        ("tr", "Paket henüz gelmedi ve ne zaman burada olacağını bilmek istiyorum, çünkü bu çok önemli."),
        ("id", "Paket itu belum tiba dan saya ingin tahu kapan akan ada di sini untuk kami."),
        ("vi", "Gói hàng vẫn chưa đến và tôi muốn biết khi nào nó sẽ có ở đây cho chúng tôi."),
        ("ca", "El paquet encara no ha arribat i m'agradaria saber quan serà aquí amb nosaltres."),
        ("ru", "Посылка ещё не пришла, и я хотел бы знать, когда она будет здесь у нас."),
        ("uk", "Посилка ще не прийшла, і я хотів би знати, коли вона буде тут у нас."),
        ("bg", "Пратката още не е пристигнала и бих искал да знам кога ще бъде тук при нас."),
        ("ar", "لم يصل الطرد بعد وأود أن أعرف متى سيكون هنا في المكتب من أجل العمل"),
        ("fa", "بسته هنوز نرسیده است و می‌خواهم بدانم که چه زمانی به اینجا می‌رسد"),
        ("he", "החבילה עדיין לא הגיעה ואני רוצה לדעת מתי היא תהיה כאן"),
        ("el", "Το δέμα δεν έχει φτάσει ακόμα και θα ήθελα να μάθω πότε θα είναι εδώ"),
        ("hi", "पार्सल अभी तक नहीं आया है और मैं जानना चाहता हूँ कि यह कब यहाँ होगा"),
        ("zh", "包裹还没有到,我想知道它什么时候会送到我们这里来。"),
        ("ja", "荷物はまだ届いていません。いつこちらに着くのか知りたいです。"),
        ("ko", "소포가 아직 도착하지 않았는데 언제 여기에 도착하는지 알고 싶습니다."),
        ("th", "พัสดุยังไม่มาถึงและฉันอยากทราบว่าจะมาถึงที่นี่เมื่อไร"),
    ];

    #[test]
    fn languages() {
        for (code, text) in SAMPLES {
            assert_eq!(
                identify(text).map(|language| language.code),
                Some(*code),
                "{text} {:?}",
                Weights::of(text)
            );
        }
        assert_eq!(identify("x = foo(bar) + 17"), None);
        assert_eq!(identify(""), None);
    }

    #[test]
    fn allowed() {
        let allowed = |codes: &[&str], text: &str| {
            let codes: Vec<String> = codes.iter().map(|code| (*code).to_owned()).collect();
            let mut seen = Vec::new();
            find(text, &codes, &mut seen);
            seen.iter().all(|seen| seen.score < 0.5)
        };
        for (code, text) in SAMPLES {
            assert!(allowed(&[code], text), "{text}");
            assert!(allowed(&["en", code], text), "{text}");
            assert!(!allowed(&[if *code == "ja" { "en" } else { "ja" }], text), "{text}");
        }
        assert!(allowed(&["en"], "let x = HashMap::new(); // 17"));
    }

    #[test]
    fn short_texts() {
        let codes = ["en".to_owned(), "de".to_owned()];
        let told = |text: &str| {
            let mut seen = Vec::new();
            find(text, &codes, &mut seen);
            seen.iter().any(|seen| seen.score >= 0.5)
        };
        for text in [
            "Привет, помогите найти хороший ресторан рядом с вокзалом",
            "안녕하세요 좋은 식당을 찾아주세요",
            "你好，请帮我找一家车站附近的好餐厅",
            "こんにちは、いいお店を教えてください",
            "Dobrý den, můžete mi pomoci najít dobrou restauraci poblíž nádraží?",
            "Hyvää päivää, voisitko auttaa minua löytämään hyvän ravintolan?",
            "Ciao, puoi aiutarmi a trovare un buon ristorante?",
            "Hola, ¿me puedes ayudar a encontrar un buen restaurante cerca de la estación?",
            "Bonjour, pouvez-vous m'aider à trouver un bon restaurant près de la gare ?",
            "Olá, você pode me ajudar a encontrar um bom restaurante?",
            "Cześć, czy możesz mi pomóc znaleźć dobrą restaurację?",
            "Καλημέρα, ψάχνω ένα καλό εστιατόριο",
            "سلام، لطفا یک رستوران خوب پیدا کن",
        ] {
            assert!(told(text), "{text} {:?}", Weights::of(text));
        }
        for text in [
            "Book a table at Trattoria La Pergola, Via dei Serpenti",
            "Restaurant La Casa del Sol, Calle de la Luna 5",
            "Was heißt 你好 auf Deutsch?",
            "What does привет mean?",
            "α + β = γ, δ",
            "ok",
            "你好",
            "Déjà vu? C'est la vie!",
            "Guten Tag, können Sie mir helfen, ein gutes Restaurant zu finden?",
            "Hello, can you help me find a good restaurant?",
            "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz",
            "Los Angeles, San Francisco, El Paso, Las Vegas, Santa Fe",
            "npm install --save react react-dom typescript eslint prettier",
            "Fahrkarten, Abfahrtszeiten, Gleisänderungen bitte",
            "Lorem ipsum dolor sit amet",
            "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich",
        ] {
            assert!(!told(text), "{text} {:?}", Weights::of(text));
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text(text in "\\PC{0,200}") {
            proptest::prop_assert!(identify(&text).is_none_or(|language| language.confidence <= 1.0));
            let mut seen = Vec::new();
            find(&text, &["en".to_owned()], &mut seen);
            for seen in seen {
                proptest::prop_assert!(text.get(seen.span.range()).is_some());
            }
        }
    }
}
