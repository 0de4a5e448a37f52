//! Cases of the name detector: what must be found, what must not, and spans that hold for any text.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::lexicon::Reading;
use super::token::Shape;
use super::{Named, Names, at_capital, grammar, nothing_beside};

static NAMES: LazyLock<Names> = LazyLock::new(Names::new);

const THRESHOLD: f64 = 0.5;

fn find(text: &str) -> Vec<(&'static str, &str)> {
    let mut out = Vec::new();
    NAMES.find(text, &mut out);
    let kept = out.into_iter().filter(|named| named.score >= THRESHOLD);
    kept.map(|named| (named.entity, text.get(named.span.range()).unwrap())).collect()
}

#[track_caller]
fn found(text: &str, entity: &str, name: &str) {
    let names = find(text);
    assert!(names.iter().any(|&(kind, span)| kind == entity && span == name), "{text:?}: {names:?}");
}

#[track_caller]
fn nothing(text: &str) {
    assert_eq!(find(text), [], "{text:?}");
}

#[test]
fn people() {
    for (text, name) in [
        ("Mr. Brown called twice.", "Brown"),
        ("I spoke to Dr. Maria Lopez-Garcia yesterday.", "Maria Lopez-Garcia"),
        ("Please ask Grace Hopper about it.", "Grace Hopper"),
        ("The book is by J. R. R. Tolkien.", "J. R. R. Tolkien"),
        ("My name is Xqvist", "Xqvist"),
        ("my name is hubert", "hubert"),
        ("Anna's report is late", "Anna"),
        ("It was signed by Ludwig van der Berg on Monday", "Ludwig van der Berg"),
        ("Best regards,\nWanjiru", "Wanjiru"),
        ("Dear Oluwaseun,", "Oluwaseun"),
        ("Me llamo Íñigo Montoya.", "Íñigo Montoya"),
        ("Herr Müller wohnt hier", "Müller"),
        ("Conor O'Brien joined us", "Conor O'Brien"),
        ("From: \"Priya Natarajan\" <p@example.com>", "Priya Natarajan"),
        ("{\"name\": \"Ling Zxu\", \"email\": \"a@example.com\"}", "Ling Zxu"),
        ("id,full_name,email\n1,Bxy Qwrt,a@example.com\n", "Bxy Qwrt"),
        ("Меня зовут Анна Смирнова", "Анна Смирнова"),
        ("田中さんに電話してください", "田中"),
        ("我叫王小明", "王小明"),
        ("私の名前は田中太郎です", "田中太郎"),
        ("佐藤花子と申します。", "佐藤花子"),
        ("{\"name\":\"Grace Hopper\"}", "Grace Hopper"),
        ("Kelvin called me", "Kelvin"),
        ("Chelsea is my sister", "Chelsea"),
        ("Franz Kafka wrote it", "Franz Kafka"),
        ("김민수 씨가 왔습니다", "김민수"),
    ] {
        found(text, "PERSON", name);
    }
}

#[test]
fn places() {
    for (text, name) in [
        ("Jordan is in Amman", "Amman"),
        ("We flew to Jordan in May", "Jordan"),
        ("She lives in Qwertyville now", "Qwertyville"),
        ("i live in germany", "germany"),
        ("Send it to Springfield, IL 62704", "Springfield, IL 62704"),
        ("Hauptstraße 5, 10115 Berlin", "Hauptstraße 5, 10115 Berlin"),
        ("He was born in the U.S. in 1970", "U.S."),
        ("The Hudson River is wide", "Hudson River"),
        ("12 Elm Street, Springfield, IL 62704", "12 Elm Street, Springfield, IL 62704"),
        ("A flight to New York is full", "New York"),
    ] {
        found(text, "LOCATION", name);
    }
}

#[test]
fn organizations() {
    for (text, name) in [
        ("Contoso Widgets Inc. was founded late", "Contoso Widgets Inc."),
        ("He works at Globex now", "Globex"),
        ("She studied at the University of Leeds.", "University of Leeds"),
        ("the Qwerty Foundation", "Qwerty Foundation"),
        ("I bank with Chase Bank", "Chase Bank"),
        ("Siemens AG", "Siemens AG"),
        ("Voisin Denis S.A. called", "Voisin Denis S.A."),
        ("an engineer at Apple", "Apple"),
    ] {
        found(text, "ORGANIZATION", name);
    }
}

#[test]
fn groups() {
    for (text, name) in [
        ("I am cambodian but I live abroad", "cambodian"),
        ("She is a Muslim", "Muslim"),
        ("the Germans lost", "Germans"),
        ("a French woman", "French"),
    ] {
        found(text, "NRP", name);
    }
}

