//! Redaction as a caller meets it: what holds for every text, and what each operator writes.

#![expect(clippy::string_slice, reason = "a slice off a boundary fails the test, as it should")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail the test")]

use llm_shield_detect::rules::Table;
use llm_shield_detect::{
    ByteSpan, Cancel, Conversation, Direction, Engine, Finding, Operator, Place, Policy, RedactionKeys,
    Request, Restored, Role, Severity, Undo, redact, redact_in, restore, restore_in,
};
use proptest::prelude::*;

const RULES: &str = r#"
[[rule]]
id = "email"
description = "An address"
entity = "EMAIL_ADDRESS"
severity = "medium"
score = 0.9
keywords = ["@"]
pattern = '[a-z0-9.]+@[a-z0-9]+\.[a-z]{2,}'

[[rule]]
id = "card"
description = "A card number"
entity = "CREDIT_CARD"
severity = "high"
score = 0.8
trigger = "token"
pattern = '\b\d{4}[ -]?\d{4}[ -]?\d{4}[ -]?\d{4}\b'

[[rule]]
id = "born"
description = "A date of birth"
entity = "DATE_TIME"
severity = "low"
score = 0.8
keywords = ["born "]
pattern = 'born (\d{4}-\d\d-\d\d)'

[[rule]]
id = "age"
description = "An age"
entity = "AGE"
severity = "low"
score = 0.8
keywords = ["aged "]
pattern = 'aged (\d{1,3})\b'
"#;

fn engine() -> Engine {
    Engine::from_tables(&[Table { detector: "pii", name: "test", toml: RULES }]).unwrap()
}

fn policy(operators: &str) -> Policy {
    Policy::from_yaml(&format!(
        "name: test\ninput: {{detectors: {{pii: {{action: redact}}}}}}\noperators:\n{operators}"
    ))
    .unwrap()
}

fn keys() -> RedactionKeys {
    RedactionKeys::from_secret(b"the secret of one tenant, 32 byte")
}

fn findings(text: &str, policy: &Policy) -> Vec<Finding> {
    let engine = engine();
    engine.scan(&Request::single(Direction::Input, Role::User, text), policy, &Cancel::never()).findings
}

fn redacted(text: &str, policy: &Policy) -> String {
    redact(text, &findings(text, policy), policy, &keys()).text
}

#[test]
fn every_operator() {
    let text = "Ana aged 34, born 1985-03-14, pays with 4111 1111 1111 1111 and writes as ana@lima.pe.";
    for (operators, holds) in [
        ("  DEFAULT: {operator: number}", &["[CREDIT_CARD_1]", "[EMAIL_ADDRESS_1]", "[AGE_1]"][..]),
        (
            "  AGE: {operator: bucket}\n  DATE_TIME: {operator: bucket, dates: decade}",
            &["[AGE:30-39]", "[DATE_TIME:1980s]"],
        ),
        ("  AGE: {operator: bucket, width: 5, top: 30}", &["[AGE:30+]"]),
        ("  DEFAULT: {operator: mask, count: 15}", &["***************1111", "**"]),
        ("  CREDIT_CARD: {operator: fpe, keep_last: 4}", &[" 1111 and"]),
        ("  DEFAULT: {operator: surrogate}", &["@mail.example", "4000 0000"]),
        ("  EMAIL_ADDRESS: {operator: replace, with: <mail>}", &["as <mail>."]),
        ("  DEFAULT: {operator: token}", &["[[LS1:CREDIT_CARD:", "[[LS1:AGE:"]),
        ("  DEFAULT: {operator: hash}", &["[EMAIL_ADDRESS:"]),
    ] {
        let policy = policy(operators);
        let once = redacted(text, &policy);
        for part in holds {
            assert!(once.contains(part), "{operators}: {once}");
        }
        assert!(!once.contains("ana@lima.pe") && !once.contains("4111 1111 1111"), "{operators}: {once}");
        assert!(once.starts_with("Ana aged ") && once.ends_with('.'), "{operators}: {once}");
        let lasting = !operators.contains("fpe") && !operators.contains("surrogate");
        assert!(!lasting || redacted(&once, &policy) == once, "{operators}: {once}");
    }
}

