//! How rooms reach their relay. Knows addresses and tokens; nothing of what is said.

use std::{fmt, sync::Arc};

use syncline_protocol::dialects::peer::kind::RoomKind;
use tokio::task::JoinHandle;

use super::{address::room_url, session::Session};
use crate::{
    driver::Driver,
    token::Token,
    transport::Transport,
    websocket::{AddressError, WebSocket},
};

/// What is needed to reach one room.
pub struct Ask {
    /// The room.
    pub room: String,
    /// What it is for.
    pub kind: RoomKind,
    /// What lets in.
    pub token: Token,
    /// Says at each attempt to connect after which stored packet the server is to begin; `None` when it
    /// is to send none.
    pub since_seq: Box<dyn Fn() -> Option<u64> + Send + Sync>,
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask").field("room", &self.room).finish_non_exhaustive()
    }
}

/// Where rooms are: a server, or anything else that lets the participants of a room talk.
pub trait Network: Send + Sync + 'static {
    /// How one room is reached.
    type Transport: Transport;

    /// The way to a room.
    ///
    /// # Errors
    /// [`AddressError`].
    fn reach(&self, ask: Ask) -> Result<Self::Transport, AddressError>;
}

/// A server of this project, by its URL, such as `ws://127.0.0.1:8080`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relay(pub String);

impl Network for Relay {
    type Transport = WebSocket;

    fn reach(&self, ask: Ask) -> Result<WebSocket, AddressError> {
        let Ask { room, token, since_seq, .. } = ask;
        let query = move || since_seq().map_or_else(String::new, |seq| format!("since_seq={seq}"));
        let socket = WebSocket::new(&room_url(&self.0, &room))?;
        Ok(socket.with_token_from(move || token.say()).with_query_from(query))
    }
}

/// A network of some kind, and how its connections are driven.
pub(super) type Start = dyn Fn(Ask, Drive) -> Result<JoinHandle<()>, AddressError> + Send + Sync;

/// A driver that lacks its transport.
pub(super) struct Drive(pub(super) Driver<(), Session>);

/// Forgets of which kind a network is.
pub(super) fn start_on(network: impl Network) -> Arc<Start> {
    Arc::new(move |ask, Drive(driver)| {
        let transport = network.reach(ask)?;
        let Driver { session, backoff, connect_timeout, message_bytes_max, .. } = driver;
        let driver = Driver { transport, session, backoff, connect_timeout, message_bytes_max };
        Ok(tokio::spawn(driver.run()))
    })
}
