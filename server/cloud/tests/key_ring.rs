//! The local key ring, through the trait and on real files.
#![expect(clippy::unwrap_used, clippy::string_slice, reason = "a test that cannot prepare its case fails")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use llm_shield_cloud::conformance::{self, KeyTraits};
use llm_shield_cloud::local::KeyRing;
use llm_shield_cloud::{CloudError, CloudKeyManager, EncryptionContext};
use proptest::prelude::*;

struct Home {
    _directory: tempfile::TempDir,
    ring: PathBuf,
}

fn home() -> Home {
    let directory = tempfile::tempdir().unwrap();
    let ring = directory.path().join("keys/ring.json");
    Home { _directory: directory, ring }
}

fn ring_with_keys(home: &Home) -> KeyRing {
    let ring = KeyRing::open_or_create(&home.ring).unwrap();
    assert!(ring.ensure_encryption_key("audit").unwrap());
    assert!(ring.ensure_signing_key("audit-signing").unwrap());
    ring
}

fn context() -> EncryptionContext {
    EncryptionContext::new().with("tenant", "acme").with("segment", "7")
}

#[tokio::test]
async fn conforms() {
    let home = home();
    let ring = ring_with_keys(&home);
    ring.ensure_encryption_key("other").unwrap();
    let names = KeyTraits { encryption: "audit", other: "other", signing: "audit-signing", absent: "none" };
    conformance::keys(&ring, names).await;
}

#[tokio::test]
async fn data_key_opens_again_from_the_file() {
    let home = home();
    let key = ring_with_keys(&home).generate_data_key("audit", &context()).await.unwrap();
    let ring = KeyRing::open(&home.ring).unwrap();
    assert_eq!(*ring.decrypt(&key.wrapped, &context()).await.unwrap(), *key.plaintext);
    assert!(!ring.ensure_encryption_key("audit").unwrap());
}

#[tokio::test]
async fn another_context_does_not_open() {
    let home = home();
    let ring = ring_with_keys(&home);
    let key = ring.generate_data_key("audit", &context()).await.unwrap();
    for other in [EncryptionContext::new(), context().with("tenant", "other"), context().with("more", "")] {
        let error = ring.decrypt(&key.wrapped, &other).await.unwrap_err();
        assert!(matches!(error, CloudError::Invalid { .. }), "{error}");
    }
}

#[tokio::test]
async fn every_changed_byte_of_a_wrapped_key_is_refused() {
    let home = home();
    let ring = ring_with_keys(&home);
    let key = ring.generate_data_key("audit", &context()).await.unwrap();
    for position in 0..key.wrapped.len() {
        let mut changed = key.wrapped.clone();
        changed[position] ^= 1;
        assert!(ring.decrypt(&changed, &context()).await.is_err(), "byte {position}");
    }
    assert!(ring.decrypt(&key.wrapped[..key.wrapped.len() - 1], &context()).await.is_err());
    assert!(ring.decrypt(&[key.wrapped.as_slice(), &[0]].concat(), &context()).await.is_err());
}

#[tokio::test]
async fn rotation_keeps_earlier_versions_readable() {
    let home = home();
    let ring = ring_with_keys(&home);
    let old = ring.generate_data_key("audit", &context()).await.unwrap();
    assert_eq!(ring.rotate_encryption_key("audit").unwrap(), 2);
    let new = ring.generate_data_key("audit", &context()).await.unwrap();
    let ring = KeyRing::open(&home.ring).unwrap();
    for key in [&old, &new] {
        assert_eq!(*ring.decrypt(&key.wrapped, &context()).await.unwrap(), *key.plaintext);
    }
    assert_ne!(old.wrapped[..12], new.wrapped[..12], "the wrapped form names its version");
}

#[tokio::test]
async fn two_openers_do_not_lose_each_others_keys() {
    let home = home();
    let (one, other) = (ring_with_keys(&home), KeyRing::open(&home.ring).unwrap());
    one.ensure_encryption_key("first").unwrap();
    other.ensure_encryption_key("second").unwrap();
    let ring = KeyRing::open(&home.ring).unwrap();
    for key_id in ["audit", "first", "second"] {
        ring.generate_data_key(key_id, &context()).await.unwrap();
    }
}

