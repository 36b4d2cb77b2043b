//! The relay's binary framing: whole WebSocket frames out, message views in. Knows no socket.

use super::{
    fields::{
        Fields, Value, bytes_field_bytes, number_field_bytes, push_bytes_field, push_bytes_tag,
        push_number_field,
    },
    frame,
};

/// What a client says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientMessage<'a> {
    /// Joins the room of a discovery key.
    Hello {
        /// Who speaks.
        client_id: &'a [u8],
        /// The room.
        discovery_key: &'a [u8],
        /// The last sequence number the client has.
        last_sequence: u64,
        /// Whether `Accepted` is asked for.
        ack: bool,
    },
    /// A change.
    Submit {
        /// Ascending within the connection.
        id: u64,
        /// Opaque bytes.
        payload: &'a [u8],
    },
}

/// What a server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerMessage<'a> {
    /// A change of somebody else, or an old one.
    Change {
        /// Its place in the room's log, from 1.
        sequence: u64,
        /// Opaque bytes.
        payload: &'a [u8],
    },
    /// Every submit up to `id` is durable.
    Accepted {
        /// The last submit accepted.
        id: u64,
        /// Its place in the room's log.
        sequence: u64,
    },
    /// The history has been sent.
    CaughtUp {
        /// Where it ended.
        sequence: u64,
    },
}

/// Appends the frame of a client's message, masked with `key`.
pub(crate) fn push_client(out: &mut Vec<u8>, message: &ClientMessage<'_>, key: [u8; 4]) {
    let (field, body_bytes) = match *message {
        ClientMessage::Hello { client_id, discovery_key, last_sequence, ack } => (
            1,
            bytes_field_bytes(client_id.len())
                + bytes_field_bytes(discovery_key.len())
                + number_field_bytes(last_sequence)
                + number_field_bytes(u64::from(ack)),
        ),
        ClientMessage::Submit { id, payload } => {
            (2, number_field_bytes(id) + bytes_field_bytes(payload.len()))
        }
    };
    frame::push_head(out, frame::BINARY, bytes_field_bytes(body_bytes), Some(key));
    let start = out.len();
    push_bytes_tag(out, field, body_bytes);
    match *message {
        ClientMessage::Hello { client_id, discovery_key, last_sequence, ack } => {
            push_bytes_field(out, 1, client_id);
            push_bytes_field(out, 2, discovery_key);
            push_number_field(out, 3, last_sequence);
            push_number_field(out, 4, u64::from(ack));
        }
        ClientMessage::Submit { id, payload } => {
            push_number_field(out, 1, id);
            push_bytes_field(out, 2, payload);
        }
    }
    frame::apply_mask(&mut out[start..], key);
}

/// Reads a client's message, already unmasked. `None` when it is not one.
pub(crate) fn read_client(message: &[u8]) -> Option<ClientMessage<'_>> {
    let (kind, Value::Bytes(body)) = Fields::new(message).next()? else { return None };
    let mut fields = Fields::new(body);
    let read = match kind {
        1 => read_hello(&mut fields),
        2 => {
            let (mut id, mut payload) = (0, &[][..]);
            for field in &mut fields {
                match field {
                    (1, Value::Number(number)) => id = number,
                    (2, Value::Bytes(bytes)) => payload = bytes,
                    _ => {}
                }
            }
            ClientMessage::Submit { id, payload }
        }
        _ => return None,
    };
    (!fields.broken).then_some(read)
}

fn read_hello<'a>(fields: &mut Fields<'a>) -> ClientMessage<'a> {
    let (mut client_id, mut discovery_key) = (&[][..], &[][..]);
    let (mut last_sequence, mut ack) = (0, false);
    for field in fields {
        match field {
            (1, Value::Bytes(bytes)) => client_id = bytes,
            (2, Value::Bytes(bytes)) => discovery_key = bytes,
            (3, Value::Number(number)) => last_sequence = number,
            (4, Value::Number(number)) => ack = number != 0,
            _ => {}
        }
    }
    ClientMessage::Hello { client_id, discovery_key, last_sequence, ack }
}

