//! The relay's JSON framing: whole WebSocket frames out, message views in. Knows no socket.
//!
//! It reads by looking for the fields by name, which is enough for a server whose ids are ours and hold no quote.

use std::io::Write as _;

use super::{
    frame,
    message::{ClientMessage, ServerMessage},
};

/// Appends the frame of a client's message, masked with `key`. A submit needs the session's discovery key.
pub(crate) fn push_client(
    out: &mut Vec<u8>,
    message: &ClientMessage<'_>,
    room: &str,
    key: [u8; 4],
) {
    let mut text = Vec::new();
    match *message {
        ClientMessage::Hello { client_id, discovery_key, last_sequence, ack } => {
            let features = if ack { r#","features":["ack"]"# } else { "" };
            write_text(
                &mut text,
                format_args!(
                    r#"{{"Hello":{{"client_id":"{}","discovery_key":"{}","last_sequence":{last_sequence}{features}}}}}"#,
                    client_id.escape_ascii(),
                    discovery_key.escape_ascii(),
                ),
            );
        }
        ClientMessage::Submit { payload, .. } => {
            write_text(
                &mut text,
                format_args!(r#"{{"SubmitChange":{{"discovery_key":"{room}","payload":["#),
            );
            for (i, byte) in payload.iter().enumerate() {
                let comma = if i == 0 { "" } else { "," };
                write_text(&mut text, format_args!("{comma}{byte}"));
            }
            text.extend_from_slice(b"]}}");
        }
    }
    frame::push_masked(out, frame::TEXT, &text, key);
}

fn write_text(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a Vec takes every byte");
}

/// Reads a server's message; a payload is unpacked into `scratch`. `None` when it is not one.
///
/// An acknowledgement of this framing names no submit. The generator has each acknowledged room for itself,
/// so a submit's number is its place in the log.
pub(crate) fn read_server<'a>(text: &[u8], scratch: &'a mut Vec<u8>) -> Option<ServerMessage<'a>> {
    let sequence = number_after(text, br#""sequence_id":"#)?;
    if text.starts_with(br#"{"ChangeAccepted":"#) {
        return Some(ServerMessage::Accepted { id: sequence, sequence });
    }
    if !text.starts_with(br#"{"ChangeOccurred":"#) {
        return None;
    }
    let name = br#""payload":["#;
    let numbers = &text[find(text, name)? + name.len()..];
    scratch.clear();
    let mut byte = None::<u16>;
    for &character in numbers {
        match character {
            b'0'..=b'9' => {
                let number = byte.unwrap_or(0) * 10 + u16::from(character - b'0');
                byte = Some(number).filter(|&number| number < 256);
                byte?;
            }
            b',' => scratch.push(byte.take()? as u8),
            b']' => {
                scratch.extend(byte.map(|last| last as u8));
                return Some(ServerMessage::Change { sequence, payload: scratch });
            }
            _ => return None,
        }
    }
    None
}

fn find(text: &[u8], name: &[u8]) -> Option<usize> {
    text.windows(name.len()).position(|window| window == name)
}

fn number_after(text: &[u8], name: &[u8]) -> Option<u64> {
    let digits = &text[find(text, name)? + name.len()..];
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(message: &ClientMessage<'_>) -> String {
        let mut bytes = Vec::new();
        push_client(&mut bytes, message, "room", [9, 8, 7, 6]);
        let head = frame::Head::parse(&bytes).unwrap();
        assert_eq!(head.opcode, frame::TEXT);
        frame::apply_mask(&mut bytes[head.head_bytes..], [9, 8, 7, 6]);
        String::from_utf8(bytes[head.head_bytes..].to_vec()).unwrap()
    }

    #[test]
    fn client_messages_are_the_documented_json() {
        let hello = ClientMessage::Hello {
            client_id: b"me",
            discovery_key: b"room",
            last_sequence: 3,
            ack: true,
        };
        assert_eq!(
            sent(&hello),
            r#"{"Hello":{"client_id":"me","discovery_key":"room","last_sequence":3,"features":["ack"]}}"#
        );
        assert_eq!(
            sent(&ClientMessage::Submit { id: 1, payload: &[0, 10, 255] }),
            r#"{"SubmitChange":{"discovery_key":"room","payload":[0,10,255]}}"#
        );
    }

    #[test]
    fn server_messages_are_read_and_bad_ones_are_not() {
        let mut scratch = Vec::new();
        let text = br#"{"ChangeOccurred":{"sequence_id":17,"discovery_key":"k","source_client_id":"c","payload":[0,255,7]}}"#;
        assert_eq!(
            read_server(text, &mut scratch),
            Some(ServerMessage::Change { sequence: 17, payload: &[0, 255, 7] })
        );
        let empty = br#"{"ChangeOccurred":{"sequence_id":1,"payload":[]}}"#;
        assert_eq!(
            read_server(empty, &mut scratch),
            Some(ServerMessage::Change { sequence: 1, payload: &[] })
        );
        let accepted = br#"{"ChangeAccepted":{"sequence_id":5,"discovery_key":"k"}}"#;
        assert_eq!(
            read_server(accepted, &mut scratch),
            Some(ServerMessage::Accepted { id: 5, sequence: 5 })
        );
        for bad in [
            &br#"{"ChangeOccurred":{"sequence_id":1,"payload":[256]}}"#[..],
            br#"{"ChangeOccurred":{"sequence_id":1,"payload":[1"#,
            br#"{"Other":{"sequence_id":1}}"#,
        ] {
            assert_eq!(read_server(bad, &mut scratch), None);
        }
    }
}
