//! The handle an application holds: starts a client, records operations, asks how it stands.
//! Knows what is wired to what; every rule is elsewhere.

use std::{fmt, sync::Arc};

use syncline_engine::{Commit, Store};
use tokio::{runtime::Handle, sync::watch, task::spawn_blocking};

use crate::{hex, kept::StateError, task::Stopped};

use super::{
    core::Core,
    driver::Driver,
    error::{RecordError, StartError},
    events::Events,
    exchange::Exchange,
    http::Http,
    machine::Machine,
    op::{self, NAME_BYTES_MAX, Op, Payload},
    settings::Settings,
    shared::Shared,
    status::Status,
    store_state::StoreState,
    transport::Transport,
};

/// A client of one dataset. Clones are handles of the same client.
///
/// It runs as a task of its own until [`Client::close`] or until its [`Events`] are dropped.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    snapshot_bytes_max: usize,
}

impl Client {
    /// Starts a client over HTTP, at a URL such as `http://127.0.0.1:8080`. The server need not be
    /// there yet. Everything else as with [`Client::start`].
    ///
    /// # Errors
    /// [`StartError`]; never because of the network.
    pub fn connect(
        url: &str,
        store: &Store,
        name: &str,
        settings: Settings,
    ) -> Result<(Self, Events), StartError> {
        Self::start(Http::new(url)?, store, name, settings)
    }

    /// Starts a client over any transport, which keeps its state in a store, in collections below
    /// `oplog-client/` and its name. The application and other clients can share the store; one
    /// client at a time may have a name in it. It reads the state at once, which blocks for the
    /// disk.
    ///
    /// A copy of a store must not be used beside the store it was copied from: both would give
    /// the same names to different operations.
    ///
    /// # Errors
    /// [`StartError`]; never because of the network.
    pub fn start(
        transport: impl Transport,
        store: &Store,
        name: &str,
        settings: Settings,
    ) -> Result<(Self, Events), StartError> {
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        let state = StoreState::open(store, name)?;
        let actor = match state.actor()? {
            Some(actor) => actor,
            None => {
                let actor = match &settings.actor {
                    Some(actor) => actor.clone(),
                    None => format!("actor-{}", random_name()?),
                };
                op::check_name("an actor", &actor, NAME_BYTES_MAX)?;
                state.set_actor(&actor)?;
                actor
            }
        };
        let machine = Machine::new(settings.rules(), state.load(actor)?);
        let settings = Arc::new(settings);
        let snapshot_bytes_max = settings.snapshot_bytes_max;
        let core = Core::new(machine, state, Arc::clone(&settings));
        let shared = Arc::new(Shared::new(core));
        let exchange = Exchange { transport, shared: Arc::clone(&shared), settings };
        runtime.spawn(Driver::new(exchange).run());
        let events = Events::new(Arc::clone(&shared));
        Ok((Self { shared, snapshot_bytes_max }, events))
    }

    /// Records an operation, waiting for room in the outbox. On return it is as durable as the
    /// store makes things, and will be pushed until the server has confirmed it, over restarts.
    /// Offline or not makes no difference. The application does to its state what it recorded; it
    /// does not come back as an event.
    ///
    /// When the future is dropped, the operation may or may not be recorded.
    ///
    /// # Errors
    /// [`RecordError`]; nothing is recorded then, but after [`RecordError::State`] it may be.
    pub async fn record(
        &self,
        scope: &str,
        resource_id: &str,
        payload: Payload,
    ) -> Result<Op, RecordError> {
        self.record_with(scope, resource_id, |_, _| payload.clone()).await
    }

    /// As [`Client::record`], for a payload that names its actor and clock, as those of the
    /// original app do. `payload` runs under the client's lock: it must not call the client.
    ///
    /// # Errors
    /// As [`Client::record`].
    pub async fn record_with(
        &self,
        scope: &str,
        resource_id: &str,
        mut payload: impl FnMut(&str, u64) -> Payload,
    ) -> Result<Op, RecordError> {
        let shared = &self.shared;
        let mut payload = |actor: &str, clock| Ok(payload(actor, clock));
        let mut record =
            || shared.step(|core| core.try_record(scope, resource_id, &mut payload)).transpose();
        let (op, commit) = shared.until(&mut record).await?;
        durable(commit).await?;
        shared.wake();
        Ok(op)
    }

    /// Replaces the dataset of every device by a snapshot of this one's state. What is recorded
    /// from now on belongs to the new dataset; what was recorded before is in the snapshot. On
    /// return the reset is durable, and will be made until the server has confirmed it, over
    /// restarts; [`Client::saved`] waits for that. No event comes meanwhile, and what the
    /// application has not been given yet goes with the old dataset.
    ///
    /// There is no merging: of two resets at a time, the server keeps the later one.
    ///
    /// # Errors
    /// [`RecordError`].
    pub async fn reset(&self, snapshot: &str) -> Result<(), RecordError> {
        let (bytes, bytes_max) = (snapshot.len(), self.snapshot_bytes_max);
        if bytes > bytes_max {
            return Err(RecordError::SnapshotTooLarge { bytes, bytes_max });
        }
        let (generation, snapshot) = (random_name()?, snapshot.to_owned());
        let commit = self.shared.step(|core| core.reset(generation, snapshot))?;
        durable(commit).await?;
        self.shared.wake();
        Ok(())
    }

    /// Who this client is to the server: its actor id, which is its client id too.
    #[must_use]
    pub fn actor(&self) -> String {
        self.shared.look(|core| core.actor().to_owned())
    }

    /// The generation key of the dataset that this client is in, if it has met one.
    #[must_use]
    pub fn generation(&self) -> Option<String> {
        self.shared.look(Core::generation)
    }

    /// How many operations and resets the server has not confirmed.
    #[must_use]
    pub fn unsaved(&self) -> usize {
        self.shared.look(Core::unsaved)
    }

    /// Returns at a moment when nothing is unsaved. The [`Events`] must be read meanwhile.
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

    /// Asks the server at once instead of waiting: for an application that knows that the network
    /// is back, or that has another token.
    pub fn retry_now(&self) {
        self.shared.task.retry_now();
    }

    /// Ends the client and returns when its task has ended. What is unsaved stays in the store;
    /// call [`Client::saved`] before to wait for the server.
    pub async fn close(self) {
        self.shared.task.stop().await;
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("shared", &self.shared).finish_non_exhaustive()
    }
}

/// Waits for the disk without holding up the runtime.
async fn durable(commit: Commit) -> Result<(), RecordError> {
    // A runtime that shuts down does not wait for its blocking tasks.
    let waited = spawn_blocking(move || commit.wait()).await.map_err(|_| Stopped)?;
    Ok(waited.map_err(StateError::from)?)
}

/// 128 random bits, in hexadecimal digits.
fn random_name() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(hex::encode(&bytes))
}
