//! How the workspace dialect is spoken, no more of it than a benchmark needs.

use std::{fmt::Write as _, net::SocketAddr};

use crate::{
    error::Error,
    load::{
        net::Net,
        sockets::{Handler, Opening, Sockets, Wire},
    },
    wire::{frame, upgrade},
};

/// Where the server is, and what opens its door.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// The server.
    pub(crate) address: SocketAddr,
    /// A token that opens every workspace and may write.
    pub(crate) token: String,
}

/// The dialect.
pub(super) struct Workspace {
    token: String,
}

/// Its connections.
pub(super) type Connections = Sockets<Workspace>;

/// An operation, its value without the quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Op<'a> {
    /// The number in the key's name.
    pub(super) key: u64,
    /// Letters and digits.
    pub(super) value: &'a [u8],
    pub(super) timestamp: u64,
}

/// What the server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said<'a> {
    /// The opening message: its bytes.
    Init(&'a [u8]),
    Op(Op<'a>),
}

/// No connections yet.
pub(super) fn connections(endpoint: &Endpoint) -> Result<Connections, Error> {
    let wire = Workspace { token: endpoint.token.clone() };
    Ok(Sockets::new(Net::new(endpoint.address)?, wire))
}

impl Wire for Workspace {
    /// The workspace's name.
    type Place = String;
    type Out<'a> = Op<'a>;
    type In<'a> = Said<'a>;

    fn request(&self, host: &str, workspace: &String) -> Vec<u8> {
        let path = format!("/v1/sync/{workspace}?token={}", self.token);
        upgrade::request(host, &path, None)
    }

    fn accepts(&self, head: &[u8]) -> Result<(), String> {
        upgrade::check(head, None)
    }

    fn push(&self, out: &mut Vec<u8>, op: &Op<'_>, _: &String, mask: [u8; 4]) {
        let mut text = String::with_capacity(96 + op.value.len());
        let Op { key, timestamp, .. } = op;
        let value = str::from_utf8(op.value).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            r#"{{"type":"op","payload":{{"key":"k{key}","value":"{value}","timestamp":{timestamp}}}}}"#
        );
        frame::push_masked(out, frame::TEXT, text.as_bytes(), mask);
    }

    fn read<'a>(&self, opcode: u8, text: &'a [u8], _: &'a mut Vec<u8>) -> Option<Said<'a>> {
        if opcode != frame::TEXT {
            return None;
        }
        if text.starts_with(br#"{"type":"init","data":{"#) {
            return Some(Said::Init(text));
        }
        let rest = text.strip_prefix(br#"{"type":"op","payload":{"key":"k"#)?;
        let (key, rest) = number(rest)?;
        let rest = rest.strip_prefix(br#"","value":""#)?;
        let end = rest.iter().position(|&byte| byte == b'"')?;
        let (value, rest) = rest.split_at(end);
        let (timestamp, rest) = number(rest.strip_prefix(br#"","timestamp":"#)?)?;
        (rest == b"}}").then_some(Said::Op(Op { key, value, timestamp }))
    }
}

fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit())?;
    let (digits, rest) = text.split_at(end);
    Some((str::from_utf8(digits).ok()?.parse().ok()?, rest))
}

/// Waits for the opening messages.
#[derive(Debug, Default)]
pub(super) struct Joining {
    opened: usize,
    /// The bytes of the last one.
    pub(super) bytes: usize,
}

impl Opening<Workspace> for Joining {
    fn done(&self, _: &Connections) -> usize {
        self.opened
    }
}

impl Handler<Workspace> for Joining {
    fn message(
        &mut self,
        _: &mut Connections,
        link: usize,
        message: Said<'_>,
        _now: u64,
    ) -> Result<(), Error> {
        match message {
            Said::Init(text) => {
                self.opened += 1;
                self.bytes = text.len();
                Ok(())
            }
            Said::Op(op) => Err(Error::Violation(format!("connection {link} got {op:?} unasked"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_the_documented_json_and_comes_back() {
        let wire = Workspace { token: "t".into() };
        let op = Op { key: 17, value: b"abc", timestamp: 1_702_483_200_000_000 };
        let mask = [9, 8, 7, 6];
        let mut bytes = Vec::new();
        wire.push(&mut bytes, &op, &String::new(), mask);
        let head = frame::Head::parse(&bytes).unwrap();
        frame::apply_mask(&mut bytes[head.head_bytes..], mask);
        let text = &bytes[head.head_bytes..];
        let wanted =
            br#"{"type":"op","payload":{"key":"k17","value":"abc","timestamp":1702483200000000}}"#;
        assert_eq!(text, wanted);
        assert_eq!(wire.read(frame::TEXT, text, &mut Vec::new()), Some(Said::Op(op)));
    }

    #[test]
    fn what_is_no_message_is_none() {
        let wire = Workspace { token: "t".into() };
        let read = |text: &[u8]| wire.read(frame::TEXT, text, &mut Vec::new()).is_some();
        assert!(read(br#"{"type":"init","data":{}}"#));
        assert!(!read(br#"{"type":"error","payload":"x"}"#));
        assert!(!read(br#"{"type":"op","payload":{"key":"k1","value":"a"}}"#));
        assert!(!read(br#"{"type":"op","payload":{"key":"k1","value":"a","timestamp":1,"x":2}}"#));
    }
}
