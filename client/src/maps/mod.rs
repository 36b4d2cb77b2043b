//! A local-first client of the `maps` dialect: maps of keys to values, which many clients write,
//! online or not, and in which the newest write of each key wins.
//!
//! [`Map::put`] writes to the store of this device and returns; [`Map::get`] reads from it. Neither
//! waits for the network, ever. Behind that the client sends what the server does not have, takes in
//! what others wrote, and proves by hashes that both hold the same.
//!
//! ```
//! use syncline_client::maps::{Client, Event, Settings};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let dir = dir.path().join("phone");
//! let client = Client::open(&dir, "ws://127.0.0.1:8080", "a token", Settings::default())?;
//! let todos = client.map("todos").await?;
//! let mut watch = todos.watch();
//!
//! todos.put("milk", "two litres")?; // online or not
//! assert_eq!(todos.get("milk")?.as_deref(), Some(&b"two litres"[..]));
//!
//! if let Some(Event::Changed(change)) = watch.next().await {
//!     assert_eq!(&*change.key, "milk");
//! }
//! println!("{}", *client.status().borrow()); // "offline (1 wait)"
//! client.shutdown().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What wins
//!
//! Every write has a timestamp: the time in milliseconds, a counter, and the name of the node, which
//! is made with the store. Of two writes of a key the one with the higher timestamp wins, on every
//! client and on the server alike. A write is always stamped above what was there, so whoever writes
//! wins over what he saw, whatever his clock says. A clock that runs more than a minute ahead is found
//! out by the server: its writes are stamped anew, by the server's time. Nothing else of them changes.
//!
//! A timestamp is not given twice, also not after a power cut: a write is sent only once it is
//! durable here, and the store knows how far the clock may have come.
//!
//! # What survives
//!
//! A write and the note that it is to be sent are one batch of the store: after a kill or a power
//! cut at any point both are there or neither is. A write is durable a moment after [`Map::put`]
//! returned; [`Receipt::durable`] waits for that. What came from the server is kept in one batch with
//! how far the server was read.
//!
//! The note goes when the server has acknowledged the write as durable, or when the server shows it
//! or something newer. Sending twice is harmless. [`Status`] counts those notes: it says `Saved` when
//! the server has said so, and not before.
//!
//! # What is told
//!
//! A [`Watch`] brings every change of a value with the one before, whoever made it, and says when a
//! value of this client was [overwritten](Change::overwritten). A write that the server refuses for
//! good, for want of permission say, comes as [`Event::Rejected`], and what the server has is put
//! back: watch for it, since nothing else tells what was written there. A watch that is not read lets go of its events and says so; nothing waits for it.
//!
//! # What it takes
//!
//! Values stay in the store. In memory are about a hundred bytes for each record of the open maps,
//! removed ones among them until the server drops those. One process, and one client in it, has a
//! store at a time; the store's lock sees to the first.

mod client;
mod clock;
mod core;
mod error;
mod handles;
mod keeper;
mod local;
mod machine;
mod map;
mod replica;
mod session;
mod settings;
mod shared;
mod status;
#[cfg(test)]
mod tests;
mod watch;

pub use client::Client;
pub use clock::WallClock;
pub use error::{OpenError, StartError, WriteError};
pub use map::{Map, Receipt};
pub use settings::Settings;
pub use status::Status;
pub use watch::{Cause, Change, Event, Name, Rejected, Watch};

pub use syncline_protocol::dialects::maps::proto::ErrorCode;

pub use crate::{
    kept::StateError,
    task::Stopped,
    token::Token,
    transport::{ConnectionError, Message, Received, Receiver, Sender, Transport},
    websocket::{AddressError, WebSocket, WebSocketReceiver, WebSocketSender},
};
