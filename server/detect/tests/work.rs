//! Work is bounded: whatever a text is made of, each of its bytes costs a small multiple of what those of ordinary texts
//! cost; and twice as many rules cost hardly more. Counted in bytes read, so that it holds on any machine.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail the test")]
#![expect(clippy::cast_precision_loss, reason = "counts of work are far below 2^52")]

use llm_shield_detect::rules::{RuleSamples, Table, builtin_tables, samples};
use llm_shield_detect::{Cancel, Direction, Engine, Policy, Request, Role};
use regex_syntax::hir::{Class, Hir, HirKind};
use regex_syntax::parse;

fn rules() -> Vec<RuleSamples> {
    builtin_tables().iter().flat_map(|table| samples(table).unwrap()).collect()
}

/// Returns the work for each byte of a text.
fn work(engine: &Engine, text: &str) -> f64 {
    let policy = Policy::preset("strict").unwrap();
    let request = Request::single(Direction::Output, Role::Assistant, text);
    let before = engine.bytes_examined();
    let report = engine.scan(&request, &policy, &Cancel::never());
    assert!(!report.degraded);
    (engine.bytes_examined() - before) as f64 / text.len() as f64
}

/// What assistants are given to read: mails, logs, JSON, code.
fn ordinary() -> String {
    ORDINARY.repeat(64 * 1024 / ORDINARY.len())
}

/// Writes a text that a pattern reads for long: its repetitions are taken to their ends, or `most` times.
fn pump(hir: &Hir, most: u32, out: &mut String) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(Class::Unicode(class)) => {
            let first = class.iter().map(|range| range.start()).find(|c| !c.is_control());
            out.push(first.unwrap_or(' '));
        }
        HirKind::Class(Class::Bytes(class)) => {
            let first = class.iter().map(|range| char::from(range.start())).find(|c| !c.is_control());
            out.push(first.unwrap_or(' '));
        }
        HirKind::Repetition(repeated) => {
            let times = most.clamp(repeated.min, repeated.max.unwrap_or(most).max(repeated.min));
            for _ in 0..times {
                pump(&repeated.sub, most, out);
            }
        }
        HirKind::Capture(capture) => pump(&capture.sub, most, out),
        HirKind::Concat(parts) => parts.iter().for_each(|part| pump(part, most, out)),
        HirKind::Alternation(parts) => pump(&parts[0], most, out),
    }
}

/// The texts that are worst for a rule, as far as its own words tell.
fn pumping(rule: &RuleSamples) -> Vec<String> {
    let mut units: Vec<String> =
        rule.keywords.iter().take(2).flat_map(|k| [k.clone(), format!("{k} ")]).collect();
    if let Ok(hir) = parse(&rule.pattern) {
        for most in [1, 24] {
            let mut unit = String::new();
            pump(&hir, most, &mut unit);
            let mut cut = unit.clone();
            cut.pop();
            units.extend([format!("{unit} "), cut]);
        }
    }
    units.retain(|unit| !unit.trim().is_empty() && unit.len() <= 4096);
    units.iter().map(|unit| unit.repeat(1 + SIZE / unit.len())).collect()
}

#[test]
fn rules_cannot_be_pumped() {
    let engine = Engine::builtin().unwrap();
    let limit = work(&engine, &ordinary()) * 3.0;
    let mut worst: Vec<(f64, String)> = Vec::new();
    for rule in rules() {
        let most = pumping(&rule).iter().map(|text| work(&engine, text)).fold(0.0, f64::max);
        if most > limit {
            worst.push((most / limit * 3.0, rule.id));
        }
    }
    worst.sort_by(|a, b| b.0.total_cmp(&a.0));
    assert!(worst.is_empty(), "{} rules, times the ordinary: {worst:.1?}", worst.len());
}

