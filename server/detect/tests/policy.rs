//! Policies: what they decide, what they refuse, and that what is written about them holds.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

use llm_shield_detect::rules::Table;
use llm_shield_detect::{
    Action, Cancel, Content, Direction, Engine, Policy, PolicyError, Redacted, RedactionKeys, Report,
    Request, Role, Source, redact,
};

const PII: &str = r#"
[[rule]]
id = "email"
description = "An address"
entity = "EMAIL_ADDRESS"
severity = "medium"
score = 0.9
keywords = ["@"]
pattern = '[a-z0-9.]+@[a-z0-9.]+\.[a-z]{2,}'

[[rule]]
id = "ip"
description = "An address"
entity = "IP_ADDRESS"
severity = "low"
score = 0.6
trigger = "token"
pattern = '\d{1,3}(?:\.\d{1,3}){3}'
context = ["host"]
context_score = 0.8
"#;

fn engine() -> Engine {
    Engine::from_tables(&[Table { detector: "pii", name: "test", toml: PII }]).unwrap()
}

fn scan(text: &str, policy: &Policy) -> Report {
    let request = Request::single(Direction::Input, Role::User, text);
    engine().scan(&request, policy, &Cancel::never())
}

fn redacted(text: &str, policy: &Policy) -> Redacted {
    redact(text, &scan(text, policy).findings, policy, &RedactionKeys::default())
}

