//! Clients that know the specification alone: envelopes of the fields 1 to 6, taken apart by hand.

use std::time::Duration;

use syncline_protocol::dialects::maps::proto::ErrorCode;
use syncline_tests::{
    PATIENCE,
    maps::{Client, claims, everything, put, remove, subscribe, tree},
    server::TestServer,
    workspace::token,
    ws::{BINARY, Event, FIN, PING, PONG},
};

use crate::{at, each, trees::fill};

/// A number as protobuf writes it.
fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A field with a length.
fn field(number: u64, bytes: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

/// A field that is a number.
fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn take_varint(bytes: &mut &[u8]) -> u64 {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        number |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            return number;
        }
    }
}

/// The fields of a message: a number as its eight bytes.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = take_varint(&mut bytes);
        let value = match key & 7 {
            0 => take_varint(&mut bytes).to_le_bytes().to_vec(),
            2 => {
                let len = take_varint(&mut bytes) as usize;
                let (value, rest) = bytes.split_at(len);
                bytes = rest;
                value.to_vec()
            }
            other => panic!("a field of wire type {other}"),
        };
        found.push((key >> 3, value));
    }
    found
}

/// The field of this number, if it is there.
fn part(message: &[u8], number: u64) -> Option<Vec<u8>> {
    fields(message).into_iter().find(|(n, _)| *n == number).map(|(_, value)| value)
}

fn count(message: &[u8], number: u64) -> u64 {
    part(message, number).map_or(0, |value| u64::from_le_bytes(value.try_into().unwrap()))
}

/// A client that knows nothing but that.
struct Old(Client);

impl Old {
    /// Shows a token and nothing else; what comes back is no payload that it knows.
    fn join(server: &TestServer, user: &str) -> Self {
        let mut old = Self(Client::open(server.address()));
        let pass = token(&claims(user, &everything()));
        old.say("a", 2, &field(1, pass.as_bytes()));
        let (id, kind, response) = old.hear();
        assert_eq!((id.as_str(), kind), ("a", 7), "authResp, which it passes over");
        assert_eq!(count(&response, 1), 1);
        old
    }

    fn say(&mut self, id: &str, kind: u64, payload: &[u8]) {
        let message = [field(1, id.as_bytes()), field(kind, payload)].concat();
        assert!(self.0.socket().send(FIN | BINARY, &message));
    }

    /// The next message: its id, the field of its payload, the payload.
    fn hear_within(&mut self, wait: Duration) -> Option<(String, u64, Vec<u8>)> {
        loop {
            let frame = match self.0.socket().event(wait) {
                Event::Frame(frame) => frame,
                Event::Nothing => return None,
                Event::End => panic!("the connection has ended"),
            };
            match frame.opcode() {
                PING => {
                    self.0.socket().send(FIN | PONG, &frame.payload);
                }
                BINARY => {
                    let mut found = fields(&frame.payload);
                    let (kind, payload) = found.pop().expect("a payload");
                    let id =
                        found.pop().map_or(String::new(), |(_, id)| String::from_utf8(id).unwrap());
                    assert!(found.is_empty());
                    return Some((id, kind, payload));
                }
                other => panic!("a frame of opcode {other}: {:?}", frame.close_code()),
            }
        }
    }

    fn hear(&mut self) -> (String, u64, Vec<u8>) {
        self.hear_within(PATIENCE).expect("a message")
    }

    /// Asks, and takes the answer, which must be this field.
    fn ask(&mut self, kind: u64, payload: &[u8], answer: u64) -> Vec<u8> {
        self.say("q", kind, payload);
        loop {
            let (id, kind, payload) = self.hear();
            assert!((2..=6).contains(&kind), "it knows no field {kind}");
            if id == "q" {
                assert_eq!(kind, answer);
                return payload;
            }
        }
    }
}

fn op(map: &str, key: &str, value: &[u8], timestamp: &str, kind: u64) -> Vec<u8> {
    let parts = [(1, map.as_bytes()), (2, key.as_bytes()), (3, value), (4, timestamp.as_bytes())];
    let mut bytes: Vec<u8> = parts.iter().flat_map(|(n, part)| field(*n, part)).collect();
    bytes.extend(number(5, kind));
    bytes
}

