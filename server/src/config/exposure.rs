//! The rule against serving strangers by accident. Knows the configuration only.

use std::net::SocketAddr;

use super::Config;

/// The address can be reached from elsewhere and nothing asks for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("refusing to serve {0} without a token: whoever reaches it could read and write")]
pub struct Exposed(pub SocketAddr);

impl Config {
    /// Whether strangers are kept out, or let in on purpose (`[auth] insecure_open`).
    ///
    /// # Errors
    /// [`Exposed`] when neither is so.
    pub fn check_exposure(&self) -> Result<(), Exposed> {
        let address = self.http.listen;
        let local = address.ip().to_canonical().is_loopback();
        if local || self.relay.token.is_some() || self.auth.insecure_open {
            return Ok(());
        }
        Err(Exposed(address))
    }
}
