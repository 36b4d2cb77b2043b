//! One connection: says hello, then writes what the outbox holds and reads what the server says,
//! side by side. Decides nothing: what to send and what to deliver is the machine's business.

use std::{
    convert::Infallible,
    future::{Future, pending},
    sync::Arc,
    time::Duration,
};

use syncline_protocol::dialects::relay::{self, ServerMessage};
use tokio::sync::{Notify, Semaphore, mpsc};

use super::{
    envelope,
    machine::Verdict,
    received::{Change, Event, Queued},
    seal::Sealer,
    shared::Shared,
    wire::Wire,
};
use crate::{
    driver::{Serve, until_broken},
    idle::next_message,
    task::Task,
    transport::{ConnectionError, Receiver, Sender, Transport},
};

/// What every connection of one client needs.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) shared: Arc<Shared>,
    pub(super) wire: Arc<Wire>,
    pub(super) sealer: Arc<Sealer>,
    pub(super) queue: mpsc::Sender<Queued>,
    /// Opened bytes that may wait in the queue.
    pub(super) queue_bytes: Arc<Semaphore>,
    pub(super) queue_bytes_max: usize,
    pub(super) idle_timeout: Duration,
}

impl Serve for Session {
    fn task(&self) -> &Task {
        &self.shared.task
    }

    fn subprotocol(&self) -> Option<&'static str> {
        self.wire.subprotocol()
    }

    fn stop_asked(&self) -> impl Future<Output = ()> + Send + 'static {
        let (stop, queue) = (self.shared.task.stop_asked(), self.queue.clone());
        async move {
            tokio::select! {
                () = stop => {}
                () = queue.closed() => {}
            }
        }
    }

    fn connecting(&self) {
        self.shared.connecting();
    }

    async fn run<T: Transport>(
        &self,
        sender: &mut T::Sender,
        receiver: &mut T::Receiver,
    ) -> ConnectionError {
        let ping = Notify::new();
        until_broken(self.write(sender, &ping), self.read(receiver, &ping)).await
    }

    fn disconnected(&self, retry_in: Option<Duration>, error: ConnectionError) {
        // No error is final here, so there is always a next attempt.
        self.shared.disconnected(retry_in.unwrap_or_default(), error);
    }

    fn finish(&self) {
        self.shared.finish();
    }
}

impl Session {
    async fn write(
        &self,
        sender: &mut impl Sender,
        ping: &Notify,
    ) -> Result<Infallible, ConnectionError> {
        let hello = self.wire.hello(self.shared.connected());
        let hello = hello.map_err(|_| ConnectionError::Violation("no hello can be made"))?;
        sender.send(hello).await?;
        loop {
            while let Some((place, payload)) = self.shared.send_next() {
                sender.send(self.wire.submit(place, &payload)).await?;
                self.shared.written();
            }
            sender.flush().await?;
            tokio::select! {
                () = self.shared.something_to_send() => {}
                () = ping.notified() => sender.ping().await?,
            }
        }
    }

    async fn read(
        &self,
        receiver: &mut impl Receiver,
        ping: &Notify,
    ) -> Result<Infallible, ConnectionError> {
        loop {
            let message = next_message(receiver, self.idle_timeout, ping).await?;
            let message = self.wire.read(message);
            match message.map_err(|_| ConnectionError::Violation("not a message of the relay"))? {
                ServerMessage::Change(change) => self.change(change).await?,
                ServerMessage::Accepted { id, sequence } => {
                    let accepted = self.shared.accepted(id, sequence);
                    accepted
                        .map_err(|_| ConnectionError::Violation("accepted what was not sent"))?;
                }
                ServerMessage::CaughtUp { sequence } => {
                    let slot = self.slot().await;
                    if !self.shared.caught_up(sequence) {
                        return Err(rewound(slot));
                    }
                }
                // A later version may say more.
                _ => {}
            }
        }
    }

    /// Opens a change and brings it to the application, unless it has it.
    ///
    /// The room in the queue is taken first: a connection that breaks while there is none must
    /// leave the machine without knowledge of the change, so that it comes again.
    async fn change(&self, change: relay::Change) -> Result<(), ConnectionError> {
        let relay::Change { sequence, source_client_id: source, payload } = change;
        let (id, event, bytes) = match envelope::open(&self.sealer, &payload) {
            Ok((id, body)) => {
                let bytes = body.len();
                (id, Event::Change(Change { sequence, source, body }), bytes)
            }
            Err(error) => {
                tracing::debug!(sequence, %error, "a change does not open");
                (None, Event::Unopened { sequence, source, error }, 0)
            }
        };
        let bytes = u32::try_from(bytes.min(self.queue_bytes_max)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.queue_bytes).acquire_many_owned(bytes).await.ok();
        let slot = self.slot().await;
        match self.shared.change(sequence, id) {
            Verdict::Deliver(ticket) => {
                slot.send(Queued { event, ticket: Some(ticket), bytes: room });
            }
            Verdict::Skip | Verdict::Saved => {}
            Verdict::Rewound => return Err(rewound(slot)),
        }
        Ok(())
    }

    /// Room for one event.
    async fn slot(&self) -> mpsc::Permit<'_, Queued> {
        match self.queue.reserve().await {
            Ok(slot) => slot,
            // The application has dropped its end: the client is about to stop.
            Err(_) => pending().await,
        }
    }
}

fn rewound(slot: mpsc::Permit<'_, Queued>) -> ConnectionError {
    slot.send(Queued { event: Event::Rewound, ticket: None, bytes: None });
    ConnectionError::Rewound
}
