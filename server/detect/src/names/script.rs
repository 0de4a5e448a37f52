//! Names in scripts without capitals: Han, Kana, Hangul, Devanagari, Arabic and their like.

use super::lexicon::{COMMON, GIVEN, NAME_WORD, RELATION, Reading, SELF, SURNAME, TITLE};
use super::token::{Gap, Shape, Token};
use super::{Hit, Kind};

/// Finds a name at a word of a script without capitals.
pub(super) fn find(reading: &Reading<'_>, index: usize) -> Option<Hit> {
    let first = reading.at(index);
    let word = reading.word(first);
    if first.has(TITLE) {
        return behind_title(reading, index);
    }
    if let Some(hit) = chinese(index, first, word).or_else(|| korean(reading, index, first, word)) {
        return Some(hit);
    }
    let last = run(reading, index);
    let second = reading.at(index + 1);
    let short = |token: Token| token.len() <= 36;
    if last > index && short(first) && short(second) {
        let family_first =
            first.has(SURNAME) && word.chars().all(is_han) && reading.word(second).chars().count() <= 4;
        let both = first.has(GIVEN) && second.has(SURNAME | GIVEN) || first.has(SURNAME) && second.has(GIVEN);
        if family_first || both {
            let more = reading.at(index + 2);
            let last = if both && last > index + 1 && more.has(SURNAME) { index + 2 } else { index + 1 };
            return Some(Hit::new(Kind::Person, index, last, 0.75));
        }
    }
    // One to four foreign words set into a Latin sentence behind "for" or "I'm" are somebody's name.
    let one = reading.before(index, 1);
    let latin = matches!(one.shape, Shape::Lower | Shape::Capital) && reading.word(one).is_ascii();
    let announced = latin
        && first.gap == Gap::Space
        && (one.has(SELF | RELATION)
            || matches!(reading.word(one), "for" | "to" | "User" | "user" | "by" | "from" | "am" | "is"));
    let firm = one.has(SELF | RELATION) || reading.word(one) == "User" || reading.word(one) == "for";
    let closed = !reading.at(last + 1).word() || reading.word(reading.at(last + 1)).is_ascii();
    if announced
        && closed
        && last < index + 4
        && short(first)
        && (last > index || firm)
        && (firm || first.has(GIVEN | SURNAME))
    {
        return Some(Hit::new(Kind::Person, index, last, 0.6));
    }
    let labelled = one.is(b':') && reading.before(index, 2).has(NAME_WORD);
    (labelled && last < index + 5 && short(first)).then(|| Hit::new(Kind::Person, index, last, 0.7))
}

/// Finds a company or an address written as one run of Han: 株式会社, 有限公司, 県…市…丁目.
pub(super) fn compound(reading: &Reading<'_>, index: usize) -> Option<Hit> {
    let token = reading.at(index);
    let word = reading.word(token);
    if !word.chars().next().is_some_and(is_cjk) || !(12..400).contains(&token.len()) {
        return None;
    }
    let company = ["株式会社", "有限会社", "合同会社", "有限公司", "集团", "株式會社", "银行股份", "大学"];
    if token.len() < 60
        && company.iter().any(|form| word.ends_with(form) || (word.starts_with(form) && form.len() > 9))
    {
        return Some(Hit::new(Kind::Organization, index, index, 0.7));
    }
    let region = ["都", "道", "府", "県", "省"].iter().any(|part| word.contains(part));
    let town = ["市", "区", "町", "村", "郡", "县", "镇"].iter().any(|part| word.contains(part));
    let block = ["丁目", "番", "号", "路", "街"].iter().any(|part| word.contains(part));
    let numbered = word.chars().any(char::is_numeric);
    if !(town && block && numbered && (region || word.contains("丁目"))) {
        return None;
    }
    let next = reading.at(index + 1);
    let building = next.gap == Gap::Space
        && matches!(next.shape, Shape::Uncased | Shape::Code)
        && !next.ascii_start(reading.text);
    Some(Hit::new(Kind::Address, index, index + usize::from(building), 0.8))
}

fn behind_title(reading: &Reading<'_>, index: usize) -> Option<Hit> {
    let start = index + 1 + usize::from(reading.at(index + 1).is(b'.'));
    let first = reading.at(start);
    if first.shape != Shape::Uncased || first.gap != Gap::Space {
        return None;
    }
    let next = reading.at(start + 1);
    let two = next.shape == Shape::Uncased && next.gap == Gap::Space && !next.has(COMMON) && next.len() <= 36;
    Some(Hit::new(
        Kind::Person,
        start,
        start + usize::from(two && (next.has(GIVEN | SURNAME) || first.has(GIVEN))),
        0.7,
    ))
}

fn run(reading: &Reading<'_>, index: usize) -> usize {
    let mut last = index;
    while last < index + 5
        && reading.at(last + 1).shape == Shape::Uncased
        && reading.at(last + 1).gap == Gap::Space
    {
        last += 1;
    }
    last
}

