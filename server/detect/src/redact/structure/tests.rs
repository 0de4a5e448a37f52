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
