//! A workspace without a WebSocket: who is there, what it holds, and setting one key.

use http::{StatusCode, request};
use hyper::body::Incoming;
use serde_json::json;
use syncline_protocol::dialects::workspace::{Answer as Told, Command};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Api, failed::Failed};
use crate::http::{
    answer::{Answer, json},
    target::parameter,
};

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
            Told::State(state) => Ok(json(StatusCode::OK, state)),
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
    fn a_timestamp_is_an_integer() {
        assert_eq!(timestamp(Some("timestamp=-12")).unwrap(), Some(-12));
        assert_eq!(timestamp(Some("x=1")).unwrap(), None);
        for bad in ["timestamp=", "timestamp=1.5", "timestamp=9223372036854775808", "timestamp=%ff"]
        {
            assert!(timestamp(Some(bad)).is_err(), "{bad}");
        }
    }
}
