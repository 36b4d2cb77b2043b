//! A workspace without a WebSocket: who is there, what it holds, and setting one key.

use std::sync::Arc;

use bytes::Bytes;
use http::{StatusCode, request};
use hyper::body::Incoming;
use serde_json::json;
use syncline_protocol::dialects::workspace::{Answer as Told, Command};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Api, failed::Failed};
use crate::http::{
    answer::{Answer, json},
    budget::{Budget, Held},
    target::parameter,
};

/// Bytes of the large states that are being sent on one shard. One alone may be longer.
pub(super) const STATES_BYTES_MAX: usize = 256 << 20;

/// A state that is no longer is not counted: connections are.
const STATE_BYTES_UNCOUNTED: usize = 1 << 20;

/// A state that is counted until it was sent, or its peer has gone.
struct Sending {
    state: Bytes,
    _held: Held,
}

impl AsRef<[u8]> for Sending {
    fn as_ref(&self) -> &[u8] {
        &self.state
    }
}

/// Counts a state while it is sent; `None` when too much is being sent already.
fn count(budget: &Arc<Budget>, bytes_max: usize, state: Bytes) -> Option<Bytes> {
    if state.len() <= STATE_BYTES_UNCOUNTED {
        return Some(state);
    }
    let mut held = budget.hold();
    let fits = held.grow(state.len().min(bytes_max));
    fits.then(|| Bytes::from_owner(Sending { state, _held: held }))
}

impl Api {
    /// `[{"user_id","userId","status","last_seen"}]` of those who are there now.
    pub(super) fn presence(&self, workspace: &str) -> Answer {
        let now = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
        let users: Vec<_> = self
            .shared
            .presence
            .users(workspace)
            .iter()
            .map(|user| {
                json!({ "user_id": user, "userId": user, "status": "online", "last_seen": now })
            })
            .collect();
        json(StatusCode::OK, json!(users).to_string())
    }

    pub(super) async fn state(&self, workspace: &str) -> Result<Answer, Failed> {
        match self.ask(workspace, Command::read_state(), 0).await? {
            Told::State(state) => {
                let state = count(&self.states, STATES_BYTES_MAX, state).ok_or(Failed::Busy)?;
                Ok(json(StatusCode::OK, state))
            }
            _ => Err(Failed::Broken),
        }
    }

    /// `{"key","value","timestamp"}`
    pub(super) async fn key(&self, workspace: &str, key: &str) -> Result<Answer, Failed> {
        let Told::Key(stored) = self.ask(workspace, Command::read_key(key), 0).await? else {
            return Err(Failed::Broken);
        };
        let stored = stored.ok_or(Failed::NoKey)?;
        let mut body = format!(r#"{{"key":{},"value":"#, json!(key)).into_bytes();
        body.extend_from_slice(&stored.value);
        body.extend_from_slice(format!(r#","timestamp":{}}}"#, stored.timestamp).as_bytes());
        Ok(json(StatusCode::OK, body))
    }

    /// Sets a key to the body, answered with `{"key","timestamp","stored"}`.
    pub(super) async fn put(
        &self,
        workspace: &str,
        key: &str,
        head: &request::Parts,
        body: Incoming,
    ) -> Result<Answer, Failed> {
        if key.len() > self.shared.config.workspace.key_bytes_max {
            return Err(Failed::BadPath("the key is too long"));
        }
        let timestamp = timestamp(head.uri.query())?;
        self.admit(timestamp)?;
        let body = self.intake.read(&head.headers, body).await.map_err(Failed::Body)?;
        let command = Command::put_key(key, &body.bytes, timestamp).map_err(Failed::NotStorable)?;
        match self.ask(workspace, command, body.bytes.len()).await? {
            Told::Stored { timestamp, stored } => {
                let told = json!({ "key": key, "timestamp": timestamp, "stored": stored });
                Ok(json(StatusCode::OK, told.to_string()))
            }
            Told::Refused(_) => Err(Failed::Full),
            _ => Err(Failed::Broken),
        }
    }

    /// Whether a timestamp lies no further in the future than it may.
    fn admit(&self, timestamp: Option<i64>) -> Result<(), Failed> {
        let skew = self.shared.config.workspace.future_skew_max;
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let latest = i64::try_from((since + skew).as_micros()).unwrap_or(i64::MAX);
        if !skew.is_zero() && timestamp.is_some_and(|timestamp| timestamp > latest) {
            return Err(Failed::BadParameter("the timestamp lies too far in the future"));
        }
        Ok(())
    }

    async fn ask(&self, workspace: &str, command: Command, bytes: usize) -> Result<Told, Failed> {
        self.hub.call(workspace, command, bytes).await.map_err(Failed::Call)
    }
}

/// `?timestamp=` in microseconds since the Unix epoch.
fn timestamp(query: Option<&str>) -> Result<Option<i64>, Failed> {
    let bad = Failed::BadParameter("the timestamp must be an integer of at most 64 bits");
    match parameter(query, "timestamp") {
        Ok(None) => Ok(None),
        Ok(Some(text)) => text.parse().map(Some).map_err(|_| bad),
        Err(_) => Err(bad),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_states_are_counted_until_they_were_sent() {
        const LARGE: usize = 2 * STATE_BYTES_UNCOUNTED;
        let budget = Budget::new(2 * LARGE);
        let send = |bytes: usize| count(&budget, 2 * LARGE, vec![b' '; bytes].into());
        let first = send(LARGE).unwrap();
        let second = send(LARGE).unwrap();
        assert!(send(LARGE).is_none(), "as much is being sent as may be");
        assert!(send(STATE_BYTES_UNCOUNTED).is_some(), "short ones are not counted");
        drop(first);
        let third = send(LARGE).unwrap();
        assert_eq!((third.len(), budget.held()), (LARGE, 2 * LARGE));
        drop((second, third));
        assert!(send(3 * LARGE).is_some(), "one alone may have any length");
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn a_timestamp_is_an_integer() {
        assert_eq!(timestamp(Some("timestamp=-12")).unwrap(), Some(-12));
        assert_eq!(timestamp(Some("x=1")).unwrap(), None);
        for bad in ["timestamp=", "timestamp=1.5", "timestamp=9223372036854775808", "timestamp=%ff"]
        {
            assert!(timestamp(Some(bad)).is_err(), "{bad}");
        }
    }
}
