//! The rule against serving strangers by accident. Knows the configuration only.

use std::net::SocketAddr;

use super::{Config, Tenants};

/// The address can be reached from elsewhere and something asks for no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("refusing to serve {address}: whoever reaches it could read and write, since {}", reason(*.relay, *.oplog))]
pub struct Exposed {
    /// The address.
    pub address: SocketAddr,
    /// Whether the relay asks for no token.
    pub relay: bool,
    /// Whether the oplog asks for no token.
    pub oplog: bool,
}

/// The address can be reached from elsewhere, and the demo gives out tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("refusing to show the demo on {0}: whoever reaches it would get a token")]
pub struct DemoExposed(pub SocketAddr);

impl Config {
    /// Whether only this machine can ask the demo for a token, or anyone may on purpose
    /// (`[auth] insecure_open`).
    ///
    /// # Errors
    /// [`DemoExposed`] when neither is so.
    pub fn check_demo(&self) -> Result<(), DemoExposed> {
        let address = self.http.listen;
        let local = address.ip().to_canonical().is_loopback();
        if local || !self.http.demo || self.auth.insecure_open {
            return Ok(());
        }
        Err(DemoExposed(address))
    }

    /// Whether strangers are kept out, or let in on purpose (`[auth] insecure_open`).
    ///
    /// # Errors
    /// [`Exposed`] when neither is so.
    pub fn check_exposure(&self) -> Result<(), Exposed> {
        let address = self.http.listen;
        let local = address.ip().to_canonical().is_loopback();
        let (relay, oplog) = (self.relay.token.is_none(), self.oplog.tenants == Tenants::None);
        if local || self.auth.insecure_open || !(relay || oplog) {
            return Ok(());
        }
        Err(Exposed { address, relay, oplog })
    }
}

/// The other dialects ask for a token always.
fn reason(relay: bool, oplog: bool) -> &'static str {
    match (relay, oplog) {
        (true, true) => "neither the relay nor the oplog asks for a token",
        (true, false) => "the relay asks for no token",
        _ => "the oplog asks for no token",
    }
}
