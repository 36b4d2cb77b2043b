//! The task behind a client: connects, serves the connection, waits, connects again.
//! Knows time and tasks; nothing of what is said on a connection.

use std::{convert::Infallible, future::Future, time::Duration};

use tokio::time::{Instant, sleep, timeout};

use crate::{
    backoff::Backoff,
    task::Task,
    transport::{ConnectionError, Sender, Transport},
    waiting::or_never,
};

/// A server that does not take our goodbye within this time goes without it.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// What a driver drives: one client of one dialect.
pub(crate) trait Serve: Send + Sync + 'static {
    /// The switches between the client's handles and this task.
    fn task(&self) -> &Task;

    /// The subprotocol to offer.
    fn subprotocol(&self) -> Option<&'static str> {
        None
    }

    /// Ends when the client is to end.
    fn stop_asked(&self) -> impl Future<Output = ()> + Send + 'static {
        self.task().stop_asked()
    }

    /// An attempt to connect begins.
    fn connecting(&self);

    /// Serves a connection until it breaks, and says why it did.
    fn run<T: Transport>(
        &self,
        sender: &mut T::Sender,
        receiver: &mut T::Receiver,
    ) -> impl Future<Output = ConnectionError> + Send;

    /// Whether another attempt would only meet the same answer.
    fn is_final(&self, error: &ConnectionError) -> bool {
        let _ = error;
        false
    }

    /// The next attempt does not come before this time is over: the server asked for it.
    fn wait_at_least(&self) -> Duration {
        Duration::ZERO
    }

    /// An attempt failed, or a connection ended. The next attempt comes after `retry_in`; without
    /// it, when it is asked for.
    fn disconnected(&self, retry_in: Option<Duration>, error: ConnectionError);

    /// The task has ended: nobody waits for it any more.
    fn finish(&self);
}

/// Writes and reads side by side until one of them breaks, and says why it did.
pub(crate) async fn until_broken<E>(
    writing: impl Future<Output = Result<Infallible, E>>,
    reading: impl Future<Output = Result<Infallible, E>>,
) -> E {
    let broken = tokio::select! {
        broken = writing => broken,
        broken = reading => broken,
    };
    match broken {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

/// The task behind a client.
#[derive(Debug)]
pub(crate) struct Driver<T, S> {
    pub(crate) transport: T,
    pub(crate) session: S,
    pub(crate) backoff: Backoff,
    pub(crate) connect_timeout: Duration,
    pub(crate) message_bytes_max: usize,
}

/// Tells everyone who waits that the task has ended, even when it panicked.
struct Finish<'a, S: Serve>(&'a S);

impl<S: Serve> Drop for Finish<'_, S> {
    fn drop(&mut self) {
        self.0.finish();
    }
}

impl<T: Transport, S: Serve> Driver<T, S> {
    /// Runs until the client is to end.
    pub(crate) async fn run(self) {
        let Self { transport, session, mut backoff, connect_timeout, message_bytes_max } = self;
        let _finish = Finish(&session);
        let mut stop = std::pin::pin!(session.stop_asked());
        loop {
            session.connecting();
            let connection = transport.connect(session.subprotocol(), message_bytes_max);
            let connected = tokio::select! {
                () = &mut stop => return,
                connected = timeout(connect_timeout, connection) => connected,
            };
            let began = Instant::now();
            let (error, lasted) = match connected.unwrap_or(Err(ConnectionError::TimedOut)) {
                Err(error) => (error, Duration::ZERO),
                Ok((mut sender, mut receiver)) => {
                    let error = tokio::select! {
                        () = &mut stop => None,
                        error = session.run::<T>(&mut sender, &mut receiver) => Some(error),
                    };
                    // Whichever side ended it: the other is told, if it still listens.
                    let _ = timeout(GOODBYE_TIMEOUT, sender.close()).await;
                    let Some(error) = error else { return };
                    (error, began.elapsed())
                }
            };
            let retry_in = backoff.after(lasted, getrandom::u32().unwrap_or(u32::MAX));
            let retry_in = retry_in.max(session.wait_at_least());
            let retry_in = (!session.is_final(&error)).then_some(retry_in);
            tracing::debug!(%error, ?retry_in, "a connection ended");
            // Asked for from here on, so that nobody asks in vain.
            let retry = session.task().retry_asked();
            session.disconnected(retry_in, error);
            tokio::select! {
                () = &mut stop => return,
                () = or_never(retry_in.map(sleep)) => {}
                () = retry => {}
            }
        }
    }
}
