//! One connection: says who we are, then writes what the reconciler has to say and reads what the
//! server says, side by side. Decides nothing.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use syncline_protocol::dialects::maps::proto::AuthStatus;
use tokio::{sync::Notify, time::sleep_until};

use super::{machine::Ended, shared::Shared};
use crate::{
    driver::{Serve, until_broken},
    idle::next_message,
    task::Task,
    transport::{ConnectionError, Message, Receiver, Sender, Transport},
    waiting::or_never,
};

/// What every connection of one client needs.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) shared: Arc<Shared>,
    pub(super) idle_timeout: Duration,
    /// What the last connection leaves to the next.
    pub(super) last: Mutex<Last>,
}

/// What the last connection leaves to the next.
#[derive(Debug, Default)]
pub(super) struct Last {
    /// The token that it began with.
    token: String,
    /// Why the server did not let us in, if trying again with that token is in vain.
    denied: Option<Arc<str>>,
    /// How long the server does not want to be asked.
    retry_after: Duration,
}

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
        let token = self.shared.connected();
        *self.last() = Last { token, ..Last::default() };
        let ping = Notify::new();
        match until_broken(self.write(sender, &ping), self.read(receiver, &ping)).await {
            End::Connection(error) => error,
            End::Machine(ended) => self.ended(ended),
        }
    }

    fn is_final(&self, _: &ConnectionError) -> bool {
        self.last().denied.is_some()
    }

    fn wait_at_least(&self) -> Duration {
        self.last().retry_after
    }

    fn disconnected(&self, retry_in: Option<Duration>, error: ConnectionError) {
        let denied = self.last().denied.take();
        match (retry_in, denied) {
            (None, Some(reason)) => self.shared.denied(reason),
            (retry_in, _) => self.shared.disconnected(retry_in.unwrap_or_default(), error),
        }
    }

    fn finish(&self) {
        self.shared.finish();
    }
}

/// Why a connection is over.
enum End {
    Connection(ConnectionError),
    Machine(Ended),
}

impl From<ConnectionError> for End {
    fn from(error: ConnectionError) -> Self {
        Self::Connection(error)
    }
}

impl From<Ended> for End {
    fn from(ended: Ended) -> Self {
        Self::Machine(ended)
    }
}

impl Session {
    fn last(&self) -> std::sync::MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn write(&self, sender: &mut impl Sender, ping: &Notify) -> Result<Infallible, End> {
        loop {
            while let Some(message) = self.shared.next_out()? {
                sender.send(Message::Binary(message)).await?;
            }
            sender.flush().await?;
            if self.shared.takes_token_wanted() {
                self.show_other_token();
            }
            tokio::select! {
                () = self.shared.something_to_send() => {}
                () = ping.notified() => sender.ping().await?,
                () = or_never(self.shared.wake_at().map(sleep_until)) => {}
            }
        }
    }

    /// The token ends: shows another one, if there is one.
    fn show_other_token(&self) {
        match self.shared.other_token() {
            Some(token) => self.shared.authenticate(token),
            None => self.shared.token_missing(),
        }
    }

    async fn read(&self, receiver: &mut impl Receiver, ping: &Notify) -> Result<Infallible, End> {
        loop {
            match next_message(receiver, self.idle_timeout, ping).await? {
                Message::Binary(message) => self.shared.receive(message)?,
                Message::Text(_) => {
                    return Err(ConnectionError::Violation("a text message").into());
                }
            }
        }
    }

    fn ended(&self, ended: Ended) -> ConnectionError {
        let reason = ended.to_string();
        tracing::debug!(%reason, "the reconciler ends a connection");
        match ended {
            Ended::Violation(what) => ConnectionError::Violation(what),
            Ended::Denied { status, .. } => {
                // Another token may have been shown too late on it.
                let other_token = self.shared.token() != self.last().token;
                if !(other_token || status == AuthStatus::ClockSkew) {
                    self.last().denied = Some(reason.into());
                }
                ConnectionError::Closed { code: Some(DENIED) }
            }
            Ended::Refused { retry_after_ms, .. } => {
                self.last().retry_after =
                    Duration::from_millis(retry_after_ms).min(RETRY_AFTER_MAX);
                ConnectionError::Closed { code: None }
            }
            Ended::TimedOut => ConnectionError::TimedOut,
            Ended::State(error) => {
                self.shared.state_failed(&error);
                ConnectionError::Refreshed
            }
        }
    }
}

/// The close code that follows when the server does not let a client in.
const DENIED: u16 = 4401;
/// The longest wait that a server may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);
