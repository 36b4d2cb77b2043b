//! A client of the `relay` dialect: an end-to-end encrypted document through a blind server.

mod backoff;
mod change_id;
mod client;
mod driver;
mod envelope;
mod hex;
mod machine;
mod received;
mod seal;
mod secret;
mod session;
mod settings;
mod shared;
mod state;
mod status;
mod transport;
mod websocket;
mod wire;

pub use change_id::{ChangeId, Origin};
pub use client::{Client, Receipt, StartError, SubmitError};
pub use machine::{Handled, Kept, Seen};
pub use received::{Change, Changes, Event};
pub use seal::{Form, OpenError, SealError, Sealer};
pub use secret::{RandomError, Secret};
pub use settings::Settings;
pub use shared::{Saved, Stopped};
pub use state::{Durable, InMemory, State, StateError};
pub use status::Status;
pub use transport::{ConnectionError, Message, Received, Receiver, Sender, Transport};
pub use websocket::{AddressError, WebSocket, WebSocketReceiver, WebSocketSender};
pub use wire::{ClientIdError, Framing};