#[test]
fn shifted_dates_come_back() {
    let policy = policy("  DATE_TIME: {operator: date_shift, days: 20}");
    let (text, operator) = ("born 1985-03-14", Operator::DateShift { days: 20, order: Default::default() });
    let found = findings(text, &policy);
    let shift = |subject: &str| {
        redact_in(text, &found, &policy, &keys(), &mut Conversation::about(subject)).text[5..].to_owned()
    };
    let shifted = shift("patient 1");
    assert_eq!(shifted, shift("patient 1"));
    assert!(["patient 2", "patient 3", "patient 4"].iter().any(|subject| shift(subject) != shifted));
    let back = operator.undo("DATE_TIME", &shifted, &keys(), &Conversation::about("patient 1")).unwrap();
    assert_eq!(*back, "1985-03-14");
    let card = Operator::Fpe { keep_last: 4 };
    let policy = self::policy("  CREDIT_CARD: {operator: fpe, keep_last: 4}");
    let sealed = redacted("4111 1111 1111 1111", &policy);
    assert_eq!(
        *card.undo("CREDIT_CARD", &sealed, &keys(), &Conversation::default()).unwrap(),
        "4111 1111 1111 1111"
    );
}

#[test]
fn numbers_hold_through_a_conversation() {
    let policy = policy("  DEFAULT: {operator: number}");
    let mut conversation = Conversation::default();
    let mut turn =
        |text: &str| redact_in(text, &findings(text, &policy), &policy, &keys(), &mut conversation).text;
    assert_eq!(turn("a@b.org to c@d.org"), "[EMAIL_ADDRESS_1] to [EMAIL_ADDRESS_2]");
    assert_eq!(turn("c@d.org, e@f.org"), "[EMAIL_ADDRESS_2], [EMAIL_ADDRESS_3]");
    // A text redacted elsewhere: its numbers are not given to others.
    assert_eq!(redacted("[EMAIL_ADDRESS_7] and a@b.org", &policy), "[EMAIL_ADDRESS_7] and [EMAIL_ADDRESS_8]");
}

#[test]
fn tokens_open_for_their_tenant_only() {
    let policy = policy("  DEFAULT: {operator: token, purpose: support}");
    let text = "mail ana@lima.pe, ana@lima.pe or eva@lima.pe";
    let sealed = redacted(text, &policy);
    let tokens: Vec<&str> =
        sealed.split("[[").skip(1).map(|part| &part[..part.find("]]").unwrap()]).collect();
    assert!(tokens[0] == tokens[1] && tokens[1] != tokens[2]);
    let back = restore(&sealed, &keys());
    assert_eq!((back.text.as_str(), back.restored, back.refused), (text, 3, 0));
    let other = restore(&sealed, &RedactionKeys::from_secret(b"another tenant"));
    assert_eq!((other.text.as_str(), other.restored, other.refused), (sealed.as_str(), 0, 3));
    for forged in [
        sealed.replace("EMAIL_ADDRESS/", "PERSON/"),
        sealed.replace("/support", ""),
        sealed.replacen("aa", "ab", 1).replacen("ba", "bb", 1).replacen("ca", "cb", 1),
    ] {
        assert!(restore(&forged, &keys()).refused > 0 || forged == sealed);
    }
    assert_eq!(restore("[[LS1:X:]] [[LS1: [[LS1:AB:zz]]", &keys()).restored, 0);
}

#[test]
fn without_a_key_nothing_is_weaker() {
    let text = "ana@lima.pe";
    for operator in ["hash", "token", "fpe", "surrogate"] {
        let policy = policy(&format!("  DEFAULT: {{operator: {operator}}}"));
        let out = redact(text, &findings(text, &policy), &policy, &RedactionKeys::default());
        assert_eq!(out.text, "[EMAIL_ADDRESS]", "{operator}");
    }
}

