//! The Syncline server as a library: another service can run it in its own process.

mod admin;
pub mod auth;
pub mod config;
pub mod datasets;
mod health;
mod http;
mod hub;
pub mod logging;
mod maps;
mod metrics;
mod outward;
mod peer;
mod registry;
mod server;
mod shard;
mod store_metrics;
pub mod stored_maps;
pub mod stored_rooms;
mod uuid;
mod webhooks;
mod ws;

pub use admin::LocalKey;
pub use config::{Config, Durability, HttpConfig, LimitsConfig, RelayConfig, StorageConfig};
pub use server::{Server, StartError};

/// The front page's programs compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct FrontPage;
