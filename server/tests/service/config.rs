//! Configuration: what is read, what is refused, and in which words.

use std::{fs, path::PathBuf, time::Duration};

use llm_shield::{
    Config,
    config::{LogFormat, Provider},
};
use tempfile::TempDir;

fn file(text: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.yaml");
    fs::write(&path, text).unwrap();
    (dir, path)
}

fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
    let (_dir, path) = file(text);
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load(Some(&path), environment).map_err(|error| error.to_string())
}

#[test]
fn a_file_is_read_whole() {
    let config = load(
        "
listen: 0.0.0.0:9443
tls: {cert: a.pem, key: a.key, client_ca: ca.pem, reload_interval: 1m}
identities:
  - match: spiffe://example.org/app
    tenant: acme
    roles: [scanner, redactor]
limits: {max_message_bytes: 8MiB, handshake_timeout: 2, max_connection_age: 1h 30m}
policies: {default: strict, tenants: {acme: permissive}, files: {mine: mine.yaml}}
log: {level: debug, format: json}
cloud:
  provider: local
  aws: {secrets_manager: {enabled: true, cache_ttl_seconds: 60}}
audit:
",
        &[],
    )
    .unwrap();
    assert_eq!(config.listen.port(), 9443);
    assert_eq!(config.limits.max_message_bytes, 8 << 20);
    assert_eq!(config.limits.handshake_timeout, Duration::from_secs(2));
    assert_eq!(config.limits.max_connection_age, Duration::from_secs(5400));
    assert_eq!(config.limits.max_concurrent_requests, 256);
    assert_eq!(config.identities[0].tenant, "acme");
    assert_eq!(config.policies.tenants["acme"], "permissive");
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.cloud.aws.secrets_manager.cache_ttl_seconds, 60);
    assert_eq!(config.cloud.aws.s3.bucket, "llm-shield-models");
    assert_eq!(config.cloud.aws.cloudwatch.namespace, "LLMShield");
}

