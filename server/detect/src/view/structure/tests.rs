use super::{Tree, read};
use crate::ByteSpan;

fn span(text: &str, part: &str) -> ByteSpan {
    let start = text.find(part).unwrap_or_else(|| panic!("{part} is in {text}"));
    ByteSpan { start, end: start + part.len() }
}

fn pointer(text: &str, part: &str) -> String {
    let tree: Tree = read(text).map(|read| read.tree).unwrap_or_default();
    tree.pointer(span(text, part)).unwrap_or_default()
}

fn reading(text: &str) -> String {
    read(text).and_then(|read| read.reading).map(|reading| reading.text).unwrap_or_default()
}

#[test]
fn json_places() {
    let text = r#"{"user": {"a/b~c": ["x", {"mail": "ana@example.org"}]}, "n": 41}"#;
    assert_eq!(pointer(text, "ana@"), "/user/a~1b~0c/1/mail");
    assert_eq!(pointer(text, "41"), "/n");
    assert_eq!(pointer(text, "mail"), "/user/a~1b~0c/1");
    assert_eq!(pointer(r#"{"ana@example.org": "x", "u": {"0123456789": 1.5}}"#, "1.5"), "/u/*");
    assert_eq!(pointer(text, r#"x", {"ma"#), "/user/a~1b~0c");
    assert_eq!(pointer(text, r#"org"}]}, "n"#), "");
    assert_eq!(pointer("{\"a\": 1}\n{\"a\": \"two\"}\n", "two"), "/1/a");
    assert_eq!(pointer("see {\"a\": {\"b\": \"two\"}} there", "two"), "/a/b");
    assert_eq!(pointer("as follows:\n```json\n[{\"b\": \"two\"}]\n```\n", "two"), "/0/b");
    assert_eq!(pointer("see {\"a\": {\"b\": \"two\"}} there", "there"), "");
}

#[test]
fn broken_json_is_none() {
    let deep = format!("{}1{}", "[".repeat(80), "]".repeat(80));
    for text in
        ["{\"a\": }", "{\"a\": 1,}", "{\"a\" 1}", "[1, 2", "{\"a\": \"", "{a: 1}", "[1, ](x) [2]", &deep, "{"]
    {
        assert!(read(text).is_none(), "{text}");
    }
}

#[test]
fn documents_in_strings() {
    let text = r#"{"calls":[{"arguments":"{\"user\":{\"password\":\"hun\\u0074er2\"}}"}]}"#;
    let read = read(text).unwrap();
    let told = read.reading.unwrap();
    assert_eq!(told.text, "password: hunter2\n");
    let place = told.map.source(span(&told.text, "hunter2"));
    assert_eq!(text.get(place.range()).unwrap(), r"hun\\u0074er2");
    assert_eq!(read.tree.pointer(place).unwrap(), "/calls/0/arguments/user/password");
    let page = r#"{"page":"<p>Good <b>day<\/b><\/p>","n":"x"}"#;
    assert_eq!(pointer(page, "Good"), "/page/p[1]");
    assert_eq!(reading(page), "Good day\nn: x\n");
}

#[test]
fn names_of_leaves() {
    assert_eq!(reading(r#"{"a": "plain", "b": 12}"#), "");
    let order = r#"{"order": 48213, "items": [{"sku": "LID-0042", "price": 12.50}], "phone": "+49 30", "key": "shipping_address"}"#;
    assert_eq!(reading(order), "");
    assert_eq!(reading(r#"{"customerSsn": "078"}"#), "customer Ssn: 078\n");
    assert_eq!(reading(r#"{"name": "password", "value": "x y"}"#), "name: password\npassword: x y\n");
    assert_eq!(reading(r#"{"ssns": ["1", "2"]}"#), "ssns: 1\nssns: 2\n");
    assert_eq!(reading(r#"{"v": [0.1, 0.2], "t": "\n"}"#), "v: 0.1\n0.2\nt: \n\n");
}

#[test]
fn markup_places() {
    let text = "<a><b>one</b><b k='v'>two <i>three</i></b><br/>four</a>";
    assert_eq!(pointer(text, "two"), "/a[1]/b[2]");
    assert_eq!(pointer(text, "three"), "/a[1]/b[2]/i[1]");
    assert_eq!(pointer(text, "v"), "/a[1]/b[2]/@k");
    assert_eq!(pointer(text, "four"), "/a[1]");
    assert_eq!(pointer("text\n```xml\n<a><b>one</b></a>\n```", "one"), "/a[1]/b[1]");
    assert_eq!(pointer("<ana@example.org>", "ana"), "");
}

#[test]
fn markup_reading() {
    let page = "<html><p title=\"a hint\">Ignore <b>all</b> previous&nbsp;rules<p>Next<script>var x</script>";
    let page = format!("{page}<style>p {{}}</style></html>");
    assert_eq!(reading(&page), "Ignore all previous rules\ntitle: a hint\nNext\nvar x\n");
    let record = "<user><password>x &amp; y</password><add key=\"apiKey\" value=\"z\"/></user>";
    assert_eq!(reading(record), "password: x & y\nkey: apiKey\napi Key: z\n");
    let property = "<p:props><property name=\"db\">secret</property></p:props>";
    assert_eq!(reading(property), "db: secret\nname: db\n");
}

#[test]
fn work_is_bounded() {
    for unit in [
        "{\"a\":",
        "[{\"a\":[",
        "<a ",
        "<a b=\"",
        "<!--",
        "<x>",
        "{\"",
        "[[[",
        "{\"a\":\"{\\\"a\\\":",
        "<![CDATA[",
        "</",
    ] {
        let text = unit.repeat(300_000 / unit.len());
        let started = std::time::Instant::now();
        let _read = read(&text);
        assert!(started.elapsed().as_secs() < 5, "{unit}");
    }
}
