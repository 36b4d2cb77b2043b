//! Requests as they are written and answers as they are read (spec, endpoints).
//! Knows JSON and paths; nothing of what follows from an answer.

mod scan;

use bytes::{BufMut, Bytes, BytesMut};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, de::IgnoredAny};

pub(crate) use scan::{Scanner, TooLarge};

/// Where each call goes.
pub(crate) const BOOTSTRAP: &str = "/sync/bootstrap";
pub(crate) const PUSH: &str = "/sync/push";
pub(crate) const PULL: &str = "/sync/pull";
pub(crate) const RESET: &str = "/sync/reset";

/// What every good answer and every stale one says, beside operations.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Head {
    pub(crate) dataset_generation_key: String,
    #[serde(default)]
    pub(crate) server_seq: Option<u64>,
    #[serde(default)]
    pub(crate) snapshot: Option<String>,
    #[serde(default)]
    ops: Option<Vec<IgnoredAny>>,
}

impl Head {
    /// Reads what stands around the operations. `None` when it is not an answer of this protocol.
    pub(crate) fn read(around: &[u8]) -> Option<Self> {
        let head: Self = serde_json::from_slice(around).ok()?;
        let parted = head.ops.as_ref().is_none_or(Vec::is_empty);
        (parted && !head.dataset_generation_key.is_empty()).then_some(head)
    }
}

/// The path and query of a pull.
pub(crate) fn pull(since: u64, client: &str, generation: &str, wait_s: Option<u64>) -> String {
    let coded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let (client, generation) = (coded(client), coded(generation));
    let query = format!("since={since}&clientId={client}&datasetGenerationKey={generation}");
    let wait = wait_s.map(|wait_s| format!("&wait={wait_s}")).unwrap_or_default();
    format!("{PULL}?{query}{wait}")
}

/// The body of a push of operations that are JSON already.
pub(crate) fn push<'a>(
    client: &str,
    generation: &str,
    ops: impl Iterator<Item = &'a [u8]>,
) -> Bytes {
    let mut body = open(client, generation);
    body.put_slice(b",\"ops\":[");
    for (at, op) in ops.enumerate() {
        if at > 0 {
            body.put_u8(b',');
        }
        body.put_slice(op);
    }
    body.put_slice(b"]}");
    body.freeze()
}

/// The body of a reset.
pub(crate) fn reset(client: &str, generation: &str, snapshot: &str) -> Bytes {
    let mut body = open(client, generation);
    body.put_slice(b",\"snapshot\":");
    body.put_slice(text(snapshot).as_bytes());
    body.put_u8(b'}');
    body.freeze()
}

/// The beginning of a body: whose it is and for which dataset.
fn open(client: &str, generation: &str) -> BytesMut {
    let (client, generation) = (text(client), text(generation));
    let open = format!("{{\"clientId\":{client},\"datasetGenerationKey\":{generation}");
    BytesMut::from(open.as_bytes())
}

fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_their_golden_text() {
        assert_eq!(
            pull(7, "actor 1&", "k", None),
            "/sync/pull?since=7&clientId=actor%201%26&datasetGenerationKey=k"
        );
        assert!(pull(7, "a", "k", Some(20)).ends_with("&wait=20"));
        let body = push("a", "k\"", [&b"{}"[..], b"1"].into_iter());
        assert_eq!(body, r#"{"clientId":"a","datasetGenerationKey":"k\"","ops":[{},1]}"#);
        let body = push("a", "k", std::iter::empty());
        assert_eq!(body, r#"{"clientId":"a","datasetGenerationKey":"k","ops":[]}"#);
        let body = reset("a", "k", "S\n");
        assert_eq!(body, r#"{"clientId":"a","datasetGenerationKey":"k","snapshot":"S\n"}"#);
    }

    #[test]
    fn an_answer_of_another_service_is_none() {
        assert!(Head::read(b"<html>").is_none());
        assert!(Head::read(br#"{"status":"ok"}"#).is_none());
        assert!(Head::read(br#"{"datasetGenerationKey":""}"#).is_none());
        let escaped = br#"{"datasetGenerationKey":"k","\u006fps":[1]}"#;
        assert!(Head::read(escaped).is_none(), "operations that the scanner did not see");
        let head = Head::read(br#"{"datasetGenerationKey":"k","ops":null,"more":1}"#).unwrap();
        assert_eq!((head.dataset_generation_key.as_str(), head.server_seq), ("k", None));
    }
}
