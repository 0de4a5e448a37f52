//! One connection to each address.
//!
//! A call takes a live connection, in turn. When one is missing, the name is resolved anew and what is missing is
//! connected, in a task of its own: it goes on when the call that wanted it has given up, and serves the next.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hyper::client::conn::http2::SendRequest;
use rustls_pki_types::ServerName;
use tokio::{sync::watch, task::JoinSet, time::Instant};
use tonic::{Status, body::Body};

use super::{Settings, connect::connect, target::Target};
use crate::tls::TlsState;

/// An address that cannot be reached is tried again behind a pause that doubles, from this to the second.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Pool {
    target: Target,
    name: ServerName<'static>,
    tls: Arc<TlsState>,
    settings: Settings,
    state: Mutex<State>,
    progress: watch::Sender<Progress>,
}

#[derive(Debug, Default)]
struct State {
    slots: Vec<Slot>,
    turn: usize,
    /// Number of the last search for connections, and whether it still runs.
    search: u64,
    searching: bool,
}

#[derive(Debug)]
struct Slot {
    address: SocketAddr,
    live: Option<Live>,
    failures: u32,
    retry_at: Instant,
}

#[derive(Debug)]
struct Live {
    sender: SendRequest<Body>,
    /// Which certificates it was made with.
    generation: u64,
    used: Instant,
}

/// What those who wait for a connection look at.
#[derive(Debug, Default)]
struct Progress {
    /// The last search that ended.
    ended: u64,
    error: String,
}

impl Pool {
    pub(super) fn new(
        target: Target,
        name: ServerName<'static>,
        tls: Arc<TlsState>,
        settings: Settings,
    ) -> Self {
        let progress = watch::Sender::default();
        Self { target, name, tls, settings, state: Mutex::default(), progress }
    }

    pub(super) const fn target(&self) -> &Target {
        &self.target
    }

    /// Returns the connection whose turn it is, after making one if there is none.
    pub(super) async fn sender(self: &Arc<Self>) -> Result<SendRequest<Body>, Status> {
        let mut progress = self.progress.subscribe();
        let (sender, wanting) = self.pick();
        if let Some(sender) = sender {
            if wanting {
                self.search();
            }
            return Ok(sender);
        }
        let search = self.search();
        loop {
            let ended = {
                let seen = progress.borrow_and_update();
                (seen.ended >= search).then(|| seen.error.clone())
            };
            if let (Some(sender), _) = self.pick() {
                return Ok(sender);
            }
            if let Some(error) = ended {
                return Err(Status::unavailable(error));
            }
            if progress.changed().await.is_err() {
                return Err(Status::unavailable("the client is gone"));
            }
        }
    }

    /// Returns a live connection, and whether one is missing.
    fn pick(&self) -> (Option<SendRequest<Body>>, bool) {
        let generation = self.tls.generation();
        let now = Instant::now();
        let idle_limit = self.settings.idle_limit;
        let mut state = self.state();
        let mut wanting = state.slots.is_empty();
        for slot in &mut state.slots {
            // Dropping the sender ends a connection behind the calls that are under way.
            slot.live.take_if(|live| !live.is_usable(generation, now, idle_limit));
            wanting |= slot.live.is_none() && slot.retry_at <= now;
        }
        state.turn = state.turn.wrapping_add(1);
        let turn = state.turn;
        let mut live: Vec<&mut Live> = state.slots.iter_mut().filter_map(|slot| slot.live.as_mut()).collect();
        let at = turn.checked_rem(live.len()).unwrap_or_default();
        let sender = live.get_mut(at).map(|live| {
            live.used = now;
            live.sender.clone()
        });
        (sender, wanting)
    }

    /// Starts a search for connections unless one runs, and returns its number.
    fn search(self: &Arc<Self>) -> u64 {
        let mut state = self.state();
        if !state.searching {
            state.searching = true;
            state.search = state.search.wrapping_add(1);
            let (pool, number) = (Arc::clone(self), state.search);
            tokio::spawn(async move {
                let error = pool.connect_missing().await;
                pool.state().searching = false;
                pool.progress.send_modify(|progress| *progress = Progress { ended: number, error });
            });
        }
        state.search
    }

    /// Resolves the name and connects what is missing; returns what went wrong last.
    async fn connect_missing(&self) -> String {
        let resolved = self.target.resolve().await;
        let mut error = String::new();
        match resolved {
            Ok(addresses) => self.follow(&addresses),
            // The addresses that are known may still be right.
            Err(cause) => error = format!("cannot resolve {}: {cause}", self.target.authority()),
        }
        self.connect(error).await
    }

