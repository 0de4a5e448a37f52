//! Finds names in `{"id", "text"}` lines and writes `{"id", "spans": [{"start", "end", "entity", "rule_id", "score"}]}`
//! lines, with byte offsets: what `../shared/eval/eval_pii.py --unit byte` reads. The name detector alone, no policy.
//!
//! ```sh
//! cargo run --example names_jsonl -- [MIN_SCORE] < in.jsonl > out.jsonl
//! ```

use std::error::Error;
use std::io::{BufRead, Write};

use llm_shield_detect::names::Names;
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let min_score: f64 = std::env::args().nth(1).map_or(Ok(0.5), |score| score.parse())?;
    let names = Names::new();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut found = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line: Value = serde_json::from_str(&line?)?;
        let text = line.get("text").and_then(Value::as_str).ok_or("a line has no text")?;
        found.clear();
        names.find(text, &mut found);
        let spans: Vec<Value> = found
            .iter()
            .filter(|named| named.score >= min_score)
            .map(|named| {
                json!({
                    "start": named.span.start, "end": named.span.end, "entity": named.entity,
                    "rule_id": named.rule_id, "score": named.score,
                })
            })
            .collect();
        writeln!(out, "{}", json!({"id": line.get("id"), "spans": spans}))?;
    }
    Ok(())
}