#[test]
fn words_that_are_names_elsewhere() {
    for text in [
        "Will you mark May 5th?",
        "Apple pie with cream",
        "The grace period ends in June.",
        "Grace period: 30 days",
        "Hope this helps! Thanks.",
        "Please translate this text into French.",
        "Reading is fun. Nice work!",
        "Let us chase the bill.",
        "Write a poem about the rose and the summer.",
        "Python and Ruby are languages; Jenkins builds them.",
        "Import numpy as np",
        "CAN I SPEAK TO A REAL PERSON?!?!",
        "The quick brown fox jumps over the lazy dog.",
        "Can you summarize the following article?",
        "let paris = Paris::new(london.Madrid());",
        "https://example.com/Anna/Berlin.html",
        "user@Martin.example.com",
        "2025-03-01 12:00:01 INFO login user=martin from 10.0.0.1",
        "# Heading\n\n- **Bold** item\n- `code`",
        "😀😀 great 👍",
        "Apache Kafka with Spring Boot",
        "The Kelvin scale and Newton's second law",
        "Chelsea vs Arsenal 2-1",
        "{\"name\":\"Amber Alert\"}",
        "{\"name\":\"Chrome Browser\"}",
        "ISO 100 200 300",
        "TAB 12 34 56",
        "GPS 48, 85, 83",
        "ISO 9001, 14001, 27001",
        "名前は必須です",
        "名前は何ですか",
        "{\"name\": \"get_weather\", \"description\": \"Weather\"}",
    ] {
        nothing(text);
    }
}

#[test]
fn titles_and_possessives_stand_outside_the_span() {
    assert_eq!(find("Mrs. Ayşe Yılmaz's car"), [("PERSON", "Ayşe Yılmaz")]);
}

#[test]
fn every_list_is_sorted_and_without_repetition() {
    for list in super::lexicon::lists() {
        let lines: Vec<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(lines.is_sorted(), "not sorted: {:?}", lines.first());
        assert!(lines.windows(2).all(|pair| pair[0] != pair[1]), "repeated in {:?}", lines.first());
    }
}

#[test]
fn time_is_linear() {
    let names = Names::new();
    for piece in [
        "name,a\n",
        "\"name\":",
        "Mr. ",
        "Anna ",
        "A. ",
        "12 Elm, ",
        "San ",
        "王",
        "x<a@b>",
        "in In ",
        "'s",
        "U.",
        "name,name,a,b,c\nA,B,C,D,E\n",
    ] {
        let text = piece.repeat(200_000 / piece.len());
        let mut out: Vec<Named> = Vec::new();
        let start = std::time::Instant::now();
        names.find(&text, &mut out);
        assert!(start.elapsed().as_secs() < 2, "{piece:?}: {:?}", start.elapsed());
    }
}

proptest! {
    #[test]
    fn spans_are_valid(text in "\\PC{0,80}", words in prop::collection::vec("(Mr\\. |Anna |in |Paris|, |S\\.A\\.|'s |12 |Street |\n|א|م|王|name: |\"|<a@b>|-|U\\.S\\.|’s)", 0..30)) {
        let names = Names::new();
        for text in [text.clone(), words.concat(), format!("{text}{}", words.concat())] {
            let mut out = Vec::new();
            names.find(&text, &mut out);
            let mut end = 0;
            for named in out {
                prop_assert!(named.span.start >= end && named.span.start < named.span.end);
                prop_assert!(text.get(named.span.range()).is_some());
                prop_assert!(named.score > 0.0 && named.score <= 1.0);
                end = named.span.end;
            }
        }
    }
}

/// Words that grammars ask for, names, and words of which nothing is known.
fn word() -> impl Strategy<Value = String> {
    let listed: Vec<String> = grammar::WORDS
        .iter()
        .flat_map(|(words, _)| words.split_whitespace())
        .map(|word| word.replace('_', " "))
        .collect();
    let capital = |word: String| {
        word.chars().take(1).flat_map(char::to_uppercase).chain(word.chars().skip(1)).collect()
    };
    let written = prop_oneof![
        prop::sample::select(listed),
        prop::sample::select(vec![
            "directed", "written", "home", "s", "Box", "invested", "am", "I", "is", "the", "a"
        ])
        .prop_map(str::to_owned),
        prop::sample::select(vec![
            "Berlin", "Anna", "Schmidt", "Weber", "Acme", "Siemens", "French", "Sons", "S.p.A."
        ])
        .prop_map(str::to_owned),
        "[a-z]{2,9}",
    ];
    (written, any::<bool>()).prop_map(move |(word, upper)| if upper { capital(word) } else { word })
}

proptest! {
    #[test]
    fn nothing_is_found_where_nothing_is_beside(
        text in proptest::collection::vec((word(), prop::sample::select(vec![
            " ", " ", " ", " ", " ", " ", ", ", ". ", ": ", "\n", "-", " & ", " 12 ", "'s ", "; ", "? ", " \"", ")", "/",
        ])), 1..12),
    ) {
        let text: String = text.into_iter().flat_map(|(word, gap)| [word, gap.to_owned()]).collect();
        let reading = Reading::new(&text, &NAMES.lexicon);
        for index in 0..reading.tokens.len() {
            let token = reading.at(index);
            if matches!(token.shape, Shape::Capital | Shape::Upper) && nothing_beside(&reading, index, token) {
                let hit = at_capital(&reading, index).into_iter().flatten().next();
                prop_assert!(hit.is_none(), "{} in {text:?}: {hit:?}", reading.word(token));
            }
        }
    }
}
