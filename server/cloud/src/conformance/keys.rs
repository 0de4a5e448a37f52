use super::expect_error;
use crate::{CloudKeyManager, EncryptionContext};

/// The keys that the suite works with, made before it.
#[derive(Debug, Clone, Copy)]
pub struct KeyTraits<'a> {
    /// An encryption key.
    pub encryption: &'a str,
    /// Another one.
    pub other: &'a str,
    /// A signing key, ECDSA P-256.
    pub signing: &'a str,
    /// No key.
    pub absent: &'a str,
}

/// Runs everything over `keys`.
pub async fn keys(keys: &dyn CloudKeyManager, names: KeyTraits<'_>) {
    let context = EncryptionContext::new().with("tenant", "acme").with("segment", "7");
    let elsewhere = EncryptionContext::new().with("tenant", "acme").with("segment", "8");
    let key = keys.generate_data_key(names.encryption, &context).await.unwrap();
    assert_eq!(*keys.decrypt(&key.wrapped, &context).await.unwrap(), *key.plaintext);
    let again = keys.generate_data_key(names.encryption, &context).await.unwrap();
    assert_ne!(*again.plaintext, *key.plaintext);
    assert!(!key.wrapped.windows(32).any(|window| window == &key.plaintext[..]), "wrapped, not plain");

    for other in [EncryptionContext::new(), elsewhere.clone(), context.clone().with("more", "x")] {
        expect_error(keys.decrypt(&key.wrapped, &other).await, "invalid");
    }
    for place in [0, key.wrapped.len() / 2, key.wrapped.len() - 1] {
        let mut changed = key.wrapped.clone();
        if let Some(byte) = changed.get_mut(place) {
            *byte ^= 1;
        }
        assert!(keys.decrypt(&changed, &context).await.is_err(), "byte {place}");
    }
    let (short, _) = key.wrapped.split_at(key.wrapped.len() - 1);
    expect_error(keys.decrypt(short, &context).await, "invalid");
    expect_error(keys.decrypt(&[], &context).await, "invalid");

    let moved = keys.re_encrypt(&key.wrapped, &context, names.other, &elsewhere).await.unwrap();
    assert_eq!(*keys.decrypt(&moved, &elsewhere).await.unwrap(), *key.plaintext);
    expect_error(keys.decrypt(&moved, &context).await, "invalid");
    expect_error(keys.re_encrypt(&key.wrapped, &elsewhere, names.other, &context).await, "invalid");

    for message in [b"head".as_slice(), &[7; 4096]] {
        let signature = keys.sign(names.signing, message).await.unwrap();
        assert!(keys.verify(names.signing, message, &signature).await.unwrap());
        let public = keys.public_key(names.signing).await.unwrap();
        assert!(public.verifies(message, &signature), "anybody can check it offline");
        assert!(!public.verifies(b"another", &signature));
        assert!(!keys.verify(names.signing, b"another", &signature).await.unwrap());
    }
    expect_error(keys.generate_data_key(names.absent, &context).await, "not found");
    expect_error(keys.sign(names.absent, b"").await, "not found");
    expect_error(keys.public_key(names.absent).await, "not found");
}
