//! Health and reflection.

use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::support::{TestServer, Valid, reason};

const SERVICE: &str = "llm_shield.v1.ShieldService";

fn check(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_valid_certificate_may_ask_for_health() {
    let server = TestServer::start().await;
    let credentials = server.authority.client("unmapped", Valid::Now);
    let mut health = HealthClient::new(server.channel(&credentials).await.unwrap());
    for service in ["", SERVICE] {
        let status = health.check(check(service)).await.unwrap().into_inner().status();
        assert_eq!(status, ServingStatus::Serving);
    }
    assert_eq!(health.check(check("no.Such")).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn watchers_hear_of_the_drain_and_do_not_hold_it_up() {
    let mut server = TestServer::start().await;
    let credentials = server.authority.client("unmapped", Valid::Now);
    let mut health = HealthClient::new(server.channel(&credentials).await.unwrap());
    let mut watch = health.watch(check(SERVICE)).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    server.begin_shutdown();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    assert_eq!(watch.message().await.unwrap_err().code(), Code::Unavailable);
    server.ended().await.unwrap();
}

async fn listed(server: &TestServer, caller: &str) -> Result<Vec<String>, tonic::Status> {
    let credentials = server.authority.client(caller, Valid::Now);
    let mut reflection = ServerReflectionClient::new(server.channel(&credentials).await.unwrap());
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answer = reflection.server_reflection_info(tokio_stream::once(request)).await?.into_inner();
    match answer.message().await?.unwrap().message_response {
        Some(MessageResponse::ListServicesResponse(list)) => {
            Ok(list.service.into_iter().map(|service| service.name).collect())
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_answers_mapped_identities() {
    let server = TestServer::start().await;
    let services = listed(&server, "acme/auditor").await.unwrap();
    assert!(services.iter().any(|name| name == SERVICE), "{services:?}");
    assert!(services.iter().any(|name| name == "grpc.health.v1.Health"), "{services:?}");
    let status = listed(&server, "acme/nobody").await.unwrap_err();
    assert_eq!(reason(&status, Code::PermissionDenied), "IDENTITY_NOT_MAPPED");
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_can_be_switched_off() {
    let server = TestServer::with(|config| config.reflection.enabled = Some(false)).await;
    let status = listed(&server, "acme/auditor").await.unwrap_err();
    assert_eq!(reason(&status, Code::Unimplemented), "UNKNOWN_METHOD");
}
