//! CloudWatch, CloudWatch Logs, and spans on their way to X-Ray.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot prepare its case fails"
)]

mod common;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use common::{Place, everywhere, harmed};
use llm_shield_aws_emulator::Fault;
use llm_shield_cloud::{
    CloudError, CloudLogger, CloudMetrics, CloudTracer as _, LogEntry, LogLevel, Metric, Span, conformance,
};
use llm_shield_cloud_aws::{CloudWatchLogger, CloudWatchMetrics, LoggerOptions, MetricsOptions, XRayTracer};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
    trace_service_server::{TraceService, TraceServiceServer},
};
use tonic::{Request, Response, Status, transport::Server};

everywhere! { metrics_conform, logger_conforms, }

async fn metrics_conform(place: Place) {
    let namespace = format!("LLMShield/Test/{}", place.id);
    let metrics = CloudWatchMetrics::with(&place.aws, &namespace, MetricsOptions::default());
    assert_eq!((metrics.namespace(), metrics.region()), (namespace.as_str(), place.aws.region()));
    conformance::metrics(&metrics).await;
    assert_eq!(metrics.waiting(), 0);
    let client = aws_sdk_cloudwatch::Client::new(place.aws.config());
    let mut numbers = 0;
    // CloudWatch lists a new metric within 15 minutes, most often within two.
    for _ in 0..90 {
        let found = client.list_metrics().namespace(&namespace).send().await.unwrap().metrics.unwrap();
        let dimensions = found.iter().flat_map(|metric| metric.dimensions.iter().flatten());
        numbers = dimensions.filter(|dimension| dimension.name.as_deref() == Some("Number")).count();
        if numbers == 11 || !place.account {
            break;
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    assert_eq!(numbers, 11);
}

async fn logger_conforms(place: Place) {
    let group = format!("/llm-shield-test/{}", place.id);
    let logger = CloudWatchLogger::with(&place.aws, &group, "stream", LoggerOptions::default());
    let expected = conformance::logger(&logger).await;
    assert_eq!(logger.waiting(), 0);
    let client = aws_sdk_cloudwatchlogs::Client::new(place.aws.config());
    let mut found = Vec::new();
    // What was taken can be read some seconds later.
    for _ in 0..30 {
        let request = client.get_log_events().log_group_name(&group).log_stream_name("stream");
        let answer = request.start_from_head(true).send().await.unwrap();
        found = answer.events.unwrap_or_default();
        if found.len() >= expected.len() {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let read = |event: &aws_sdk_cloudwatchlogs::types::OutputLogEvent| {
        serde_json::from_str::<serde_json::Value>(event.message.as_deref().unwrap()).unwrap()
    };
    let messages: Vec<String> =
        found.iter().map(|event| read(event)["message"].as_str().unwrap().to_owned()).collect();
    assert_eq!(messages, expected);
    let last = read(found.last().unwrap());
    assert_eq!(last["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(last["span_id"], "b7ad6b7169203331");
    let groups = client.describe_log_groups().log_group_name_prefix(&group).send().await.unwrap();
    assert_eq!(groups.log_groups.unwrap()[0].retention_in_days, Some(30));
    client.delete_log_group().log_group_name(&group).send().await.unwrap();
}

#[tokio::test]
async fn no_metric_is_lost_while_cloudwatch_is_away() {
    let (place, front) = harmed().await;
    let namespace = format!("LLMShield/Test/{}", place.id);
    let metrics = CloudWatchMetrics::with(&place.aws, &namespace, MetricsOptions { batch: 20, buffer: 100 });
    let numbered = |numbers: std::ops::Range<u32>| {
        numbers
            .map(|number| Metric::new("M", 1.0).with_dimension("Number", number.to_string()))
            .collect::<Vec<_>>()
    };
    for fault in [
        Fault::Error("ThrottlingException", 400),
        Fault::Error("SomethingNew", 429),
        Fault::Error("PermanentRedirect", 301),
        Fault::Status(500),
        Fault::Reset,
    ] {
        front.harm_always("PutMetricData", fault.clone());
        let error = metrics.export_metrics(&numbered(0..25)).await.unwrap_err();
        assert!(error.is_transient(), "{fault:?}: {error:?}");
        assert_eq!(metrics.waiting(), 25);
        front.harm("", []);
        metrics.flush().await.unwrap();
        assert_eq!((metrics.waiting(), metrics.dropped()), (0, 0));
    }
    front.harm_always("PutMetricData", Fault::Status(503));
    metrics.export_metrics(&numbered(0..130)).await.unwrap_err();
    assert_eq!((metrics.waiting(), metrics.dropped()), (100, 30), "the buffer is bounded");
    let old =
        Metric { timestamp: SystemTime::now() - Duration::from_secs(15 * 86_400), ..Metric::new("M", 1.0) };
    front.harm("", []);
    metrics.export_metric(&old).await.unwrap();
    metrics.flush().await.unwrap();
    assert_eq!(metrics.dropped(), 31, "too old; for its place none had to go");
}

#[tokio::test]
async fn no_entry_is_lost_while_logs_are_away() {
    let (place, front) = harmed().await;
    let group = format!("/llm-shield-test/{}", place.id);
    let options = LoggerOptions { batch: 10, buffer: 1000, ..LoggerOptions::default() };
    let logger = CloudWatchLogger::with(&place.aws, &group, "stream", options);
    front.harm_always("CreateLogStream", Fault::Error("AccessDeniedException", 400));
    let error = logger.log_batch(vec![LogEntry::new(LogLevel::Info, "0"); 10]).await.unwrap_err();
    assert!(matches!(error, CloudError::AccessDenied { .. }), "{error:?}");
    front.harm_always("PutLogEvents", Fault::Error("ThrottlingException", 400));
    assert!(logger.flush().await.unwrap_err().is_transient());
    assert_eq!((logger.waiting(), logger.dropped()), (10, 0));
    front.harm("", []);
    logger.flush().await.unwrap();
    let client = aws_sdk_cloudwatchlogs::Client::new(place.aws.config());
    client.delete_log_group().log_group_name(&group).send().await.unwrap();
    logger.log(LogLevel::Info, "after the group was deleted").await.unwrap();
    logger.flush().await.unwrap();
    let events =
        client.get_log_events().log_group_name(&group).log_stream_name("stream").send().await.unwrap();
    assert_eq!(events.events.unwrap().len(), 1);
    assert_eq!((logger.waiting(), logger.dropped()), (0, 0));
}

/// A collector that keeps what it gets, and refuses requests that have a span named `bad`.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

impl Collector {
    async fn start() -> (Self, String) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let collector = Self::default();
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        let service = TraceServiceServer::new(collector.clone());
        tokio::spawn(Server::builder().add_service(service).serve_with_incoming(incoming));
        (collector, endpoint)
    }

    fn spans(&self) -> Vec<opentelemetry_proto::tonic::trace::v1::Span> {
        self.0.lock().unwrap().iter().flat_map(spans).cloned().collect()
    }
}

fn spans(
    request: &ExportTraceServiceRequest,
) -> impl Iterator<Item = &opentelemetry_proto::tonic::trace::v1::Span> {
    let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    scopes.flat_map(|scope| &scope.spans)
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let request = request.into_inner();
        if spans(&request).any(|span| span.name == "bad") {
            return Err(Status::invalid_argument("a bad span"));
        }
        self.0.lock().unwrap().push(request);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tokio::test]
async fn spans_reach_a_collector() {
    let (collector, endpoint) = Collector::start().await;
    let tracer = XRayTracer::new(&endpoint, "llm-shield-test", Duration::from_secs(20)).unwrap();
    let expected = conformance::tracer(&tracer).await;

    let service = collector.0.lock().unwrap()[0].resource_spans[0].resource.clone().unwrap();
    assert_eq!(service.attributes[0].key, "service.name");
    let spans = collector.spans();
    assert_eq!(spans.len(), expected.len());
    for (name, parent) in expected {
        let span = spans.iter().find(|span| span.name == name).unwrap();
        let parent =
            parent.map(|parent| spans.iter().find(|span| span.name == parent).unwrap().span_id.clone());
        assert_eq!(span.parent_span_id, parent.unwrap_or_default());
        assert_eq!((span.trace_id.len(), span.span_id.len()), (16, 8));
    }
}

#[tokio::test]
async fn no_request_is_larger_than_a_collector_takes() {
    let (collector, endpoint) = Collector::start().await;
    let tracer = XRayTracer::new(&endpoint, "llm-shield-test", Duration::from_secs(20)).unwrap();
    let span = |bytes: usize| Span::start("large", None).unwrap().with_attribute("text", "x".repeat(bytes));
    tracer.export_spans((0..12).map(|_| span(1_000_000)).collect()).await.unwrap();
    tracer.flush().await.unwrap();
    assert_eq!((collector.spans().len(), tracer.dropped()), (12, 0));
    tracer.export_spans(vec![span(10), span(5_000_000), span(10)]).await.unwrap();
    assert!(matches!(tracer.flush().await, Err(CloudError::Invalid { .. })));
    assert_eq!((collector.spans().len(), tracer.dropped()), (14, 1));
}

#[tokio::test]
async fn what_a_collector_refuses_does_not_stop_the_rest() {
    let (collector, endpoint) = Collector::start().await;
    let tracer = XRayTracer::new(&endpoint, "llm-shield-test", Duration::from_secs(20)).unwrap();
    tracer.end_span(Span::start("bad", None).unwrap()).await.unwrap();
    assert!(matches!(tracer.flush().await, Err(CloudError::Invalid { .. })));
    tracer.end_span(Span::start("good", None).unwrap()).await.unwrap();
    tracer.flush().await.unwrap();
    assert_eq!((collector.spans().len(), tracer.dropped()), (1, 1));
}

#[tokio::test]
async fn a_collector_that_is_away_costs_nothing_but_the_wait() {
    let tracer = XRayTracer::new("http://127.0.0.1:9", "llm-shield-test", Duration::from_secs(5)).unwrap();
    let span = tracer.start_span("request", None).unwrap();
    tracer.end_span(span).await.unwrap();
    assert!(tracer.flush().await.unwrap_err().is_transient());
    assert_eq!(tracer.dropped(), 0);
    assert!(XRayTracer::new("not an endpoint", "x", Duration::from_secs(1)).is_err());
}
