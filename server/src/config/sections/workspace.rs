//! What can be set in `[workspace]`, and its defaults. Values only.

use std::time::Duration;

use crate::config::{Heal, Opening};

/// The workspace dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkspaceConfig {
    /// When a sender hears its own write back.
    pub heal: Heal,
    /// What the first message of a connection holds.
    pub opening: Opening,
    /// How far in the future the timestamp of a write may lie; zero for any distance.
    pub future_skew_max: Duration,
    /// Bytes that the keys and values of one workspace may take; 0 for no bound.
    pub bytes_max: u64,
    /// Keys that one workspace may hold; 0 for no bound.
    pub keys_max: u64,
    /// The longest key, in bytes.
    pub key_bytes_max: usize,
    /// The largest message, its fragments joined, in bytes.
    pub message_bytes_max: usize,
    /// Whether only a token with the scope `write` or `admin` may write.
    pub scopes: bool,
    /// Whether the user is the token's (`sub`) and `?userId=` is passed over.
    pub user_from_token: bool,
}

impl Default for WorkspaceConfig {
    fn default() -> Self {
        Self {
            heal: Heal::Heal,
            opening: Opening::Values,
            future_skew_max: Duration::ZERO,
            bytes_max: 64 << 20,
            keys_max: 100_000,
            key_bytes_max: 4 << 10,
            message_bytes_max: 16 << 20,
            scopes: false,
            user_from_token: false,
        }
    }
}