/// A Chinese or Japanese name inside a run of Han: before an honorific, or behind "my name is".
fn chinese(index: usize, token: Token, word: &str) -> Option<Hit> {
    if !word.chars().next().is_some_and(is_cjk) || token.len() > 600 {
        return None;
    }
    let hit = |start: usize, end: usize| {
        let mut hit = Hit::new(Kind::Person, index, index, 0.75);
        hit.start = Some(token.start + start);
        hit.end = Some(token.start + end);
        hit
    };
    for cue in ["我叫", "名叫", "我是", "姓名是"] {
        if let Some(at) = word.find(cue).map(|at| at + cue.len()) {
            let rest = word.get(at..).unwrap_or_default();
            let count = rest.chars().count();
            if rest.chars().next().is_some_and(is_surname)
                && (2..=3).contains(&count)
                && rest.chars().all(is_han)
            {
                return Some(hit(at, word.len()));
            }
        }
    }
    for cue in ["名前は", "氏名は", "なまえは", "と申します", "といいます", "と言います"]
    {
        if let Some((start, end)) = japanese(word, cue) {
            return Some(hit(start, end));
        }
    }
    for honorific in ["先生", "女士", "小姐", "老师", "さん", "様", "くん", "ちゃん"] {
        let Some(end) = word.find(honorific) else { continue };
        let before = word.get(..end).unwrap_or_default();
        let japanese = matches!(honorific, "さん" | "様" | "くん" | "ちゃん");
        let most = if japanese { 4 } else { 3 };
        let mut start = end;
        let mut count = 0;
        for (at, character) in before.char_indices().rev().take(most) {
            if !is_han(character) {
                break;
            }
            start = at;
            count += 1;
            if !japanese && is_surname(character) && count >= 1 {
                break;
            }
        }
        let surname = before.get(start..).and_then(|name| name.chars().next()).is_some_and(is_surname);
        if (japanese && count >= 2) || (!japanese && surname) {
            return Some(hit(start, end));
        }
    }
    None
}

/// A Japanese name behind "my name is", or before "am called"; ends where Han ends and the copula begins.
fn japanese(word: &str, cue: &str) -> Option<(usize, usize)> {
    let at = word.find(cue)?;
    let name = |character: char| is_han(character) || ('\u{30a1}'..='\u{30ff}').contains(&character);
    let (start, end) = if cue.ends_with('は') {
        let start = at + cue.len();
        let rest = word.get(start..)?;
        let end = rest.find(|character| !name(character)).unwrap_or(rest.len());
        let closes = rest.get(end..).is_some_and(|tail| {
            tail.is_empty()
                || ["です", "だ", "と", "であ", "でご"].iter().any(|copula| tail.starts_with(copula))
        });
        closes.then_some((start, start + end))?
    } else {
        let before = word.get(..at)?;
        let start = before.char_indices().rev().take_while(|&(_, character)| name(character)).last()?.0;
        (start, at)
    };
    let named = word.get(start..end)?;
    let empty = ["何", "誰", "未定", "不明", "非公開", "必須", "必要", "任意"];
    ((2..=6).contains(&named.chars().count()) && !empty.iter().any(|other| named.contains(other)))
        .then_some((start, end))
}

/// A Korean name: family name and two syllables, before 씨, 님 or the copula.
fn korean(reading: &Reading<'_>, index: usize, token: Token, word: &str) -> Option<Hit> {
    let mut characters = word.char_indices();
    let (_, first) = characters.next()?;
    if !KOREAN.contains(first) {
        return None;
    }
    let syllables = word.chars().count();
    let end = word.char_indices().nth(3).map_or(word.len(), |(at, _)| at);
    let rest = word.get(end..).unwrap_or_default();
    let follows = matches!(
        reading.word(reading.at(index + 1)),
        "씨" | "님" | "씨는" | "씨가" | "씨의" | "님이" | "님은"
    );
    let attached =
        ["씨", "님", "입니다", "이라고", "이에요", "예요"].iter().any(|suffix| rest.starts_with(suffix));
    if syllables < 3 || !(attached || (follows && rest.is_empty())) {
        return None;
    }
    let mut hit = Hit::new(Kind::Person, index, index, 0.7);
    hit.end = Some(token.start + end);
    Some(hit)
}

fn is_han(character: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&character)
        || ('\u{3400}'..='\u{4dbf}').contains(&character)
        || character == '々'
}

fn is_cjk(character: char) -> bool {
    is_han(character) || ('\u{3040}'..='\u{30ff}').contains(&character)
}

fn is_surname(character: char) -> bool {
    CHINESE.contains(character)
}

const CHINESE: &str = "王李张張刘劉陈陳杨楊赵趙黄黃周吴吳徐孙孫胡朱高林何郭马馬罗羅梁宋郑鄭谢謝韩韓唐冯馮于董萧蕭程曹袁邓鄧许許\
    傅沈曾彭吕呂苏蘇卢盧蒋蔣蔡贾賈丁魏薛叶葉阎閻余潘杜戴夏钟鍾汪田任姜范方石姚谭譚廖邹鄒熊金陆陸郝孔白崔康毛邱秦江史顾顧侯邵孟\
    龙龍万萬段雷钱錢汤湯尹黎易常武乔喬贺賀赖賴龚龔文欧歐庞龐樊兰蘭殷施陶洪翟安颜顏倪严嚴牛温溫芦季俞章鲁魯葛伍韦韋申尤毕畢聂聶丛焦向柳邢路岳齐齊";

const KOREAN: &str = "김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구민진엄채원천방공현함변염여추도소석선설마길연위표명기반왕금옥육인맹제모";