#[tokio::test]
async fn keys_of_another_process_open_in_a_ring_that_was_open_before() {
    let home = home();
    let (running, other) = (ring_with_keys(&home), KeyRing::open(&home.ring).unwrap());
    let old = running.generate_data_key("audit", &context()).await.unwrap();
    other.rotate_encryption_key("audit").unwrap();
    other.ensure_encryption_key("next").unwrap();
    for key_id in ["audit", "next"] {
        let new = other.re_encrypt(&old.wrapped, &context(), key_id, &context()).await.unwrap();
        assert_eq!(*running.decrypt(&new, &context()).await.unwrap(), *old.plaintext, "{key_id}");
    }
    // Where the file cannot be read, what was known still is, and the rest is unknown.
    other.ensure_encryption_key("third").unwrap();
    let third = other.generate_data_key("third", &context()).await.unwrap();
    fs::write(&home.ring, "no ring").unwrap();
    let error = running.decrypt(&third.wrapped, &context()).await.unwrap_err();
    assert!(matches!(error, CloudError::NotFound { .. }), "{error}");
    assert_eq!(*running.decrypt(&old.wrapped, &context()).await.unwrap(), *old.plaintext);
}

#[tokio::test]
async fn signatures_verify_with_the_public_key_alone() {
    let home = home();
    let ring = ring_with_keys(&home);
    let signature = ring.sign("audit-signing", b"head").await.unwrap();
    assert!(ring.verify("audit-signing", b"head", &signature).await.unwrap());
    assert!(!ring.verify("audit-signing", b"heaD", &signature).await.unwrap());
    let public = KeyRing::open(&home.ring).unwrap().public_key("audit-signing").await.unwrap();
    assert!(public.verifies(b"head", &signature));
    assert!(!public.verifies(b"head", &signature[1..]));
    ring.ensure_signing_key("other").unwrap();
    assert!(!ring.verify("other", b"head", &signature).await.unwrap());
}

#[tokio::test]
async fn unknown_keys_are_not_found() {
    let home = home();
    let ring = ring_with_keys(&home);
    let not_found = |error: CloudError| assert!(matches!(error, CloudError::NotFound { .. }), "{error}");
    not_found(ring.generate_data_key("nobody", &context()).await.unwrap_err());
    not_found(ring.generate_data_key("audit-signing", &context()).await.unwrap_err());
    not_found(ring.sign("audit", b"").await.unwrap_err());
    not_found(ring.public_key("nobody").await.unwrap_err());
    not_found(ring.rotate_encryption_key("nobody").unwrap_err());
    not_found(KeyRing::open(home.ring.with_file_name("none.json")).unwrap_err());
    let foreign = crate::home();
    let foreign_key = ring_with_keys(&foreign).generate_data_key("audit", &context()).await.unwrap();
    assert!(ring.decrypt(&foreign_key.wrapped, &context()).await.is_err());
}

#[test]
fn one_id_is_not_two_kinds_of_key() {
    let home = home();
    let ring = ring_with_keys(&home);
    assert!(matches!(ring.ensure_signing_key("audit"), Err(CloudError::Conflict { .. })));
    assert!(matches!(ring.ensure_encryption_key("audit-signing"), Err(CloudError::Conflict { .. })));
    for id in ["", "two\nlines", "a b", &"x".repeat(129)] {
        assert!(matches!(ring.ensure_encryption_key(id), Err(CloudError::Invalid { .. })));
    }
}

#[test]
fn files_are_private_and_others_are_refused() {
    let home = home();
    ring_with_keys(&home);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let directory = home.ring.parent().unwrap();
    assert_eq!(mode(&home.ring), 0o600);
    assert_eq!(mode(directory), 0o700);
    fs::set_permissions(&home.ring, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(KeyRing::open(&home.ring), Err(CloudError::AccessDenied { .. })));
    fs::set_permissions(&home.ring, fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(KeyRing::open_or_create(&home.ring), Err(CloudError::AccessDenied { .. })));
}

#[tokio::test]
async fn nothing_prints_key_material() {
    let home = home();
    let ring = ring_with_keys(&home);
    let key = ring.generate_data_key("audit", &context()).await.unwrap();
    assert_eq!(format!("{key:?}"), "DataKey { key_id: \"audit\", .. }");
    assert!(format!("{ring:?}").ends_with("ring.json\", .. }"));
}

#[test]
fn a_damaged_ring_is_an_error_without_its_content() {
    let home = home();
    ring_with_keys(&home);
    let whole = fs::read_to_string(&home.ring).unwrap();
    for damaged in [
        &whole[..whole.len() / 2],
        &whole.replace("v1", "v9"),
        &whole.replace("\"current\": 1", "\"current\": 2"),
        &whole.replace("=\"", "!\""),
        "",
    ] {
        fs::write(&home.ring, damaged).unwrap();
        let error = KeyRing::open(&home.ring).unwrap_err();
        assert!(matches!(error, CloudError::Invalid { .. }), "{error:?}");
        for line in whole.lines().filter(|line| line.contains('=')) {
            let secret = line.split('"').nth(3).unwrap();
            assert!(!format!("{error:?}").contains(secret));
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_no_wrapped_key(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let home = home();
        let ring = KeyRing::open_or_create(&home.ring).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        prop_assert!(runtime.block_on(ring.decrypt(&bytes, &EncryptionContext::new())).is_err());
    }
}
