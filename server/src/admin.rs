//! The plain HTTP listener for metrics: `GET /metrics` in Prometheus' text format, `GET /livez` for process checks.
//!
//! It has no authentication and shows no text and no names of callers. It is off unless configured.

use std::{convert::Infallible, net::SocketAddr, sync::OnceLock, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use llm_shield_cloud::telemetry::Recorder;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_util::layers::FanoutBuilder;
use tokio::{
    net::{TcpListener, TcpStream},
    time::{interval, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::error::ServerError;

/// A scrape takes milliseconds; what takes longer is no scrape.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);

/// Old samples are folded into their buckets this often, also when nobody scrapes.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Seconds: scans of short texts take less than a millisecond, of the largest ones less than a second.
const DURATION_BUCKETS: [f64; 14] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// The listener, bound.
#[derive(Debug)]
pub(crate) struct Admin {
    listener: TcpListener,
    metrics: PrometheusHandle,
}

impl Admin {
    pub(crate) async fn bind(address: SocketAddr) -> Result<Self, ServerError> {
        let metrics = install_recorder(None)?;
        let listener =
            TcpListener::bind(address).await.map_err(|source| ServerError::Bind { address, source })?;
        Ok(Self { listener, metrics })
    }

    pub(crate) fn local_addr(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    pub(crate) async fn run(self, end: CancellationToken) {
        let mut upkeep = interval(UPKEEP_INTERVAL);
        loop {
            tokio::select! {
                () = end.cancelled() => return,
                _ = upkeep.tick() => self.metrics.run_upkeep(),
                accepted = self.listener.accept() => {
                    if let Ok((stream, _)) = accepted {
                        tokio::spawn(timeout(CONNECTION_TIMEOUT, answer(stream, self.metrics.clone())));
                    }
                }
            }
        }
    }
}

async fn answer(stream: TcpStream, metrics: PrometheusHandle) {
    let service = tower::service_fn(move |request: Request<_>| {
        let response = respond(&request, &metrics);
        async move { Ok::<_, Infallible>(response) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(CONNECTION_TIMEOUT);
    // A scraper that goes away in the middle is its own concern.
    drop(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)).await);
}

fn respond<B>(request: &Request<B>, metrics: &PrometheusHandle) -> Response<Full<Bytes>> {
    let (status, body) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => (StatusCode::OK, metrics.render()),
        (&Method::GET, "/livez") => (StatusCode::OK, "ok\n".to_owned()),
        (_, "/metrics" | "/livez") => (StatusCode::METHOD_NOT_ALLOWED, String::new()),
        _ => (StatusCode::NOT_FOUND, String::new()),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let text = header::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response
}

/// Installs the recorder once for the process: the metrics of several servers in one process are one set. What is
/// recorded goes to `beside` as well, when that is the first call.
pub(crate) fn install_recorder(beside: Option<Recorder>) -> Result<PrometheusHandle, ServerError> {
    static HANDLE: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();
    let install = || {
        let matcher = Matcher::Suffix("_seconds".to_owned());
        let builder = PrometheusBuilder::new().set_buckets_for_metric(matcher, &DURATION_BUCKETS);
        let recorder = builder.map_err(|error| error.to_string())?.build_recorder();
        let handle = recorder.handle();
        match beside {
            Some(beside) => {
                let both = FanoutBuilder::default().add_recorder(recorder).add_recorder(beside).build();
                metrics::set_global_recorder(both).map_err(|error| error.to_string())?;
            }
            None => metrics::set_global_recorder(recorder).map_err(|error| error.to_string())?,
        }
        describe();
        Ok(handle)
    };
    HANDLE.get_or_init(install).clone().map_err(|problem| ServerError::Setup { what: "metrics", problem })
}

fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_counter!("shield_requests_total", "Requests by method and gRPC status.");
    describe_histogram!("shield_request_duration_seconds", "Time from a request's head to its answer's end.");
    describe_gauge!("shield_in_flight_requests", "Requests being worked on.");
    describe_counter!("shield_findings_total", "Findings by detector and severity.");
    describe_counter!("shield_decisions_total", "Decisions by method and action.");
    describe_counter!("shield_scanned_bytes_total", "Bytes of text scanned.");
    describe_counter!(
        "shield_quota_refusals_total",
        "Requests refused because a tenant's quota was used up."
    );
    describe_counter!("shield_reloads_total", "Readings of changed files, by what they are and the outcome.");
    describe_counter!(
        "shield_telemetry_dropped_total",
        "Logs, spans and metrics dropped on their way to the provider, by signal."
    );
    describe_counter!("shield_panics_total", "Handlers that panicked.");
    describe_gauge!("shield_connections", "Connections with a verified client certificate.");
    describe_counter!("shield_connections_refused_total", "Connections refused, by reason.");
}
