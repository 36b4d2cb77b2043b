//! Waits for a message and notices a server that has fallen silent. Knows no dialect.

use std::time::Duration;

use tokio::{sync::Notify, time::timeout};

use crate::transport::{ConnectionError, Message, Received, Receiver};

/// The next message. A server that is silent for `idle_timeout` is pinged once, by whoever waits
/// for `ping`, before it is given up.
pub(crate) async fn next_message(
    receiver: &mut impl Receiver,
    idle_timeout: Duration,
    ping: &Notify,
) -> Result<Message, ConnectionError> {
    let mut pinged = false;
    loop {
        match timeout(idle_timeout, receiver.receive()).await {
            Ok(Ok(Received::Message(message))) => return Ok(message),
            Ok(Ok(Received::Heartbeat)) => pinged = false,
            Ok(Err(error)) => return Err(error),
            Err(_) if pinged => return Err(ConnectionError::TimedOut),
            Err(_) => {
                pinged = true;
                ping.notify_one();
            }
        }
    }
}
