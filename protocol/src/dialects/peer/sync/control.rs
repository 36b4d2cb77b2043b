//! The JSON of `UNICAST_REQ` and `UNICAST_ACK`: what two participants tell each other beside rows.
//! Knows no packet and no key ring.

use std::fmt;

use data_encoding::BASE64;
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::dialects::peer::id::RequestId;

/// Bytes of such a payload, at most.
pub const CONTROL_BYTES_MAX: usize = 8 * 1024;
/// Bytes of a code in an answer, at most.
pub const CODE_BYTES_MAX: usize = 64;

/// The payload is not what it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadControl {
    /// It is too long.
    #[error("a control payload of more than {CONTROL_BYTES_MAX} bytes")]
    TooLong,
    /// It is not JSON, not an object, or has no type.
    #[error("a control payload that is not a JSON object with a type")]
    NotJson,
    /// It lacks what its type needs, or has it in another form.
    #[error("a control payload that lacks what its type needs")]
    BadFields,
}

/// 32 secret bytes. Gone from memory when dropped, and not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Zeroizing<[u8; 32]>);

impl Secret {
    /// These bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What a `UNICAST_REQ` says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Control {
    /// What time is it? With the time of the one who asks, in milliseconds since the Unix epoch.
    SyncPing {
        /// When it was asked.
        t0: i64,
    },
    /// The answer.
    SyncPong {
        /// As it was asked.
        t0: i64,
        /// When the question came.
        t1: i64,
        /// When this went out.
        t2: i64,
    },
    /// The group key is asked for.
    GskReq,
    /// The group key. To be taken only when it came sealed for this participant alone.
    GskShare {
        /// The key.
        key: Secret,
        /// Its epoch; `None` from a participant of version 1.
        epoch: Option<u64>,
        /// What it says of the key: 16 hexadecimal digits.
        key_id: Option<String>,
    },
    /// A room's key is asked for.
    KeyReq,
    /// A room's key. To be taken only when it came sealed for this participant alone.
    RoomKey {
        /// The key.
        key: Secret,
    },
    /// The sender has other keys from now on. The packet is signed by the old one.
    KeyRotate {
        /// The new key for signatures.
        sign: [u8; 32],
        /// The new key for exchanges.
        exchange: [u8; 32],
        /// The new key's signature.
        pop: [u8; 64],
    },
    /// The sender answers this `INVITE_REQ`.
    InviteClaim {
        /// The request.
        request: RequestId,
    },
    /// The sender's keys in a data room that it let the receiver into. To be taken only when it came
    /// sealed for this participant alone.
    InviteHost {
        /// The data room, 1 to 128 bytes.
        room: String,
        /// The sender's key for signatures there.
        sign: [u8; 32],
        /// The sender's key for exchanges there.
        exchange: [u8; 32],
    },
    /// Something this version does not know, by its type: to be ignored.
    Unknown(String),
}

#[derive(Deserialize)]
struct Fields {
    #[serde(rename = "type")]
    kind: String,
    t0: Option<Value>,
    t1: Option<Value>,
    t2: Option<Value>,
    key: Option<Value>,
    epoch: Option<Value>,
    key_id: Option<Value>,
    sign: Option<Value>,
    enc: Option<Value>,
    pop: Option<Value>,
    request_id: Option<Value>,
    room: Option<Value>,
}

impl Control {
    /// Reads a payload.
    ///
    /// # Errors
    /// [`BadControl`]. A type that is not known is none: [`Control::Unknown`].
    pub fn parse(payload: &[u8]) -> Result<Self, BadControl> {
        if payload.len() > CONTROL_BYTES_MAX {
            return Err(BadControl::TooLong);
        }
        let fields: Fields = serde_json::from_slice(payload).map_err(|_| BadControl::NotJson)?;
        fields.control().ok_or(BadControl::BadFields)
    }

    /// The payload.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let value = match self {
            Self::SyncPing { t0 } => json!({"type": "SYNC_PING", "t0": t0}),
            Self::SyncPong { t0, t1, t2 } => {
                json!({"type": "SYNC_PONG", "t0": t0, "t1": t1, "t2": t2})
            }
            Self::GskReq => json!({"type": "GSK_REQ"}),
            Self::GskShare { key, epoch, key_id } => return share(key, *epoch, key_id.as_deref()),
            Self::KeyReq => json!({"type": "KEY_REQ"}),
            Self::RoomKey { key } => return with_key("ROOM_KEY", key, ""),
            Self::KeyRotate { sign, exchange, pop } => json!({
                "type": "KEY_ROTATE",
                "sign": BASE64.encode(sign),
                "enc": BASE64.encode(exchange),
                "pop": BASE64.encode(pop),
            }),
            Self::InviteClaim { request } => {
                json!({"type": "INVITE_CLAIM", "request_id": request.as_str()})
            }
            Self::InviteHost { room, sign, exchange } => json!({
                "type": "INVITE_HOST",
                "room": room,
                "sign": BASE64.encode(sign),
                "enc": BASE64.encode(exchange),
            }),
            Self::Unknown(kind) => json!({"type": kind}),
        };
        Zeroizing::new(value.to_string().into_bytes())
    }
}

