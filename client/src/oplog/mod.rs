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
//! ```
//! use syncline_client::oplog::{Client, Event, Payload, Settings};
//! use syncline_engine::{Batch, Options, Store};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let mut config = syncline::Config::default();
//! # config.http.listen = ([127, 0, 0, 1], 0).into();
//! # config.storage.dir = dir.path().join("data");
//! # let server = syncline::Server::start(config)?;
//! # let url = format!("http://{}", server.address());
//! # let mut options = Options::default();
//! # options.segment_bytes = 1 << 20;
//! # let open = |name| Store::open(dir.path().join(name), options.clone());
//! // let url = "http://127.0.0.1:8080";
//! let (on_phone, on_laptop) = (open("phone")?, open("laptop")?);
//! let (phone, _events) = Client::connect(&url, &on_phone, "tasks", Settings::default())?;
//! let (laptop, mut events) = Client::connect(&url, &on_laptop, "tasks", Settings::default())?;
//!
//! phone.record("list", "list-1", Payload::of("buy milk")?).await?; // durable, offline or not
//!
//! let tasks = on_laptop.map("tasks")?;
//! if let Some(Event::Ops(ops)) = events.next().await? {
//!     let mut batch = Batch::new();
//!     for op in &ops {
//!         batch.put(&tasks, op.payload.read::<String>()?.as_bytes(), b"");
//!     }
//!     events.settle(batch)?; // what came and what was made of it are one
//! }
//! assert!(tasks.contains(b"buy milk")?);
//! phone.close().await;
//! laptop.close().await;
//! # server.shutdown()?;
//! # Ok(())
//! # }
//! ```
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