    /// Connects what is missing of the addresses that are known; returns what went wrong last, here or before.
    async fn connect(&self, mut error: String) -> String {
        let tls = self.tls.current();
        let mut connecting = JoinSet::new();
        for address in self.missing() {
            let (name, config) = (self.name.clone(), Arc::clone(&tls.config));
            let settings = self.settings;
            connecting.spawn(async move { (address, connect(address, name, config, settings).await) });
        }
        while let Some(joined) = connecting.join_next().await {
            let Ok((address, outcome)) = joined else { continue };
            if let Err(cause) = &outcome {
                error = format!("cannot connect to {address}: {cause}");
            }
            self.settle(address, outcome, tls.generation);
            self.progress.send_modify(|_| ());
        }
        if error.is_empty() { format!("{} has no address", self.target.authority()) } else { error }
    }

    /// Takes over the addresses that the name has now.
    fn follow(&self, addresses: &[SocketAddr]) {
        let mut state = self.state();
        state.slots.retain(|slot| addresses.contains(&slot.address));
        for &address in addresses {
            if !state.slots.iter().any(|slot| slot.address == address) {
                state.slots.push(Slot { address, live: None, failures: 0, retry_at: Instant::now() });
            }
        }
    }

    /// The addresses to connect to: those whose pause is over, or all when there is nothing to lose.
    fn missing(&self) -> Vec<SocketAddr> {
        let now = Instant::now();
        let state = self.state();
        let none_live = state.slots.iter().all(|slot| slot.live.is_none());
        let wanted = |slot: &&Slot| slot.live.is_none() && (none_live || slot.retry_at <= now);
        state.slots.iter().filter(wanted).map(|slot| slot.address).collect()
    }

    fn settle(&self, address: SocketAddr, outcome: io::Result<SendRequest<Body>>, generation: u64) {
        let now = Instant::now();
        let mut state = self.state();
        let Some(slot) = state.slots.iter_mut().find(|slot| slot.address == address) else { return };
        match outcome {
            Ok(sender) => {
                slot.failures = 0;
                slot.live = Some(Live { sender, generation, used: now });
            }
            Err(_shown) => {
                let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(slot.failures));
                slot.retry_at = now + pause.min(LONGEST_PAUSE);
                slot.failures = slot.failures.saturating_add(1);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the lock is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    fn is_usable(&self, generation: u64, now: Instant, idle_limit: Duration) -> bool {
        self.generation == generation
            && !self.sender.is_closed()
            && now.saturating_duration_since(self.used) < idle_limit
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use rustls::{ServerConfig, crypto::aws_lc_rs};
    use rustls_pki_types::{PrivateKeyDer, pem::PemObject as _};
    use tokio::{net::TcpListener, runtime::Handle};
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::tls::{Material, Tls};

    /// Accepts connections and keeps them.
    async fn server(config: Arc<ServerConfig>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                open.push(TlsAcceptor::from(Arc::clone(&config)).accept(stream).await);
            }
        });
        address
    }

    fn live(pool: &Pool) -> Vec<SocketAddr> {
        let state = pool.state();
        state.slots.iter().filter(|slot| slot.live.is_some()).map(|slot| slot.address).collect()
    }

    #[tokio::test]
    async fn connections_follow_the_name() {
        let key = KeyPair::generate().unwrap();
        let cert = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![cert.der().clone()],
                PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let config = Arc::new(config);
        let mut addresses = Vec::new();
        for _ in 0..3 {
            addresses.push(server(Arc::clone(&config)).await);
        }
        let tls = Tls::from_pem(Material::new(cert.pem(), cert.pem(), key.serialize_pem())).unwrap();
        let pool = Pool::new(
            Target::parse("shield.internal:8443").unwrap(),
            ServerName::try_from("localhost").unwrap(),
            tls.watched(&Handle::current()),
            Settings::default(),
        );

        pool.follow(&addresses[..2]);
        pool.connect(String::new()).await;
        assert_eq!(live(&pool), addresses[..2]);
        // In turn.
        let turns: Vec<usize> = (0..2)
            .map(|_| {
                pool.pick();
                pool.state().turn % 2
            })
            .collect();
        assert_ne!(turns[0], turns[1]);

        // The name has lost its first address and gained a third.
        pool.follow(&addresses[1..]);
        assert_eq!(live(&pool), addresses[1..2]);
        pool.connect(String::new()).await;
        assert_eq!(live(&pool), addresses[1..]);
    }
}
