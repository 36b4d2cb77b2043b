//! One connection: takes in the workspace, then writes what waits and reads what the server says,
//! side by side. Decides nothing: what to send and what to believe is the machine's business.

use std::{convert::Infallible, sync::Arc, time::Duration};

use tokio::{
    sync::Notify,
    task::spawn_blocking,
    time::{Instant, sleep_until, timeout},
};

use super::{
    machine::{Key, Own},
    shared::Shared,
    wire::{self, Opening, ServerMessage},
};
use crate::{
    driver::{Serve, until_broken},
    idle::next_message,
    kept::Durable,
    task::Task,
    transport::{ConnectionError, Message, Receiver, Sender, Transport},
    waiting::or_never,
};

/// What every connection of one client needs.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) shared: Arc<Shared>,
    pub(super) opening: Opening,
    pub(super) opening_timeout: Duration,
    pub(super) confirm_after: Duration,
    pub(super) idle_timeout: Duration,
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
        let ping = Notify::new();
        let refresh = self.shared.connected();
        tokio::select! {
            error = until_broken(self.write(sender, &ping), self.read(receiver, &ping)) => error,
            () = refresh => ConnectionError::Refreshed,
        }
    }

    fn is_final(&self, error: &ConnectionError) -> bool {
        match error {
            ConnectionError::Refused { status } => *status == 401,
            ConnectionError::Closed { code: Some(code) } => (4000..4100).contains(code),
            _ => false,
        }
    }

    fn disconnected(&self, retry_in: Option<Duration>, error: ConnectionError) {
        self.shared.disconnected(retry_in, error);
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
        let mut ask_at = None;
        loop {
            let (values, durable) = self.shared.send_next();
            let all = values.is_empty();
            if let Some(durable) = durable {
                self.wait(durable).await;
            }
            send(sender, values).await?;
            if ask_at.is_none() && self.shared.wants_to_ask() {
                ask_at = Some(Instant::now() + self.confirm_after);
            }
            if ask_at.is_some_and(|at| at <= Instant::now()) {
                ask_at = None;
                send(sender, self.shared.ask()).await?;
            }
            sender.flush().await?;
            if !all {
                continue;
            }
            tokio::select! {
                () = self.shared.something_to_send() => {}
                () = ping.notified() => sender.ping().await?,
                () = or_never(ask_at.map(sleep_until)) => {}
            }
        }
    }

    /// What cannot be made durable is sent all the same: then the server at least has it.
    async fn wait(&self, durable: Durable) {
        if let Ok(Err(error)) = spawn_blocking(durable).await {
            self.shared.state_failed(&error);
        }
    }

    async fn read(
        &self,
        receiver: &mut impl Receiver,
        ping: &Notify,
    ) -> Result<Infallible, ConnectionError> {
        let first = next_message(receiver, self.opening_timeout, ping);
        let first = timeout(self.opening_timeout, first).await;
        self.message(&first.map_err(|_| ConnectionError::TimedOut)??)?;
        loop {
            self.message(&next_message(receiver, self.idle_timeout, ping).await?)?;
        }
    }

    fn message(&self, message: &Message) -> Result<(), ConnectionError> {
        let message = wire::read(message, self.opening)
            .map_err(|_| ConnectionError::Violation("the first message holds no workspace"))?;
        let taken = match message {
            ServerMessage::Init(workspace) => self.shared.init(workspace),
            ServerMessage::Op { key, value, stamp } => self.shared.op(&key, value, stamp),
            ServerMessage::Refused(reason) => {
                self.shared.refused(&reason.into());
                Ok(())
            }
            ServerMessage::Other => Ok(()),
        };
        taken.map_err(|_| ConnectionError::Violation("the workspace is above cache_bytes_max"))
    }
}

async fn send(sender: &mut impl Sender, values: Vec<(Key, Own)>) -> Result<(), ConnectionError> {
    for (key, own) in values {
        sender.send(wire::operation(&key, &own.value, own.stamp)).await?;
    }
    Ok(())
}
