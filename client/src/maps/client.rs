//! The handle an application holds: starts a client, opens maps, asks how it stands.
//! Knows what is wired to what; every rule is elsewhere.

use std::{path::Path, sync::Arc};

use syncline_engine::{Options, Store};
use syncline_protocol::dialects::maps::{NodeId, is_map_name};
use tokio::{runtime::Handle, sync::watch, task::spawn_blocking};

use super::{
    core::Core,
    error::{OpenError, StartError},
    handles::Handles,
    keeper,
    local::{Local, Mapped},
    machine::Machine,
    map::Map,
    session::Session,
    settings::Settings,
    shared::Shared,
    status::Status,
    watch::{Scope, Watch},
};
use crate::{
    backoff::Backoff, driver::Driver, hex, kept::StateError, task::Stopped, token::Token,
    transport::Transport, websocket::WebSocket,
};

/// The size of a segment of a store that a client opens itself, in bytes.
const SEGMENT_BYTES: u64 = 8 << 20;

/// A client of the maps of one server, with a store of its own. Clones are handles of the same
/// client.
///
/// It runs as tasks of its own until [`Client::shutdown`] or until its last handle is dropped,
/// connects whenever there is no connection, and keeps what is written meanwhile.
#[derive(Clone, Debug)]
pub struct Client(Arc<Handles>);

impl Client {
    /// Opens the store in a directory, which is made if it is missing, and starts a client of a server
    /// such as `ws://127.0.0.1:8080` over it. The server need not be there.
    ///
    /// # Errors
    /// [`StartError`]; never because of the network. A directory that another client has open, here
    /// or in another process, is [`StartError::Store`] with [`syncline_engine::Error::Locked`].
    pub fn open(
        dir: impl AsRef<Path>,
        server: &str,
        token: impl Into<Token>,
        settings: Settings,
    ) -> Result<Self, StartError> {
        let transport = WebSocket::new(&format!("{}/v1/maps", server.trim_end_matches('/')))?;
        let mut options = Options::default();
        options.segment_bytes = SEGMENT_BYTES;
        options.maintenance_thread = true;
        let store = Store::open(dir, options).map_err(StartError::Store)?;
        Self::build(transport, store, true, token.into(), settings)
    }

    /// Starts a client over any transport, in a store that the application has opened and can use
    /// beside it. One client at a time may use a store.
    ///
    /// # Errors
    /// [`StartError`]; never because of the network.
    pub fn start(
        transport: impl Transport,
        store: &Store,
        token: impl Into<Token>,
        settings: Settings,
    ) -> Result<Self, StartError> {
        Self::build(transport, store.clone(), false, token.into(), settings)
    }

    fn build(
        transport: impl Transport,
        store: Store,
        owns_store: bool,
        token: Token,
        settings: Settings,
    ) -> Result<Self, StartError> {
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        let local = Local::load(&store, settings.wall.clone(), random_node)?;
        let wall = local.wall().clone();
        let seed = getrandom::u64().unwrap_or_else(|_| settings.wall.now().0);
        let core = Core::new(Machine::new(settings.rules(), seed), local);
        let shared = Arc::new(Shared::new(core, token, wall));
        let (idle_timeout, last) = (settings.idle_timeout, Default::default());
        let (min, max, stable) = (settings.retry_min, settings.retry_max, settings.stable_after);
        let driver = Driver {
            transport,
            session: Session { shared: Arc::clone(&shared), idle_timeout, last },
            backoff: Backoff::with_full_jitter(min, max, stable),
            connect_timeout: settings.connect_timeout,
            message_bytes_max: settings.message_bytes_max,
        };
        runtime.spawn(driver.run());
        runtime.spawn(keeper::keep(Arc::clone(&shared), store.clone()));
        let opened = Default::default();
        Ok(Self(Arc::new(Handles { shared, settings, store, owns_store, opened })))
    }

