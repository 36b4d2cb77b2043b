//! Starting, running and stopping a server.

use std::{
    fmt, fs,
    future::{Future, pending},
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread::{self, JoinHandle},
};

use socket2::{Domain, Protocol, Socket, Type};
use syncline_engine::{OpenReport, Options, Store, storage::Disk};
use tokio::sync::watch;

use crate::{
    admin::Admin,
    auth::{self, Auth},
    config::{Config, Durability, WebhookUnready},
    health::Health,
    http::{Budget, Demo, Rates, Requests, Shared},
    hub::{Ground, PRESSURE_BYTES_MAX},
    maps::Coordinator,
    metrics::Metrics,
    registry, shard,
    store_metrics::StoreMetrics,
    webhooks::Webhooks,
};

/// Connections that wait to be accepted, per shard.
const BACKLOG: i32 = 4_096;

/// What a record may hold beside a message of the largest size, in bytes.
const RECORD_BYTES_EXTRA: usize = 4 << 10;

/// The size of a segment on a disk of the caller's, in bytes.
const SMALL_SEGMENT_BYTES: u64 = 256 << 10;

/// A running server. Dropping it shuts it down.
pub struct Server {
    address: SocketAddr,
    store: Option<Store>,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    shards: Vec<JoinHandle<()>>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Another process listens there.
    #[error("address already in use: {0}")]
    AddressInUse(SocketAddr),
    /// The store did not open, or did not close cleanly.
    #[error(transparent)]
    Store(#[from] syncline_engine::Error),
    /// There is no key that could check a token, or a bad one.
    #[error(transparent)]
    Auth(#[from] auth::StartError),
    /// Webhooks cannot be sent as they are configured.
    #[error(transparent)]
    Webhook(#[from] WebhookUnready),
    /// The operating system refused something.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Server {
    /// Opens the store, binds the address and serves until [`Server::shutdown`].
    ///
    /// # Errors
    /// A [`StartError`] says what to mend.
    pub fn start(config: Config) -> Result<Self, StartError> {
        Self::start_with(config, |config, options| Store::open(&config.storage.dir, options))
    }

    /// As [`Server::start`], with the store on a disk of the caller's: a simulated one in tests.
    /// The directory that is configured is made, and holds what lies beside a store. Segments are
    /// small, as a disk in memory wants them.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start_on(config: Config, disk: Arc<dyn Disk>) -> Result<Self, StartError> {
        fs::create_dir_all(&config.storage.dir)?;
        Self::start_with(config, |_, mut options| {
            options.segment_bytes = SMALL_SEGMENT_BYTES;
            Store::open_on(disk, options)
        })
    }

    fn start_with(
        config: Config,
        open: impl FnOnce(&Config, Options) -> Result<Store, syncline_engine::Error>,
    ) -> Result<Self, StartError> {
        let shards = match config.http.shards {
            0 => thread::available_parallelism().map_or(1, usize::from),
            count => count,
        };
        let (address, listeners) = bind(config.http.listen, shards)?;
        let store = open(&config, store_options(&config, shards))?;
        let auth = Arc::new(Auth::start(&config.auth, &config.storage.dir)?);
        let metrics = Arc::new(Metrics::new());
        let maps = Coordinator::start(&store, &auth, &metrics, &config.maps)?;
        let health = Arc::default();
        watch_store(&store, &health);
        let webhooks = Webhooks::new(&config.peer.webhook, &metrics)?;
        let ground =
            Ground { config: &config, store: &store, metrics: &metrics, health: &health, shards };
        let seeds = registry::seeds(ground, webhooks.as_ref());
        let admin = Admin::start(&config, &store, address)?;
        let store_metrics = StoreMetrics::new(&store, &metrics);
        let requests = Requests::new(&metrics);
        let bodies = Budget::new(config.oplog.bodies_bytes_max);
        let demo = Demo::new(&config);
        let shared = Arc::new(Shared {
            config,
            health,
            metrics,
            store_metrics,
            admin,
            auth,
            requests,
            bodies,
            news: Arc::default(),
            demo,
            presence: Arc::default(),
            participants: Arc::default(),
            maps,
            rates: Rates::default(),
            webhooks,
        });
        shared.webhooks.as_ref().map(Webhooks::begin).transpose()?;
        let (stop, stopping) = watch::channel(false);
        let mut server = Self { address, store: Some(store), shared, stop, shards: Vec::new() };
        for (number, (listener, seeds)) in listeners.into_iter().zip(seeds).enumerate() {
            let (shared, stopping) = (server.shared.clone(), stopping.clone());
            server.shards.push(shard::start(number, listener, seeds, shared, stopping)?);
        }
        Ok(server)
    }

    /// A token of the subject `dev`, good for a day, when tokens are checked with the secret that the
    /// server has made for itself. It lets in: show it to nobody but the person at the terminal.
    #[must_use]
    pub fn development_token(&self) -> Option<String> {
        self.shared.auth.development_token()
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What opening the store found.
    #[must_use]
    pub fn open_report(&self) -> Option<&OpenReport> {
        self.store.as_ref().map(Store::report)
    }

    /// Ends with the reason when the server has failed: its store takes no more writes, every
    /// connection was closed with 1011, nothing is retried. What is left is to shut it down.
    /// Never ends while all is well. Needs no particular async runtime.
    pub fn failed(&self) -> impl Future<Output = String> + Send + 'static {
        let mut failure = self.shared.health.failure();
        async move {
            let why = failure.wait_for(Option::is_some).await.map(|why| why.clone());
            match why {
                Ok(why) => why.as_deref().unwrap_or_default().to_owned(),
                // The server is gone, and did not fail.
                Err(_) => pending().await,
            }
        }
    }

    /// Stops accepting, makes everything accepted durable, tells every client and ends.
    ///
    /// Returns after at most the configured drain timeout and the last sync.
    ///
    /// # Errors
    /// The store's error when the last sync failed.
    pub fn shutdown(mut self) -> Result<(), StartError> {
        self.stop()
    }

    fn stop(&mut self) -> Result<(), StartError> {
        self.shared.health.drain();
        self.shared.admin.stop();
        self.stop.send_replace(true);
        for shard in self.shards.drain(..) {
            if shard.join().is_err() {
                tracing::error!("a shard ended in a panic");
            }
        }
        self.shared.maps.stop();
        // Behind the shards: they have told who went when all were closed.
        if let Some(webhooks) = &self.shared.webhooks {
            webhooks.stop();
        }
        let Some(store) = self.store.take() else { return Ok(()) };
        // Ends a backup too: it cannot outlive the lock of the directory.
        let closed = store.close();
        self.shared.admin.join();
        Ok(closed?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::error!(%error, "the store did not close cleanly");
        }
    }
}

fn store_options(config: &Config, shards: usize) -> Options {
    let mut options = Options::default();
    options.durability = match config.storage.durability {
        Durability::Device => syncline_engine::Durability::Device,
        Durability::Os => syncline_engine::Durability::Os,
    };
    // A message has to fit a record, with the names that are stored beside it.
    options.record_bytes_max = registry::message_bytes_max(config) + RECORD_BYTES_EXTRA;
    // What the shards let wait has to fit: a commit that waits for room holds up a whole shard.
    options.tail_bytes_max =
        options.tail_bytes_max.max(2 * shards * registry::DIALECTS * PRESSURE_BYTES_MAX);
    // With nothing to sync, the shards write at the end of their own turns.
    options.committer_thread = config.storage.durability == Durability::Device;
    // Snapshots and compaction: nobody else would win back the space of what is deleted.
    options.maintenance_thread = true;
    options
}

fn watch_store(store: &Store, health: &Arc<Health>) {
    let health = health.clone();
    store.on_durable(move |moved| {
        if let Err(error) = moved {
            health.fail(&error.to_string());
        }
    });
}

/// One listener per shard on the same address.
fn bind(address: SocketAddr, shards: usize) -> Result<(SocketAddr, Vec<TcpListener>), StartError> {
    let in_use = |error: io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => StartError::AddressInUse(address),
        _ => StartError::Io(error),
    };
    // Sharing the port from the start would hide that somebody else listens there: the first one
    // has it alone, and shares it when nobody else can have got it.
    let first = socket(address, false).map_err(in_use)?;
    first.set_reuse_port(true)?;
    let address = first.local_addr()?.as_socket().unwrap_or(address);
    let mut sockets = vec![first];
    for _ in 1..shards {
        sockets.push(socket(address, true).map_err(in_use)?);
    }
    sockets.iter().try_for_each(|socket| socket.set_nonblocking(true))?;
    Ok((address, sockets.into_iter().map(TcpListener::from).collect()))
}

fn socket(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}
