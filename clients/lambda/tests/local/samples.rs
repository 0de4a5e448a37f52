//! The samples of `examples/` that go through API Gateway: each is sent, and answered as it says.

use std::{fs, process::Command};

use serde_json::Value;

use crate::stack::{Stack, curl, root};

/// Each `curl` of the document, with the status behind `# HTTP` and, behind `→`, a part of the answer.
#[test]
fn each_curl_of_the_document() {
    let stack = Stack::shared();
    let document = fs::read_to_string(root().join("examples/sample_requests.md")).unwrap();
    let (_, section) = document.split_once("## Through the Lambda filters").unwrap();
    let mut samples = 0;
    for sample in section.split("\ncurl ").skip(1) {
        let (command, behind) = sample.split_once("  # HTTP ").expect("each says what it is answered");
        let command = format!("curl {command}");
        let expected = behind.lines().next().unwrap();
        let (status, part) = expected.split_once(" → ").unwrap();
        let output = Command::new("bash")
            .args(["-c", &format!("{command} -w '\\n%{{http_code}}'")])
            .env("API", &stack.ready.rest)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let (body, code) = said.rsplit_once('\n').unwrap();
        assert_eq!(code, status.trim(), "{command}\n{said}{}", String::from_utf8_lossy(&output.stderr));
        assert!(body.contains(part.trim()), "{command}\n{body}");
        samples += 1;
    }
    assert!(samples >= 6, "{samples}");
}

/// Each request of the collection, with the answer that is saved with it.
#[test]
fn each_request_of_the_postman_collection() {
    let stack = Stack::shared();
    let collection = fs::read_to_string(root().join("examples/llm-shield.postman_collection.json")).unwrap();
    let collection: Value = serde_json::from_str(&collection).unwrap();
    let items = collection["item"].as_array().unwrap();
    assert!(items.len() >= 6);
    for item in items {
        let (request, saved) = (&item["request"], &item["response"][0]);
        assert_eq!(request["method"], "POST", "{item}");
        let url = request["url"]["raw"].as_str().unwrap().replace("{{api}}", &stack.ready.rest);
        let reply = curl(&url, request["body"]["raw"].as_str().unwrap(), &[]);
        assert_eq!(saved["code"], reply.status, "{}: {reply:?}", item["name"]);
        let expected: Value = serde_json::from_str(saved["body"].as_str().unwrap()).unwrap();
        check_has(&reply.json(), &expected, &item["name"]);
    }
}

/// What changes from run to run is left out of a saved answer.
fn check_has(value: &Value, expected: &Value, name: &Value) {
    match expected {
        Value::Object(fields) => {
            fields.iter().for_each(|(field, expected)| check_has(&value[field], expected, name))
        }
        Value::Array(items) => {
            assert_eq!(value.as_array().map(Vec::len), Some(items.len()), "{name}: {value}");
            items.iter().enumerate().for_each(|(index, expected)| check_has(&value[index], expected, name));
        }
        expected => assert_eq!(value, expected, "{name}"),
    }
}
