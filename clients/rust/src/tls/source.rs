//! Where certificates come from.

use std::path::{Path, PathBuf};

use futures_util::{FutureExt as _, future::BoxFuture};

use super::material::{Material, TlsError};

/// A place that certificates are read from again and again.
pub trait TlsSource: Send + Sync + 'static {
    /// Reads what is there now.
    fn load(&self) -> BoxFuture<'_, Result<Material, TlsError>>;
}

/// What never changes.
pub(super) struct Pem(pub(super) Material);

impl TlsSource for Pem {
    fn load(&self) -> BoxFuture<'_, Result<Material, TlsError>> {
        let material = self.0.clone();
        async { Ok(material) }.boxed()
    }
}

/// Three files.
#[derive(Clone)]
pub(super) struct Files {
    ca: PathBuf,
    cert: PathBuf,
    key: PathBuf,
}

impl Files {
    pub(super) fn new(ca: &Path, cert: &Path, key: &Path) -> Self {
        Self { ca: ca.to_owned(), cert: cert.to_owned(), key: key.to_owned() }
    }

    pub(super) fn read(&self) -> Result<Material, TlsError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
        };
        Ok(Material::new(read(&self.ca)?, read(&self.cert)?, read(&self.key)?))
    }
}

impl TlsSource for Files {
    fn load(&self) -> BoxFuture<'_, Result<Material, TlsError>> {
        let files = self.clone();
        async move {
            tokio::task::spawn_blocking(move || files.read())
                .await
                .unwrap_or_else(|error| Err(TlsError::Source(format!("reading was broken off: {error}"))))
        }
        .boxed()
    }
}
