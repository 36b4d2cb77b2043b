//! Who is who in a coordinator in memory, and its clock.
//!
//! A token here is a name in a table; nothing is signed.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    dialect::UnixMillis,
    dialects::maps::{Clock, Grants, Hlc, Host, NodeId, Principal, proto::AuthStatus},
};

/// The name of the coordinator's own node.
const NODE: &str = "~memory";

/// The tokens that a coordinator in memory knows, and its clock, which outlives its restarts.
pub struct Tokens {
    known: Mutex<HashMap<String, Result<Principal, AuthStatus>>>,
    clock: Mutex<Clock>,
}

impl Default for Tokens {
    fn default() -> Self {
        // The name is one: a test of this dialect makes a coordinator.
        let node = NodeId::new(NODE).unwrap_or_else(|| unreachable!("{NODE} is a node's name"));
        Self { known: Mutex::default(), clock: Mutex::new(Clock::new(node)) }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tokens {
    /// From now on this token speaks for somebody, or for nobody.
    pub fn set(&self, token: &str, says: Result<Principal, AuthStatus>) {
        lock(&self.known).insert(token.into(), says);
    }

    /// From now on this token speaks for a user who may do everything until this moment.
    pub fn allow(&self, token: &str, user: &str, expires: UnixMillis) {
        let grants = Grants::everything();
        self.set(token, Ok(Principal { user: user.into(), grants, expires }));
    }

    /// The last timestamp that the coordinator gave or saw.
    #[must_use]
    pub fn last(&self) -> Hlc {
        lock(&self.clock).last().clone()
    }
}

impl Host for Tokens {
    fn verify(&self, token: &str, _: UnixMillis) -> Result<Principal, AuthStatus> {
        lock(&self.known).get(token).cloned().unwrap_or(Err(AuthStatus::InvalidToken))
    }

    fn server_time(&self, now: UnixMillis) -> Hlc {
        lock(&self.clock).now(now)
    }

    fn observe(&self, time: &Hlc, now: UnixMillis) {
        lock(&self.clock).update(time, now);
    }

    fn session_id(&self, number: u64) -> String {
        format!("memory-{number}")
    }
}
