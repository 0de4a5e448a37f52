//! Who we are and whom we trust, from files, a directory or a secret, looked at anew.

mod material;
#[cfg(feature = "aws")]
mod secret;
mod source;

use std::{
    fmt,
    path::Path,
    sync::{Arc, Weak},
    time::Duration,
};

use arc_swap::ArcSwap;
use rustls::ClientConfig;
use tokio::{runtime::Handle, sync::Mutex, time::MissedTickBehavior};

use self::source::{Files, Pem};
pub use self::{
    material::{Material, TlsError},
    source::TlsSource,
};

/// Files are looked at anew so often.
const FILES_INTERVAL: Duration = Duration::from_secs(5);

/// A secret is looked at anew so often: each look is a request that is paid for.
#[cfg(feature = "aws")]
const SECRET_INTERVAL: Duration = Duration::from_secs(300);

/// Mutual TLS: the authorities that the server's certificate is checked against, and the client's certificate and key.
#[derive(Clone)]
pub struct Tls {
    source: Arc<dyn TlsSource>,
    material: Arc<Material>,
    config: Arc<ClientConfig>,
    interval: Option<Duration>,
}

impl Tls {
    /// Reads three PEM files, and again when they change.
    ///
    /// # Errors
    /// Says what cannot be read or used.
    pub fn from_files(
        ca: impl AsRef<Path>,
        cert: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<Self, TlsError> {
        let files = Files::new(ca.as_ref(), cert.as_ref(), key.as_ref());
        let material = files.read()?;
        Self::new(Arc::new(files), material, Some(FILES_INTERVAL))
    }

    /// Reads `ca.crt`, `tls.crt` and `tls.key` of a directory, as Kubernetes and cert-manager lay out a secret.
    ///
    /// # Errors
    /// Says what cannot be read or used.
    pub fn from_directory(directory: impl AsRef<Path>) -> Result<Self, TlsError> {
        let file = |name| directory.as_ref().join(name);
        Self::from_files(file("ca.crt"), file("tls.crt"), file("tls.key"))
    }

    /// Takes PEM that never changes.
    ///
    /// # Errors
    /// Says what cannot be used.
    pub fn from_pem(material: Material) -> Result<Self, TlsError> {
        Self::new(Arc::new(Pem(material.clone())), material, None)
    }

    /// Reads a secret of AWS Secrets Manager, by name or ARN: `{"ca": "PEM", "cert": "PEM", "key": "PEM"}`, by its stage
    /// `AWSCURRENT`. Region and credentials are those of the environment, see [`crate::aws::Aws::from_env`].
    ///
    /// # Errors
    /// Says what cannot be read or used.
    #[cfg(feature = "aws")]
    pub async fn from_secret(id: impl Into<String>) -> Result<Self, TlsError> {
        Self::from_source(secret::Secret::new(id.into())?, SECRET_INTERVAL).await
    }

    /// Reads a source of the caller's own, and again as often as said.
    ///
    /// # Errors
    /// Says what cannot be read or used.
    pub async fn from_source(source: impl TlsSource, interval: Duration) -> Result<Self, TlsError> {
        let material = source.load().await?;
        Self::new(Arc::new(source), material, Some(interval))
    }

    fn new(
        source: Arc<dyn TlsSource>,
        material: Material,
        interval: Option<Duration>,
    ) -> Result<Self, TlsError> {
        let config = Arc::new(material.client_config()?);
        Ok(Self { source, material: Arc::new(material), config, interval })
    }

    /// Begins to look for changes, until the client is dropped.
    pub(crate) fn watched(self, runtime: &Handle) -> Arc<TlsState> {
        let interval = self.interval;
        let state = Arc::new(TlsState {
            source: self.source,
            loaded: Mutex::new(self.material),
            current: ArcSwap::from_pointee(Credentials { config: self.config, generation: 0 }),
        });
        if let Some(interval) = interval {
            runtime.spawn(watch(Arc::downgrade(&state), interval));
        }
        state
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("interval", &self.interval).finish_non_exhaustive()
    }
}

/// What connections are made with now.
pub(crate) struct TlsState {
    source: Arc<dyn TlsSource>,
    loaded: Mutex<Arc<Material>>,
    current: ArcSwap<Credentials>,
}

/// Material that connections can be made with, numbered.
pub(crate) struct Credentials {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) generation: u64,
}

impl TlsState {
    pub(crate) fn current(&self) -> Arc<Credentials> {
        self.current.load_full()
    }

    pub(crate) fn generation(&self) -> u64 {
        self.current.load().generation
    }

    /// Looks for a change, and says whether there was one.
    pub(crate) async fn reload(&self) -> Result<bool, TlsError> {
        // One at a time: what was read first must not replace what was read last.
        let mut loaded = self.loaded.lock().await;
        let material = self.source.load().await?;
        if material == **loaded {
            return Ok(false);
        }
        let config = Arc::new(material.client_config()?);
        *loaded = Arc::new(material);
        let generation = self.generation().wrapping_add(1);
        self.current.store(Arc::new(Credentials { config, generation }));
        Ok(true)
    }
}

impl fmt::Debug for TlsState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsState").field("generation", &self.generation()).finish_non_exhaustive()
    }
}

async fn watch(state: Weak<TlsState>, interval: Duration) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let Some(state) = state.upgrade() else { return };
        match state.reload().await {
            Ok(true) => tracing::info!("certificates were reloaded"),
            Ok(false) => {}
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "changed certificates cannot be used; those from before stay in force"
            ),
        }
    }
}