    /// Opens a map, as far as it is here; what the server has comes in as soon as there is a
    /// connection. It stays open, and is kept equal to the server's, until the client ends. What an
    /// earlier run left of maps that are not opened stays in the store and waits.
    ///
    /// The first time it reads through the map, beside the caller's thread: about a second for a
    /// million records.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn map(&self, name: &str) -> Result<Map, OpenError> {
        if !is_map_name(name) {
            return Err(OpenError::Name);
        }
        let handles = &self.0;
        let mut opened = handles.opened.lock().await;
        if !opened.contains_key(name) {
            let maps_max = handles.settings.maps_max;
            if opened.len() >= maps_max {
                return Err(OpenError::TooMany { maps_max });
            }
            let (store, node) = (handles.store.clone(), handles.shared.look(Core::node));
            let owned = name.to_owned();
            let load = spawn_blocking(move || Mapped::load(&store, &owned, &node));
            // A runtime that shuts down does not run its blocking tasks.
            let mapped = load.await.map_err(|_| Stopped)??;
            opened.insert(name.into(), mapped.records().clone());
            handles.shared.open(mapped);
        }
        if handles.shared.look(Core::stopped) {
            return Err(Stopped.into());
        }
        let (name, records) = opened.get_key_value(name).ok_or(Stopped)?;
        let (name, records) = (name.clone(), records.clone());
        let wall = handles.shared.wall().clone();
        Ok(Map { handles: Arc::clone(handles), name, records, wall })
    }

    /// Closes a map: it is not followed any more, and gives back its memory. Writes to handles of it
    /// are refused, reads go on. What waits for the server waits until it is opened again.
    pub async fn close(&self, name: &str) {
        if self.0.opened.lock().await.remove(name).is_some() {
            self.0.shared.close(name);
        }
    }

    /// The name of this store's node, which its timestamps carry. Made with the store.
    #[must_use]
    pub fn node(&self) -> String {
        self.0.shared.look(Core::node).to_string()
    }

    /// What changes from now on in any open map.
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.0.watch(Scope::default())
    }

    /// Where the client stands, now and with every change.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.0.shared.status()
    }

    /// Returns at a moment when the server has acknowledged every write to the open maps, or refused
    /// it, which [`Event::Rejected`](super::Event::Rejected) tells.
    ///
    /// # Errors
    /// [`Stopped`] when the client ended before.
    pub async fn saved(&self) -> Result<(), Stopped> {
        self.0.shared.saved().await
    }

    /// Returns at a moment when the open maps are proved to hold what the server's hold: nothing waits
    /// here, everything was heard of that was there when this was called, and the hashes of both were
    /// equal then or later. It asks the server, one question for each map; without a connection it
    /// waits for one. Maps that the token may not read are left out.
    ///
    /// # Errors
    /// [`Stopped`] when the client ended before.
    pub async fn synced(&self) -> Result<(), Stopped> {
        self.0.shared.synced().await
    }

    /// Shows the server another token from now on: on the connection that stands, or by connecting
    /// at once if there is none.
    pub fn set_token(&self, token: impl Into<Token>) {
        self.0.shared.set_token(token.into());
    }

    /// Connects at once instead of waiting for the next attempt: for an application that knows
    /// that the network is back. Does nothing while there is a connection.
    pub fn retry_now(&self) {
        self.0.shared.task.retry_now();
    }

    /// Ends the client: says goodbye to the server, and makes what was written durable. What waits
    /// for the server waits for the next run; call [`Client::saved`] before to wait for the server.
    /// A store that the client opened itself is closed, so that it can be opened again.
    ///
    /// # Errors
    /// [`StateError`] when the store failed: then the last writes may be lost.
    pub async fn shutdown(self) -> Result<(), StateError> {
        self.0.shared.task.stop().await;
        let (store, owns_store) = (self.0.store.clone(), self.0.owns_store);
        let end = move || if owns_store { store.close() } else { store.wait(store.appended()) };
        match spawn_blocking(end).await {
            Ok(ended) => Ok(ended?),
            // The runtime shuts down; the store is closed with its last handle.
            Err(_) => Ok(()),
        }
    }
}

/// A name that no other node has: 80 random bits.
fn random_node() -> Result<NodeId, StateError> {
    let mut bytes = [0; 10];
    getrandom::fill(&mut bytes).map_err(|error| StateError::new(error.to_string()))?;
    NodeId::new(&hex::encode(&bytes)).ok_or_else(StateError::foreign)
}
