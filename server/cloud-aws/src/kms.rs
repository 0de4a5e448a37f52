use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use aws_sdk_kms::{
    Client,
    error::ProvideErrorMetadata,
    primitives::Blob,
    types::{DataKeySpec, MessageType, SigningAlgorithmSpec},
};
use llm_shield_cloud::{
    CloudError, CloudKeyManager, DATA_KEY_BYTES, DataKey, EncryptionContext, PublicKey, Result,
    SignatureAlgorithm,
};
use zeroize::Zeroizing;

use crate::{Aws, error::translate};

/// How the public key of P-256 begins as a DER `SubjectPublicKeyInfo` (RFC 5480): the kind, the curve, and the head of
/// the point, which is not compressed.
const P256_SPKI: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];

/// Keys in KMS.
///
/// A key is named by its id, its ARN, or an alias (`alias/llm-shield-audit`). Data keys are AES-256; signing keys are
/// of the kind `ECC_NIST_P256` and sign the message itself, so that anybody can check a signature with the public key.
/// Which key the name of a signing key stands for is asked once: an alias that is moved changes nothing for this object,
/// so that what it signs always goes with the public key that it tells.
#[derive(Debug)]
pub struct AwsKms {
    client: Client,
    region: String,
    signing_keys: Mutex<HashMap<String, SigningKey>>,
}

/// What a name of a signing key stands for.
#[derive(Debug, Clone)]
struct SigningKey {
    /// The key's own name: its ARN.
    id: String,
    public: PublicKey,
}

impl AwsKms {
    /// Returns the keys of an account and region.
    pub fn new(aws: &Aws) -> Self {
        Self {
            client: Client::new(aws.config()),
            region: aws.region().to_owned(),
            signing_keys: Mutex::default(),
        }
    }

    /// Returns the region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Has KMS itself check a signature; [`verify`](CloudKeyManager::verify) does so here, with the public key.
    ///
    /// # Errors
    /// As the other calls; a wrong signature is `Ok(false)`.
    pub async fn verify_with_kms(&self, key_id: &str, message: &[u8], signature: &[u8]) -> Result<bool> {
        let key = self.signing_key(key_id).await?;
        let answer = self
            .client
            .verify()
            .key_id(key.id)
            .message(Blob::new(message))
            .message_type(MessageType::Raw)
            .signature(Blob::new(signature))
            .signing_algorithm(SigningAlgorithmSpec::EcdsaSha256)
            .send()
            .await;
        match answer {
            Ok(answer) => Ok(answer.signature_valid),
            Err(error) if error.code() == Some("KMSInvalidSignatureException") => Ok(false),
            Err(error) => Err(translate(key_id, error)),
        }
    }