fn policy(rest: &str) -> Policy {
    Policy::from_yaml(&format!("name: test\n{rest}")).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(yaml: &str) -> Vec<String> {
    Policy::from_yaml(yaml).unwrap_err().problems().map(ToString::to_string).collect()
}

/// The policies of the document, each with its cases.
fn examples() -> Vec<(Policy, String)> {
    let document = include_str!("../../../docs/policy.md");
    let block = |name: &str| {
        let (_, rest) = document.split_once(&format!("<!-- file: {name} -->\n```yaml\n")).unwrap();
        rest.split("```").next().unwrap().to_owned()
    };
    [("my-policy.yaml", "cases.yaml"), ("checks.yaml", "checks-cases.yaml")]
        .map(|(policy, cases)| (Policy::from_yaml(&block(policy)).unwrap(), block(cases)))
        .into()
}

#[test]
fn the_documented_examples_hold() {
    let engine = Engine::builtin().unwrap();
    for (policy, cases) in examples() {
        let unknown: Vec<String> = policy.unknown_names(&engine).iter().map(ToString::to_string).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        let cases: serde_json::Value = serde_saphyr::from_str(&cases).unwrap();
        for case in cases["cases"].as_array().unwrap() {
            let text = case["text"].as_str().unwrap();
            let request = match case["direction"].as_str() {
                Some("output") => Request::single(Direction::Output, Role::Assistant, text),
                _ => Request::single(Direction::Input, Role::User, text),
            };
            let report = engine.scan(&request, &policy, &Cancel::never());
            let action = format!("{:?}", report.action).to_lowercase();
            assert_eq!(case["expect"]["action"], action, "{text}: {:?}", report.findings);
            for rule in case["expect"]["rules"].as_array().into_iter().flatten() {
                assert!(report.findings.iter().any(|finding| *rule == *finding.rule_id), "{text}: {rule}");
            }
        }
    }
}

#[test]
fn every_key_of_checks_is_in_the_document() {
    let schema: serde_json::Value = serde_json::from_str(Policy::schema()).unwrap();
    let document = include_str!("../../../docs/policy.md");
    for definition in ["HygieneConfig", "OutputConfig", "WordList"] {
        for key in schema["$defs"][definition]["properties"].as_object().unwrap().keys() {
            assert!(document.contains(&format!("`{key}`")), "docs/policy.md lacks {definition}.{key}");
        }
    }
}

#[test]
fn presets_name_what_exists() {
    let engine = Engine::builtin().unwrap();
    for name in Policy::preset_names() {
        let policy = Policy::preset(name).unwrap();
        let unknown: Vec<String> = policy.unknown_names(&engine).iter().map(ToString::to_string).collect();
        assert!(unknown.is_empty(), "{name}: {unknown:?}");
        assert!(policy.effective(&engine, Direction::Input).len() > 20, "{name}");
    }
}

#[test]
fn all_problems_are_told_with_their_keys() {
    let problems = refused(
        "name: x\ninputs: {}\ninput:\n  detectors:\n    pii: { treshold: 0.5, action: redakt }\n    secrets: { \
         threshold: 1.5 }\noperators:\n  A: { operator: mask, count: many }\n  B: { operator: shred }\nallow:\n  - { \
         exact: 5 }\n",
    );
    for part in [
        "unknown policy key `inputs`; did you mean `input`?",
        "unknown policy key `input.detectors.pii.treshold`; did you mean `input.detectors.pii.threshold`?",
        "`input.detectors.pii.action`: there is no `redakt`; did you mean `redact`?",
        "`input.detectors.secrets.threshold`: `1.5` is not within 0 and 1",
        "`operators.A.count`: is a text, must be a whole number",
        "`operators.B.operator`: there is no `shred`",
        "`allow[0].exact`: is a number, must be a text (put it in quotes)",
    ] {
        assert!(problems.iter().any(|problem| problem.contains(part)), "{part}: {problems:#?}");
    }
    assert_eq!(problems.len(), 7, "{problems:#?}");
    for (yaml, part) in [
        ("description: x", "`name`: is missing"),
        ("- x", "must be a map"),
        ("name: x\nallow: [{}]", "allow[0]"),
        ("name: x\nallow: [{cidr: 10.0.0.1/8}]", "bits set"),
        ("name: x\nallow: [{regex: '('}]", "allow[0]"),
        ("name: x\noperators: {A: {operator: mask, char: ab}}", "one character"),
        ("name: x\noperators: {A: {operator: mask, char: a}}", "a letter"),
        ("name: x\ncustom_rules: [{id: Bad Id, pattern: abc}]", "custom_rules[0].id"),
        ("name: x\ncustom_rules: [{id: a, pattern: '(a'}]", "custom_rules[0].pattern"),
        ("name: x\ncustom_rules: [{id: a, pattern: 'a*'}]", "empty text"),
        ("name: x\ncustom_rules: [{id: a, pattern: '\\w{500}'}]", "compiles to more than"),
        ("name: x\ncustom_rules: [{id: a, pattern: abc}, {id: a, pattern: abd}]", "used twice"),
        ("name: x\ncustom_rules: [{id: a, pattern: abc, validator: none-such}]", "custom_rules[0].validator"),
        (
            "name: x\ncustom_rules: [{id: a, detector: injection, pattern: '\\d\\d'}]",
            "custom_rules[0].keywords",
        ),
        ("name: [", "policy:"),
    ] {
        let problems = refused(yaml).join("\n");
        assert!(problems.contains(part), "{yaml}: {problems}");
    }
}

#[test]
fn problems_of_all_kinds_are_told_at_once() {
    let yaml = r#"
name: a
input:
  detectors: { secrets: { threshold: 1.5, action: redact }, injection: { threshold: 0.3, flag_threshold: 0.9 }, pi: {} }
  entities: { NOSUCH: { action: block } }
  rules: { no-such-rule: { action: block }, banned-rude: { action: flag } }
  treshold: 3
operators: { A: { operator: mask, char: a } }
allow:
  - { exact: a, regex: b }
  - { cidr: 10.0.0.0/33 }
  - { exact: 5 }
deny:
  - { id: "Bad Id", exact: "" }
custom_rules:
  - { id: c1, description: d, entity: X, pattern: '(a+)+$(?=x)', validator: nope }
  - { id: c2, description: d, entity: X, pattern: '\w{1000}{1000}' }
  - { id: c2, description: d, entity: X, pattern: 'abcd' }
  - { id: github-pat, description: d, entity: X, pattern: 'abcd' }
  - { id: c6, description: d, entity: "bad entity", pattern: 'abcd', score: 3, validator: nope, context_required: true }
checks: { hygiene: { max_tokens: 0, word_lists: [{ name: rude, entries: [x] }] } }
"#;
    let error = Policy::from_yaml_for(yaml, &Engine::builtin().unwrap()).unwrap_err();
    let problems: Vec<String> = error.problems().map(ToString::to_string).collect();
    let expected = [
        "`input.detectors.secrets.threshold`",
        "`input.treshold`",
        "`input.detectors.injection.flag_threshold`: `0.9` is more than",
        "`input.detectors.pi`",
        "`input.entities.NOSUCH`",
        "`input.rules.no-such-rule`",
        "`operators.A`: `char`",
        "`operators.A`;",
        "`allow[0]`",
        "`allow[1]`",
        "`allow[2].exact`",
        "`deny[0]`",
        "`deny[0].id`",
        "`custom_rules[0].pattern`",
        "`custom_rules[0].validator`",
        "`custom_rules[1].pattern`",
        "`custom_rules[2].id`: `c2` is used twice",
        "`custom_rules[3].id`: `github-pat` is the id of a built-in rule",
        "`custom_rules[4].entity`",
        "`custom_rules[4].score`",
        "`custom_rules[4].validator`",
        "`custom_rules[4].context`",
        "`checks.hygiene`: `max_tokens` is 0",
    ];
    for part in expected {
        assert!(
            problems.iter().any(|problem| problem.contains(part)) || part.ends_with(';'),
            "{part}: {problems:#?}"
        );
    }
    assert!(problems.len() <= expected.len(), "{problems:#?}");
}

#[test]
fn keys_in_the_wrong_place_are_shown_the_right_one() {
    for (rest, right) in [
        ("hygiene: {max_tokens: 5}", "checks.hygiene"),
        ("input: {hygiene: {max_tokens: 5}}", "checks.hygiene"),
        ("input: {detectors: {hygiene: {word_lists: []}}}", "checks.hygiene.word_lists"),
        ("max_tokens: 5", "checks.hygiene.max_tokens"),
        ("output: {detectors: {output: {allowed_hosts: []}}}", "checks.output.allowed_hosts"),
        ("detectors: {pii: {enabled: false}}", "input.detectors"),
        ("inptu: {}", "input"),
    ] {
        let problems = refused(&format!("name: x\n{rest}")).join("\n");
        assert!(problems.contains(&format!("did you mean `{right}`?")), "{rest}: {problems}");
    }
}

#[test]
fn rule_before_entity_before_detector() {
    let text = "host 10.1.2.3, ana@lima.pe";
    let base = "detectors: {pii: {threshold: 0.5, action: flag}}";
    for (more, action) in [
        ("", Action::Flag),
        ("entities: {EMAIL_ADDRESS: {action: redact}}", Action::Redact),
        ("entities: {EMAIL_ADDRESS: {action: redact}}, rules: {email: {action: block}}", Action::Block),
        ("entities: {EMAIL_ADDRESS: {threshold: 0.95}, IP_ADDRESS: {enabled: false}}", Action::Allow),
        ("rules: {email: {enabled: false}, ip: {threshold: 0.9}}", Action::Allow),
    ] {
        let policy = policy(&format!("input: {{{base}, {more}}}"));
        assert_eq!(scan(text, &policy).action, action, "{more}");
    }
}

#[test]
fn allow_lists() {
    let found = |rest: &str, text: &str| scan(text, &policy(&format!("allow: [{rest}]"))).findings.len();
    for (entry, passes, stays) in [
        ("{exact: ana@lima.pe}", "to ana@lima.pe", "to eva@lima.pe"),
        ("{regex: '(ana|eva)@lima\\.pe'}", "to eva@lima.pe", "to ana@lima.pe.org"),
        ("{domain: lima.pe}", "to ana@mail.lima.pe", "to ana@notlima.pe"),
        ("{cidr: 10.0.0.0/8}", "at 10.9.8.7", "at 11.9.8.7"),
        ("{exact: ana@lima.pe, entities: [EMAIL_ADDRESS]}", "to ana@lima.pe", "at 10.9.8.7"),
    ] {
        assert_eq!((found(entry, passes), found(entry, stays)), (0, 1), "{entry}");
    }
    assert_eq!(found("{exact: ana@lima.pe, rules: [ip]}", "to ana@lima.pe"), 1);
}

#[test]
fn nothing_within_an_allowed_value_is_told_of() {
    let engine = Engine::builtin().unwrap();
    let policy = policy(
        "input: {detectors: {pii: {threshold: 0.3, action: redact}, secrets: {threshold: 0.3, action: redact}}}\nallow:\n  \
         - {domain: example.com, entities: [EMAIL_ADDRESS]}\n  - {exact: '+49 30 0000000'}",
    );
    let redacted = |text: &str| {
        let request = Request::single(Direction::Input, Role::User, text);
        let findings = engine.scan(&request, &policy, &Cancel::never()).findings;
        redact(text, &findings, &policy, &RedactionKeys::default()).text
    };
    for text in
        ["write to help@example.com", "write to ana.lima@mail.example.com.", "call +49 30 0000000 today"]
    {
        assert_eq!(redacted(text), text);
    }
    // Beside an allowed value, and in one that is not, all is as before.
    assert_eq!(
        redacted("write to help@example.com or ana@lima.pe"),
        "write to help@example.com or [EMAIL_ADDRESS]"
    );
    assert!(!redacted("see https://lima.pe/x, not help@example.com").contains("lima.pe"));
    assert!(!redacted("help@example.com.lima.pe").contains("lima.pe"));
}

#[test]
fn deny_lists() {
    for (entry, hits, misses) in [
        ("{exact: Project Falcon}", "about PROJECT\nfalcon.", "about Project Falconry"),
        ("{exact: Falcon, ignore_case: false}", "a Falcon", "a falcon"),
        ("{regex: 'fal[ck]on'}", "a falkon", "a falxon"),
        ("{domain: evil.org}", "see https://a.evil.org/x", "see evil.org.example.net or notevil.org"),
        ("{cidr: 192.0.2.0/24}", "from 192.0.2.77:80", "from 192.0.3.77"),
        ("{cidr: '2001:db8::/32'}", "from 2001:db8::7", "from 2001:db9::7"),
        ("{exact: ключ}", "это ключ здесь", "ключи"),
    ] {
        let policy = policy(&format!("deny: [{entry}]\ninput: {{detectors: {{pii: {{enabled: false}}}}}}"));
        let report = scan(hits, &policy);
        assert_eq!(report.action, Action::Block, "{entry}");
        assert_eq!((&*report.findings[0].entity, &*report.findings[0].rule_id), ("DENIED", "deny-0"));
        assert_eq!(scan(misses, &policy).action, Action::Allow, "{entry}: {misses}");
    }
    // Under an encoding, too.
    let policy = policy("deny: [{exact: Project Falcon}]");
    assert_eq!(scan("cGxlYXNlIGxvb2sgYXQgUHJvamVjdCBGYWxjb24gdG9kYXk=", &policy).action, Action::Block);
}

#[test]
fn custom_rules_run_beside_the_others() {
    let policy = policy(
        "custom_rules:\n  - {id: customer, entity: CUSTOMER, pattern: '\\bCUST-(\\d{6})\\b', action: redact}\n  - {id: \
         short, entity: SHORT, pattern: '#\\d{2}#', action: flag}\n  - {id: name, detector: pii, entity: NICK, pattern: \
         'nick: (\\w+)'}\noperators: {CUSTOMER: {operator: mask}}",
    );
    assert_eq!(policy.slow_rules().collect::<Vec<_>>(), ["short"]);
    let text = "cust-000000 CUST-123456 #42# nick: zoe";
    let report = scan(text, &policy);
    let found: Vec<(&str, &str)> =
        report.findings.iter().map(|f| (&*f.rule_id, text.get(f.span.range()).unwrap())).collect();
    assert_eq!(found, [("customer", "123456"), ("short", "#42#"), ("name", "zoe")]);
    assert_eq!(redacted(text, &policy).text, "cust-000000 CUST-****** [SHORT] nick: [NICK]");
    assert!(
        report
            .detectors
            .iter()
            .any(|detector| &*detector.detector == "custom" && detector.finding_count == 2)
    );
    let again = redacted(text, &policy).text;
    assert_eq!(redacted(&again, &policy).text, again);
}

#[test]
fn a_thousand_rules_and_no_more() {
    let rules = |count: usize| {
        let rules: Vec<String> = (0..count)
            .map(|n| format!("  - {{id: r-{n}, entity: E, pattern: '\\bCODE{n}-[A-Z]{{4,9}}\\b'}}"))
            .collect();
        format!("name: x\ncustom_rules:\n{}\n", rules.join("\n"))
    };
    let policy = Policy::from_yaml(&rules(1000)).unwrap();
    let report = scan("CODE0-ABCD CODE999-ABCD CODE1000-ABCD", &policy);
    let ids: Vec<&str> = report.findings.iter().map(|finding| &*finding.rule_id).collect();
    assert_eq!(ids, ["r-0", "r-999"]);
    assert!(refused(&rules(1001)).join("").contains("more than 1000"));
}

#[test]
fn overlaps_are_decided_by_the_policy() {
    let rules = "custom_rules:\n  - {id: long, entity: LONG, severity: low, score: 0.6, pattern: 'key abc def'}\n  - {id: \
                 grave, entity: GRAVE, severity: critical, score: 0.7, pattern: 'abc'}\n  - {id: sure, entity: SURE, \
                 severity: medium, score: 0.99, pattern: 'abc d'}";
    for (overlap, entity) in [("severity", "[GRAVE]"), ("score", "[SURE]"), ("longest", "[LONG]")] {
        let policy = policy(&format!("overlap: {overlap}\n{rules}"));
        assert_eq!(redacted("the key abc def.", &policy).text, format!("the {entity}."));
    }
}

#[test]
fn decisions_are_explained() {
    let policy = policy(
        "input: {entities: {IP_ADDRESS: {threshold: 0.7}}}\nallow: [{domain: lima.pe}]\ncustom_rules: [{id: own, entity: \
         OWN, pattern: OWN-1, action: block}]",
    );
    let engine = engine();
    let text = "host 10.1.2.3 and 10.1.2.4, ana@lima.pe, OWN-1";
    let explain = |rule: &str| {
        let findings = engine.inspect_with(&Content { role: Role::User, text }, &policy);
        let finding = findings.into_iter().find(|finding| &*finding.rule_id == rule).unwrap();
        policy.explain(&engine, &finding, text, Direction::Input)
    };
    let ip = explain("ip");
    assert_eq!((ip.threshold, ip.threshold_from, ip.admitted), (0.7, Source::Entity, true));
    let parts: Vec<(&str, f64)> = ip.parts.iter().map(|part| (part.what, part.score)).collect();
    assert_eq!(parts, [("pattern", 0.6), ("context word near", 0.8)]);
    assert_eq!(explain("email").allowed_by, Some(0));
    let own = explain("own");
    assert_eq!((own.action, own.action_from), (Action::Block, Source::CustomRule));
    let rows = policy.effective(&engine, Direction::Input);
    assert!(rows.iter().any(|row| row.entity == "IP_ADDRESS" && row.threshold_from == Source::Entity));
    assert!(rows.iter().any(|row| row.entity == "OWN (own)" && row.action == Action::Block));
}

#[test]
fn names_that_nobody_knows_are_told() {
    let policy =
        policy("input: {entities: {EMAIL_ADRESS: {enabled: false}}, detectors: {pi: {enabled: false}}}");
    let problems: Vec<String> = policy.unknown_names(&engine()).iter().map(ToString::to_string).collect();
    assert!(
        problems.iter().any(|p| p.contains("did you mean `input.entities.EMAIL_ADDRESS`")),
        "{problems:?}"
    );
    assert!(problems.iter().any(|p| p.contains("`input.detectors.pi`")), "{problems:?}");
    assert!(matches!(Policy::preset("lax"), Err(PolicyError::UnknownPreset(_))));
}
