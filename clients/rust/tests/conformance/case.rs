//! A case: its client, and its steps in order.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use llm_shield_client::{OnUnavailable, ShieldClient, Tls};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::{answers, call, harness::Harness};

/// The suite measures no time, and runs on slow machines.
const DEADLINE: Duration = Duration::from_secs(30);
const EVENTUALLY: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) fn run(case: &Value, harness: &mut Harness) -> Result<(), String> {
    let attempts = case["case_attempts"].as_u64().unwrap_or(1);
    let mut outcome = Ok(());
    for attempt in 1..=attempts {
        let values = HashMap::from([("attempt".to_owned(), attempt.to_string())]);
        outcome = run_once(&filled(case, &values), harness, values);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn run_once(case: &Value, harness: &mut Harness, mut values: HashMap<String, String>) -> Result<(), String> {
    let runtime = Runtime::new().map_err(|error| error.to_string())?;
    let client = {
        let _entered = runtime.enter();
        client(case, harness)?
    };
    let steps = case["steps"].as_array().ok_or("a case has steps")?;
    for (number, step) in steps.iter().enumerate() {
        let step = filled(step, &values);
        let done = if step["harness"].is_object() {
            harness.ask(&step["harness"]).map(drop)
        } else if step["reload"] == true {
            runtime.block_on(client.reload()).map(drop).map_err(|error| error.to_string())
        } else {
            make(&step, &client, &runtime, harness, &mut values)
        };
        done.map_err(|problem| format!("step {}: {problem}", number + 1))?;
    }
    Ok(())
}

fn client(case: &Value, harness: &Harness) -> Result<ShieldClient, String> {
    let identity = case["identity"].as_str().ok_or("a case has an identity")?;
    let files = harness.ready.clients.get(identity).ok_or("the identity has files")?;
    let tls = match case["tls"].as_str() {
        Some("directory") => Tls::from_directory(&files.dir),
        _ => Tls::from_files(&files.ca, &files.cert, &files.key),
    };
    let on_unavailable = match case["on_unavailable"].as_str() {
        Some("allow") => OnUnavailable::Allow,
        _ => OnUnavailable::Block,
    };
    let tls = tls.map_err(|error| error.to_string())?;
    let mut builder = ShieldClient::builder(&harness.ready.address, tls, on_unavailable)
        .server_name(&harness.ready.server_name);
    if case["default_deadlines"] != true {
        builder = builder.scan_deadline(DEADLINE).redact_deadline(DEADLINE).deadline(DEADLINE);
    }
    builder.build().map_err(|error| error.to_string())
}

/// Makes a call until it is as expected.
fn make(
    step: &Value,
    client: &ShieldClient,
    runtime: &Runtime,
    harness: &mut Harness,
    values: &mut HashMap<String, String>,
) -> Result<(), String> {
    let method = call::method(&step["call"])?;
    let before = if step["attempts"].is_u64() { harness.requests(method)? } else { 0 };
    let begin = Instant::now();
    for _ in 0..step["times"].as_u64().unwrap_or(1) {
        loop {
            let answer = runtime.block_on(call::make(client, &step["call"]))?;
            match answers::check(&answer, &step["expect"]) {
                Ok(()) => {
                    save(&step["save"], &answer, values)?;
                    break;
                }
                Err(_) if step["eventually"] == true && begin.elapsed() < EVENTUALLY => {
                    runtime.block_on(async { tokio::time::sleep(PAUSE).await });
                }
                Err(problem) => return Err(problem),
            }
        }
    }
    if let Some(expected) = step["attempts"].as_u64() {
        let seen = harness.requests(method)? - before;
        if seen != expected {
            return Err(format!("the server has seen {seen} requests, not {expected}"));
        }
    }
    Ok(())
}

fn save(wanted: &Value, answer: &Value, values: &mut HashMap<String, String>) -> Result<(), String> {
    for (name, what) in wanted.as_object().into_iter().flatten() {
        let value = match what.as_str() {
            Some("text") => &answer["texts"][0],
            Some(field) => &answer[field],
            None => &Value::Null,
        };
        let value = value.as_str().ok_or_else(|| format!("the answer has no {what}"))?;
        values.insert(name.clone(), value.to_owned());
    }
    Ok(())
}

/// Puts saved values and repetitions in their places.
fn filled(value: &Value, values: &HashMap<String, String>) -> Value {
    match value {
        Value::String(text) => {
            let whole = text.strip_prefix('$').and_then(|name| values.get(name)).cloned();
            let attempt = values.get("attempt").map_or("", String::as_str);
            Value::String(whole.unwrap_or_else(|| text.replace("$attempt", attempt)))
        }
        Value::Array(items) => items.iter().map(|item| filled(item, values)).collect(),
        Value::Object(fields) => match (fields.get("repeat"), fields.get("times")) {
            (Some(Value::String(text)), Some(times)) => {
                Value::String(text.repeat(usize::try_from(times.as_u64().unwrap_or(0)).unwrap_or(0)))
            }
            _ => fields.iter().map(|(name, field)| (name.clone(), filled(field, values))).collect(),
        },
        other => other.clone(),
    }
}
