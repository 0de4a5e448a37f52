//! The layers as the server puts them together, around handlers that no caller can have.

use llm_shield_proto::v1::{
    self, shield_service_client::ShieldServiceClient, shield_service_server::ShieldService,
};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_types::StatusExt;
use tower::{Service, service_fn};

use super::*;
use crate::tls::Peer;

type Nothing<T> = tokio_stream::Empty<Result<T, Status>>;

/// Panics in `Scan`, never ends in `Redact`.
struct Broken;

#[tonic::async_trait]
impl ShieldService for Broken {
    type ScanStreamStream = Nothing<v1::ScanStreamResponse>;
    type RedactStreamStream = Nothing<v1::RedactStreamResponse>;
    type AuditStream = Nothing<v1::AuditResponse>;
    type VerifyAuditStream = Nothing<v1::VerifyAuditResponse>;

    async fn scan(&self, request: Request<v1::ScanRequest>) -> Result<Response<v1::ScanResponse>, Status> {
        panic!("cannot scan {:?}", request.get_ref().contents);
    }

    async fn redact(&self, _: Request<v1::RedactRequest>) -> Result<Response<v1::RedactResponse>, Status> {
        std::future::pending().await
    }

    async fn scan_stream(
        &self,
        _: Request<Streaming<v1::ScanStreamRequest>>,
    ) -> Result<Response<Self::ScanStreamStream>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn redact_stream(
        &self,
        _: Request<Streaming<v1::RedactStreamRequest>>,
    ) -> Result<Response<Self::RedactStreamStream>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn restore(&self, _: Request<v1::RestoreRequest>) -> Result<Response<v1::RestoreResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn audit(&self, _: Request<v1::AuditRequest>) -> Result<Response<Self::AuditStream>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_audit_proof(
        &self,
        _: Request<v1::GetAuditProofRequest>,
    ) -> Result<Response<v1::GetAuditProofResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn verify_audit(
        &self,
        _: Request<v1::VerifyAuditRequest>,
    ) -> Result<Response<Self::VerifyAuditStream>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_server_info(
        &self,
        _: Request<v1::GetServerInfoRequest>,
    ) -> Result<Response<v1::GetServerInfoResponse>, Status> {
        Ok(Response::new(v1::GetServerInfoResponse::default()))
    }
}

/// Calls the broken handlers through all layers, as the development client with every role.
fn client() -> ShieldServiceClient<
    impl Service<
        http::Request<tonic::body::Body>,
        Response = http::Response<tonic::body::Body>,
        Error = std::convert::Infallible,
        Future: Send,
    > + Clone,
> {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::load(None, []).unwrap();
    config.data_dir = dir.path().to_owned();
    config.limits.max_deadline = Duration::from_millis(50);
    let certificates = DevCerts::under(&config.data_dir);
    certificates.ensure().unwrap();
    let trust = Arc::new(TrustHandle::load(config.tls_files().unwrap()).unwrap());
    let chain = [CertificateDer::from_pem_file(certificates.client_cert("dev")).unwrap()];
    let identities = IdentityMap::new(&config.identity_rules()).unwrap();
    let peer = Arc::new(Peer::new(&chain, &trust.current(), &identities).unwrap());
    let quotas = Arc::new(Quotas::new(&config.limits, std::iter::empty()));
    let shield = ShieldServiceServer::new(Broken);
    let services = Services { others: Routes::new(shield.clone()).prepare(), shield };
    let stack = stack(services, &config, &trust, quotas, &CancellationToken::new());
    ShieldServiceClient::new(service_fn(move |mut request: http::Request<tonic::body::Body>| {
        request.extensions_mut().insert(Arc::clone(&peer));
        let answer = stack.answer(request);
        async { Ok::<_, std::convert::Infallible>(answer.await) }
    }))
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_costs_one_request() {
    let mut client = client();
    let contents = vec![v1::Content { text: "canary".into(), ..Default::default() }];
    let status = client.scan(v1::ScanRequest { contents, ..Default::default() }).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    let details = status.get_error_details();
    let incident = &details.error_info().unwrap().metadata["incident_id"];
    assert!(
        status.message().contains(incident.as_str()) && !status.message().contains("canary"),
        "{status:?}"
    );
    assert!(status.metadata().get("x-request-id").is_some());
    client.get_server_info(v1::GetServerInfoRequest {}).await.unwrap();
}

#[tokio::test]
async fn a_handler_that_never_ends_meets_its_deadline() {
    let status = client().redact(v1::RedactRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "DEADLINE_EXCEEDED");
}
