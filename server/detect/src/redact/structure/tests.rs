use super::*;

fn pieces<'t>(text: &'t str, from: &str, to: &str) -> Vec<(&'t str, Kind)> {
    let start = text.find(from).unwrap();
    let end = start + text.split_at(start).1.find(to).unwrap() + to.len();
    let structure = Structure::of(text);
    structure
        .pieces(text, ByteSpan { start, end })
        .into_iter()
        .map(|(span, kind)| (text.get(span.range()).unwrap(), kind))
        .collect()
}

#[test]
fn json_keys_stay() {
    let text = r#"{"password": "hunter2", "card": 4111111111111111, "ana@example.org": true}"#;
    assert_eq!(pieces(text, "password", "hunter2"), [("hunter2", Kind::JsonString)]);
    assert_eq!(pieces(text, "1111", "11"), [("4111111111111111", Kind::JsonScalar)]);
    assert_eq!(pieces(text, "ana", "org"), [("ana@example.org", Kind::JsonString)]);
    assert_eq!(pieces("{\"a\": \"x\"}\n{\"a\": 12}\n", "12", "12"), [("12", Kind::JsonScalar)]);
}

#[test]
fn json_escapes_are_whole() {
    let text = r#"{"a": "x\u00e9y\\nz\ud83d\ude00!"}"#;
    for (from, to, expected) in [
        ("00e9y", "y", r"\u00e9y"),
        ("x", r"x\u", r"x\u00e9"),
        ("nz", "z", "nz"),
        (r"\nz", "z", r"\\nz"),
        ("ude00!", "!", r"\ud83d\ude00!"),
        ("z", r"\ud83d", r"z\ud83d\ude00"),
    ] {
        assert_eq!(pieces(text, from, to), [(expected, Kind::JsonString)], "{from}");
    }
}

/// Puts a stand-in in the place of a part of a text.
fn replaced(text: &str, part: &str, stand_in: &str) -> String {
    let start = text.find(part).unwrap();
    let mut out = text.to_owned();
    let structure = Structure::of(text);
    for (span, kind) in structure.pieces(text, ByteSpan { start, end: start + part.len() }).into_iter().rev()
    {
        out.replace_range(span.range(), &Structure::encode(kind, stand_in));
    }
    out
}

/// Wraps a document in strings of JSON.
fn in_strings(document: &str, times: usize) -> String {
    (0..times).fold(document.to_owned(), |inner, _| serde_json::json!({ "a": inner }).to_string())
}

#[test]
fn documents_in_strings_stay_documents() {
    let inner = r#"{"pin":7391,"to":"x \u00e9 \"7392\"\n","on":true,"list":[7393, -7.5]}"#;
    for times in 0..=4 {
        for (part, stand_in) in
            [("7391", "[PIN]"), ("7392", "<\"a\\b\">"), ("true", "\"\\"), ("7393", "[N]"), ("7391", "12")]
        {
            let text = in_strings(inner, times);
            let mut value: serde_json::Value =
                serde_json::from_str(&replaced(&text, part, stand_in)).unwrap();
            for _ in 0..times {
                let inner = value["a"].as_str().unwrap().to_owned();
                value = serde_json::from_str(&inner).unwrap_or_else(|error| panic!("{error}: {inner}"));
            }
            let held = value.to_string();
            let written = serde_json::Value::from(stand_in).to_string();
            let bare = written.trim_matches('"').replace("[PIN]", "\"[PIN]\"");
            assert!(!held.contains(part) && held.contains(&bare), "{part} {times}: {held}");
        }
    }
}

