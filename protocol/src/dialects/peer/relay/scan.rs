//! What the server reads of a packet: its type, its request, who sends it and to whom (fields 1, 2, 9 and
//! 3 of proto/p2p_packet.proto). Everything else is stepped over.
//!
//! A frame in which one of these fields stands twice is none: parsers may take the first or the last of
//! them, and server and participant must never disagree. Nothing is allocated here.

/// The longest text of a field that is read here, in bytes.
const TEXT_BYTES_MAX: usize = 128;

/// The frame is no packet, or says where it goes in a way that could be read in two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a packet, or one that names a field of its route twice")]
pub struct Malformed;

/// Where a packet comes from and goes to. A field that is absent is 0 or empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Route<'a> {
    /// Its type, known or not; 0 is SYNC_REQ.
    pub kind: i32,
    /// The request it makes or answers.
    pub request_id: &'a str,
    /// Who sends it, as it says.
    pub sender_id: &'a str,
    /// Whom it is for; empty for all.
    pub target_id: &'a str,
}

impl<'a> Route<'a> {
    /// Reads the route of a packet.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn scan(frame: &'a [u8]) -> Result<Self, Malformed> {
        let (mut kind, mut texts) = (None, [None; 3]);
        let mut rest = Wire(frame);
        while !rest.0.is_empty() {
            let (field, wire_type) = rest.tag()?;
            let place = match field {
                1 if wire_type == VARINT => {
                    // As protobuf has it, an enumeration is the low half of its number.
                    once(&mut kind, rest.varint()? as i32)?;
                    continue;
                }
                2 => 0,
                3 => 1,
                9 => 2,
                1 => return Err(Malformed),
                _ => {
                    rest.skip(wire_type)?;
                    continue;
                }
            };
            if wire_type != LENGTH {
                return Err(Malformed);
            }
            once(&mut texts[place], text(rest.bytes()?)?)?;
        }
        let [request_id, sender_id, target_id] = texts.map(Option::unwrap_or_default);
        Ok(Self { kind: kind.unwrap_or_default(), request_id, sender_id, target_id })
    }
}

fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), Malformed> {
    if slot.replace(value).is_some() { Err(Malformed) } else { Ok(()) }
}

fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    if bytes.len() > TEXT_BYTES_MAX {
        return Err(Malformed);
    }
    str::from_utf8(bytes).map_err(|_| Malformed)
}

const VARINT: u8 = 0;
const FIXED_64: u8 = 1;
const LENGTH: u8 = 2;
const FIXED_32: u8 = 5;

/// What is left of a frame.
struct Wire<'a>(&'a [u8]);

