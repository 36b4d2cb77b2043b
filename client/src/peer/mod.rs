//! Peers of end-to-end encrypted rooms: their keys, rows and members in a local store, over a transport.
//!
//! The server between them routes packets and keeps ciphertext; it has no key. What a packet means is
//! decided by the machine in [`syncline_protocol::dialects::peer::participant`]; here are the store, the
//! sockets and the tasks.
//!
//! One founds a group and invites another, who then sees what is written:
//!
//! ```
//! use syncline_client::peer::{Group, Invite, Peers, Settings};
//!
//! # use syncline_client::peer::Switchboard;
//! # use syncline_engine::{Options, Store};
//! # async fn story() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let board = Switchboard::default();
//! # let peers = |name: &str, settings| -> Result<Peers, Box<dyn std::error::Error>> {
//! #     let mut options = Options::default();
//! #     options.segment_bytes = 256 << 10;
//! #     let store = Store::open(dir.path().join(name), options)?;
//! #     Ok(Peers::start(board.for_identity(name)?, &store, name, settings)?)
//! # };
//! # let (token, door_token) = ("", "");
//! let mut settings = Settings::default();
//! settings.machine.tables = vec!["tasks".into()];
//! // let alice = Peers::open("alice-data", "ws://127.0.0.1:8080", "alice", settings.clone())?;
//! # let alice = peers("alice", settings.clone())?;
//! let home = alice.found("family-data", token, &Group::named("family"))?;
//! let _door = alice.host_invites("family", door_token)?; // as long as it is held
//! let code = home.invite(&Invite::default())?; // tell it to Bob, and to nobody else
//!
//! # let bob = peers("bob", settings)?;
//! let invitation = bob.redeem("family", door_token, &code).await?;
//! let room = bob.enter_as_invited(&invitation, token)?;
//! home.put("tasks", "1", "buy milk")?; // offline or not
//! room.wait_for(|room| room.get("tasks", "1").ok()?).await?;
//! # alice.close().await;
//! # bob.close().await;
//! # Ok(())
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! #     tokio::time::timeout(std::time::Duration::from_secs(60), story()).await?
//! # }
//! ```
//!
//! `client/examples/peers.rs` tells more of it, with a server.

mod address;
mod carried;
mod core;
mod error;
mod group;
mod keeper;
mod lobby;
mod network;
mod peers;
mod queue;
mod room;
mod session;
mod settings;
mod shared;
mod status;
mod store;
mod switchboard;

#[cfg(test)]
mod tests;

pub use error::{InviteError, JoinError, KeysError, StartError};
pub use group::{Group, Invite, Role};
pub use lobby::Invitation;
pub use network::{Ask, Network, Relay};
pub use peers::Peers;
pub use room::{Events, Happened, Room};
pub use settings::Settings;
pub use status::{Connection, Status};
pub use store::EngineStore;
pub use switchboard::{Line, NoIdentity, Switchboard, Wire, WireReceiver, WireSender};

pub use syncline_protocol::dialects::peer::{
    access::Permission,
    id::{CanonicalId, PeerId},
    keys::PublicKeys,
    kind::RoomKind,
    participant::{
        Drops, Edit, Event, HostPin, MinVersion, OpenError, TakeKeysError, Why, WriteError,
    },
    store::StoreFailed,
};

pub use crate::{
    task::Stopped,
    token::Token,
    transport::{ConnectionError, Message, Received, Receiver, Sender, Transport},
    websocket::{AddressError, WebSocket, WebSocketReceiver, WebSocketSender},
};