#[test]
fn brackets_hide_nothing() {
    let policy = policy("  DEFAULT: {operator: replace}");
    for text in [
        "[ana@lima.pe]",
        "[[LS1:EMAIL_ADDRESS:ana@lima.pe]]",
        "[4111111111111111]",
        "[CREDIT_CARD:4111111111111111]",
        "[CREDIT_CARD:4111-1111-1111-1111]",
    ] {
        let out = redacted(text, &policy);
        assert!(!out.contains("lima") && !out.contains("4111"), "{text}: {out}");
    }
}

#[test]
fn structures_still_parse() {
    for operator in
        ["replace", "token", "mask", "hash", "number", "replace, with: '<\"a\\b\">'", "fpe", "surrogate"]
    {
        let policy = policy(&format!("  DEFAULT: {{operator: {operator}}}"));
        let json =
            r#"{"mail": "\u0061na@lima.pe\n\"x\"", "card": 4111111111111111, "list": ["a@b.org", null]}"#;
        let out = redacted(json, &policy);
        let value: serde_json::Value =
            serde_json::from_str(&out).unwrap_or_else(|error| panic!("{out}: {error}"));
        assert!(value["mail"].as_str().unwrap().ends_with("\n\"x\""), "{out}");
        assert!(value["list"][1].is_null() && !out.contains("4111111111111111"), "{out}");
        if operator == "token" {
            let back: serde_json::Value = serde_json::from_str(&restore(&out, &keys()).text).unwrap();
            assert_eq!(back["mail"], "ana@lima.pe\n\"x\"");
            assert_eq!(back["card"], "4111111111111111");
        }
        let xml = "<p to=\"a@b.org\">&lt;a@b.org&gt; <b>4111 1111 1111 1111</b></p>";
        let out = redacted(xml, &policy);
        assert!(
            out.starts_with("<p to=\"") && out.ends_with("</b></p>") && !out.contains("a@b.org"),
            "{out}"
        );
        assert_eq!(out.matches('<').count(), 4, "{out}");
        let csv = "name,mail\n\"one, two\",ana@lima.pe\n\"x\",\"a@b.org\"\n";
        let out = redacted(csv, &policy);
        assert_eq!(out.lines().count(), 3, "{out}");
        assert!(out.contains("\"one, two\",") && out.contains("\"x\",\""), "{out}");
    }
}

