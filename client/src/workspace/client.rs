//! The handle an application holds: starts a client, sets and gets values, asks how it stands.
//! Knows what is wired to what; every rule is elsewhere.

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};
use tokio::{runtime::Handle, sync::watch, task::spawn_blocking};

use super::{
    address::workspace_url,
    core::{Core, NotQueued, Queued},
    json::{Json, JsonError},
    machine::{Key, Limits, Machine},
    session::Session,
    settings::Settings,
    shared::Shared,
    state::{InMemory, State},
    status::Status,
    watch::Watch,
    wire::operation_bytes_max,
};
use crate::{
    backoff::Backoff,
    driver::Driver,
    kept::StateError,
    task::Stopped,
    transport::Transport,
    websocket::{AddressError, WebSocket},
};

/// Why a client did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The server's URL, or the token.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// What the last run left could not be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// There is no tokio runtime here.
    #[error("a client runs on a tokio runtime with time and I/O; start it inside one")]
    NoRuntime,
}

/// Why a value was not set.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetError {
    /// The key is empty, or longer than [`Settings::key_bytes_max`].
    #[error("a key must be 1 to {bytes_max} bytes long, this one has {bytes}")]
    Key {
        /// Its length.
        bytes: usize,
        /// [`Settings::key_bytes_max`].
        bytes_max: usize,
    },
    /// It is larger than the settings allow; nothing was sent.
    #[error("the operation takes up to {bytes} bytes, the limit is {bytes_max}")]
    TooLarge {
        /// What it takes at most, in bytes.
        bytes: usize,
        /// [`Settings::operation_bytes_max`] or [`Settings::pending_bytes_max`].
        bytes_max: usize,
    },
    /// It cannot be written as JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It could not be kept for the next run. It may still show and be sent in this one.
    #[error(transparent)]
    State(#[from] StateError),
    /// The client has ended.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// A client of one workspace. Clones are handles of the same client.
///
/// It runs as a task of its own until [`Client::shutdown`] or until its last handle is dropped,
/// connects whenever there is no connection, and keeps what is set meanwhile.
#[derive(Clone, Debug)]
pub struct Client(Arc<Handles>);

/// What the handles of one client share. The last one ends the client.
#[derive(Debug)]
struct Handles {
    shared: Arc<Shared>,
    key_bytes_max: usize,
    operation_bytes_max: usize,
    pending_bytes_max: usize,
}

impl Drop for Handles {
    fn drop(&mut self) {
        self.shared.task.ask_to_stop();
    }
}

impl Client {
    /// Starts a client that keeps nothing between runs, over WebSocket, of a workspace on a server
    /// such as `ws://127.0.0.1:8080`. The server need not be there yet.
    ///
    /// # Errors
    /// [`StartError`]; never because of the network.
    pub fn connect(
        server: &str,
        workspace: &str,
        token: &str,
        settings: Settings,
    ) -> Result<Self, StartError> {
        let url = workspace_url(server, workspace, None);
        Self::start(WebSocket::new(&url)?.with_token(token)?, settings, InMemory)
    }

    /// Starts a client over any transport, with any state. It reads the state at once, which may
    /// block for a disk.
    ///
    /// # Errors
    /// [`StartError`]; never because of the network.
    pub fn start(
        transport: impl Transport,
        settings: Settings,
        mut state: impl State,
    ) -> Result<Self, StartError> {
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        let limits = Limits {
            pending_keys_max: settings.pending_keys_max.max(1),
            pending_bytes_max: settings.pending_bytes_max,
            cache_bytes_max: settings.cache_bytes_max,
        };
        let kept = state.load()?;
        let machine = Machine::new(limits, kept.stamp, kept.known, kept.own);
        let core = Core::new(machine, Box::new(state), settings.clock);
        let shared = Arc::new(Shared::new(core));
        let session = Session {
            shared: Arc::clone(&shared),
            opening: settings.opening,
            opening_timeout: settings.connect_timeout,
            confirm_after: settings.confirm_after,
            idle_timeout: settings.idle_timeout,
        };
        let (min, max, stable) = (settings.retry_min, settings.retry_max, settings.stable_after);
        let driver = Driver {
            transport,
            session,
            backoff: Backoff::new(min, max, stable),
            connect_timeout: settings.connect_timeout,
            message_bytes_max: settings.message_bytes_max,
        };
        runtime.spawn(driver.run());
        Ok(Self(Arc::new(Handles {
            shared,
            key_bytes_max: settings.key_bytes_max,
            operation_bytes_max: settings.operation_bytes_max,
            pending_bytes_max: settings.pending_bytes_max,
        })))
    }

    /// Sets a key to a typed value. See [`Client::set_json`].
    ///
    /// # Errors
    /// As [`Client::set_json`], and [`SetError::Json`].
    pub async fn set<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<i64, SetError> {
        self.set_json(key, Json::of(value)?).await
    }

    /// Sets a key: it shows at once, and goes to the server as soon as there is a connection,
    /// unless a newer value of the key comes first. Returns its timestamp in microseconds.
    ///
    /// On return it is as durable as the client's [`State`] keeps it: with a
    /// [`StoreState`](super::StoreState) it survives a kill, or a power cut. Waits for room when
    /// [`Settings::pending_keys_max`] other keys wait for the server. When the future is dropped,
    /// the value may or may not have been set.
    ///
    /// # Errors
    /// [`SetError`] says whether another value, or another client, would do.
    pub async fn set_json(&self, key: &str, value: Json) -> Result<i64, SetError> {
        self.0.check(key, &value)?;
        let queued = self.0.shared.set(&key.into(), &value).await.map_err(|error| match error {
            NotQueued::Stopped => SetError::Stopped(Stopped),
            NotQueued::State(error) => SetError::State(error),
        })?;
        let Queued { stamp, durable } = queued;
        if let Some(durable) = durable {
            // A runtime that shuts down does not wait for its blocking tasks.
            spawn_blocking(durable).await.map_err(|_| Stopped)??;
        }
        Ok(stamp)
    }

    /// The value of a key as a type: this client's own newest value, or what it last heard from
    /// the server. `None` when there is none.
    ///
    /// # Errors
    /// [`JsonError`] when it is none of that type.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, JsonError> {
        self.get_json(key).as_ref().map(Json::to).transpose()
    }

    /// The value of a key, as [`Client::get`].
    #[must_use]
    pub fn get_json(&self, key: &str) -> Option<Json> {
        self.0.shared.shown(key).map(|(value, _)| value)
    }

    /// Every key that has a value, in order.
    #[must_use]
    pub fn keys(&self) -> Vec<Key> {
        self.0.shared.keys()
    }

    /// What changes from now on, beginning with what is there.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch::new(Arc::clone(&self.0.shared), None)
    }

    /// What changes of one key, beginning with what is there.
    #[must_use]
    pub fn watch_key(&self, key: &str) -> Watch {
        Watch::new(Arc::clone(&self.0.shared), Some(key.into()))
    }

    /// Gives up this client's own value of a key that the server is not known to have. Then the
    /// server's shows, which may be that value if it had arrived: the connection is made anew to
    /// learn it. False when there was none.
    pub fn discard(&self, key: &str) -> bool {
        self.0.shared.discard(&key.into())
    }

    /// Returns at a moment when the server is known to have every value of this client, or a newer
    /// one of another, where a crash of the server cannot take it.
    ///
    /// # Errors
    /// [`Stopped`] when the client ended before.
    pub async fn saved(&self) -> Result<(), Stopped> {
        self.0.shared.saved().await
    }

    /// Where the client stands, now and with every change.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.0.shared.status()
    }

    /// Connects at once instead of waiting for the next attempt: for an application that knows
    /// that the network is back, or that the transport has another token now. Does nothing while
    /// there is a connection.
    pub fn retry_now(&self) {
        self.0.shared.task.retry_now();
    }

    /// Ends the client: says goodbye to the server and returns when its task has ended. What is
    /// pending stays in a durable [`State`]; call [`Client::saved`] before to wait for the server.
    pub async fn shutdown(self) {
        self.0.shared.task.stop().await;
    }
}

impl Handles {
    fn check(&self, key: &str, value: &Json) -> Result<(), SetError> {
        if key.is_empty() || key.len() > self.key_bytes_max {
            return Err(SetError::Key { bytes: key.len(), bytes_max: self.key_bytes_max });
        }
        let bytes = operation_bytes_max(key, value);
        let bytes_max = self.operation_bytes_max.min(self.pending_bytes_max);
        if bytes > bytes_max { Err(SetError::TooLarge { bytes, bytes_max }) } else { Ok(()) }
    }
}
