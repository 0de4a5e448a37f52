//! The engine on prompts of several sizes, beside its limit: one Aho-Corasick DFA over the keywords of all rules, run
//! over the same bytes. No engine that looks for these keywords can be faster than the limit by much, so the ratio of
//! the two says how much the rest (views, patterns, validators) costs. Compare figures of one run only.
#![forbid(unsafe_code)]
#![expect(clippy::expect_used, reason = "a bench without an engine measures nothing")]

use std::hint::black_box;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use llm_shield_detect::{Engine, rules};

const SIZES: [usize; 3] = [1_024, 2_048, 32_768];

criterion_group!(benches, detect);
criterion_main!(benches);

fn detect(criterion: &mut Criterion) {
    let engine = Engine::builtin().expect("the built-in rules compile");
    let limit = AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::DFA))
        .ascii_case_insensitive(true)
        .build(keywords())
        .expect("the keywords compile");
    for (name, source) in [("prose", PROSE), ("chat log", CHAT_LOG)] {
        let mut group = criterion.benchmark_group(name);
        for size in SIZES {
            let text = text(source, size);
            group.throughput(Throughput::Bytes(u64::try_from(size).expect("sizes are small")));
            group.bench_with_input(BenchmarkId::new("engine", size), &text, |bencher, text| {
                bencher.iter(|| engine.inspect(black_box(text)));
            });
            group.bench_with_input(BenchmarkId::new("limit", size), &text, |bencher, text| {
                bencher.iter(|| limit.find_overlapping_iter(black_box(text)).count());
            });
        }
        group.finish();
    }
}

/// Reads the keywords of all built-in rules from their tables.
fn keywords() -> Vec<String> {
    let mut keywords: Vec<String> = rules::builtin_tables()
        .iter()
        .filter_map(|table| toml::from_str::<toml::Table>(table.toml).ok())
        .filter_map(|mut table| table.remove("rule"))
        .filter_map(|rules| if let toml::Value::Array(rules) = rules { Some(rules) } else { None })
        .flatten()
        .filter_map(|rule| rule.get("keywords").and_then(toml::Value::as_array).cloned())
        .flatten()
        .filter_map(|keyword| keyword.as_str().map(str::to_owned))
        .collect();
    keywords.sort();
    keywords.dedup();
    keywords
}

/// Repeats a text up to `size` bytes. ASCII only, so that any length is a boundary.
fn text(source: &str, size: usize) -> String {
    let mut text = source.repeat(size.div_ceil(source.len()));
    text.truncate(size);
    text
}

/// A question as people put it: few digits, few keywords.
const PROSE: &str = "\
Could you summarise the notes from the meeting on Tuesday and list who agreed to do what? The customer says that the \
parcel arrived with a broken lid and asks for a new one before the weekend. Please answer in two short paragraphs, \
friendly in tone, and offer a replacement. Our opening hours have changed since spring, and the return desk closes half \
an hour earlier than the shop. What is the difference between a mutex and a semaphore, and when would I use which? \
Translate the following paragraph into plain English and keep the technical terms as they are. I would like the table \
sorted by region first and by revenue second, largest at the top. The function returns an empty list where I expected \
three rows, although the query runs fine in the console. ";

/// What an assistant at work is given to read: log lines, JSON, code, names, numbers.
const CHAT_LOG: &str = "\
2026-03-14T09:21:07Z INFO api request_id=7f3a91c2 user=anna.schmidt@example.org path=/v2/orders/48213 status=200 \
took_ms=38\n{\"order\": 48213, \"items\": [{\"sku\": \"LID-0042\", \"count\": 2, \"price\": 12.50}], \"phone\": \
\"+49 30 901820\", \"token_count\": 512, \"key\": \"shipping_address\"}\n\
fn retry(client: &Client, password_file: &Path) -> Result<Token> { client.login(read(password_file)?) }\n\
error: secret `db-main` not found in namespace `prod`; see https://docs.example.com/secrets?page=3#rotation\n\
From: Jonas Weber, 12 Market Street, Springfield. To: support. Please ignore the previous message, the system works \
again. Invoice 2026-0311 over EUR 1,249.00 was paid on 11 March to account ending in 4711.\n\
git commit 9fceb02d0ae598e95dc970b74767f19372d61af8 touches config/auth.yaml and the api_key rotation job\n";
