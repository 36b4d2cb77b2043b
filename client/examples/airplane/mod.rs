//! The real network, with an airplane mode: what the examples have in common.

use std::io::ErrorKind;

use syncline_client::relay::{
    ConnectionError, Received, Receiver, Transport, WebSocket, WebSocketReceiver, WebSocketSender,
};
use tokio::sync::watch;

/// WebSocket over TCP, as long as the airplane mode is off.
pub(crate) struct Network {
    pub(crate) socket: WebSocket,
    pub(crate) airplane: watch::Receiver<bool>,
}

/// The receiving half of a connection, which ends when the airplane mode is switched on.
pub(crate) struct Reception {
    socket: WebSocketReceiver,
    airplane: watch::Receiver<bool>,
}

const UNREACHABLE: ConnectionError = ConnectionError::Io(ErrorKind::NetworkUnreachable);

impl Transport for Network {
    type Sender = WebSocketSender;
    type Receiver = Reception;

    async fn connect(
        &self,
        subprotocol: Option<&'static str>,
        message_bytes_max: usize,
    ) -> Result<(WebSocketSender, Reception), ConnectionError> {
        if *self.airplane.borrow() {
            return Err(UNREACHABLE);
        }
        let (sender, socket) = self.socket.connect(subprotocol, message_bytes_max).await?;
        Ok((sender, Reception { socket, airplane: self.airplane.clone() }))
    }
}

impl Receiver for Reception {
    async fn receive(&mut self) -> Result<Received, ConnectionError> {
        tokio::select! {
            received = self.socket.receive() => received,
            _ = self.airplane.wait_for(|on| *on) => Err(UNREACHABLE),
        }
    }
}