#[test]
fn tool_calls_still_parse() {
    let call = r#"{"messages":[{"role":"assistant","tool_calls":[{"function":{"arguments":"{\"card\":4111111111111111,\"to\":\"ana@lima.pe\\n\",\"n\":2}"}}]}]}"#;
    for operator in [
        "replace",
        "token",
        "mask",
        "hash",
        "number",
        "replace, with: '<\"a\\b\">'",
        "fpe",
        "surrogate",
        "redact",
    ] {
        let policy = policy(&format!("  DEFAULT: {{operator: {operator}}}"));
        for (before, after) in [("", ""), ("I call ", ", and wait.")] {
            let text = format!("{before}{call}{after}");
            let out = redacted(&text, &policy);
            let document = out.strip_prefix(before).and_then(|out| out.strip_suffix(after)).unwrap();
            let value: serde_json::Value = serde_json::from_str(document).unwrap();
            let arguments = value["messages"][0]["tool_calls"][0]["function"]["arguments"].as_str().unwrap();
            let arguments: serde_json::Value =
                serde_json::from_str(arguments).unwrap_or_else(|error| panic!("{operator}: {error}: {out}"));
            assert!(arguments["n"] == 2 && arguments["to"].as_str().unwrap().ends_with('\n'), "{out}");
            assert!(!out.contains("4111111111111111") && !out.contains("ana@lima"), "{out}");
            if operator == "token" {
                let back = restore(&out, &keys()).text;
                assert_eq!(back, text.replace("4111111111111111", r#"\"4111111111111111\""#));
            }
            let lasting = !["fpe", "surrogate"].contains(&operator);
            assert!(!lasting || redacted(&out, &policy) == out, "{operator}: {out}");
        }
    }
}

#[test]
fn made_up_values_are_left_alone_whatever_they_look_like() {
    let engine = Engine::builtin().unwrap();
    for (entity, text) in [
        ("IP_ADDRESS", "paid with [CREDIT_CARD] from 203.0.113.77 on"),
        ("IP_ADDRESS", "call the office from 198.51.100.7."),
        ("IBAN_CODE", "my account is DE89 3704 0044 0532 0130 00 there"),
        ("IBAN_CODE", "my account is DE89370400440532013000."),
        ("DATE_TIME", "born on 14 March 1985 in town"),
        ("PHONE_NUMBER", "call me at +44 20 7946 0018 now"),
        ("CREDIT_CARD", "the card 4111 1111 1111 1111 is mine"),
        ("EMAIL_ADDRESS", "write to ana@lima.pe please"),
    ] {
        let policy = policy(&format!("  {entity}: {{operator: surrogate}}"));
        let redacted = |text: &str| {
            let request = Request::single(Direction::Input, Role::User, text);
            let found = engine.scan(&request, &policy, &Cancel::never()).findings;
            redact(text, &found, &policy, &keys()).text
        };
        let once = redacted(text);
        assert_eq!(redacted(&once), once, "{text}");
        assert!(!once.contains(&format!("[{entity}")), "{once}");
        assert_eq!(once == text, text.contains("203.0.113") || text.contains("198.51.100"), "{once}");
    }
}

#[test]
fn what_is_told_is_the_operator_that_wrote() {
    let text = "4111 1111 1111 1111, aged 34, ana@lima.pe";
    for (operator, with_key, without) in [
        ("token", ["token", "token", "token"], ["replace"; 3]),
        ("hash", ["hash", "hash", "hash"], ["replace"; 3]),
        ("fpe", ["fpe", "replace", "fpe"], ["replace"; 3]),
        ("surrogate", ["surrogate", "hash", "surrogate"], ["replace"; 3]),
        ("date_shift", ["replace"; 3], ["replace"; 3]),
        ("mask", ["mask"; 3], ["mask"; 3]),
    ] {
        let policy = policy(&format!("  DEFAULT: {{operator: {operator}}}"));
        for (keys, expected) in [(keys(), with_key), (RedactionKeys::default(), without)] {
            let out = redact(text, &findings(text, &policy), &policy, &keys);
            let told: Vec<&str> = out.redactions.iter().map(|one| one.operator).collect();
            assert_eq!(told, expected, "{operator}: {}", out.text);
        }
    }
}

#[test]
fn masks_hide_at_least_half_and_what_is_asked() {
    for (count, expected) in [
        (4, "**********1111 1111"),
        (10, "**********1111 1111"),
        (15, "***************1111"),
        (99, "*******************"),
    ] {
        let policy = policy(&format!("  DEFAULT: {{operator: mask, count: {count}}}"));
        let text = "4111 1111 1111 1111";
        let expected: String =
            text.chars().zip(expected.chars()).map(|(c, m)| if m == '*' { '*' } else { c }).collect();
        assert_eq!(redacted(text, &policy), expected, "{count}");
    }
}

/// Whether a document is in a text.
fn holds_json(text: &str) -> bool {
    text.match_indices(['{', '[']).any(|(at, _)| {
        let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<serde_json::Value>();
        values.next().is_some_and(|value| value.is_ok())
    })
}

/// Text in which values stand among anything else.
fn odd_text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        any::<String>(),
        "[a-z]{1,6}@[a-z]{2,6}\\.[a-z]{2,3}",
        "[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}",
        "aged [0-9]{1,3}",
        Just("[EMAIL_ADDRESS]".to_owned()),
        Just("{\"a\": \"".to_owned()),
        Just("\"}".to_owned()),
        Just("{\"n\":4111111111111111,\"s\":\"{\\\"n\\\":4111111111111111}\"}".to_owned()),
        "[,;<>&\\[\\]\"\\\\\n\u{200b} ]{1,4}",
    ];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.join(" "))
}

