//! The sections of the configuration as values, one file each, with their defaults. No names, no parsing.

mod auth;
mod http;
mod limits;
mod log;
mod maps;
mod oplog;
mod peer;
mod relay;
mod storage;
mod webhook;
mod workspace;

pub use self::{
    auth::AuthConfig, http::HttpConfig, limits::LimitsConfig, log::LogConfig, maps::MapsConfig,
    oplog::OplogConfig, peer::PeerConfig, relay::RelayConfig, storage::StorageConfig,
    webhook::WebhookConfig, workspace::WorkspaceConfig,
};
