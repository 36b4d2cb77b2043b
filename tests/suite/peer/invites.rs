//! Rooms for invites: what strangers may say there, how much of it, and how many they may be.

use serde_json::{Value, json};
use syncline_tests::{
    peer::{Client, DATA_CHUNK, HANDSHAKE, Packet, Said, claims, error, packets, presence, token},
    until,
};

use crate::{each, each_with};

/// What a token for a lobby says.
fn invite() -> Value {
    json!({ "kind": "invite" })
}

fn enter(server: &syncline_tests::server::TestServer, name: &str) -> Client {
    Client::join_with(server.address(), "lobby", name, &invite(), "")
}

fn packet(kind: u8, sender: &str, request: &str, payload: &[u8]) -> Vec<u8> {
    Packet { kind, request_id: request, sender_id: sender, target_id: "", payload }.bytes()
}

#[test]
fn settled_06_what_leads_into_a_group_passes_and_data_never_does() {
    each(|server| {
        let mut ann = enter(server, "ann");
        let mut bob = enter(server, "bob");
        assert_eq!(ann.welcome["limits"]["max_frame_bytes"], 4096);
        assert_eq!(ann.control(), presence("join", "bob", None));
        for (n, kind) in [3, 5, 6, 7, 8, 9].into_iter().enumerate() {
            let allowed = packet(kind, "ann", &n.to_string(), b"x");
            ann.send(&allowed);
            assert_eq!(bob.packet(), allowed);
        }
        for kind in [0, 1, DATA_CHUNK, 4, 42] {
            let mut cid = enter(server, "cid");
            assert_eq!(bob.control(), presence("join", "cid", None));
            cid.send(&packet(kind, "cid", "r1", b"secret"));
            assert_eq!(cid.control(), error("type_not_allowed", "r1"), "{kind}");
            cid.leave();
            assert_eq!(bob.control(), presence("leave", "cid", Some("closed")), "nothing between");
        }
        let data = json!({});
        let read = packets(server.address(), "lobby", &token(claims("bob", "*"), &data), "");
        let read: Value = read.text().parse().unwrap();
        assert_eq!(read["packets"], json!([]), "nothing of a lobby is stored");
    });
}

#[test]
fn settled_06_a_packet_of_four_kib_passes_and_one_more_byte_ends_with_4413() {
    each(|server| {
        let mut ann = enter(server, "ann");
        let mut bob = enter(server, "bob");
        let rest = 4096 - packet(HANDSHAKE, "ann", "r", &[7; 4000]).len();
        let longest = packet(HANDSHAKE, "ann", "r", &vec![7; 4000 + rest]);
        assert_eq!(longest.len(), 4096);
        ann.send(&longest);
        assert_eq!(bob.packet(), longest);
        ann.send(&packet(HANDSHAKE, "ann", "r", &vec![7; 4001 + rest]));
        assert_eq!(ann.closed(), 4413);
    });
}

#[test]
fn settled_06_who_goes_on_over_the_rate_is_told_and_then_ended_and_gains_nothing_by_coming_again() {
    each(|server| {
        let mut bob = enter(server, "bob");
        let mut ann = enter(server, "ann");
        assert_eq!(bob.control(), presence("join", "ann", None));
        for n in 0..40 {
            // The server may have closed already.
            ann.socket().send(0x82, &packet(HANDSHAKE, "ann", &n.to_string(), b"x"));
        }
        let mut refused = 0;
        let code = loop {
            match ann.said() {
                Said::Control(told) if told["code"] == "rate" => refused += 1,
                Said::Closed(code) => break code,
                other => panic!("{other:?}"),
            }
        };
        assert!(code == 4429 && refused > 0, "{code} {refused}");
        let mut passed = 0;
        loop {
            match bob.said() {
                Said::Packet(_) => passed += 1,
                Said::Control(left) => {
                    assert_eq!(left, presence("leave", "ann", Some("closed")));
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
        // Ten at once, and one more for each second of a slow machine.
        assert!(passed >= 10, "{passed}");
        let mut again = enter(server, "ann");
        assert_eq!(bob.control(), presence("join", "ann", None));
        for n in 0..15 {
            again.send(&packet(HANDSHAKE, "ann", &format!("again {n}"), b"x"));
        }
        let told = again.control();
        assert_eq!(told["code"], "rate", "it did not begin anew: {told}");
    });
}

#[test]
fn settled_06_the_sixty_fifth_is_not_let_in() {
    each(|server| {
        let mut all: Vec<Client> = (0..64).map(|n| enter(server, &format!("p{n}"))).collect();
        let mut late = Client::enter(server.address(), "lobby", "late", &invite(), "");
        assert_eq!(late.closed(), 4403);
        // One that is there already is no more than before.
        let same = enter(server, "p0");
        assert_eq!(same.welcome["participants"].as_array().unwrap().len(), 63);
        assert_eq!(all[0].closed(), 4409);
        all.pop().unwrap().leave();
        until("there is room again", || {
            Client::try_join(server.address(), "lobby", "late", &invite(), "")
        });
    });
}

#[test]
fn settled_10_a_data_room_has_no_rate_unless_an_operator_sets_one() {
    let flood = |server: &syncline_tests::server::TestServer| {
        let mut ann = Client::join(server.address(), "room", "ann");
        for n in 0..200 {
            ann.share(&n.to_string(), b"x");
        }
        ann.say(r#"{"t":"ping"}"#);
        ann
    };
    each(|server| assert_eq!(flood(server).control(), json!({ "t": "pong" })));
    each_with(
        |config| config.peer.packets_per_second_max = 2,
        |server| {
            let mut ann = Client::join(server.address(), "room", "ann");
            for n in 0..40 {
                ann.socket().send(0x82, &packet(DATA_CHUNK, "ann", &n.to_string(), b"x"));
            }
            assert_eq!(ann.closed(), 4429);
        },
    );
}
