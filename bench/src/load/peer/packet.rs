//! Packets as the generator makes them: as long as those of a real participant, but signed by nobody. The
//! server verifies no signature. Knows no connection.

use crate::{
    load::payload::BYTES_MIN,
    wire::{
        fields::{Fields, Value, push_bytes_field, push_number_field},
        frame::Head,
        message,
    },
};

/// The type of packets that a server stores.
const DATA_CHUNK: u64 = 2;
/// A type that it passes on and does not store.
const UNICAST_REQ: u64 = 8;

/// A signature's length.
const SIGNATURE: [u8; 64] = [0x5A; 64];

/// Some moment, in milliseconds: what counts is its length.
const PHYSICAL_TIME: u64 = 1_780_000_000_000;

/// Bytes of a participant's name and of a relay client's.
const NAME_BYTES: usize = 41;
const CLIENT_ID_BYTES: usize = 36;

/// A packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    /// Whether it is of a type that is stored.
    pub(super) stored: bool,
    /// Its number among its sender's.
    pub(super) number: u64,
    /// Opaque bytes.
    pub(super) payload: &'a [u8],
}

/// A participant's name, always as long as a real one.
pub(super) fn name(run: u64, link: usize) -> String {
    format!("user:{:08x}-0000-4000-8000-{link:012x}", run as u32)
}

/// Appends a packet of a sender, for all or for one.
pub(super) fn push(out: &mut Vec<u8>, packet: &Packet<'_>, sender: &str, target: Option<&str>) {
    push_number_field(out, 1, if packet.stored { DATA_CHUNK } else { UNICAST_REQ });
    push_bytes_field(out, 2, &request(packet.number));
    push_bytes_field(out, 3, sender.as_bytes());
    push_bytes_field(out, 4, &SIGNATURE);
    push_bytes_field(out, 5, packet.payload);
    if let Some(target) = target {
        push_bytes_field(out, 9, target.as_bytes());
    }
    push_number_field(out, 10, 1);
    push_number_field(out, 13, PHYSICAL_TIME);
    push_number_field(out, 14, packet.number);
    push_number_field(out, 15, 2);
}

/// A request's name, like a UUID in length.
fn request(number: u64) -> [u8; 36] {
    let mut name = *b"00000000-0000-4000-8000-000000000000";
    for (place, digit) in name.iter_mut().rev().take(12).enumerate() {
        *digit = b"0123456789abcdef"[(number >> (4 * place)) as usize & 15];
    }
    name
}

/// The payload of a packet that is whole, else `None`.
pub(super) fn read(frame: &[u8]) -> Option<&[u8]> {
    let mut fields = Fields::new(frame);
    let (mut payload, mut version) = (None, None);
    for field in &mut fields {
        match field {
            (5, Value::Bytes(bytes)) => payload = Some(bytes),
            (15, Value::Number(number)) => version = Some(number),
            _ => {}
        }
    }
    payload.filter(|_| !fields.broken && version == Some(2))
}

/// How long the payload of a change of the relay dialect is whose message is as long as a packet for all with
/// a payload of `bytes`.
pub(super) fn relay_bytes(bytes: usize) -> usize {
    let payload = vec![0; bytes];
    let number = 1 << 17;
    let packet = Packet { stored: true, number, payload: &payload };
    let (mut ours, mut change) = (Vec::new(), Vec::new());
    push(&mut ours, &packet, &"u".repeat(NAME_BYTES), None);
    message::push_change(&mut change, number, &[0; CLIENT_ID_BYTES], &payload);
    let head_bytes = Head::parse(&change).map_or(0, |head| head.head_bytes);
    (bytes + ours.len() + head_bytes).saturating_sub(change.len()).max(BYTES_MIN)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use syncline_protocol::dialects::peer::{packet, relay::Route};

    use super::*;

    #[test]
    fn a_packet_is_one_to_the_server_and_to_participants() {
        let sender = name(0xABCD, 7);
        assert_eq!(sender.len(), NAME_BYTES);
        for (stored, kind) in [(true, 2), (false, 8)] {
            for target in [None, Some("user:b")] {
                let mut frame = Vec::new();
                let packet = Packet { stored, number: 300, payload: b"payload" };
                push(&mut frame, &packet, &sender, target);
                let route = Route::scan(&frame).unwrap();
                assert_eq!((route.kind, route.sender_id), (kind, &*sender));
                assert_eq!(route.target_id, target.unwrap_or_default());
                let decoded = packet::Packet::decode(Bytes::from(frame.clone())).unwrap();
                assert_eq!((&*decoded.payload, decoded.logical_time), (&b"payload"[..], 300));
                assert_eq!(decoded.request.as_str(), "00000000-0000-4000-8000-00000000012c");
                assert_eq!(read(&frame), Some(&b"payload"[..]));
                assert_eq!(read(&frame[..frame.len() - 2]), None, "a cut packet");
            }
        }
    }

    #[test]
    fn a_change_of_the_relay_can_be_as_long_as_a_packet() {
        for bytes in [128, 1024] {
            let (mut ours, mut change) = (Vec::new(), Vec::new());
            let payload = vec![0; bytes];
            let packet = Packet { stored: true, number: 1 << 17, payload: &payload };
            push(&mut ours, &packet, &name(1, 1), None);
            let payload = vec![0; relay_bytes(bytes)];
            message::push_change(&mut change, 1 << 17, &[0; CLIENT_ID_BYTES], &payload);
            let head = Head::parse(&change).unwrap();
            assert!(ours.len().abs_diff(head.payload_bytes) <= 2);
        }
    }
}
