//! What an operator can set: names, units and defaults, and how file, environment and flags add up.
//!
//! Parsing is pure; the one place that reads files and the environment is `load`. Nothing here knows
//! the command line's layout or what the server does with a setting.

mod choice;
mod environment;
mod exposure;
mod file;
mod load;
mod nearest;
mod permission;
mod problem;
mod render;
mod resolve;
mod sections;
mod setting;
mod settings;
mod units;
mod webhook;

#[cfg(test)]
mod tests;

pub use choice::{
    Ack, Durability, Heal, LogFormat, LogLevel, Opening, Tenants, TokenAlgorithm, WebhookEvent,
};
pub use exposure::{DemoExposed, Exposed};
pub use load::{Sources, load};
pub use permission::{Permission, Role};
pub use problem::{Origin, Problem, Problems};
pub use render::{default_file, show, show_json};
pub use resolve::{Given, Loaded};
pub use sections::{
    AuthConfig, HttpConfig, LimitsConfig, LogConfig, MapsConfig, OplogConfig, PeerConfig,
    RelayConfig, StorageConfig, WebhookConfig, WorkspaceConfig,
};
pub use setting::Setting;
pub use settings::settings;
pub use units::parse_duration;
pub use webhook::WebhookUnready;

/// Everything that can be set.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// `[http]`
    pub http: HttpConfig,
    /// `[storage]`
    pub storage: StorageConfig,
    /// `[auth]`
    pub auth: AuthConfig,
    /// `[limits]`
    pub limits: LimitsConfig,
    /// `[log]`
    pub log: LogConfig,
    /// `[relay]`
    pub relay: RelayConfig,
    /// `[workspace]`
    pub workspace: WorkspaceConfig,
    /// `[oplog]`
    pub oplog: OplogConfig,
    /// `[maps]`
    pub maps: MapsConfig,
    /// `[peer]`
    pub peer: PeerConfig,
}