#[test]
fn documents_elsewhere_stay_documents() {
    for (text, expected) in [
        (r#"Deal {"card":7391} and 12"#, r#"Deal {"card":"[X]"} and 12"#),
        (r#"Deal {"a":"{\"card\":7391}"}"#, r#"Deal {"a":"{\"card\":\"[X]\"}"}"#),
        (r#"{"a":"Deal {\"card\":7391}!"}"#, r#"{"a":"Deal {\"card\":\"[X]\"}!"}"#),
        (r#"{"a":"\"{\\\"card\\\":7391}\""}"#, r#"{"a":"\"{\\\"card\\\":\\\"[X]\\\"}\""}"#),
        ("```json\n{\n  \"card\": 7391\n}\n```", "```json\n{\n  \"card\": \"[X]\"\n}\n```"),
        (r#"data: {"card":7391}"#, r#"data: {"card":"[X]"}"#),
        (r#"<p>{"card":7391}</p>"#, r#"<p>{"card":"[X]"}</p>"#),
        (r#"<p a="{&quot;card&quot;:7391}"/>"#, r#"<p a="{&quot;card&quot;:&quot;[X]&quot;}"/>"#),
        ("n,b\n1,\"{\"\"card\"\":7391}\"\n", "n,b\n1,\"{\"\"card\"\":\"\"[X]\"\"}\"\n"),
        ("n;b\n1;{\"card\":7391}\n", "n;b\n1;{\"card\":\"[X]\"}\n"),
        // What is no JSON is text.
        ("a {card: 7391}", "a {card: [X]}"),
        ("see [7391] there", "see [[X]] there"),
        (r#"open {"card": 7391"#, r#"open {"card": [X]"#),
        (r#"wrong {"a" {"card":7391}"#, r#"wrong {"a" {"card":"[X]"}"#),
    ] {
        assert_eq!(replaced(text, "7391", "[X]"), expected);
    }
}

#[test]
fn escapes_in_strings_of_strings_are_whole() {
    let text = in_strings(r#"{"b":"x\u00e9y\nz"}"#, 1);
    let nested =
        |from: &str, to: &str| pieces(&text, from, to).into_iter().map(|(part, _)| part).collect::<Vec<_>>();
    assert_eq!(nested("00e9y", "y"), [r"\\u00e9y"]);
    assert_eq!(nested("nz", "z"), [r"\\nz"]);
    assert_eq!(nested("x", r"x\\"), [r"x\\u00e9"]);
    assert_eq!(nested("b", "z"), [r"x\\u00e9y\\nz"], "the key stays");
}

#[test]
fn brackets_without_end_cost_little() {
    let text = format!("a {}{{\"card\": 7391}}", "{\"a\":[".repeat(50_000));
    assert!(replaced(&text, "7391", "[X]").contains("[X]"));
}

#[test]
fn xml_tags_stay() {
    let text = r#"<?xml version="1.0"?><p a="1" b='x &amp; y'><q>Ana</q> <r/>Lima<!-- c --></p>"#;
    assert_eq!(pieces(text, "Ana", "Lima").len(), 3);
    assert_eq!(pieces(text, "mp; y", "y"), [("&amp; y", Kind::Xml)]);
    for text in ["<ana@example.org>", "<p>x</q>", "a <b> c", "<p a=1>x</p>", "<"] {
        assert!(Structure::of(text).leaves.is_empty(), "{text}");
    }
}

#[test]
fn cells() {
    let text = "name,mail\r\n\"Lima, \"\"Ana\"\"\",a@example.org\r\n";
    assert_eq!(pieces(text, "Ana", "a@example.org").len(), 2);
    assert_eq!(pieces(text, "Lima", "Ana\""), [("Lima, \"\"Ana\"\"", Kind::QuotedCell)]);
    for text in ["one, two", "one, two\nthree", "a,b\nc,d,e", "a,\"b\nc,d"] {
        assert!(Structure::of(text).leaves.is_empty(), "{text}");
    }
}

#[test]
fn stand_ins_are_escaped() {
    assert_eq!(Structure::encode(Kind::JsonString, "a\"b\\"), r#"a\"b\\"#);
    assert_eq!(Structure::encode(Kind::JsonScalar, "[X]"), r#""[X]""#);
    assert_eq!(Structure::encode(Kind::JsonScalar, "123"), "123");
    assert_eq!(Structure::encode(Kind::JsonScalar, "0123"), r#""0123""#);
    assert_eq!(Structure::encode(Kind::Xml, "<X>&"), "&lt;X&gt;&amp;");
    assert_eq!(Structure::encode(Kind::Cell, "a,b"), "a b");
}
