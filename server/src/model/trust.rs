//! Whose model bundles are served: signatures over manifests, and the keys that are trusted.

use std::{fs, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use llm_shield_classifier::{BundleError, Manifest, Signature};
use llm_shield_cloud::{CloudError, CloudKeyManager, PublicKey, SignatureAlgorithm};
use rustls_pki_types::{SubjectPublicKeyInfoDer, pem::PemObject as _};

/// The keys whose bundles are served.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    keys: Vec<PublicKey>,
    unsigned: bool,
}

/// Why a bundle is not trusted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The manifest is not of the format.
    #[error(transparent)]
    Manifest(#[from] BundleError),
    /// Nobody signed it, and unsigned bundles are not allowed.
    #[error(
        "the manifest is not signed; sign it with `llm-shield model pack`, or allow it by `model.allow_unsigned`"
    )]
    Unsigned,
    /// The signature is by none of the trusted keys, or of another manifest.
    #[error(
        "the manifest's signature (key `{key_id}`) is by none of the trusted keys, or the manifest was changed"
    )]
    Forged {
        /// The key that the signature names.
        key_id: String,
    },
    /// A file that should hold a public key does not.
    #[error("{file} holds no public key in PEM: {reason}")]
    Key {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// The key manager did not sign.
    #[error("the manifest was not signed")]
    Sign(#[from] CloudError),
}

impl Trust {
    /// Trusts the keys in files (a `SubjectPublicKeyInfo` in PEM, P-256 each), and unsigned bundles where `unsigned`.
    ///
    /// # Errors
    /// A file cannot be read or is no such key.
    pub fn new<P: AsRef<Path>>(
        files: impl IntoIterator<Item = P>,
        unsigned: bool,
    ) -> Result<Self, TrustError> {
        let key = |path: P| {
            let wrong =
                |reason: String| TrustError::Key { file: path.as_ref().display().to_string(), reason };
            let pem = fs::read(path.as_ref()).map_err(|error| wrong(error.to_string()))?;
            let spki =
                SubjectPublicKeyInfoDer::from_pem_slice(&pem).map_err(|error| wrong(error.to_string()))?;
            Ok::<_, TrustError>(PublicKey {
                algorithm: SignatureAlgorithm::EcdsaP256Sha256,
                spki_der: spki.to_vec(),
            })
        };
        Ok(Self { keys: files.into_iter().map(key).collect::<Result<_, _>>()?, unsigned })
    }

    /// Trusts whatever is whole.
    #[must_use]
    pub fn anyone() -> Self {
        Self { keys: Vec::new(), unsigned: true }
    }

    /// Checks who vouches for a manifest, before anything else of the bundle is looked at.
    ///
    /// A signature that is there must be good as soon as any key is trusted, also where unsigned bundles are allowed:
    /// else taking the signature off would be easier than forging it, and putting a wrong one on would go unseen.
    ///
    /// # Errors
    /// Nobody trusted does.
    pub fn check(&self, manifest: &[u8]) -> Result<(), TrustError> {
        let Some(signature) = Manifest::read(manifest)?.signature else {
            return if self.unsigned { Ok(()) } else { Err(TrustError::Unsigned) };
        };
        if self.keys.is_empty() && self.unsigned {
            return Ok(());
        }
        let message = Manifest::signed_message(manifest)?;
        let value = STANDARD.decode(&signature.value).unwrap_or_default();
        if self.keys.iter().any(|key| key.verifies(&message, &value)) {
            return Ok(());
        }
        Err(TrustError::Forged { key_id: signature.key_id })
    }
}

/// Returns a manifest with the signature of a key of `keys` in it.
///
/// # Errors
/// The manifest is not of the format, or there is no such key.
pub async fn sign(manifest: &[u8], keys: &dyn CloudKeyManager, key_id: &str) -> Result<Vec<u8>, TrustError> {
    let message = Manifest::signed_message(manifest)?;
    let algorithm = keys.public_key(key_id).await?.algorithm.name().to_owned();
    let value = STANDARD.encode(keys.sign(key_id, &message).await?);
    let signature = Signature { key_id: key_id.to_owned(), algorithm, value };
    Ok(Manifest::with_signature(manifest, &signature)?)
}

/// Returns a public key as PEM, the form that [`Trust::new`] reads.
#[must_use]
pub fn to_pem(key: &PublicKey) -> String {
    let base64 = STANDARD.encode(&key.spki_der);
    let mut pem = "-----BEGIN PUBLIC KEY-----\n".to_owned();
    let mut rest = base64.as_str();
    while let Some((line, further)) =
        rest.split_at_checked(64.min(rest.len())).filter(|(line, _)| !line.is_empty())
    {
        pem.push_str(line);
        pem.push('\n');
        rest = further;
    }
    pem + "-----END PUBLIC KEY-----\n"
}
