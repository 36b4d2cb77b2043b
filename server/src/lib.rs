//! The Syncline server as a library: another service can run it in its own process.

pub mod config;
pub mod logging;
mod server;

pub use config::{Config, Durability, HttpConfig, LimitsConfig, RelayConfig, StorageConfig};
pub use server::{Server, StartError};