/// Values of many kinds, in sentences that have them found as one or another.
fn told() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        "[1-9][0-9]{0,2}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[1-9][0-9]{0,1}",
        "(203\\.0\\.113|192\\.0\\.2)\\.[1-9][0-9]?",
        "(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])",
        "(1[0-9]|2[0-8]) (March|June) 19[0-9]{2}",
        "\\+44 20 7946 0[0-9]{3}",
        "[a-z]{3,6}@[a-z]{3,6}\\.(org|pe)",
        Just("DE89 3704 0044 0532 0130 00".to_owned()),
        Just("GB82WEST12345698765432".to_owned()),
        Just("4111 1111 1111 1111".to_owned()),
        Just("536-90-4399".to_owned()),
        "https://[a-z]{4,8}\\.org/[a-z]{1,6}",
    ];
    let before = prop_oneof![
        Just("paid from"),
        Just("call"),
        Just("born on"),
        Just("account"),
        Just("the host"),
        Just("see"),
        Just("my SSN is"),
    ];
    prop::collection::vec((before, value), 1..4)
        .prop_map(|parts| parts.into_iter().map(|(before, value)| format!("{before} {value}. ")).collect())
}

fn made_up(text: &str, places: &[(usize, usize, u8)]) -> Vec<Finding> {
    let boundary = |at: usize| text.floor_char_boundary(at % (text.len() + 1));
    places
        .iter()
        .map(|(a, b, kind)| {
            let (a, b) = (boundary(*a), boundary(*b));
            let entity = ["PERSON", "AGE", "SECRET"][usize::from(kind % 3)];
            Finding {
                content: 0,
                detector: "pii".into(),
                category: "personal_data".into(),
                entity: entity.into(),
                rule_id: entity.to_lowercase().into(),
                severity: [Severity::Low, Severity::Medium, Severity::Critical][usize::from(kind % 3)],
                score: f64::from(*kind) / 255.0,
                span: ByteSpan { start: a.min(b), end: a.max(b) },
                path: Vec::new(),
                pointer: None,
            }
        })
        .collect()
}

fn undone(text: &str, keys: &RedactionKeys, conversation: &Conversation) -> Restored {
    restore_in(text, &Undo { keys, conversation, places: &[], most_bytes: 1 << 20 })
}

#[test]
fn a_restorable_conversation_gives_its_values_back() {
    let policy = policy("  AGE: {operator: replace, with: young}");
    let mut conversation = Conversation::restorable("c-1");
    let mut redacted =
        |text: &str| redact_in(text, &findings(text, &policy), &policy, &keys(), &mut conversation).text;
    let first = redacted("mail bob@x.org and ada@x.org, aged 30");
    assert_eq!(first, "mail [EMAIL_ADDRESS_1] and [EMAIL_ADDRESS_2], aged young");
    assert_eq!(redacted("{\"to\": \"ada@x.org\"}"), "{\"to\": \"[EMAIL_ADDRESS_2]\"}");

    let text = "[EMAIL_ADDRESS_2] wrote to [EMAIL_ADDRESS_9] and [SECTION_1], not to [EMAIL_ADDRESS_1]";
    let back = undone(text, &keys(), &conversation);
    assert_eq!(back.text, "ada@x.org wrote to [EMAIL_ADDRESS_9] and [SECTION_1], not to bob@x.org");
    assert_eq!((back.restored, back.unknown, back.refused), (2, 1, 0));
    assert_eq!(back.entities["EMAIL_ADDRESS"], 2);
    // Neither another tenant's key nor another conversation opens anything.
    let other = RedactionKeys::from_secret(b"another tenant");
    assert_eq!(undone(text, &other, &conversation).text, text);
    assert_eq!(undone(text, &keys(), &Conversation::restorable("c-2")).text, text);
    // A short text may stand for a long one; how long is bounded.
    let undo = Undo { keys: &keys(), conversation: &conversation, places: &[], most_bytes: 40 };
    let cut = restore_in(&"[EMAIL_ADDRESS_1]".repeat(9), &undo);
    assert_eq!((cut.too_long, cut.text.as_str()), (true, ""));
}