#[test]
fn odd_texts_cost_no_more() {
    let engine = Engine::builtin().unwrap();
    let limit = work(&engine, &ordinary()) * 3.0;
    let every_keyword: Vec<String> = rules().into_iter().flat_map(|rule| rule.keywords).collect();
    let nested = (0..3).fold(ORDINARY.to_owned(), |text, _| base64(&text));
    // Where the keywords of all rules stand side by side, every rule is tried everywhere: the texts that are known to cost
    // more than three times the ordinary (3.1 times with spaces between, 4.8 times without).
    for text in [every_keyword.join(" "), every_keyword.concat()] {
        let all_at_once = work(&engine, &text) / limit * 3.0;
        assert!(all_at_once <= 6.0, "{all_at_once:.1} times the ordinary");
    }
    let mut texts = vec![nested.repeat(16)];
    for unit in [
        "a",
        "0",
        " ",
        "\n",
        "é",
        "語",
        "\u{200b}",
        "@",
        "%41",
        "=",
        "+",
        "{\"a\":\"",
        "<p>",
        "<!--",
        "```\n",
        "xn--",
        "echo ",
        "a\n",
        "&#65;",
        "\\u0041",
        ".-/ ",
        "01000001",
        "1gn0r3 ",
        "i.g.n.",
        "A1b2C3d4E5f6G7h8J9k",
        "+AGk-",
        "<~87cUR",
    ] {
        texts.push(unit.repeat((1 << 20) / unit.len()));
    }
    let over: Vec<String> = texts
        .iter()
        .map(|text| (work(&engine, text), text))
        .filter(|(cost, _)| *cost > limit)
        .map(|(cost, text)| {
            format!("{:?} {:.1}", text.chars().take(24).collect::<String>(), cost / limit * 3.0)
        })
        .collect();
    assert!(over.is_empty(), "times the ordinary: {over:?}");
}

#[test]
fn twice_as_many_rules_cost_hardly_more() {
    let own = Engine::builtin().unwrap();
    let extra = synthetic(rules().len());
    let tables: Vec<Table<'_>> = builtin_tables()
        .iter()
        .map(|table| Table { detector: table.detector, name: table.name, toml: table.toml })
        .chain(extra.iter().map(|(detector, toml)| Table { detector, name: "synthetic", toml }))
        .collect();
    let twice = Engine::from_tables(&tables).unwrap();
    assert!(twice.rules().count() >= own.rules().count() * 19 / 10);
    for text in [ordinary(), ORDINARY.to_lowercase()] {
        let ratio = work(&twice, &text) / work(&own, &text);
        assert!(ratio <= 1.15, "{ratio:.3}");
    }
}

/// Rules with ids and keywords of their own, in the proportions of the built-in ones.
fn synthetic(count: usize) -> Vec<(&'static str, String)> {
    let syllables = ["ka", "lo", "mi", "zu", "te", "ra", "po", "ne", "vi", "su", "gar", "hel", "tor", "min"];
    let word = |mut number: usize| {
        let mut word = String::new();
        for _ in 0..3 {
            word.push_str(syllables[number % syllables.len()]);
            number /= syllables.len();
        }
        word
    };
    let mut tables = vec![("secrets", String::new()), ("pii", String::new()), ("injection", String::new())];
    for number in 0..count {
        let word = word(number);
        let table = number % tables.len();
        let (pattern, entity) = match table {
            0 => (format!("\\b({word}_[0-9A-Za-z]{{24}})\\b"), "SECRET"),
            1 => (format!("{word}[ :=]+(\\d{{9,12}})\\b"), "SYNTHETIC"),
            _ => (format!("\\b{word} (?:all|the) \\w+ rules\\b"), "PROMPT_INJECTION"),
        };
        let keyword = if table == 0 { format!("{word}_") } else { word };
        tables[table].1.push_str(&format!(
            "[[rule]]\nid = \"synthetic-{number}\"\ndescription = \"A rule\"\nentity = \"{entity}\"\n\
             severity = \"low\"\nscore = 0.5\nkeywords = [\"{keyword}\"]\npattern = '{pattern}'\n"
        ));
    }
    tables
}

fn base64(text: &str) -> String {
    use ::base64::Engine as _;
    ::base64::engine::general_purpose::STANDARD.encode(text)
}

const SIZE: usize = 6 << 10;

const ORDINARY: &str = concat!(
    "Could you summarise the notes from the meeting on Tuesday and list who agreed to do what? The customer says that the \
     parcel arrived with a broken lid and asks for a new one before the weekend. Our opening hours have changed since \
     spring.\n",
    include_str!("texts/chat_log.txt"),
);
