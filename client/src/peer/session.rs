//! One connection of one room: waits for the welcome, then writes what the room has to say and reads what
//! comes, side by side. Decides nothing.

use std::{convert::Infallible, sync::Arc, time::Duration};

use syncline_protocol::dialects::peer::{
    id::PeerId,
    kind::RoomKind,
    participant::Welcome,
    relay::{self, Code, Control, Left},
};
use tokio::{sync::Notify, time::timeout};

use super::{shared::Shared, status::Connection};
use crate::{
    driver::{Serve, until_broken},
    idle::next_message,
    task::Task,
    transport::{ConnectionError, Message, Receiver, Sender, Transport},
};

/// What every connection of one room needs.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) shared: Arc<Shared>,
    pub(super) me: PeerId,
    pub(super) kind: RoomKind,
    pub(super) idle_timeout: Duration,
    pub(super) welcome_timeout: Duration,
}

/// Close codes after which another attempt would only meet the same: the token is for something else,
/// or the same identity is here from somewhere else.
const FINAL: [u16; 2] = [4403, 4409];

/// The token is for somebody else, or for a room of the other kind: nothing that is sent would be taken.
const NOT_MINE: ConnectionError =
    ConnectionError::Violation("the token is of another identity, or for rooms of another kind");

impl Serve for Session {
    fn task(&self) -> &Task {
        &self.shared.task
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
        match timeout(self.welcome_timeout, self.welcome(receiver, &ping)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error,
            Err(_) => return ConnectionError::TimedOut,
        }
        until_broken(self.write(sender, &ping), self.read(receiver, &ping)).await
    }

    fn is_final(&self, error: &ConnectionError) -> bool {
        match error {
            ConnectionError::Closed { code: Some(code) } => FINAL.contains(code),
            ConnectionError::Refused { status } => *status == 403,
            error if *error == NOT_MINE => true,
            _ => self.shared.look(|core| core.failed().is_some()),
        }
    }

    fn disconnected(&self, retry_in: Option<Duration>, error: ConnectionError) {
        self.shared.disconnected(Connection::Offline { retry_in, error });
    }

    fn finish(&self) {
        self.shared.shut();
        self.shared.task.finish();
    }
}

impl Session {
    /// The first message, which says who is there.
    async fn welcome(
        &self,
        receiver: &mut impl Receiver,
        ping: &Notify,
    ) -> Result<(), ConnectionError> {
        let Message::Text(text) = next_message(receiver, self.idle_timeout, ping).await? else {
            return Err(ConnectionError::Violation("a packet before the welcome"));
        };
        match Control::decode(&text) {
            Some(Control::Welcome(welcome)) if !self.is_mine(&welcome) => Err(NOT_MINE),
            Some(Control::Welcome(welcome)) => {
                let relay::Welcome { participants, server_time, limits, last_seq, .. } = welcome;
                let welcome = Welcome {
                    participants,
                    server_ms: i64::try_from(server_time.0).ok(),
                    frame_bytes_max: Some(limits.frame_bytes_max),
                };
                self.shared.connected(welcome, last_seq);
                Ok(())
            }
            _ => Err(ConnectionError::Violation("no welcome")),
        }
    }

    /// Whether the server takes this connection for what it is meant to be.
    fn is_mine(&self, welcome: &relay::Welcome) -> bool {
        welcome.me == self.me && welcome.kind == self.kind
    }

    async fn write(
        &self,
        sender: &mut impl Sender,
        ping: &Notify,
    ) -> Result<Infallible, ConnectionError> {
        loop {
            while let Some(packet) = self.shared.next_out()? {
                sender.send(Message::Binary(packet)).await?;
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
            match next_message(receiver, self.idle_timeout, ping).await? {
                Message::Binary(packet) => self.shared.received(packet)?,
                Message::Text(text) => self.told(&text),
            }
        }
    }

    /// What the server says beside packets. What is not known is passed over.
    fn told(&self, text: &str) {
        match Control::decode(text) {
            Some(Control::Join(peer)) => {
                self.shared.step_if_open(|core, now| core.machine.joined(peer, now));
            }
            // It is here again under the same name: what it did not get it asks for.
            Some(Control::Leave { reason: Left::Replaced, .. }) => {}
            Some(Control::Leave { id, .. }) => {
                self.shared.step_if_open(|core, now| core.machine.left(&id, now));
            }
            Some(Control::Undeliverable { request_id, target_id }) => {
                self.shared
                    .step_if_open(|core, now| core.undeliverable(&request_id, &target_id, now));
            }
            Some(Control::Replayed { seq }) => {
                self.shared.step_if_open(|core, _| core.replayed(seq));
            }
            Some(Control::CaughtUp) => self.shared.step_if_open(|core, _| core.caught_up()),
            Some(Control::Error { code, request_id }) => {
                let request = request_id.as_ref().map_or("", |request| request.as_str());
                let malformed = matches!(code, Code::Malformed | Code::SenderMismatch);
                // These two are mistakes of this client, the others are the server's rules.
                if malformed {
                    tracing::warn!(?code, request, "the server did not take a packet");
                } else {
                    tracing::debug!(?code, request, "the server did not take a packet");
                }
            }
            _ => {}
        }
    }
}
