//! What a session needs of the server that runs it: who a token speaks for, and what time it is.
//!
//! Knows no session.

use std::sync::Arc;

use super::super::{hlc::Hlc, permissions::Grants, proto::AuthStatus};
use crate::dialect::UnixMillis;

/// Whom a token speaks for.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The user, as node ids are bound to it and maps are counted for it.
    pub user: String,
    /// What the user may do.
    pub grants: Grants,
    /// When the token ends. There is no token without an end here.
    pub expires: UnixMillis,
}

/// The server of a session.
pub trait Host: Send + Sync {
    /// Looks whom a token speaks for.
    ///
    /// # Errors
    /// Why it speaks for nobody; never `AUTH_STATUS_UNSPECIFIED` or `OK`. A token without an end is an
    /// `INVALID_TOKEN`.
    fn verify(&self, token: &str, now: UnixMillis) -> Result<Principal, AuthStatus>;

    /// The next timestamp of the server's own clock, above all that it gave and
    /// [observed](Self::observe) before, also before a restart.
    fn server_time(&self, now: UnixMillis) -> Hlc;

    /// Takes note of a timestamp that a client gave and that is not too far in the future.
    fn observe(&self, time: &Hlc, now: UnixMillis);

    /// What the session of this number is called to its client, at most 64 bytes.
    fn session_id(&self, number: u64) -> String;
}

/// What is known of a peer when its session begins.
#[derive(Clone)]
pub struct Handshake {
    /// Told apart from all other sessions of the running server; not 0.
    pub number: u64,
    /// When its connection began.
    pub connected: UnixMillis,
    /// The server.
    pub host: Arc<dyn Host>,
    /// `None` for a WebSocket, whose first message says who it is. Who was shown in the header of an
    /// HTTP request otherwise: such a session takes one message and gives one, and follows no map.
    pub principal: Option<Principal>,
}