#[test]
fn what_a_text_claims_does_not_use_numbers_up() {
    let policy = policy("  DEFAULT: {operator: replace}");
    let mut conversation = Conversation::restorable("");
    let text = "[EMAIL_ADDRESS_999999] [EMAIL_ADDRESS_7] bob@x.org";
    let out = redact_in(text, &findings(text, &policy), &policy, &keys(), &mut conversation).text;
    assert_eq!(out, "[EMAIL_ADDRESS_999999] [EMAIL_ADDRESS_7] [EMAIL_ADDRESS_8]");
    assert_eq!(undone(&out, &keys(), &conversation).unknown, 2);
}

#[test]
fn places_without_a_mark_are_undone_where_they_are_said_to_be() {
    let policy = policy("  DEFAULT: {operator: fpe, keep_last: 4}\n  EMAIL_ADDRESS: {operator: token}");
    let text = "{\"card\": \"4111 1111 1111 1111\", \"to\": \"bob@x.org\"}";
    let out = redact(text, &findings(text, &policy), &policy, &keys());
    let card = out.redactions.iter().find(|one| one.operator == "fpe").unwrap();
    let conversation = Conversation::default();
    let operator = policy.operator_of("CREDIT_CARD");
    let place = Place { span: card.redacted, entity: "CREDIT_CARD", operator };
    let undo = |places: &[Place<'_>], keys: &RedactionKeys| {
        restore_in(&out.text, &Undo { keys, conversation: &conversation, places, most_bytes: 1 << 20 })
    };
    let back = undo(&[place], &keys());
    assert_eq!((back.text.as_str(), back.restored, back.refused), (text, 2, 0));
    assert_ne!(undo(&[place], &RedactionKeys::from_secret(b"another tenant")).text, text);
    // The same place twice, and a place that no operator can undo.
    assert_eq!(undo(&[place, place], &keys()).refused, 1);
    let replaced = Place { operator: &Operator::Replace { with: None }, ..place };
    assert_eq!(undo(&[replaced], &keys()).refused, 1);
}

