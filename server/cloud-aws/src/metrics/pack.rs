//! What one request of `PutMetricData` holds. Nothing here knows AWS's types, so all of it is tested without AWS.

use llm_shield_cloud::{Metric, MetricValue};

/// The most metrics of one request.
pub(super) const MAX_METRICS: usize = 1000;

/// The most different values of one metric.
pub(super) const MAX_VALUES: usize = 150;

/// The largest request, before compression. The documentation says 1 MB; this is the smaller reading of that.
pub(super) const MAX_BYTES: usize = 1_000_000;

/// Cuts a metric with more values than one may have into several.
pub(super) fn split(metric: Metric) -> Vec<Metric> {
    match &metric.value {
        MetricValue::Values(values) if values.len() > MAX_VALUES => values
            .chunks(MAX_VALUES)
            .map(|part| Metric { value: MetricValue::Values(part.to_vec()), ..metric.clone() })
            .collect(),
        _ => vec![metric],
    }
}

/// Returns how many of the first metrics make one request.
pub(super) fn cut(waiting: &[Metric], batch: usize) -> usize {
    let mut bytes = ENVELOPE_BYTES;
    let fits = |metric: &&Metric| {
        bytes += size(metric);
        bytes <= MAX_BYTES
    };
    waiting.iter().take(batch.min(MAX_METRICS)).take_while(fits).count().max(1)
}

/// The namespace and what else is there once.
const ENVELOPE_BYTES: usize = 1024;

/// The most that a metric takes in any of the encodings: names of fields, number and time as text, and the caller's
/// own text, in which each character may be escaped to six.
pub(super) fn size(metric: &Metric) -> usize {
    let text = |text: &String| text.len() * 6;
    let dimensions =
        metric.dimensions.iter().map(|(name, value)| 64 + text(name) + text(value)).sum::<usize>();
    let values = match &metric.value {
        MetricValue::Values(values) => values.len() * 64,
        _ => 256,
    };
    256 + text(&metric.name) + dimensions + values
}

#[cfg(test)]
mod tests {
    use llm_shield_cloud::metrics::MAX_DIMENSIONS;
    use proptest::prelude::*;

    use super::*;

    fn metrics() -> impl Strategy<Value = Vec<Metric>> {
        let value = prop_oneof![
            Just(MetricValue::Single(1.0)),
            (1usize..500).prop_map(|number| MetricValue::Values(vec![(1.0, 2.0); number])),
        ];
        let metric = (value, 0..=MAX_DIMENSIONS, 1usize..1024).prop_map(|(value, dimensions, length)| {
            (0..dimensions).fold(Metric::of("name", value), |metric, number| {
                metric.with_dimension(format!("{number}"), "v".repeat(length))
            })
        });
        proptest::collection::vec(metric, 1..40)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_request_breaks_a_limit_and_no_value_is_lost(metrics in metrics(), batch in 1usize..2000, copies in 1usize..60) {
            let values = |metrics: &[Metric]| metrics.iter().map(|metric| match &metric.value {
                MetricValue::Values(values) => values.len(),
                _ => 1,
            }).sum::<usize>();
            let metrics: Vec<Metric> = std::iter::repeat_n(metrics, copies).flatten().collect();
            let expected = values(&metrics);
            let waiting: Vec<Metric> = metrics.into_iter().flat_map(split).collect();
            let (mut rest, mut sent) = (waiting.as_slice(), 0);
            while !rest.is_empty() {
                let (request, later) = rest.split_at(cut(rest, batch));
                prop_assert!((1..=MAX_METRICS.min(batch)).contains(&request.len()));
                prop_assert!(ENVELOPE_BYTES + request.iter().map(size).sum::<usize>() <= MAX_BYTES);
                let few = |metric: &Metric| values(std::slice::from_ref(metric)) <= MAX_VALUES;
                prop_assert!(request.iter().all(few));
                sent += values(request);
                rest = later;
            }
            prop_assert_eq!(sent, expected);
        }
    }

    #[test]
    fn a_request_is_as_large_as_it_may_be() {
        let small = vec![Metric::new("name", 1.0); 1500];
        assert_eq!((cut(&small, 20), cut(&small, 5000)), (20, MAX_METRICS));
        let largest = (0..MAX_DIMENSIONS).fold(Metric::new("n".repeat(255), 1.0), |metric, number| {
            metric.with_dimension(format!("{number:0255}"), "v".repeat(1024))
        });
        assert!(size(&largest) + ENVELOPE_BYTES <= MAX_BYTES, "one metric always fits");
    }
}
