//! What can be set in `[relay]`, and its defaults. Values only; a token is never shown.

use std::fmt;

/// The relay dialect.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayConfig {
    /// When set, a peer must show this token.
    pub token: Option<String>,
    /// Bytes that the stored changes of one discovery key may take, names included; 0 for no bound.
    pub key_bytes_max: u64,
    /// Changes that one discovery key may hold; 0 for no bound.
    pub key_changes_max: u64,
}

impl fmt::Debug for RelayConfig {
    /// Everything but the token, so that no log of a configuration shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayConfig")
            .field("token", &self.token.as_ref().map(|_| "(set)"))
            .field("key_bytes_max", &self.key_bytes_max)
            .field("key_changes_max", &self.key_changes_max)
            .finish()
    }
}