#[test]
fn broken_tokens_are_told_of() {
    let back = restore("[[LS1:X:]] and [[LS1:EMAIL_ADDRESS:abc", &keys());
    assert_eq!((back.restored, back.refused, back.malformed), (0, 0, 2));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn idempotent(text in odd_text(), which in 0_usize..6) {
        let operator = ["replace", "hash", "token", "mask", "number", "redact"][which];
        let policy = policy(&format!("  DEFAULT: {{operator: {operator}}}"));
        let once = redacted(&text, &policy);
        // Removing a value can join what was around it into another.
        prop_assume!(operator != "redact" || findings(&once, &policy).is_empty());
        prop_assert_eq!(redacted(&once, &policy), once);
    }

    #[test]
    fn idempotent_in_a_conversation(text in odd_text(), which in 0_usize..11) {
        let operator = [
            "replace", "hash", "token", "mask", "number", "redact", "fpe", "date_shift", "surrogate", "bucket",
            "mask, count: 3",
        ][which];
        let policy = policy(&format!("  DEFAULT: {{operator: {operator}}}"));
        let mut conversation = Conversation::about("one");
        let mut redacted = |text: &str| {
            redact_in(text, &findings(text, &policy), &policy, &keys(), &mut conversation).text
        };
        let once = redacted(&text);
        prop_assume!(operator != "redact" || findings(&once, &policy).is_empty());
        // A stand-in may join with what is around it into a value that was none.
        let joined = findings(&once, &policy).len() > findings(&text, &policy).len();
        prop_assume!(!joined);
        prop_assert_eq!(redacted(&once), once);
    }

    #[test]
    fn made_up_values_stay_without_a_conversation(text in told()) {
        static ENGINE: std::sync::LazyLock<Engine> = std::sync::LazyLock::new(|| Engine::builtin().unwrap());
        let policy = policy("  DEFAULT: {operator: surrogate}");
        let found = |text: &str| {
            let request = Request::single(Direction::Input, Role::User, text);
            ENGINE.scan(&request, &policy, &Cancel::never()).findings
        };
        let redacted = |text: &str| redact(text, &found(text), &policy, &keys()).text;
        let once = redacted(&text);
        // A stand-in that is shorter may bring a word near enough to what was no value without it.
        prop_assume!(found(&once).len() <= found(&text).len());
        prop_assert_eq!(redacted(&once), once);
    }

    #[test]
    fn tokens_round_trip(text in odd_text(), places in prop::collection::vec(any::<(usize, usize, u8)>(), 0..6)) {
        let policy = policy("  DEFAULT: {operator: token}");
        let found = made_up(&text, &places);
        let sealed = redact(&text, &found, &policy, &keys());
        let back = restore(&sealed.text, &keys());
        // In JSON the token of a bare number stands in quotes, which stay when it is restored, and a value
        // is escaped, also where the token alone has made JSON of a text that was none.
        if !holds_json(&sealed.text) {
            prop_assert_eq!(back.text, text);
        }
        prop_assert_eq!(back.refused, 0);
    }

    #[test]
    fn unions_are_covered_in_any_order(
        text in any::<String>(),
        places in prop::collection::vec(any::<(usize, usize, u8)>(), 0..8),
        which in 0_usize..3,
    ) {
        let overlap = ["severity", "score", "longest"][which];
        let policy = Policy::from_yaml(&format!("name: t\noverlap: {overlap}")).unwrap();
        let mut found = made_up(&text, &places);
        let out = redact(&text, &found, &policy, &keys());
        let mut at = (0, 0);
        let mut kept = String::new();
        for one in &out.redactions {
            prop_assert_eq!(&text[at.0..one.original.start], &out.text[at.1..one.redacted.start]);
            kept.push_str(&text[at.0..one.original.start]);
            at = (one.original.end, one.redacted.end);
        }
        kept.push_str(&text[at.0..]);
        let covered = |byte: usize| found.iter().any(|f| f.span.range().contains(&byte));
        let open: String = text.char_indices().filter(|(at, _)| !covered(*at)).map(|(_, c)| c).collect();
        // Delimiters of a table may stay between two covered cells.
        prop_assert!(kept == open || out.redactions.len() > found.len());
        found.reverse();
        prop_assert_eq!(redact(&text, &found, &policy, &keys()), out);
        prop_assert_eq!(redact(&text, &[], &policy, &keys()).text, text);
    }

    #[test]
    fn masks_show_at_most_what_is_asked(value in "[a-z0-9é語]{1,24}", count in 0_usize..30, from_end: bool) {
        let policy = policy(&format!("  DEFAULT: {{operator: mask, count: {count}, from_end: {from_end}}}"));
        let found = made_up(&value, &[(0, value.len(), 200)]);
        prop_assume!(found[0].span.end == value.len());
        let out = redact(&value, &found, &policy, &keys()).text;
        let (length, open) = (value.chars().count(), out.chars().filter(|c| *c != '*').count());
        prop_assert_eq!(out.chars().count(), length);
        prop_assert!(open <= length.saturating_sub(count) && open * 2 <= length);
    }

    #[test]
    fn nothing_of_a_value_is_found_again(text in odd_text(), which in 0_usize..5) {
        let operator = ["replace", "hash", "token", "mask", "number"][which];
        let policy = policy(&format!("  DEFAULT: {{operator: {operator}}}"));
        let found = findings(&text, &policy);
        let out = redact(&text, &found, &policy, &keys()).text;
        let again: Vec<String> =
            findings(&out, &policy).iter().map(|f| out[f.span.range()].to_owned()).collect();
        // Hidden text is told of and left where it is.
        for finding in found.iter().filter(|finding| &*finding.category != "hidden_text") {
            let value = &text[finding.span.range()];
            prop_assert!(!again.iter().any(|again| again == value), "{}", out);
        }
    }
}