#[test]
fn a_client_of_the_specification_alone_writes_reads_and_follows() {
    each(|server| {
        let mut ann = Old::join(server, "ann");
        let mut bob = Client::join(server, "bob");
        bob.acked(subscribe("m"));
        // Realtime: an operation, and its bare Ack.
        let time = at(0, "old-phone");
        let ack = ann.ask(3, &op("m", "k", b"v", &time, 0), 6);
        assert_eq!((part(&ack, 1), count(&ack, 2), count(&ack, 4)), (None, 1, 1));
        assert_eq!(bob.batch().ops, [put("m", "k", b"v", &time)]);
        // Push of several; one is refused, under its place.
        let push = [
            number(1, 1),
            field(2, &op("m", "gone", b"", &at(1, "old-phone"), 1)),
            field(2, &op("m", "x", b"", "", 0)),
        ]
        .concat();
        let ack = ann.ask(4, &push, 6);
        let result = part(&ack, 1).expect("one result");
        assert_eq!(
            (count(&result, 1), count(&result, 2), count(&result, 3)),
            (1, 4, ErrorCode::BadRequest as u64)
        );
        // The root hash and the top buckets, without a map's name: the maps it may read.
        let directory = ann.ask(4, &[number(1, 2), number(3, 3)].concat(), 5);
        assert_eq!(count(&directory, 1), 1);
        // And of one map, which it follows from then on.
        let top = ann.ask(4, &[number(1, 2), number(3, 3), field(4, b"m")].concat(), 5);
        let both = [
            put("m", "k", b"v", &time),
            remove("m", "gone", &bob.everything("m").ops[1].timestamp),
        ];
        assert_eq!(part(&top, 4).unwrap(), tree::fingerprint(&both));
        let buckets = fields(&top).into_iter().filter(|(n, _)| *n == 6).count();
        assert_eq!(buckets, 2);
        // Changes come one by one, each as the specification's op.
        let theirs: Vec<_> =
            (0..5).map(|n| put("m", &format!("b{n}"), b"w", &at(2, "bob-node"))).collect();
        fill(&mut bob, &theirs);
        for told in &theirs {
            let (id, kind, payload) = ann.hear();
            assert_eq!((id.as_str(), kind), ("", 3));
            assert_eq!(part(&payload, 2).unwrap(), told.key.as_bytes());
            assert_eq!(part(&payload, 4).unwrap(), told.timestamp.as_bytes());
        }
        let got = ann.ask(4, &[number(1, 4), field(4, b"m"), field(7, b"b0")].concat(), 5);
        assert_eq!(part(&part(&got, 8).unwrap(), 3).unwrap(), b"w");
    });
}

#[test]
fn what_fails_is_told_it_in_what_it_knows() {
    each(|server| {
        let mut ann = Old::join(server, "ann");
        let too_many: Vec<u8> = (0..1001)
            .flat_map(|n: u32| field(2, &op("m", &n.to_string(), b"", &at(0, "p"), 0)))
            .collect();
        let requests = [
            ([number(1, 1), too_many].concat(), ErrorCode::TooLarge),
            (number(1, 0), ErrorCode::BadRequest),
            ([number(1, 4), field(4, b"no name!")].concat(), ErrorCode::BadRequest),
            ([number(1, 5), field(4, b"m"), field(10, b"x")].concat(), ErrorCode::CursorInvalid),
        ];
        for (request, code) in requests {
            let ack = ann.ask(4, &request, 6);
            let result = part(&ack, 1).expect("a result");
            assert_eq!((count(&result, 2), count(&result, 3)), (4, code as u64), "{code:?}");
            assert!(part(&result, 4).is_some(), "it says why");
        }
        // What it sends of a later version is passed over, and so is nothing at all.
        ann.say("p", 12, b"");
        ann.say("p", 99, b"later");
        assert!(ann.0.socket().send(FIN | BINARY, b""));
        let ack = ann.ask(3, &op("m", "k", b"v", &at(0, "p"), 0), 6);
        assert_eq!(count(&ack, 2), 1);
        assert_eq!(ann.hear_within(Duration::from_millis(50)), None);
    });
}
