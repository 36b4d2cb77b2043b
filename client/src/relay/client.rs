//! The handle an application holds: starts a client, submits changes, asks how it stands.
//! Knows what is wired to what; every rule is elsewhere.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc, oneshot, watch},
    task::spawn_blocking,
};

use super::{
    change_id::Origin,
    core::{Core, NotQueued, Saved, Submitted},
    envelope,
    machine::{Machine, OutboxLimits},
    received::Changes,
    seal::{SealError, Sealer},
    secret::{RandomError, Secret},
    session::Session,
    settings::Settings,
    shared::Shared,
    state::{InMemory, State},
    status::Status,
    wire::{ClientIdError, Wire},
};
use crate::{
    backoff::Backoff,
    driver::Driver,
    hex,
    kept::StateError,
    task::Stopped,
    transport::Transport,
    websocket::{AddressError, WebSocket},
};

/// What [`Settings::queue_bytes_max`] can be at most: what a tokio semaphore counts everywhere.
const QUEUE_BYTES_MAX_MAX: usize = 512 << 20;

/// Why a client did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The URL.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// [`Settings::client_id`].
    #[error(transparent)]
    ClientId(#[from] ClientIdError),
    /// No name could be drawn for this run.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// What the last run left could not be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// There is no tokio runtime here.
    #[error("a client runs on a tokio runtime with time and I/O; start it inside one")]
    NoRuntime,
}

/// Why a change was not submitted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// It is larger than the settings allow; nothing was sent.
    #[error("the change takes up to {bytes} bytes, the limit is {bytes_max}")]
    TooLarge {
        /// What it takes at most, in bytes: sealed, or as a message.
        bytes: usize,
        /// [`Settings::outbox_bytes_max`] or [`Settings::message_bytes_max`].
        bytes_max: usize,
    },
    /// It could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// It could not be kept for the next run. It may still be sent in this one.
    #[error(transparent)]
    State(#[from] StateError),
    /// The client has ended.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Tells when a submitted change is saved: a future. It need not be awaited.
#[derive(Debug)]
pub struct Receipt(oneshot::Receiver<Saved>);

impl Future for Receipt {
    type Output = Result<Saved, Stopped>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_err(|_| Stopped)
    }
}

/// A client of one document. Clones are handles of the same client.
///
/// It runs as a task of its own until [`Client::shutdown`] or until its [`Changes`] are dropped,
/// connects whenever there is no connection, and keeps changes in its outbox meanwhile. A change
/// reaches the server at least once; receivers pass over what comes twice, so that every
/// application sees it once.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    sealer: Arc<Sealer>,
    limits: Arc<Limits>,
}

/// What bounds one change.
struct Limits {
    wire: Arc<Wire>,
    outbox_bytes_max: usize,
    message_bytes_max: usize,
}

impl Client {
    /// Starts a client that keeps nothing between runs, over WebSocket, at a URL such as
    /// `ws://127.0.0.1:8080/sync`. The server need not be there yet.
    ///
    /// # Errors
    /// [`StartError`]; never because of the network.
    pub fn connect(
        url: &str,
        secret: &Secret,
        settings: Settings,
    ) -> Result<(Self, Changes), StartError> {
        Self::start(WebSocket::new(url)?, secret, settings, InMemory)
    }

    /// Starts a client over any transport, with any state. It reads the state at once, which may
    /// block for a disk.
    ///
    /// # Errors
    /// [`StartError`]; never because of the network.
    pub fn start(
        transport: impl Transport,
        secret: &Secret,
        settings: Settings,
        mut state: impl State,
    ) -> Result<(Self, Changes), StartError> {
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        let origin = Origin::generate()?;
        let client_id = settings.client_id.unwrap_or_else(|| hex::encode(origin.bytes()));
        let (acks, key) = (settings.acks, secret.discovery_key());
        let wire = Arc::new(Wire::new(settings.framing, acks, client_id, key)?);
        let limits = Limits {
            wire: Arc::clone(&wire),
            outbox_bytes_max: settings.outbox_bytes_max,
            message_bytes_max: settings.message_bytes_max,
        };
        let outbox = OutboxLimits {
            changes_max: settings.outbox_changes_max.max(1),
            bytes_max: settings.outbox_bytes_max,
        };
        let machine = Machine::new(wire.habits(), outbox, origin, state.load()?);
        let shared = Arc::new(Shared::new(Core::new(machine, Box::new(state))));
        let sealer = Arc::new(Sealer::new(secret, settings.form));
        let (queue, events) = mpsc::channel(settings.queue_changes_max.max(1));
        let queue_bytes_max = settings.queue_bytes_max.clamp(1, QUEUE_BYTES_MAX_MAX);
        let session = Session {
            shared: Arc::clone(&shared),
            wire,
            sealer: Arc::clone(&sealer),
            queue,
            queue_bytes: Arc::new(Semaphore::new(queue_bytes_max)),
            queue_bytes_max,
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
        let changes = Changes::new(Arc::clone(&shared), events);
        Ok((Self { shared, sealer, limits: Arc::new(limits) }, changes))
    }

    /// Seals a change and puts it into the outbox, waiting for room there. On return it is as
    /// durable as the client's [`State`] keeps it; the [`Receipt`] tells when the server has saved
    /// it. Offline or not makes no difference.
    ///
    /// When the future is dropped, the change may or may not have been submitted.
    ///
    /// # Errors
    /// [`SubmitError`] says whether a change of another size, or another client, would do.
    pub async fn submit(&self, body: &[u8]) -> Result<Receipt, SubmitError> {
        let id = self.shared.next_id();
        let sealed = envelope::seal(&self.sealer, id, body)?;
        self.limits.check(sealed.len())?;
        let submitted = self.shared.submit(id, sealed).await.map_err(|error| match error {
            NotQueued::Stopped => SubmitError::Stopped(Stopped),
            NotQueued::State(error) => SubmitError::State(error),
        })?;
        let Submitted { receipt, durable } = submitted;
        if let Some(durable) = durable {
            // A runtime that shuts down does not wait for its blocking tasks.
            spawn_blocking(durable).await.map_err(|_| Stopped)??;
        }
        Ok(Receipt(receipt))
    }

    /// How many changes the server has not saved yet.
    #[must_use]
    pub fn unsaved(&self) -> usize {
        self.shared.unsaved()
    }

    /// Returns at a moment when nothing is unsaved. The [`Changes`] must be read meanwhile.
    ///
    /// # Errors
    /// [`Stopped`] when the client ended before.
    pub async fn saved(&self) -> Result<(), Stopped> {
        self.shared.all_saved().await
    }

    /// Where the client stands, now and with every change.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.shared.status()
    }

    /// Connects at once instead of waiting for the next attempt: for an application that knows
    /// that the network is back. Does nothing while there is a connection.
    pub fn retry_now(&self) {
        self.shared.task.retry_now();
    }

    /// Ends the client: says goodbye to the server and returns when its task has ended. What is
    /// unsaved stays in a durable [`State`]; call [`Client::saved`] before to wait for the server.
    pub async fn shutdown(self) {
        self.shared.task.stop().await;
    }
}

impl Limits {
    fn check(&self, sealed_bytes: usize) -> Result<(), SubmitError> {
        let message_bytes = self.wire.submit_bytes_max(sealed_bytes);
        for (bytes, bytes_max) in
            [(sealed_bytes, self.outbox_bytes_max), (message_bytes, self.message_bytes_max)]
        {
            if bytes > bytes_max {
                return Err(SubmitError::TooLarge { bytes, bytes_max });
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("shared", &self.shared).finish_non_exhaustive()
    }
}
