//! A client of the `workspace` dialect: a map of keys to JSON values that many clients share, in
//! which the newest write of each key wins.
//!
//! [`Client::set`] shows a value at once, online or not, and sees to it that it reaches the server;
//! [`Client::get`] reads what shows, and [`Watch`] brings what changes. What shows is the server's
//! map with this client's own values over it that the server is not known to have. The values wait
//! in a queue that holds the newest of each key, and whatever is heard from the server meanwhile is
//! merged below them. So when nothing waits, what shows is what the server has.
//!
//! # When an own value may leave the queue
//!
//! The protocol acknowledges nothing, and a connection that took a message proves little: a
//! WebSocket pong says that the server's socket was read up to the ping, not that what was read is
//! applied, and still less that a power cut of the server would leave it. The server's first
//! message shows what is durable, but as bare values: one that equals ours may be an older one.
//! What does prove it is **an operation of the server that carries our key, our timestamp and our
//! value**, for the server passes on nothing before it is durable. It does not normally send us our
//! own operations, but it does answer one that loses with the winner. So:
//!
//! * Some time after an operation was sent ([`Settings::confirm_after`]) the same value goes out
//!   once more with the timestamp **one microsecond below**. That loses for certain, against our
//!   own operation or against what that lost to, and is neither stored nor shown to anybody. The
//!   answer is the winner: ours, and it is safe; or a newer one, and ours has lost.
//! * A connection's operations are applied in the order in which they were sent. So the last one is
//!   asked about for all: when it is safe, those before it are decided. A burst costs one question.
//!   Three kinds of values are asked about by themselves, because of those nothing is known that
//!   way: all, once the server said that it refused something; those that an earlier run left; and
//!   those set over a value of unknown timestamp (below).
//! * Values go out in the order of the queue, and a value that is set again goes to its end.
//! * What is not decided when a connection ends is sent again on the next, after the first message.
//!   That is harmless: the same operation twice is the same value, since of equal timestamps the
//!   later arrival wins; and one that an older connection brings late loses to the newer.
//!
//! Two clients that write an equal value to the same key in the same microsecond cannot be told
//! apart by this; then one's answer can be taken for the other's. A server that does not answer
//! what loses leaves values pending until it sends something newer; nothing else depends on it.
//!
//! # What wins
//!
//! An operation of the server about a key that waits here is compared by timestamp: a higher one
//! wins and the own value is gone; a lower one has lost, or will when ours arrives. Of an equal
//! timestamp with another value it cannot be known which arrived later, so the own value is stamped
//! anew, above it. About a key that does not wait here the server is simply believed, because it
//! passes operations on in the order in which it took them; only within one connection something
//! older than what was heard is passed over.
//!
//! Timestamps are microseconds of the wall clock, but never below the last one given, which is
//! kept over restarts, and always above what was seen of the key. A value from a clock that runs
//! ahead is outbid for its key alone: other keys go on with the true time. The first message says
//! no timestamps, so a value of the future may hide in it: an own value that is set over such a
//! value and then loses against **that very value** is stamped again, above it, since who set it
//! had seen what it replaces.
//!
//! # What survives
//!
//! With a [`StoreState`], a value that [`Client::set`] has taken survives a kill or a power cut, and
//! none is sent before it would; so stamps never go back below what others have seen. (The one
//! exception is harmless: a value that was stamped again is sent at once. Forgotten, it loses
//! against itself.) What was heard from the server is kept too, for the next start without a
//! network, but nothing waits for it: the server says it again.

mod address;
mod client;
mod clock;
mod core;
mod json;
mod machine;
mod session;
mod settings;
mod shared;
mod state;
mod status;
mod store_state;
mod watch;
mod watches;
mod wire;

pub use address::workspace_url;
pub use client::{Client, SetError, StartError};
pub use clock::Clock;
pub use json::{Json, JsonError};
pub use machine::{Key, Known, Own};
pub use settings::Settings;
pub use state::{InMemory, Kept, State, Update};
pub use status::{Link, Status};
pub use store_state::StoreState;
pub use watch::{Change, Event, Watch};
pub use wire::Opening;

pub use crate::{
    kept::{Durable, StateError},
    task::Stopped,
    transport::{ConnectionError, Message, Received, Receiver, Sender, Transport},
    websocket::{AddressError, WebSocket, WebSocketReceiver, WebSocketSender},
};
