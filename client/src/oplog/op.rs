//! One operation, its payload, and what a server takes of either. Knows JSON; nothing of
//! generations, stores or connections.

use std::{borrow::Cow, fmt, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

/// The longest scope in bytes (dossier, hole 10).
pub const SCOPE_BYTES_MAX: usize = 64;
/// The longest resource id and the longest actor id in bytes.
pub const NAME_BYTES_MAX: usize = 256;

/// Any JSON value, kept as the text it came in: no number in it is rounded.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload(Arc<str>);

impl Payload {
    /// The JSON of a value.
    ///
    /// # Errors
    /// [`OpError::Payload`] when the value has no JSON.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, OpError> {
        let text = serde_json::to_string(value).map_err(|error| OpError::Payload(error.into()))?;
        Ok(Self(text.into()))
    }

    /// A value that is JSON text already.
    ///
    /// # Errors
    /// [`OpError::Payload`] when it is not one JSON value.
    pub fn from_json(text: &str) -> Result<Self, OpError> {
        let raw: &RawValue =
            serde_json::from_str(text).map_err(|error| OpError::Payload(error.into()))?;
        Ok(Self(raw.get().into()))
    }

    /// Its JSON text.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.0
    }

    /// Reads it as a value of the application.
    ///
    /// # Errors
    /// As [`serde_json::from_str`].
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }
}

/// Its length: what is in a payload is nobody's business.
impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.0.len())
    }
}

/// One operation. Actor, clock, scope and resource id together name it: a server stores the first
/// of a name and passes over the others.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Op {
    /// What kind of resource it is about: `registry` or `list` in the original app.
    pub scope: String,
    /// Which resource it is about.
    pub resource_id: String,
    /// Who made it.
    pub actor: String,
    /// Its maker's Lamport clock.
    pub clock: u64,
    /// What it says.
    pub payload: Payload,
    /// Its place in the dataset, ascending; `None` while the server has not numbered it.
    pub server_seq: Option<u64>,
}

/// Why an operation was not taken.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpError {
    /// A scope, resource id or actor that no server takes.
    #[error("{what} must be 1 to {bytes_max} bytes long, not {bytes}")]
    Name {
        /// Which of them.
        what: &'static str,
        /// Its length in bytes.
        bytes: usize,
        /// The most it may have.
        bytes_max: usize,
    },
    /// The payload is no JSON.
    #[error("the payload is no JSON: {0}")]
    Payload(Arc<serde_json::Error>),
    /// It is larger than the settings allow.
    #[error("the operation takes {bytes} bytes, the limit is {bytes_max}")]
    TooLarge {
        /// What it takes as JSON, in bytes.
        bytes: usize,
        /// [`Settings::op_bytes_max`](super::Settings).
        bytes_max: usize,
    },
}

/// An operation as it stands in a request, an answer and the store.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(borrow)]
    scope: Cow<'a, str>,
    #[serde(borrow)]
    resource_id: Cow<'a, str>,
    #[serde(borrow)]
    actor: Cow<'a, str>,
    clock: u64,
    #[serde(borrow)]
    payload: &'a RawValue,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server_seq: Option<u64>,
}

/// Checks a name against what a server takes.
pub(super) fn check_name(what: &'static str, name: &str, bytes_max: usize) -> Result<(), OpError> {
    let bytes = name.len();
    let fits = (1..=bytes_max).contains(&bytes);
    if fits { Ok(()) } else { Err(OpError::Name { what, bytes, bytes_max }) }
}

/// The JSON of an operation of ours.
pub(super) fn encode(
    scope: &str,
    resource_id: &str,
    actor: &str,
    clock: u64,
    payload: &Payload,
) -> Result<Bytes, OpError> {
    check_name("a scope", scope, SCOPE_BYTES_MAX)?;
    check_name("a resource id", resource_id, NAME_BYTES_MAX)?;
    let unreadable = |error: serde_json::Error| OpError::Payload(error.into());
    let wire = Wire {
        scope: scope.into(),
        resource_id: resource_id.into(),
        actor: actor.into(),
        clock,
        payload: serde_json::from_str(payload.json()).map_err(unreadable)?,
        server_seq: None,
    };
    Ok(serde_json::to_vec(&wire).map_err(unreadable)?.into())
}

/// Reads an operation.
pub(super) fn decode(json: &[u8]) -> Result<Op, serde_json::Error> {
    let wire: Wire<'_> = serde_json::from_slice(json)?;
    Ok(Op {
        scope: wire.scope.into_owned(),
        resource_id: wire.resource_id.into_owned(),
        actor: wire.actor.into_owned(),
        clock: wire.clock,
        payload: Payload(wire.payload.get().into()),
        server_seq: wire.server_seq,
    })
}

/// Reads of an operation what the machine must know: actor, clock and serverSeq.
pub(super) fn decode_name(json: &[u8]) -> Result<(String, u64, Option<u64>), serde_json::Error> {
    let wire: Wire<'_> = serde_json::from_slice(json)?;
    Ok((wire.actor.into_owned(), wire.clock, wire.server_seq))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_op_is_written_as_the_spec_has_it_and_read_back() {
        let payload = Payload::from_json(r#" {"n": 12345678901234567890.0, "s":"\ud83d"} "#);
        let payload = payload.unwrap();
        let json = encode("list", "list-1", "actor-\"1", 7, &payload).unwrap();
        let expected = r#"{"scope":"list","resourceId":"list-1","actor":"actor-\"1","clock":7,"payload":{"n": 12345678901234567890.0, "s":"\ud83d"}}"#;
        assert_eq!(json, expected);
        let op = decode(&json).unwrap();
        assert_eq!((op.scope.as_str(), op.resource_id.as_str()), ("list", "list-1"));
        assert_eq!((op.actor.as_str(), op.clock, op.server_seq), ("actor-\"1", 7, None));
        assert_eq!(op.payload, payload, "every byte of it");
    }

    #[test]
    fn names_that_no_server_takes_are_refused() {
        let payload = Payload::of(&()).unwrap();
        for (scope, resource) in [("", "r"), ("s", ""), (&*"s".repeat(65), "r")] {
            let made = encode(scope, resource, "a", 1, &payload);
            assert!(matches!(made, Err(OpError::Name { .. })), "{scope:?} {resource:?}");
        }
        assert!(Payload::from_json("{} {}").is_err());
    }
}