/// Appends the frame of a change.
#[inline]
pub(crate) fn push_change(out: &mut Vec<u8>, sequence: u64, source: &[u8], payload: &[u8]) {
    let body_bytes = number_field_bytes(sequence)
        + bytes_field_bytes(source.len())
        + bytes_field_bytes(payload.len());
    frame::push_head(out, frame::BINARY, bytes_field_bytes(body_bytes), None);
    push_bytes_tag(out, 1, body_bytes);
    push_number_field(out, 1, sequence);
    push_bytes_field(out, 2, source);
    push_bytes_field(out, 3, payload);
}

/// Appends the frame of an acknowledgement.
pub(crate) fn push_accepted(out: &mut Vec<u8>, id: u64, sequence: u64) {
    let body_bytes = number_field_bytes(id) + number_field_bytes(sequence);
    frame::push_head(out, frame::BINARY, bytes_field_bytes(body_bytes), None);
    push_bytes_tag(out, 2, body_bytes);
    push_number_field(out, 1, id);
    push_number_field(out, 2, sequence);
}

/// Appends the frame that ends a replay.
pub(crate) fn push_caught_up(out: &mut Vec<u8>, sequence: u64) {
    let body_bytes = number_field_bytes(sequence);
    frame::push_head(out, frame::BINARY, bytes_field_bytes(body_bytes), None);
    push_bytes_tag(out, 3, body_bytes);
    push_number_field(out, 1, sequence);
}

/// Reads a server's message. `None` when it is not one.
#[inline]
pub(crate) fn read_server(message: &[u8]) -> Option<ServerMessage<'_>> {
    let (kind, Value::Bytes(body)) = Fields::new(message).next()? else { return None };
    let mut fields = Fields::new(body);
    let (mut first, mut second, mut payload) = (0, 0, &[][..]);
    for field in &mut fields {
        match field {
            (1, Value::Number(number)) => first = number,
            (2, Value::Number(number)) => second = number,
            (3, Value::Bytes(bytes)) => payload = bytes,
            _ => {}
        }
    }
    if fields.broken {
        return None;
    }
    match kind {
        1 => Some(ServerMessage::Change { sequence: first, payload }),
        2 => Some(ServerMessage::Accepted { id: first, sequence: second }),
        3 => Some(ServerMessage::CaughtUp { sequence: first }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unframed(bytes: &mut [u8]) -> &[u8] {
        let head = frame::Head::parse(bytes).unwrap();
        assert_eq!(head.frame_bytes(), bytes.len());
        let body = &mut bytes[head.head_bytes..];
        if let Some(key) = head.mask {
            frame::apply_mask(body, key);
        }
        body
    }

    #[test]
    fn client_messages_round_trip() {
        let payload = vec![7; 300];
        for message in [
            ClientMessage::Hello {
                client_id: b"one",
                discovery_key: b"key",
                last_sequence: 400,
                ack: true,
            },
            ClientMessage::Submit { id: 9, payload: &payload },
            ClientMessage::Submit { id: 1, payload: b"" },
        ] {
            let mut bytes = Vec::new();
            push_client(&mut bytes, &message, [1, 2, 3, 4]);
            assert_eq!(read_client(unframed(&mut bytes)), Some(message));
        }
    }

    #[test]
    fn server_messages_round_trip() {
        let mut bytes = Vec::new();
        push_change(&mut bytes, 300, b"source", b"payload");
        let change = ServerMessage::Change { sequence: 300, payload: b"payload" };
        assert_eq!(read_server(unframed(&mut bytes)), Some(change));

        let mut bytes = Vec::new();
        push_accepted(&mut bytes, 64, 128);
        let accepted = ServerMessage::Accepted { id: 64, sequence: 128 };
        assert_eq!(read_server(unframed(&mut bytes)), Some(accepted));

        let mut bytes = Vec::new();
        push_caught_up(&mut bytes, 0);
        let caught_up = ServerMessage::CaughtUp { sequence: 0 };
        assert_eq!(read_server(unframed(&mut bytes)), Some(caught_up));
    }
}
