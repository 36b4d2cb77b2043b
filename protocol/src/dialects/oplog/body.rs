//! The one pass over a request's body: fields to JSON tokens, operations straight into their buffer.
//!
//! Knows JSON and its faults; what the fields mean is judged by the requests. Unknown fields are passed
//! over, and of a field that stands twice the last one counts.

use std::{fmt, str};

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    fault::BadRequest,
    op::{BadOp, Ops, Scopes, Tokens},
};

/// The tokens of a body's fields; `None` for those that are not there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fields<'a> {
    pub(super) client_id: Option<&'a str>,
    pub(super) generation: Option<&'a str>,
    pub(super) snapshot: Option<&'a str>,
    pub(super) server_seq: Option<&'a str>,
}

/// Reads a body with operations.
pub(super) fn push(body: &[u8], scopes: Scopes) -> Result<(Fields<'_>, Option<Ops>), BadRequest> {
    let mut batch = Batch { scopes, body_bytes: body.len(), ..Batch::default() };
    let fields = read(body, Some(&mut batch))?;
    Ok((fields, batch.ops))
}

/// Reads a body without.
pub(super) fn other(body: &[u8]) -> Result<Fields<'_>, BadRequest> {
    read(body, None)
}

fn read<'a>(body: &'a [u8], batch: Option<&mut Batch>) -> Result<Fields<'a>, BadRequest> {
    let body = str::from_utf8(body).map_err(|_| BadRequest::NotUtf8)?;
    let mut at = At { fault: BadRequest::NotObject };
    let mut json = serde_json::Deserializer::from_str(body);
    let object = ObjectOf { batch, at: &mut at };
    object.deserialize(&mut json).and_then(|fields| json.end().map(|()| fields)).map_err(|error| {
        if error.is_data() {
            at.fault
        } else {
            BadRequest::NotJson { line: error.line(), column: error.column() }
        }
    })
}

/// What it means when serde meets another kind of value than it was told to expect.
struct At {
    fault: BadRequest,
}

/// Operations being read.
#[derive(Default)]
struct Batch {
    scopes: Scopes,
    body_bytes: usize,
    ops: Option<Ops>,
}

/// Reads the whole body.
struct ObjectOf<'b> {
    batch: Option<&'b mut Batch>,
    at: &'b mut At,
}

impl<'de> DeserializeSeed<'de> for ObjectOf<'_> {
    type Value = Fields<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Fields<'de>, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ObjectOf<'_> {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(mut self, mut map: M) -> Result<Fields<'de>, M::Error> {
        let mut fields = Fields::default();
        while let Some(name) = map.next_key_seed(NameOf(Name::of_body))? {
            match (name, &mut self.batch) {
                (Name::ClientId, _) => fields.client_id = Some(token(&mut map)?),
                (Name::Generation, _) => fields.generation = Some(token(&mut map)?),
                (Name::Snapshot, _) => fields.snapshot = Some(token(&mut map)?),
                (Name::ServerSeq, _) => fields.server_seq = Some(token(&mut map)?),
                (Name::Ops, Some(batch)) => {
                    self.at.fault = BadRequest::NotArray;
                    let ops = OpsOf { scopes: batch.scopes, at: self.at, bytes: batch.body_bytes };
                    batch.ops = Some(map.next_value_seed(ops)?);
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(fields)
    }
}

/// The text of the next value.
fn token<'de, M: MapAccess<'de>>(map: &mut M) -> Result<&'de str, M::Error> {
    map.next_value::<&RawValue>().map(RawValue::get)
}

/// Reads the array of operations.
struct OpsOf<'b> {
    scopes: Scopes,
    at: &'b mut At,
    bytes: usize,
}

impl<'de> DeserializeSeed<'de> for OpsOf<'_> {
    type Value = Ops;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Ops, D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for OpsOf<'_> {
    type Value = Ops;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Ops, S::Error> {
        let mut ops = Ops::with_capacity(self.bytes);
        self.at.fault = BadRequest::Op { index: 0, why: BadOp::NotObject };
        while let Some(tokens) = seq.next_element_seed(OpOf)? {
            let index = ops.len();
            if let Err(why) = ops.push(&tokens, self.scopes) {
                self.at.fault = BadRequest::Op { index, why };
                return Err(S::Error::custom(why));
            }
            self.at.fault = BadRequest::Op { index: index + 1, why: BadOp::NotObject };
        }
        Ok(ops)
    }
}

/// Reads one operation.
struct OpOf;

impl<'de> DeserializeSeed<'de> for OpOf {
    type Value = Tokens<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Tokens<'de>, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OpOf {
    type Value = Tokens<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Tokens<'de>, M::Error> {
        let mut tokens = Tokens::default();
        while let Some(name) = map.next_key_seed(NameOf(Name::of_op))? {
            let place = match name {
                Name::Scope => &mut tokens.scope,
                Name::ResourceId => &mut tokens.resource_id,
                Name::Actor => &mut tokens.actor,
                Name::Clock => &mut tokens.clock,
                Name::Payload => &mut tokens.payload,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *place = Some(token(&mut map)?);
        }
        Ok(tokens)
    }
}

/// The fields there are.
#[derive(Clone, Copy)]
enum Name {
    ClientId,
    Generation,
    Snapshot,
    ServerSeq,
    Ops,
    Scope,
    ResourceId,
    Actor,
    Clock,
    Payload,
    Unknown,
}

impl Name {
    fn of_body(name: &str) -> Self {
        match name {
            "clientId" => Self::ClientId,
            "datasetGenerationKey" => Self::Generation,
            "snapshot" => Self::Snapshot,
            "serverSeq" => Self::ServerSeq,
            "ops" => Self::Ops,
            _ => Self::Unknown,
        }
    }

    fn of_op(name: &str) -> Self {
        match name {
            "scope" => Self::Scope,
            "resourceId" => Self::ResourceId,
            "actor" => Self::Actor,
            "clock" => Self::Clock,
            "payload" => Self::Payload,
            _ => Self::Unknown,
        }
    }
}

/// Reads the name of a field.
struct NameOf(fn(&str) -> Name);

impl<'de> DeserializeSeed<'de> for NameOf {
    type Value = Name;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Name, D::Error> {
        json.deserialize_identifier(self)
    }
}

impl Visitor<'_> for NameOf {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Name, E> {
        Ok((self.0)(name))
    }
}
