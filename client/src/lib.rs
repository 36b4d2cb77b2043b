//! Rust clients for the sync dialects of Syncline, one module per dialect: [`maps`], [`oplog`],
//! [`peer`], [`relay`] and [`workspace`].
//!
//! Two devices of one user, and a server between them that sees neither the document nor its
//! secret:
//!
//! ```
//! use syncline_client::relay::{Client, Event, Secret, Settings};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let mut config = syncline::Config::default();
//! # config.http.listen = ([127, 0, 0, 1], 0).into();
//! # config.storage.dir = dir.path().join("data");
//! # let server = syncline::Server::start(config)?;
//! # let url = format!("ws://{}/sync", server.address());
//! // let url = "ws://127.0.0.1:8080/sync";
//! let secret = Secret::generate()?; // hand it to the other device, and to nobody else
//! let (phone, _to_phone) = Client::connect(&url, &secret, Settings::default())?;
//! let (laptop, mut to_laptop) = Client::connect(&url, &secret, Settings::default())?;
//!
//! let receipt = phone.submit(b"buy milk").await?; // offline or not
//! receipt.await?; // the server has saved it
//!
//! if let Some(Event::Change(change)) = to_laptop.next().await {
//!     assert_eq!(change.body, "buy milk");
//! }
//! phone.shutdown().await;
//! laptop.shutdown().await;
//! # server.shutdown()?;
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod backoff;
mod driver;
mod escape;
mod hex;
mod idle;
mod kept;
pub mod maps;
pub mod oplog;
pub mod peer;
pub mod relay;
mod task;
mod token;
mod transport;
mod waiting;
mod websocket;
pub mod workspace;
