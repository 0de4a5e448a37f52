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
        .filter_map(|table| rules::samples(table).ok())
        .flatten()
        .flat_map(|rule| rule.keywords)
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
const PROSE: &str = include_str!("../../server/detect/tests/texts/prose.txt");

/// What an assistant at work is given to read: log lines, JSON, code, names, numbers.
const CHAT_LOG: &str = include_str!("../../server/detect/tests/texts/chat_log.txt");
