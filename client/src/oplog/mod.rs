//! A client of the `oplog` dialect: an operation log shared by devices that are often offline.
//!
//! A dataset is a row of operations that the server numbers and stores without reading them, on
//! top of a snapshot that some device gave it. What an operation means is the application's
//! business. [`Client`] records and [`Events`] bring:
//!
//! * **What is recorded is durable and arrives**: [`Client::record`] returns when the operation
//!   survives a kill, and it is pushed until the server has confirmed it. An operation that was
//!   pushed twice is stored once, by its name of actor, Lamport clock, scope and resource.
//! * **Each operation of others comes once, in the server's order**, over restarts, and what this
//!   device made does not come back. An application whose state is in the same store settles
//!   events by a batch of its own ([`Events::settle`]), so that no kill comes between.
//! * **A reset replaces the dataset** ([`Client::reset`]). What becomes of operations that another
//!   device's reset overtakes is the application's choice ([`OnReplaced`]), and it is told.
//! * **The client resumes where it was**: an answer that broke off is kept as far as it came.
//! * **Everything is bounded** ([`Settings`]), memory by single operations and snapshots.
//!
//! Only `http://` is built in; for TLS, implement [`Transport`] over a TLS client, or put a proxy
//! beside the application.

mod client;
mod core;
mod driver;
mod error;
mod events;
mod exchange;
mod forms;
mod http;
mod machine;
mod op;
mod reading;
mod settings;
mod shared;
mod status;
mod store_state;
mod transport;
mod wire;

pub use crate::{kept::StateError, task::Stopped};
pub use client::Client;
pub use error::{RecordError, StartError, SyncError};
pub use events::{Event, Events};
pub use http::{AddressError, Http, HttpBody};
pub use machine::{Cause, OnReplaced};
pub use op::{NAME_BYTES_MAX, Op, OpError, Payload, SCOPE_BYTES_MAX};
pub use settings::Settings;
pub use status::Status;
pub use transport::{Body, ConnectionError, Request, Response, Transport};