#[test]
fn an_empty_file_is_the_defaults() {
    for text in ["", "# nothing\n", "limits:\n"] {
        assert_eq!(load(text, &[]).unwrap().limits.max_connections, 2048, "{text:?}");
    }
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_known_one() {
    let cases = [
        ("limits: {max_mesage_bytes: 1}", "`limits.max_mesage_bytes`", "`limits.max_message_bytes`"),
        ("lisen: x", "`lisen`", "`listen`"),
        ("cloud: {aws: {s3: {buckett: x}}}", "`cloud.aws.s3.buckett`", "`cloud.aws.s3.bucket`"),
        ("identities: [{matches: x}]", "`identities[0].matches`", "`identities[0].match`"),
        ("max_connections: 3", "`max_connections`", "`limits.max_connections`"),
    ];
    for (text, unknown, nearest) in cases {
        let error = load(text, &[]).unwrap_err();
        assert!(error.contains(&format!("unknown key {unknown}")), "{error}");
        assert!(error.contains(&format!("did you mean {nearest}?")), "{error}");
    }
    assert!(!load("zzzzzzz: 1", &[]).unwrap_err().contains("did you mean"));
}

#[test]
fn the_environment_overrides_the_file() {
    let config = load(
        "limits: {max_connections: 5, max_streams_per_connection: 6}\nlog: {level: warn}",
        &[
            ("LLM_SHIELD__LIMITS__MAX_CONNECTIONS", "7"),
            ("LLM_SHIELD__LIMITS__MAX_MESSAGE_BYTES", "1MiB"),
            ("LLM_SHIELD__REFLECTION__ENABLED", "true"),
            ("LLM_SHIELD__CLOUD__AWS__SECRETS_MANAGER__ENABLED", "true"),
            ("LLM_SHIELD__TLS__CERT", "/certs/a.pem"),
            ("LLM_SHIELD__POLICIES__TENANTS__ACME", "strict"),
            ("LLM_SHIELD__IDENTITIES", "[{match: a.example.org, tenant: acme, roles: [scanner]}]"),
            ("AWS_REGION", "eu-central-1"),
            ("LLM_SHIELD_S3_BUCKET", "ours"),
            ("LLM_SHIELD__CLOUD__AWS__S3__BUCKET", "ours-too"),
            ("LLM_SHIELD_CLOUDWATCH_NAMESPACE", "Ours"),
            ("LLM_SHIELD_DATA_DIR", "/data"),
            ("RUST_LOG", "debug"),
            ("UNRELATED", "x"),
        ],
    )
    .unwrap();
    assert_eq!(config.limits.max_connections, 7);
    assert_eq!(config.limits.max_streams_per_connection, 6);
    assert_eq!(config.limits.max_message_bytes, 1 << 20);
    assert_eq!(config.reflection.enabled, Some(true));
    assert!(config.cloud.aws.secrets_manager.enabled);
    assert_eq!(config.tls.cert, Some("/certs/a.pem".into()));
    assert_eq!(config.policies.tenants["acme"], "strict");
    assert_eq!(config.identities[0].pattern, "a.example.org");
    assert_eq!(config.cloud.aws.region.as_deref(), Some("eu-central-1"));
    assert_eq!(config.cloud.aws.s3.bucket, "ours-too", "the prefixed form wins");
    assert_eq!(config.cloud.aws.cloudwatch.namespace, "Ours");
    assert_eq!(config.data_dir, PathBuf::from("/data"));
    assert_eq!(config.log.level, "debug");
}

#[test]
fn bad_environment_is_refused_by_name() {
    let cases = [
        ("LLM_SHIELD__LIMITS__MAX_CONNECTION", "3", "`limits.max_connections`"),
        ("LLM_SHIELD__LIMITS__MAX_CONNECTIONS", "many", "whole number"),
        ("LLM_SHIELD__CLOUD__AWS__CLOUDWATCH__ENABLED", "yes", "true or false"),
        ("LLM_SHIELD__LIMITS__MAX_DEADLINE", "soon", "duration"),
        ("LLM_SHIELD__CLOUD__PROVIDER", "azure", "azure"),
        ("LLM_SHIELD__IDENTITIES", "[{match: x, role: y}]", "`identities[0].roles`"),
    ];
    for (name, value, word) in cases {
        let error = load("", &[(name, value)]).unwrap_err();
        assert!(error.contains(name) && error.contains(word), "{error}");
    }
}

#[test]
fn bad_values_name_their_key() {
    for (text, key) in [
        ("limits: {max_connections: many}", "limits.max_connections"),
        ("limits: {handshake_timeout: soon}", "limits.handshake_timeout"),
        ("identities: [{match: a.org, tenant: t, roles: [king]}]", "identities[0].roles[0]"),
        ("listen: here", "listen"),
    ] {
        let error = load(text, &[]).unwrap_err();
        assert!(error.contains(&format!("`{key}`")), "{error}");
    }
    assert!(load("a: [", &[]).unwrap_err().contains("not valid YAML"));
    assert!(load("- a\n- b", &[]).unwrap_err().contains("not a mapping"));
}

#[test]
fn the_check_finds_everything_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = load(
        "
tls: {cert: /nowhere/a.pem, key: /nowhere/a.key, client_ca: /nowhere/ca.pem}
limits: {max_connections: 0, max_message_bytes: 1GiB}
policies: {dir: /nowhere/policies, default: no-such}
log: {level: 'llm_shield=loud'}
cloud: {provider: aws, aws: {region: '', s3: {bucket: Not A Bucket}, secrets_manager: {tls_prefix: elsewhere/}}}
",
        &[],
    )
    .unwrap();
    config.data_dir = dir.path().join("data");
    assert_eq!(config.cloud.provider, Provider::Aws);
    let errors = config.check().unwrap_err().to_string();
    for key in [
        "`tls`",
        "`identities`",
        "`limits.max_connections`",
        "`limits.max_message_bytes`",
        "`policies`",
        "`log.level`",
        "`cloud.aws.region`",
        "`cloud.aws.secrets_manager.tls_prefix`",
        "`cloud.aws.s3.bucket`",
    ] {
        assert!(errors.contains(key), "{key} is not in:\n{errors}");
    }
}

#[test]
fn tls_files_go_together() {
    let mut config = load("tls: {cert: a.pem}", &[]).unwrap();
    config.data_dir = std::env::temp_dir();
    let errors = config.check().unwrap_err().to_string();
    assert!(errors.contains("go together"), "{errors}");
}