fn share(key: &Secret, epoch: Option<u64>, key_id: Option<&str>) -> Zeroizing<Vec<u8>> {
    let epoch = epoch.map(|epoch| format!(r#","epoch":{epoch}"#)).unwrap_or_default();
    let key_id = key_id.map(|id| format!(r#","key_id":{}"#, json!(id))).unwrap_or_default();
    with_key("GSK_SHARE", key, &(epoch + &key_id))
}

/// A payload with a key in it, of which no copy is left in memory.
fn with_key(kind: &str, key: &Secret, rest: &str) -> Zeroizing<Vec<u8>> {
    let key = Zeroizing::new(BASE64.encode(&*key.0));
    let mut payload = Zeroizing::new(Vec::with_capacity(128 + rest.len()));
    for part in [r#"{"type":""#, kind, r#"","key":""#, &key, "\"", rest, "}"] {
        payload.extend_from_slice(part.as_bytes());
    }
    payload
}

impl Fields {
    fn control(self) -> Option<Control> {
        Some(match self.kind.as_str() {
            "SYNC_PING" => Control::SyncPing { t0: millis(self.t0)? },
            "SYNC_PONG" => Control::SyncPong {
                t0: millis(self.t0)?,
                t1: millis(self.t1)?,
                t2: millis(self.t2)?,
            },
            "GSK_REQ" => Control::GskReq,
            "GSK_SHARE" => Control::GskShare {
                key: Secret::new(bytes(self.key)?),
                epoch: optional(self.epoch, Value::as_u64)?,
                key_id: optional(self.key_id, |id| {
                    id.as_str().filter(|id| is_key_id(id)).map(str::to_owned)
                })?,
            },
            "KEY_REQ" => Control::KeyReq,
            "ROOM_KEY" => Control::RoomKey { key: Secret::new(bytes(self.key)?) },
            "KEY_ROTATE" => Control::KeyRotate {
                sign: bytes(self.sign)?,
                exchange: bytes(self.enc)?,
                pop: bytes(self.pop)?,
            },
            "INVITE_CLAIM" => {
                Control::InviteClaim { request: RequestId::new(self.request_id?.as_str()?)? }
            }
            "INVITE_HOST" => {
                let room = self.room?.as_str().filter(|room| is_room(room))?.to_owned();
                Control::InviteHost { room, sign: bytes(self.sign)?, exchange: bytes(self.enc)? }
            }
            _ => Control::Unknown(self.kind),
        })
    }
}

/// `None` when it is there and not what it must be.
fn optional<T>(value: Option<Value>, read: impl FnOnce(&Value) -> Option<T>) -> Option<Option<T>> {
    match value {
        None | Some(Value::Null) => Some(None),
        Some(value) => read(&value).map(Some),
    }
}

/// Whole milliseconds; some write them with a point and a zero.
fn millis(value: Option<Value>) -> Option<i64> {
    let value = value?;
    value.as_i64().or_else(|| {
        let number = value.as_f64().filter(|number| number.abs() < 9e15)?;
        Some(number as i64)
    })
}

fn bytes<const N: usize>(value: Option<Value>) -> Option<[u8; N]> {
    let decoded = BASE64.decode(value?.as_str()?.as_bytes()).ok()?;
    decoded.try_into().ok()
}

fn is_room(room: &str) -> bool {
    (1..=128).contains(&room.len()) && !room.chars().any(char::is_control)
}

fn is_key_id(id: &str) -> bool {
    id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What a `UNICAST_ACK` says of the `UNICAST_REQ` or `SYNC_REQ` whose name it bears.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Ack {
    /// Whether it was done.
    pub ok: bool,
    /// Why not, such as `unsupported`: at most [`CODE_BYTES_MAX`] bytes.
    #[serde(default)]
    pub code: Option<String>,
}

impl Ack {
    /// Reads a payload.
    ///
    /// # Errors
    /// [`BadControl`].
    pub fn parse(payload: &[u8]) -> Result<Self, BadControl> {
        if payload.len() > CONTROL_BYTES_MAX {
            return Err(BadControl::TooLong);
        }
        let ack: Self = serde_json::from_slice(payload).map_err(|_| BadControl::NotJson)?;
        let fits = ack.code.as_ref().is_none_or(|code| code.len() <= CODE_BYTES_MAX);
        if fits { Ok(ack) } else { Err(BadControl::BadFields) }
    }

    /// The payload.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let value = match &self.code {
            Some(code) => json!({"ok": self.ok, "code": code}),
            None => json!({"ok": self.ok}),
        };
        value.to_string().into_bytes()
    }
}
