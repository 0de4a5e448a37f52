use std::time::{Duration, SystemTime};

use super::expect_error;
use crate::{CloudLogger, CloudMetrics, CloudTracer, LogEntry, LogLevel, Metric, MetricUnit, MetricValue};

/// Runs everything over `metrics`. What is sent: `LlmShieldTest` in each unit and kind, 60 times in all.
pub async fn metrics(metrics: &dyn CloudMetrics) {
    for unit in MetricUnit::ALL {
        let metric = Metric::new("LlmShieldTest", 1.0).with_unit(unit).with_dimension("Kind", "unit");
        metrics.export_metric(&metric).await.unwrap();
    }
    let kinds = [
        MetricValue::Values(vec![(1.0, 2.0), (3.5, 1.0)]),
        MetricValue::Statistics { count: 3.0, sum: 5.5, minimum: 1.0, maximum: 3.5 },
        MetricValue::Single(-0.5),
    ];
    let batch: Vec<Metric> = (0..11)
        .flat_map(|number| kinds.clone().map(|kind| (number, kind)))
        .map(|(number, kind)| Metric::of("LlmShieldTest", kind).with_dimension("Number", format!("{number}")))
        .collect();
    metrics.export_metrics(&batch).await.unwrap();
    metrics.export_metrics(&[]).await.unwrap();
    let bad = [Metric::new("LlmShieldTest", 1.0), Metric::new("LlmShieldTest", f64::NAN)];
    expect_error(metrics.export_metrics(&bad).await, "invalid");
    metrics.flush().await.unwrap();
    metrics.flush().await.unwrap();
    assert_eq!(metrics.dropped(), 0);
}

/// Runs everything over `logger`, and returns the messages in the order in which they must be found.
pub async fn logger(logger: &dyn CloudLogger) -> Vec<String> {
    let mut messages = Vec::new();
    for level in LogLevel::ALL {
        let message = format!("a message at {level}");
        logger.log(level, &message).await.unwrap();
        messages.push(message);
    }
    let later = SystemTime::now() + Duration::from_millis(20);
    let entries = (0..250).map(|number| {
        let message = format!("entry {number} with \"quotes\", \u{fc} and\na line");
        messages.push(message.clone());
        LogEntry {
            timestamp: later + Duration::from_millis(number),
            trace_id: Some("0af7651916cd43dd8448eb211c80319c".to_owned()),
            span_id: Some("b7ad6b7169203331".to_owned()),
            source: Some("conformance".to_owned()),
            ..LogEntry::new(LogLevel::Info, message).with_label("number", number.to_string())
        }
    });
    logger.log_batch(entries.collect()).await.unwrap();
    logger.log_batch(Vec::new()).await.unwrap();
    logger.flush().await.unwrap();
    logger.flush().await.unwrap();
    assert_eq!(logger.dropped(), 0);
    messages
}

/// Runs everything over `tracer`, and returns the names of the spans, each with its parent's.
pub async fn tracer(tracer: &dyn CloudTracer) -> Vec<(String, Option<String>)> {
    let root = tracer.start_span("request", None).unwrap().with_attribute("rpc", "Scan");
    let mut names = vec![("request".to_owned(), None)];
    for number in 0..3 {
        let name = format!("step {number}");
        let mut span = tracer.start_span(&name, Some(root.context)).unwrap();
        assert_eq!((span.context.trace_id, span.parent), (root.context.trace_id, Some(root.context.span_id)));
        span.failure = (number == 2).then(|| "it failed".to_owned());
        tracer.end_span(span).await.unwrap();
        names.push((name, Some("request".to_owned())));
    }
    tracer.end_span(root).await.unwrap();
    tracer.flush().await.unwrap();
    assert_eq!(tracer.dropped(), 0);
    names
}
