//! A client of the `relay` dialect: an end-to-end encrypted document through a blind server.
//!
//! A document is a row of changes that the server numbers and stores without reading them.
//! What a change means is the application's business; changes that mean the same in any order, as
//! those of a CRDT, need nothing else. [`Client`] sends and [`Changes`] receives:
//!
//! * **A change is sealed before anything else happens to it** ([`Sealer`]): with
//!   XChaCha20-Poly1305, under a key derived from the document's [`Secret`]. What waits in the
//!   outbox, on disk or in memory, is already sealed.
//! * **It is sent until the server has saved it**: [`Client::submit`] returns a [`Receipt`], and
//!   [`Status`] counts what is unsaved. What a broken connection leaves open is looked up in the
//!   history before it is sent again.
//! * **Every application sees it once.** Each change carries a [`ChangeId`] under its seal, by
//!   which receivers pass over what was stored twice, and a maker what he made himself. With
//!   [`Form::Original`], which has no place for an id, a change can come twice, and one's own
//!   come back.
//! * **A client resumes where it was**: after a reconnect by itself, after a restart with a
//!   [`State`] that is kept.
//! * **Everything is bounded** ([`Settings`]): an application that does not read stops the
//!   client's reading, a full outbox makes [`Client::submit`] wait.

mod change_id;
mod client;
mod core;
mod envelope;
mod machine;
mod received;
mod seal;
mod secret;
mod session;
mod settings;
mod shared;
mod state;
mod status;
mod store_state;
mod wire;

pub use self::core::Saved;
pub use change_id::{ChangeId, Origin};
pub use client::{Client, Receipt, StartError, SubmitError};
pub use machine::{Handled, Kept, Noted, Seen};
pub use received::{Change, Changes, Event};
pub use seal::{Form, OpenError, SealError, Sealer};
pub use secret::{RandomError, Secret};
pub use settings::Settings;
pub use state::{InMemory, State};
pub use status::Status;
pub use store_state::StoreState;
pub use wire::{ClientIdError, Framing};

pub use crate::{
    kept::{Durable, StateError},
    task::Stopped,
    transport::{ConnectionError, Message, Received, Receiver, Sender, Transport},
    websocket::{AddressError, WebSocket, WebSocketReceiver, WebSocketSender},
};
