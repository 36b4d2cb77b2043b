//! The task behind a client: connects, serves the connection, waits, connects again.
//! Knows time and tasks; nothing of what is said on a connection.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, timeout};

use crate::backoff::Backoff;

use super::{
    session::Session,
    shared::Shared,
    transport::{ConnectionError, Sender, Transport},
};

/// A server that does not take our goodbye within this time goes without it.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// The task behind a client.
#[derive(Debug)]
pub(super) struct Driver<T> {
    pub(super) transport: T,
    pub(super) session: Session,
    pub(super) backoff: Backoff,
    pub(super) connect_timeout: Duration,
    pub(super) message_bytes_max: usize,
}

/// Tells everyone who waits that the task has ended, even when it panicked.
struct Finish(Arc<Shared>);

impl Drop for Finish {
    fn drop(&mut self) {
        self.0.finish();
    }
}

impl<T: Transport> Driver<T> {
    /// Runs until the application stops the client or drops its changes.
    pub(super) async fn run(mut self) {
        let _finish = Finish(Arc::clone(&self.session.shared));
        let (stop, queue) = (self.session.shared.stop_asked(), self.session.queue.clone());
        let stop = async move {
            tokio::select! {
                () = stop => {}
                () = queue.closed() => {}
            }
        };
        let mut stop = std::pin::pin!(stop);
        loop {
            self.session.shared.connecting();
            let connected = tokio::select! {
                () = &mut stop => return,
                connected = self.connect() => connected,
            };
            let began = Instant::now();
            let (error, lasted) = match connected {
                Err(error) => (error, Duration::ZERO),
                Ok((mut sender, mut receiver)) => {
                    let error = tokio::select! {
                        () = &mut stop => None,
                        error = self.session.run(&mut sender, &mut receiver) => Some(error),
                    };
                    // Whichever side ended it: the other is told, if it still listens.
                    let _ = timeout(GOODBYE_TIMEOUT, sender.close()).await;
                    let Some(error) = error else { return };
                    (error, began.elapsed())
                }
            };
            let retry_in = self.backoff.after(lasted, getrandom::u32().unwrap_or(u32::MAX));
            tracing::debug!(%error, ?retry_in, "the relay connection ended");
            self.session.shared.disconnected(retry_in, error);
            tokio::select! {
                () = &mut stop => return,
                () = sleep(retry_in) => {}
                () = self.session.shared.retry_asked() => {}
            }
        }
    }

    async fn connect(&self) -> Result<(T::Sender, T::Receiver), ConnectionError> {
        let subprotocol = self.session.wire.subprotocol();
        let connection = self.transport.connect(subprotocol, self.message_bytes_max);
        timeout(self.connect_timeout, connection).await.map_err(|_| ConnectionError::TimedOut)?
    }
}