impl<'a> Wire<'a> {
    /// A field's number and how its value is written. The number may be written longer than it need be.
    fn tag(&mut self) -> Result<(u32, u8), Malformed> {
        let key = u32::try_from(self.varint()?).map_err(|_| Malformed)?;
        let field = key >> 3;
        if field == 0 { Err(Malformed) } else { Ok((field, (key & 7) as u8)) }
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        // Nearly all have one byte.
        if let [number @ 0..0x80, rest @ ..] = self.0 {
            self.0 = rest;
            return Ok(u64::from(*number));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, Malformed> {
        let (mut number, mut shift) = (0, 0);
        while let [byte, rest @ ..] = self.0 {
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            // The tenth byte has room for the highest bit alone.
            if shift == 63 && *byte > 1 {
                break;
            }
            if *byte < 0x80 {
                return Ok(number);
            }
            shift += 7;
        }
        Err(Malformed)
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(length).map_err(|_| Malformed)?;
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.varint()?;
        self.take(length)
    }

    fn skip(&mut self, wire_type: u8) -> Result<(), Malformed> {
        match wire_type {
            VARINT => self.varint().map(drop),
            FIXED_64 => self.take(8).map(drop),
            LENGTH => self.bytes().map(drop),
            FIXED_32 => self.take(4).map(drop),
            // Groups are not of proto3; 6 and 7 are nothing.
            _ => Err(Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};
    use prost::Message;

    use super::*;
    use crate::dialects::peer::proto::P2pPacket;

    /// A number in `length` bytes if it needs no more; the last ones may say nothing.
    fn varint(mut number: u64, length: usize, out: &mut Vec<u8>) {
        let needed = (64 - number.leading_zeros() as usize).div_ceil(7);
        for _ in 1..needed.max(length) {
            out.push(number as u8 | 0x80);
            number >>= 7;
        }
        out.push(number as u8);
    }

    /// A field of a packet as it is written.
    #[derive(Clone, Debug)]
    struct Piece {
        field: u32,
        bytes: Vec<u8>,
    }

    fn piece(field: u32, wire_type: u8, tag_length: usize, value: &[u8]) -> Piece {
        let mut bytes = Vec::new();
        varint(u64::from(field << 3 | u32::from(wire_type)), tag_length, &mut bytes);
        if wire_type == LENGTH {
            varint(value.len() as u64, 1, &mut bytes);
        }
        bytes.extend_from_slice(value);
        Piece { field, bytes }
    }

    fn any_text(field: u32) -> impl Strategy<Value = Piece> {
        ("[ -~é☃]{0,42}", 1..=10_usize)
            .prop_map(move |(text, tag)| piece(field, LENGTH, tag, text.as_bytes()))
    }

    fn any_varint(field: u32) -> impl Strategy<Value = Piece> {
        (any::<u64>(), 0..64_u32, 1..=10_usize, 1..=10_usize).prop_map(
            move |(number, shift, length, tag): (u64, u32, usize, usize)| {
                let mut value = Vec::new();
                varint(number >> shift, length, &mut value);
                piece(field, VARINT, tag, &value)
            },
        )
    }

    /// A field of the route.
    fn any_of_route() -> impl Strategy<Value = Piece> {
        prop_oneof![any_varint(1), any_text(2), any_text(3), any_text(9)]
    }

    /// A field that the route has nothing to do with, known or not.
    fn any_other() -> impl Strategy<Value = Piece> {
        let fields = || proptest::sample::select(vec![18, 31, 4000, (1 << 29) - 1]);
        let bytes = || vec(any::<u8>(), 0..200);
        prop_oneof![
            proptest::sample::select(vec![6, 7, 8, 10, 13, 14, 15, 16, 17])
                .prop_flat_map(any_varint),
            (proptest::sample::select(vec![4, 5, 11, 12]), bytes())
                .prop_map(|(field, value)| piece(field, LENGTH, 1, &value)),
            (fields(), bytes()).prop_map(|(field, value)| piece(field, LENGTH, 5, &value)),
            (fields(), any::<[u8; 8]>()).prop_map(|(field, v)| piece(field, FIXED_64, 6, &v)),
            (fields(), any::<[u8; 4]>()).prop_map(|(field, v)| piece(field, FIXED_32, 5, &v)),
        ]
    }

    /// The fields of a packet in any order, each of the route once at most.
    fn any_pieces() -> impl Strategy<Value = Vec<Piece>> {
        let pieces = (vec(any_of_route(), 0..8), vec(any_other(), 0..8));
        let pieces = pieces.prop_map(|(mut route, other)| {
            route.sort_by_key(|piece| piece.field);
            route.dedup_by_key(|piece| piece.field);
            route.extend(other);
            route
        });
        pieces.prop_shuffle()
    }

    fn frame(pieces: &[Piece]) -> Vec<u8> {
        pieces.iter().flat_map(|piece| piece.bytes.clone()).collect()
    }

    fn assert_agrees(frame: &[u8]) {
        let (Ok(route), Ok(packet)) = (Route::scan(frame), P2pPacket::decode(frame)) else {
            return;
        };
        let P2pPacket { r#type: kind, request_id, sender_id, target_id, .. } = &packet;
        assert_eq!(route, Route { kind: *kind, request_id, sender_id, target_id });
    }

    proptest! {
        #[test]
        fn a_packet_goes_where_its_parser_says(pieces in any_pieces()) {
            let frame = frame(&pieces);
            prop_assert!(P2pPacket::decode(&frame[..]).is_ok());
            prop_assert!(Route::scan(&frame).is_ok());
            assert_agrees(&frame);
        }

        #[test]
        fn a_field_of_the_route_that_is_there_twice_makes_it_none(
            pieces in any_pieces(),
            again in any_of_route(),
            at: proptest::sample::Index,
        ) {
            let is_there = pieces.iter().any(|piece| piece.field == again.field);
            let mut pieces = pieces;
            pieces.insert(at.index(pieces.len() + 1), again);
            let scanned = frame(&pieces);
            prop_assert!(P2pPacket::decode(&scanned[..]).is_ok(), "a parser takes one of the two");
            prop_assert_eq!(Route::scan(&scanned).is_err(), is_there);
        }

        #[test]
        fn no_bytes_are_too_strange(
            pieces in any_pieces(),
            changes in vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
            cut: proptest::sample::Index,
        ) {
            let mut frame = frame(&pieces);
            frame.truncate(cut.index(frame.len() + 1));
            for (at, byte) in changes {
                if !frame.is_empty() {
                    let at = at.index(frame.len());
                    frame[at] = byte;
                }
            }
            assert_agrees(&frame);
        }

        #[test]
        fn no_random_bytes_are_too_strange(frame in vec(any::<u8>(), 0..64)) {
            assert_agrees(&frame);
        }
    }

    #[test]
    fn what_is_absent_is_nothing() {
        assert_eq!(Route::scan(b""), Ok(Route::default()));
        assert_eq!(
            Route::scan(b"\x1a\x01a").map(|route| (route.kind, route.sender_id)),
            Ok((0, "a"))
        );
        // Written although it is 0, as some encoders do; then an unknown type, and one below 0.
        assert_eq!(Route::scan(b"\x08\x00").map(|route| route.kind), Ok(0));
        assert_eq!(Route::scan(b"\x08\x2a").map(|route| route.kind), Ok(42));
        let below = b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
        assert_eq!(Route::scan(below).map(|route| route.kind), Ok(-1));
    }

    #[test]
    fn what_is_no_packet() {
        let long = piece(3, LENGTH, 1, &[b'a'; TEXT_BYTES_MAX + 1]).bytes;
        let strange: [&[u8]; 16] = [
            b"\x00\x00",     // field 0
            b"\x08",         // no value
            b"\x0a\x01a",    // the type as text
            b"\x18\x01",     // the sender as a number
            b"\x15\0\0\0\0", // the request in 4 bytes
            b"\x1a\x02a",    // shorter than it says
            b"\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x1a\x02\xc3\x28",                                 // no UTF-8
            b"\x9b\x01\x9c\x01",                                 // a group
            b"\x9c\x01",                                         // the end of one
            b"\x9e\x01\x00",                                     // wire type 6
            b"\x9f\x01\x00",                                     // wire type 7
            b"\x88\x80\x80\x80\x80\x01\x00",                     // a field above 2^29
            b"\x88\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00\x00", // a tag of eleven bytes
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",     // beyond 64 bits
            &long,
        ];
        for frame in strange {
            assert_eq!(Route::scan(frame), Err(Malformed), "{frame:x?}");
        }
        let longest = piece(3, LENGTH, 1, &[b'a'; TEXT_BYTES_MAX]).bytes;
        assert!(Route::scan(&longest).is_ok());
    }
}