    /// Returns what the name of a signing key stood for when it was first asked.
    async fn signing_key(&self, key_id: &str) -> Result<SigningKey> {
        if let Some(key) = self.known().get(key_id) {
            return Ok(key.clone());
        }
        let answer = self
            .client
            .get_public_key()
            .key_id(key_id)
            .send()
            .await
            .map_err(|error| translate(key_id, error))?;
        let spki_der = answer.public_key.map(Blob::into_inner).ok_or_else(incomplete)?;
        if !spki_der.starts_with(&P256_SPKI) {
            return Err(CloudError::invalid(format!(
                "signing key `{key_id}` is not of the kind ECC_NIST_P256"
            )));
        }
        let key = SigningKey {
            id: answer.key_id.ok_or_else(incomplete)?,
            public: PublicKey { algorithm: SignatureAlgorithm::EcdsaP256Sha256, spki_der },
        };
        // Who asked at the same time may have been told another key: the first one stays.
        Ok(self.known().entry(key_id.to_owned()).or_insert(key).clone())
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, SigningKey>> {
        self.signing_keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl CloudKeyManager for AwsKms {
    async fn generate_data_key(&self, key_id: &str, context: &EncryptionContext) -> Result<DataKey> {
        let answer = self
            .client
            .generate_data_key()
            .key_id(key_id)
            .key_spec(DataKeySpec::Aes256)
            .set_encryption_context(Some(pairs(context)))
            .send()
            .await
            .map_err(|error| translate(key_id, error))?;
        Ok(DataKey {
            plaintext: data_key(answer.plaintext)?,
            wrapped: answer.ciphertext_blob.map(Blob::into_inner).ok_or_else(incomplete)?,
            key_id: answer.key_id.unwrap_or_else(|| key_id.to_owned()),
        })
    }

    async fn decrypt(
        &self,
        wrapped: &[u8],
        context: &EncryptionContext,
    ) -> Result<Zeroizing<[u8; DATA_KEY_BYTES]>> {
        check_wrapped(wrapped)?;
        let answer = self
            .client
            .decrypt()
            .ciphertext_blob(Blob::new(wrapped))
            .set_encryption_context(Some(pairs(context)))
            .send()
            .await
            .map_err(|error| translate("the key of a wrapped data key", error))?;
        data_key(answer.plaintext)
    }

    async fn re_encrypt(
        &self,
        wrapped: &[u8],
        context: &EncryptionContext,
        key_id: &str,
        new_context: &EncryptionContext,
    ) -> Result<Vec<u8>> {
        check_wrapped(wrapped)?;
        let answer = self
            .client
            .re_encrypt()
            .ciphertext_blob(Blob::new(wrapped))
            .set_source_encryption_context(Some(pairs(context)))
            .destination_key_id(key_id)
            .set_destination_encryption_context(Some(pairs(new_context)))
            .send()
            .await
            .map_err(|error| translate(key_id, error))?;
        answer.ciphertext_blob.map(Blob::into_inner).ok_or_else(incomplete)
    }

    async fn sign(&self, key_id: &str, message: &[u8]) -> Result<Vec<u8>> {
        let key = self.signing_key(key_id).await?;
        let answer = self
            .client
            .sign()
            .key_id(&key.id)
            .message(Blob::new(message))
            .message_type(MessageType::Raw)
            .signing_algorithm(SigningAlgorithmSpec::EcdsaSha256)
            .send()
            .await
            .map_err(|error| translate(key_id, error))?;
        let signed_with = answer.key_id.ok_or_else(incomplete)?;
        if bare(&signed_with) != bare(&key.id) {
            let told = format!("`{key_id}` is `{}`, and KMS has signed with `{signed_with}`", key.id);
            return Err(CloudError::invalid(told));
        }
        answer.signature.map(Blob::into_inner).ok_or_else(incomplete)
    }

    async fn public_key(&self, key_id: &str) -> Result<PublicKey> {
        Ok(self.signing_key(key_id).await?.public)
    }
}

/// Returns a key's id out of its ARN: emulators answer with one or the other.
fn bare(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

fn pairs(context: &EncryptionContext) -> HashMap<String, String> {
    context.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn data_key(plaintext: Option<Blob>) -> Result<Zeroizing<[u8; DATA_KEY_BYTES]>> {
    let plaintext = Zeroizing::new(plaintext.map(Blob::into_inner).ok_or_else(incomplete)?);
    let mut key = Zeroizing::new([0; DATA_KEY_BYTES]);
    let whole = plaintext.first_chunk::<DATA_KEY_BYTES>().filter(|_| plaintext.len() == DATA_KEY_BYTES);
    key.copy_from_slice(whole.ok_or_else(|| CloudError::invalid("what was unwrapped is no AES-256 key"))?);
    Ok(key)
}

/// KMS takes 1 to 6144 bytes.
fn check_wrapped(wrapped: &[u8]) -> Result<()> {
    if (1..=6144).contains(&wrapped.len()) {
        Ok(())
    } else {
        Err(CloudError::invalid("the wrapped data key is malformed"))
    }
}

fn incomplete() -> CloudError {
    CloudError::Unavailable { what: "KMS".to_owned(), source: Some("its answer is incomplete".into()) }
}
