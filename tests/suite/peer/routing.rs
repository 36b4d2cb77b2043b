//! Whom a packet reaches, in which order, byte for byte.

use std::collections::VecDeque;

use serde_json::{Value, json};
use syncline_tests::{
    http::Raw,
    peer::{
        Client, DATA_CHUNK, HANDSHAKE, Packet, Said, claims, data, error, field, packets, presence,
        token,
    },
    ws::{BINARY, FIN, Socket, TEXT, masked, upgrade_request},
};

use crate::{each, hex};

#[test]
fn check_01_a_packet_of_the_field_passes_to_the_byte_with_what_nobody_knows() {
    each(|server| {
        let mut ann = Client::join(server.address(), "room", "user-a");
        let mut bob = Client::join(server.address(), "room", "user-b");
        // From shared/vectors/peer.json: SYNC_REQ, absent fields absent.
        let mut known = hex("12077265712d3132331a06757365722d612a04010203043064");
        assert_eq!(ann.control(), presence("join", "user-b", None));
        ann.send(&known);
        assert_eq!(bob.packet(), known);
        // Field 31 and an explicit default, as encoders of the field write it.
        known.extend([0xfa, 0x01, 3, 1, 2, 3, 0x50, 0]);
        ann.send(&known);
        assert_eq!(bob.packet(), known);
    });
}

#[test]
fn check_02_a_type_that_nobody_knows_is_passed_on_and_not_stored() {
    each(|server| {
        let mut ann = Client::join(server.address(), "room", "ann");
        let mut bob = Client::join(server.address(), "room", "bob");
        for kind in [42, 10] {
            let packet = Packet { kind, sender_id: "ann", request_id: "new", ..Packet::default() };
            ann.send(&packet.bytes());
            assert_eq!(bob.packet(), packet.bytes());
        }
        let page = packets(server.address(), "room", &token(claims("bob", "*"), &json!({})), "");
        let page: Value = page.text().parse().unwrap();
        assert_eq!(page, json!({ "packets": [], "next_after_seq": 0, "more": false }));
    });
}

#[test]
fn check_11_a_packet_in_anothers_name_reaches_nobody_and_its_sender_stays() {
    each(|server| {
        let mut bob = Client::join(server.address(), "room", "bob");
        let mut ann = Client::join(server.address(), "room", "ann");
        assert_eq!(bob.control(), presence("join", "ann", None));
        for sender in ["ann", "", "Bob", "bob ", "eve"] {
            bob.send(&data(sender, "r1", b"x"));
            assert_eq!(bob.control(), error("sender_mismatch", "r1"), "{sender:?}");
        }
        let packet = bob.share("r2", b"y");
        assert_eq!(ann.packet(), packet, "the connection goes on, and nothing came before");
    });
}

#[test]
fn check_12_a_packet_for_one_reaches_that_one_alone() {
    each(|server| {
        let mut ann = Client::join(server.address(), "room", "ann");
        let mut bob = Client::join(server.address(), "room", "bob");
        let mut cid = Client::join(server.address(), "room", "cid");
        assert_eq!(ann.control(), presence("join", "bob", None));
        assert_eq!(ann.control(), presence("join", "cid", None));
        assert_eq!(bob.control(), presence("join", "cid", None));
        let private = ann.tell(HANDSHAKE, "r1", "bob");
        let public = ann.share("r2", b"x");
        assert_eq!(bob.packet(), private);
        assert_eq!(bob.packet(), public, "in the order of their sender");
        assert_eq!(cid.packet(), public, "and nobody else hears of it");
        for nobody in ["dan", "Bob", "ann"] {
            ann.tell(HANDSHAKE, "r3", nobody);
            let told = json!({ "t": "undeliverable", "request_id": "r3", "target_id": nobody });
            assert_eq!(ann.control(), told);
        }
    });
}

