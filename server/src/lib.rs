//! The Syncline server as a library: another service can run it in its own process.

mod config;
mod server;

pub use config::{Config, Durability, HttpConfig, LimitsConfig, RelayConfig, StorageConfig};
pub use server::{Server, StartError};
