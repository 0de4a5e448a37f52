//! Certificates that change, and the server's end.

use std::{fs, time::Duration};

use llm_shield::{Config, Server, devcerts::DevCerts};
use tonic::Code;

use crate::{
    limits::open_scan,
    support::{Authority, Client, TestServer, Valid, eventually, scan_of},
};

#[tokio::test(flavor = "multi_thread")]
async fn certificates_change_without_dropping_a_connection() {
    let server = TestServer::start().await;
    let mut open = server.client("acme/scanner").await;
    let (sender, in_flight) = open_scan(&server).await;

    // The server's certificate comes from a new authority; clients of the old one are still trusted, beside new ones.
    let new = Authority::new();
    let (certificate, client) = (new.server(), new.client("acme/scanner", Valid::Now));
    fs::write(server.file("server.pem"), &certificate.cert).unwrap();
    fs::write(server.file("server.key"), &certificate.key).unwrap();
    fs::write(server.file("ca.pem"), format!("{}{}", server.authority.pem, new.pem)).unwrap();
    fs::write(server.file("crl.pem"), format!("{}{}", server.authority.crl(&[]), new.crl(&[]))).unwrap();
    server.reload.reload();

    let channel = eventually("the new certificate is served", || async {
        server.connect(Some(&client), &new.pem).await.ok()
    })
    .await;
    Client::new(channel).scan(scan_of("hello")).await.unwrap();
    open.scan(scan_of("hello")).await.unwrap();
    sender.send(scan_of("hello")).await.unwrap();
    drop(sender);
    in_flight.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_ends_at_its_age_and_its_requests_do_not() {
    let server = TestServer::with(|config| config.limits.max_connection_age = Duration::from_secs(2)).await;
    let old = server.client("acme/scanner").await;
    let (sender, in_flight) = open_scan(&server).await;

    // Whoever connects anew meets a certificate of an authority that these clients do not trust.
    let new = Authority::new();
    let certificate = new.server();
    fs::write(server.file("server.pem"), &certificate.cert).unwrap();
    fs::write(server.file("server.key"), &certificate.key).unwrap();
    server.reload.reload();
    old.clone().scan(scan_of("hello")).await.unwrap();
    eventually("the connection is gone", || async { old.clone().scan(scan_of("hello")).await.err() }).await;

    sender.send(scan_of("hello")).await.unwrap();
    drop(sender);
    in_flight.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn unusable_files_leave_those_before_them_in_force() {
    let server = TestServer::start().await;
    fs::write(server.file("server.key"), "no key").unwrap();
    server.reload.reload();
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.client("acme/scanner").await.scan(scan_of("hello")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_drain_lets_open_requests_finish_and_takes_no_more() {
    let mut server = TestServer::start().await;
    let mut flights = Vec::new();
    for _ in 0..8 {
        flights.push(open_scan(&server).await);
    }
    // Every one of them is inside before the drain begins: its caller holds a place.
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.begin_shutdown();
    eventually("no new connection", || async {
        let credentials = server.authority.client("acme/scanner", Valid::Now);
        server.channel(&credentials).await.err()
    })
    .await;
    for (sender, call) in flights {
        sender.send(scan_of("hello")).await.unwrap();
        drop(sender);
        assert!(!call.await.unwrap().unwrap().audit_record_id.is_empty());
    }
    server.ended().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_drain_has_an_end() {
    let mut server =
        TestServer::with(|config| config.shutdown.drain_timeout = Duration::from_millis(300)).await;
    let (_sender, call) = open_scan(&server).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.begin_shutdown();
    server.ended().await.unwrap();
    assert!(matches!(
        call.await.unwrap().unwrap_err().code(),
        Code::Unknown | Code::Unavailable | Code::Cancelled | Code::Internal
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn embedded_defaults_need_no_preparation() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::load(None, []).unwrap();
    config.data_dir = dir.path().join("data");
    config.listen = "127.0.0.1:0".parse().unwrap();
    assert!(config.check().is_ok());
    let server = Server::bind(config.clone()).await.unwrap();
    let address = server.local_addr();
    tokio::spawn(server.run(std::future::pending()));

    let certs = DevCerts::under(&config.data_dir);
    let identity = tonic::transport::Identity::from_pem(
        fs::read(certs.client_cert("app")).unwrap(),
        fs::read(certs.client_key("app")).unwrap(),
    );
    let tls = tonic::transport::ClientTlsConfig::new()
        .ca_certificate(tonic::transport::Certificate::from_pem(fs::read(certs.ca()).unwrap()))
        .identity(identity);
    let endpoint = tonic::transport::Endpoint::from_shared(format!("https://{address}")).unwrap();
    let channel = endpoint.tls_config(tls).unwrap().connect().await.unwrap();
    Client::new(channel).scan(scan_of("hello")).await.unwrap();
}