#[test]
fn check_13_a_packet_for_all_reaches_all_others_in_the_order_of_its_sender() {
    each(|server| {
        let names = ["ann", "bob", "cid", "dan", "eve"];
        let mut all: Vec<Client> =
            names.iter().map(|name| Client::join(server.address(), "room", name)).collect();
        // What each is to hear of each. Everybody sends at the same time, some of it for one.
        let mut awaited = vec![vec![VecDeque::new(); names.len()]; names.len()];
        for n in 0..60 {
            for sender in 0..names.len() {
                let next = (sender + 1) % names.len();
                let (packet, hearers) = match n % 3 {
                    2 => {
                        (all[sender].tell(DATA_CHUNK, &n.to_string(), names[next]), next..next + 1)
                    }
                    _ => (all[sender].share(&n.to_string(), b"payload"), 0..names.len()),
                };
                for hearer in hearers.filter(|hearer| *hearer != sender) {
                    awaited[hearer][sender].push_back(packet.clone());
                }
            }
        }
        for (client, awaited) in all.iter_mut().zip(&mut awaited) {
            while awaited.iter().any(|packets| !packets.is_empty()) {
                // Some may still hear of those who came.
                let Said::Packet(packet) = client.said() else { continue };
                let next = awaited.iter_mut().find(|packets| packets.front() == Some(&packet));
                next.expect("it is the next of its sender").pop_front();
            }
            client.say(r#"{"t":"ping"}"#);
            assert_eq!(client.control(), json!({ "t": "pong" }), "and nothing else came");
        }
    });
}

#[test]
fn check_14_of_one_name_the_newest_stays() {
    each(|server| {
        let mut bob = Client::join(server.address(), "room", "bob");
        let mut old = Client::join(server.address(), "room", "ann");
        assert_eq!(bob.control(), presence("join", "ann", None));
        let mut new = Client::join(server.address(), "room", "ann");
        assert_eq!(old.closed(), 4409);
        assert_eq!(bob.control(), presence("leave", "ann", Some("replaced")));
        assert_eq!(bob.control(), presence("join", "ann", None));
        assert_eq!(new.welcome["participants"], json!(["bob"]));
        let packet = bob.share("r1", b"x");
        assert_eq!(new.packet(), packet, "the old one's end is not told a second time");
        new.leave();
        assert_eq!(bob.control(), presence("leave", "ann", Some("closed")));
    });
}

#[test]
fn what_is_no_packet_is_told_and_ends_with_4400() {
    each(|server| {
        let mut ann = Client::join(server.address(), "room", "ann");
        let twice = |number: u8, one: &[u8], other: &[u8]| {
            let mut packet = data("bob", "r1", b"x");
            field(&mut packet, number, one);
            field(&mut packet, number, other);
            packet
        };
        let mut overlong = data("bob", "r1", b"x");
        overlong.extend([0x9a, 0x80, 0x00, 3]);
        overlong.extend(b"bob");
        let mut type_twice = data("bob", "r1", b"x");
        type_twice.extend([0x08, 3]);
        let long = data("bob", &"r".repeat(129), b"x");
        for (what, bad) in [
            ("nothing of protobuf", vec![0xff]),
            ("cut", data("bob", "r1", b"xyz")[..14].to_vec()),
            ("two senders", twice(3, b"ann", b"bob")),
            ("the same sender twice", twice(3, b"bob", b"bob")),
            ("two targets", twice(9, b"ann", b"")),
            ("two requests", twice(2, b"r1", b"r2")),
            ("an overlong tag", overlong),
            ("two types", type_twice),
            ("a sender as a number", vec![0x08, 2, 0x18, 1]),
            ("a target that is no UTF-8", twice(9, &[0xff], &[0xff])),
            ("a long request", long),
        ] {
            let mut bob = Client::join(server.address(), "room", "bob");
            assert_eq!(ann.control(), presence("join", "bob", None), "{what}");
            bob.send(&bad);
            assert_eq!(bob.control(), json!({ "t": "error", "code": "malformed" }), "{what}");
            assert_eq!(bob.closed(), 4400, "{what}");
            assert_eq!(ann.control(), presence("leave", "bob", Some("closed")), "{what}");
        }
    });
}

#[test]
fn text_is_for_control_and_what_is_unknown_is_passed_over() {
    each(|server| {
        let mut ann = Client::join(server.address(), "room", "ann");
        for text in [
            "",
            "nonsense",
            "null",
            "[]",
            r#"{"t":"tomorrow"}"#,
            r#"{"t":"welcome"}"#,
            r#"{"t":1}"#,
            r#"{"x":"ping"}"#,
        ] {
            ann.say(text);
        }
        ann.say(r#"{"t":"ping","more":[1]}"#);
        assert_eq!(ann.control(), json!({ "t": "pong" }));
    });
}

#[test]
fn answers_come_in_the_order_of_what_they_are_about_and_behind_the_welcome() {
    each(|server| {
        // All in one piece with the request: the room hears of it while the welcome is being made.
        let path = format!("/v1/peer/room?access_token={}", token(claims("ann", "*"), &json!({})));
        let mut all = upgrade_request(server.address(), &path, &[]).into_bytes();
        let (ping, text) = (br#"{"t":"ping"}"#, FIN | TEXT);
        let to_nobody = Packet {
            kind: HANDSHAKE,
            request_id: "r1",
            sender_id: "ann",
            target_id: "nobody",
            ..Packet::default()
        };
        all.extend(masked(text, ping));
        all.extend(masked(FIN | BINARY, &to_nobody.bytes()));
        all.extend(masked(FIN | BINARY, &data("eve", "r2", b"x")));
        all.extend(masked(FIN | BINARY, &data("eve", "r3", b"x")));
        all.extend(masked(text, ping));
        let mut raw = Raw::connect(server.address());
        raw.send(&all);
        assert_eq!(raw.answer().unwrap().status, 101);
        let mut socket = Socket::over(raw);
        let mut told = || -> Value { serde_json::from_slice(&socket.frame().payload).unwrap() };
        assert_eq!(told()["t"], "welcome");
        let pong = json!({ "t": "pong" });
        assert_eq!(told(), pong);
        let undeliverable =
            json!({ "t": "undeliverable", "request_id": "r1", "target_id": "nobody" });
        assert_eq!(told(), undeliverable);
        assert_eq!(told(), error("sender_mismatch", "r2"));
        assert_eq!(told(), error("sender_mismatch", "r3"));
        assert_eq!(told(), pong);
    });
}

#[test]
fn a_packet_over_its_bound_ends_with_4413_and_one_at_it_passes() {
    each(|server| {
        let mut ann = Client::join(server.address(), "room", "ann");
        let mut bob = Client::join(server.address(), "room", "bob");
        let max =
            usize::try_from(ann.welcome["limits"]["max_frame_bytes"].as_u64().unwrap()).unwrap();
        let rest = max - data("ann", "r", &vec![7; 60_000]).len();
        let longest = data("ann", "r", &vec![7; 60_000 + rest]);
        assert_eq!(longest.len(), max);
        ann.send(&longest);
        assert_eq!(bob.packet(), longest);
        let over = data("ann", "r", &vec![7; 60_001 + rest]);
        ann.send(&over);
        assert_eq!(ann.closed(), 4413);
        assert_eq!(bob.control(), presence("leave", "ann", Some("closed")));
    });
}

#[test]
fn rooms_hear_nothing_of_each_other() {
    each(|server| {
        let mut ann = Client::join(server.address(), "one", "ann");
        let mut bob = Client::join(server.address(), "two", "bob");
        let mut eve = Client::join(server.address(), "one%2Ftwo", "ann");
        ann.share("r1", b"x");
        ann.tell(HANDSHAKE, "r2", "bob");
        let told = json!({ "t": "undeliverable", "request_id": "r2", "target_id": "bob" });
        assert_eq!(ann.control(), told);
        bob.say(r#"{"t":"ping"}"#);
        eve.say(r#"{"t":"ping"}"#);
        assert_eq!(
            (bob.control(), eve.control()),
            (json!({ "t": "pong" }), json!({ "t": "pong" }))
        );
        assert_eq!(ann.welcome["participants"], json!([]));
    });
}
