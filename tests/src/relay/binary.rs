//! The binary framing, field by field. Written down again from the proto file; knows no socket.

use prost::Message as _;

use super::{Hello, Message};

#[derive(Clone, PartialEq, prost::Message)]
struct ClientMessage {
    #[prost(message, optional, tag = "1")]
    hello: Option<HelloFields>,
    #[prost(message, optional, tag = "2")]
    submit: Option<Submit>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct HelloFields {
    #[prost(string, tag = "1")]
    client_id: String,
    #[prost(string, tag = "2")]
    discovery_key: String,
    #[prost(uint64, tag = "3")]
    last_sequence: u64,
    #[prost(bool, tag = "4")]
    ack: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Submit {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(bytes = "vec", tag = "2")]
    payload: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ServerMessage {
    #[prost(message, optional, tag = "1")]
    change: Option<Change>,
    #[prost(message, optional, tag = "2")]
    accepted: Option<Accepted>,
    #[prost(message, optional, tag = "3")]
    caught_up: Option<CaughtUp>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Change {
    #[prost(uint64, tag = "1")]
    sequence: u64,
    #[prost(string, tag = "2")]
    source_client_id: String,
    #[prost(bytes = "vec", tag = "3")]
    payload: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Accepted {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(uint64, tag = "2")]
    sequence: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct CaughtUp {
    #[prost(uint64, tag = "1")]
    sequence: u64,
}

pub(super) fn hello(hello: &Hello) -> Vec<u8> {
    let fields = HelloFields {
        client_id: hello.client.clone(),
        discovery_key: hello.key.clone(),
        last_sequence: u64::try_from(hello.after).expect("the binary framing has no sign"),
        ack: hello.ack,
    };
    ClientMessage { hello: Some(fields), submit: None }.encode_to_vec()
}

pub(super) fn submit(id: u64, payload: &[u8]) -> Vec<u8> {
    let submit = Submit { id, payload: payload.to_vec() };
    ClientMessage { hello: None, submit: Some(submit) }.encode_to_vec()
}

pub(super) fn parse(bytes: &[u8]) -> Message {
    let message = ServerMessage::decode(bytes).expect("a message of the dialect");
    match (message.change, message.accepted, message.caught_up) {
        (Some(c), None, None) => {
            Message::Change { seq: c.sequence, source: c.source_client_id, payload: c.payload }
        }
        (None, Some(a), None) => Message::Accepted { id: a.id, seq: a.sequence },
        (None, None, Some(c)) => Message::CaughtUp(c.sequence),
        other => panic!("not one kind: {other:?}"),
    }
}
