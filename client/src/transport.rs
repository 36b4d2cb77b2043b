//! The seam to the network: whole messages in order, in both directions, or an error.
//! Knows nothing of what is said.

use std::{future::Future, io};

use bytes::Bytes;

/// One whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Bytes),
}

/// What came from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A message.
    Message(Message),
    /// A sign of life: a ping, or the answer to one.
    Heartbeat,
}

/// Why there is no connection, or no more. The client tries again by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The network failed, or the server is not there.
    #[error("the network failed: {0}")]
    Io(io::ErrorKind),
    /// No answer in time.
    #[error("the server did not answer in time")]
    TimedOut,
    /// The server answered the upgrade with another status than 101.
    #[error("the server refused the connection with HTTP status {status}")]
    Refused {
        /// The HTTP status: 401 and 403 ask for a token, 404 for another path.
        status: u16,
    },
    /// The server does not speak the binary framing.
    #[error("the server does not speak the binary framing; set Framing::Json")]
    Framing,
    /// The server ended the connection.
    #[error("the server closed the connection (close code {})", code.unwrap_or(1005))]
    Closed {
        /// Its WebSocket close code, if it gave one.
        code: Option<u16>,
    },
    /// The server broke the protocol.
    #[error("the server broke the protocol: {0}")]
    Violation(&'static str),
    /// The server's sequence numbers started again; the next connection reads from the start.
    #[error("the server has lost changes that it once had")]
    Rewound,
    /// The client itself ended the connection, in order to learn anew what the server has.
    #[error("the connection is made anew to learn what the server has")]
    Refreshed,
}

/// Makes connections to one server.
pub trait Transport: Send + Sync + 'static {
    /// The sending half of a connection.
    type Sender: Sender;
    /// The receiving half of a connection.
    type Receiver: Receiver;

    /// Connects, offering `subprotocol`; a server that does not confirm it is
    /// [`ConnectionError::Framing`]. Messages above `message_bytes_max` bytes end the connection.
    fn connect(
        &self,
        subprotocol: Option<&'static str>,
        message_bytes_max: usize,
    ) -> impl Future<Output = Result<(Self::Sender, Self::Receiver), ConnectionError>> + Send;
}

/// The sending half of a connection.
pub trait Sender: Send + 'static {
    /// Takes a message. It is on its way after [`Sender::flush`] at the latest.
    fn send(
        &mut self,
        message: Message,
    ) -> impl Future<Output = Result<(), ConnectionError>> + Send;

    /// Hands everything taken to the network.
    fn flush(&mut self) -> impl Future<Output = Result<(), ConnectionError>> + Send;

    /// Asks the server for a sign of life.
    fn ping(&mut self) -> impl Future<Output = Result<(), ConnectionError>> + Send;

    /// Says goodbye.
    fn close(&mut self) -> impl Future<Output = Result<(), ConnectionError>> + Send;
}

/// The receiving half of a connection.
pub trait Receiver: Send + 'static {
    /// The next thing from the server. Dropping the future loses nothing.
    fn receive(&mut self) -> impl Future<Output = Result<Received, ConnectionError>> + Send;
}
