//! What one request of `PutLogEvents` holds. Nothing here knows AWS's types, so all of it is tested without AWS.

use llm_shield_cloud::LogEntry;

/// The most events of one request.
pub(super) const MAX_EVENTS: usize = 10_000;

/// The largest request: the events' text in UTF-8, and [`EVENT_BYTES`] for each.
pub(super) const MAX_BYTES: usize = 1_048_576;

/// What an event counts beside its text.
pub(super) const EVENT_BYTES: usize = 26;

/// The largest event. The documentation says 1 MB; this is the smaller reading of that.
pub(super) const MAX_EVENT_BYTES: usize = 1_000_000 - EVENT_BYTES;

/// The longest time between the first and the last event of one request.
pub(super) const MAX_SPAN_MS: i64 = 24 * 3600 * 1000;

/// One line of JSON and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) timestamp_ms: i64,
    pub(super) message: String,
}

/// Puts what waits in the order of time, and returns how many of the first events make one request.
pub(super) fn cut(waiting: &mut [Event], batch: usize) -> usize {
    // Stable: events of one millisecond stay in the order in which they came.
    waiting.sort_by_key(|event| event.timestamp_ms);
    let Some(first) = waiting.first().map(|event| event.timestamp_ms) else { return 0 };
    let mut bytes = 0;
    let fits = |event: &&Event| {
        bytes += event.message.len() + EVENT_BYTES;
        bytes <= MAX_BYTES && event.timestamp_ms.saturating_sub(first) < MAX_SPAN_MS
    };
    waiting.iter().take(batch.min(MAX_EVENTS)).take_while(fits).count().max(1)
}

/// Writes an entry down in what one event may have: without its labels where it is too large with them, and then with
/// as much of its message as fits.
pub(super) fn fit(mut entry: LogEntry) -> String {
    let json = entry.to_json();
    if json.len() <= MAX_EVENT_BYTES {
        return json;
    }
    entry.labels.clear();
    entry.labels.insert("truncated".to_owned(), "true".to_owned());
    let mut keep = MAX_EVENT_BYTES;
    loop {
        entry.message.truncate(entry.message.floor_char_boundary(keep));
        entry.source = entry.source.filter(|source| source.len() < 1024);
        let json = entry.to_json();
        if json.len() <= MAX_EVENT_BYTES || entry.message.is_empty() {
            return json;
        }
        // Characters that have to be escaped make it longer than the message.
        keep = entry.message.len() / 2;
    }
}

#[cfg(test)]
mod tests {
    use llm_shield_cloud::LogLevel;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_request_breaks_a_limit_and_no_event_is_lost(
            events in proptest::collection::vec((0i64..4 * MAX_SPAN_MS, 0usize..4), 1..300),
            batch in 1usize..20_000,
            copies in 1usize..100,
        ) {
            let lengths = [0, 100, 10_000, MAX_EVENT_BYTES / 3];
            let mut waiting: Vec<Event> = std::iter::repeat_n(events, copies).flatten().take(20_000)
                .map(|(timestamp_ms, length)| {
                    // The largest only once in a while, or the test takes gigabytes.
                    let length = if timestamp_ms % 50 == 0 { lengths[length] } else { lengths[length.min(1)] };
                    Event { timestamp_ms, message: "x".repeat(length) }
                })
                .collect();
            let mut expected = waiting.clone();
            expected.sort_by_key(|event| event.timestamp_ms);
            let mut sent = Vec::new();
            while !waiting.is_empty() {
                let number = cut(&mut waiting, batch);
                let request: Vec<Event> = waiting.drain(..number).collect();
                prop_assert!((1..=MAX_EVENTS.min(batch)).contains(&request.len()));
                prop_assert!(request.iter().map(|event| event.message.len() + EVENT_BYTES).sum::<usize>() <= MAX_BYTES);
                prop_assert!(request.is_sorted_by_key(|event| event.timestamp_ms));
                let first = request[0].timestamp_ms;
                prop_assert!(request.iter().all(|event| event.timestamp_ms - first < MAX_SPAN_MS));
                sent.extend(request);
            }
            prop_assert_eq!(sent, expected);
        }

        #[test]
        fn an_event_of_any_size_fits(length in 0usize..3_000_000, character in prop_oneof![Just('a'), Just('\u{1}'), Just('ü'), Just('"')]) {
            let message: String = std::iter::repeat_n(character, length).collect();
            let json = fit(LogEntry::new(LogLevel::Info, message.clone()).with_label("label", "kept if it fits"));
            prop_assert!(json.len() <= MAX_EVENT_BYTES);
            let read: serde_json::Value = serde_json::from_str(&json).unwrap();
            let kept = read["message"].as_str().unwrap();
            prop_assert!(message.starts_with(kept));
            prop_assert_eq!(read.get("truncated").is_some(), kept.len() < message.len());
        }
    }
}
