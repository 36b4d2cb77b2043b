//! What is stored of a room, who may read it, and what somebody gets who was away.

use data_encoding::BASE64;
use serde_json::{Value, json};
use syncline_tests::{
    peer::{Client, DATA_CHUNK, HANDSHAKE, Packet, Said, claims, data, packets, presence, token},
    server::TestServer,
    until,
};

use crate::{each, each_with};

/// A page of a room for this reader.
fn page(server: &TestServer, room: &str, reader: &str, query: &str) -> Value {
    let answer = packets(server.address(), room, &token(claims(reader, "*"), &json!({})), query);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text().parse().unwrap()
}

/// Waits until the last packet that is stored for certain has this number.
fn stored(server: &TestServer, room: &str, last: u64) {
    until("what was sent is stored", || {
        let all = page(server, room, "somebody", &format!("&after_seq={}", last - 1));
        (all["next_after_seq"].as_u64() == Some(last)).then_some(())
    });
}

fn bytes(packet: &Value) -> Vec<u8> {
    BASE64.decode(packet["packet"].as_str().unwrap().as_bytes()).unwrap()
}

#[test]
fn check_36_packets_with_data_are_stored_to_the_byte_and_no_others() {
    each(|server| {
        let mut ann = Client::join(server.address(), "room", "ann");
        let first = ann.share("r1", b"sealed");
        ann.tell(HANDSHAKE, "r2", "");
        let private = ann.tell(DATA_CHUNK, "r3", "bob");
        stored(server, "room", 2);
        let all = page(server, "room", "bob", "");
        let told = all["packets"].as_array().unwrap();
        assert_eq!(
            (told.len(), &all["more"], &all["next_after_seq"]),
            (2, &false.into(), &2.into())
        );
        let mut one = told[0].clone();
        assert!(one["received_at"].take().as_u64().unwrap() > 1_700_000_000_000);
        let expected = json!({
            "seq": 1, "received_at": null, "type": 2, "request_id": "r1", "sender_id": "ann",
            "target_id": "", "packet": BASE64.encode(&first),
        });
        assert_eq!(one, expected);
        assert_eq!((bytes(&told[1]), &told[1]["target_id"]), (private, &"bob".into()));
        // The unicast is its sender's and its target's.
        assert_eq!(page(server, "room", "ann", "")["packets"].as_array().unwrap().len(), 2);
        let other = page(server, "room", "cid", "");
        assert_eq!(
            (other["packets"].as_array().unwrap().len(), &other["next_after_seq"]),
            (1, &2.into())
        );
        assert_eq!(page(server, "elsewhere", "ann", "")["packets"], json!([]));
    });
}

#[test]
fn check_36_pages_are_bounded_filtered_and_meet() {
    each(|server| {
        let (mut ann, mut bob) = (
            Client::join(server.address(), "r", "ann"),
            Client::join(server.address(), "r", "bob"),
        );
        assert_eq!(ann.control(), presence("join", "bob", None));
        let sent: Vec<Vec<u8>> = (0..12)
            .map(|n| {
                let (from, to) =
                    if n % 3 == 0 { (&mut bob, &mut ann) } else { (&mut ann, &mut bob) };
                let packet = from.share(&format!("r{}", n % 4), format!("{n}").as_bytes());
                assert_eq!(to.packet(), packet);
                packet
            })
            .collect();
        stored(server, "r", 12);
        let (mut after, mut found) = (0, Vec::new());
        loop {
            let next = page(server, "r", "cid", &format!("&limit=5&after_seq={after}"));
            let packets = next["packets"].as_array().unwrap();
            assert_eq!(packets.len(), if after == 10 { 2 } else { 5 });
            found.extend(packets.iter().map(bytes));
            after = next["next_after_seq"].as_u64().unwrap();
            if next["more"] == false {
                break;
            }
        }
        assert_eq!((found, after), (sent.clone(), 12));
        let only = |query: &str| -> Vec<Vec<u8>> {
            page(server, "r", "cid", query)["packets"]
                .as_array()
                .unwrap()
                .iter()
                .map(bytes)
                .collect()
        };
        let of = |which: &dyn Fn(usize) -> bool| -> Vec<Vec<u8>> {
            sent.iter().enumerate().filter(|(n, _)| which(*n)).map(|(_, p)| p.clone()).collect()
        };
        assert_eq!(only("&sender_id=bob"), of(&|n| n % 3 == 0));
        assert_eq!(only("&request_id=r1"), of(&|n| n % 4 == 1));
        assert_eq!(only("&request_id=r1&sender_id=bob"), of(&|n| n % 12 == 9));
        assert_eq!(only("&sender_id=nobody"), Vec::<Vec<u8>>::new());
        let end = page(server, "r", "cid", "&after_seq=18446744073709551615");
        assert_eq!(end["next_after_seq"], json!(u64::MAX));
        let token = token(claims("cid", "*"), &json!({}));
        for bad in ["&limit=0", "&limit=1001", "&after_seq=-1", "&sender_id=%ff"] {
            assert_eq!(packets(server.address(), "r", &token, bad).status, 400, "{bad}");
        }
    });
}

#[test]
fn check_36_of_what_is_stored_the_newest_are_kept() {
    let adapt = |config: &mut syncline::Config| config.peer.stored_packets_max = 10;
    each_with(adapt, |server| {
        let mut ann = Client::join(server.address(), "room", "ann");
        let sent: Vec<Vec<u8>> = (0..35).map(|n| ann.share(&n.to_string(), b"x")).collect();
        stored(server, "room", 35);
        let all = page(server, "room", "bob", "");
        let kept: Vec<Vec<u8>> = all["packets"].as_array().unwrap().iter().map(bytes).collect();
        assert_eq!(kept, sent[25..]);
        assert_eq!(all["packets"][0]["seq"], 26, "numbers go on");
        let bob = Client::join_with(server.address(), "room", "bob", &json!({}), "&since_seq=3");
        assert_eq!(replayed(bob, 10), sent[25..]);
    });
}

/// The next so many packets, and nothing but them.
fn replayed(mut client: Client, count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|_| client.packet()).collect()
}

#[test]
fn an_operator_may_store_nothing() {
    each_with(
        |config| config.peer.store = false,
        |server| {
            let mut ann = Client::join(server.address(), "room", "ann");
            let mut bob = Client::join(server.address(), "room", "bob");
            let packet = ann.share("r1", b"x");
            assert_eq!(bob.packet(), packet);
            let bob =
                Client::join_with(server.address(), "room", "bob", &json!({}), "&since_seq=0");
            assert_eq!(bob.welcome["last_seq"], 0);
            assert_eq!(page(server, "room", "bob", "")["packets"], json!([]));
        },
    );
}

#[test]
fn settled_07_who_was_away_gets_what_is_stored_and_not_its_own_before_what_is_live() {
    each(|server| {
        let mut ann = Client::join(server.address(), "room", "ann");
        let mut bob = Client::join(server.address(), "room", "bob");
        assert_eq!(ann.control(), presence("join", "bob", None));
        let one = ann.share("r1", b"x");
        assert_eq!(bob.packet(), one);
        let own = bob.share("r2", b"y");
        assert_eq!(ann.packet(), own);
        bob.leave();
        assert_eq!(ann.control(), presence("leave", "bob", Some("closed")));
        let two = ann.tell(DATA_CHUNK, "r3", "bob");
        ann.tell(DATA_CHUNK, "r4", "cid");
        for told in [("r3", "bob"), ("r4", "cid")] {
            let (request, target) = told;
            let expected =
                json!({ "t": "undeliverable", "request_id": request, "target_id": target });
            assert_eq!(ann.control(), expected, "stored and told");
        }
        let three = ann.share("r5", b"z");
        stored(server, "room", 5);
        for (since, expected) in [
            ("0", vec![&one, &two, &three]),
            ("1", vec![&two, &three]),
            ("3", vec![&three]),
            ("5", vec![]),
            ("99", vec![]),
        ] {
            let more = format!("&since_seq={since}");
            let mut bob = Client::join_with(server.address(), "room", "bob", &json!({}), &more);
            assert_eq!(bob.welcome["last_seq"], 5);
            for packet in expected {
                assert_eq!(bob.packet(), *packet, "{since}");
            }
            assert_eq!(bob.control(), json!({ "t": "caught_up" }), "{since}");
            assert_eq!(ann.control(), presence("join", "bob", None));
            let live = Packet { kind: HANDSHAKE, sender_id: "ann", ..Packet::default() }.bytes();
            ann.send(&live);
            assert_eq!(bob.packet(), live, "{since}");
            bob.leave();
            assert_eq!(ann.control(), presence("leave", "bob", Some("closed")));
        }
        let without = json!({ "hist": false });
        let mut bob = Client::join_with(server.address(), "room", "bob", &without, "&since_seq=0");
        let live = ann.share("r6", b"live");
        assert_eq!(bob.packet(), live, "no history without hist");
    });
}

#[test]
fn whoever_comes_under_load_gets_everything_once_and_in_order() {
    each(|server| {
        const PACKETS: usize = 400;
        let mut ann = Client::join(server.address(), "room", "ann");
        let sent: Vec<Vec<u8>> =
            (0..PACKETS).map(|n| data("ann", &n.to_string(), &[n as u8; 300])).collect();
        let address = server.address();
        let expected = &sent;
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..6)
                .map(|n| {
                    scope.spawn(move || {
                        let name = format!("reader {n}");
                        std::thread::sleep(std::time::Duration::from_millis(4 * n));
                        let mut reader =
                            Client::join_with(address, "room", &name, &json!({}), "&since_seq=0");
                        let mut found = Vec::new();
                        while found.len() < PACKETS {
                            match reader.said() {
                                Said::Packet(packet) => found.push(packet),
                                Said::Control(_) => {}
                                other => panic!("{other:?}"),
                            }
                        }
                        assert!(found == *expected, "{name} has {} packets", found.len());
                    })
                })
                .collect();
            for packet in &sent {
                ann.send(packet);
            }
            readers.into_iter().for_each(|reader| reader.join().unwrap());
        });
    });
}

#[test]
fn who_takes_a_long_history_is_told_how_far_it_has_come_and_goes_on_from_there() {
    const PACKETS: u64 = 30;
    each(|server| {
        let mut ann = Client::join(server.address(), "room", "ann");
        let sent: Vec<Vec<u8>> =
            (0..PACKETS).map(|n| ann.share(&n.to_string(), &vec![n as u8; 60_000])).collect();
        stored(server, "room", PACKETS);
        let take = |since: u64| {
            let more = format!("&since_seq={since}");
            let mut bob = Client::join_with(server.address(), "room", "bob", &json!({}), &more);
            let (mut heard, mut told) = (since, Vec::new());
            loop {
                match bob.said() {
                    Said::Packet(packet) => {
                        assert!(packet == sent[heard as usize], "the next one, {heard}");
                        heard += 1;
                    }
                    Said::Control(message) if message["t"] == "replayed" => {
                        assert_eq!(message["seq"], heard);
                        told.push(heard);
                    }
                    Said::Control(message) => {
                        assert_eq!((message, heard), (json!({ "t": "caught_up" }), PACKETS));
                        break told;
                    }
                    other => panic!("{other:?}"),
                }
            }
        };
        let told = take(0);
        assert!(told.len() > 1 && told.is_sorted(), "{told:?}");
        assert_eq!(take(told[0]), told[1..]);
    });
}

#[test]
fn what_is_stored_is_there_after_a_restart_and_numbers_go_on() {
    let server = syncline_tests::peer::server(|_| ());
    let mut ann = Client::join(server.address(), "room", "ann");
    let first = ann.share("r1", b"x");
    let second = ann.share("r2", b"x");
    // An orderly end keeps everything that was taken.
    ann.say(r#"{"t":"ping"}"#);
    assert_eq!(ann.control(), json!({ "t": "pong" }));
    let dir = server.stop();
    let secret = Some(syncline_tests::peer::SECRET.to_owned());
    let server = TestServer::start_in(dir, |config| config.auth.secret = secret);
    let mut ann = Client::join(server.address(), "room", "ann");
    assert_eq!(ann.welcome["last_seq"], 2);
    let third = ann.share("r3", b"x");
    stored(&server, "room", 3);
    let bob = Client::join_with(server.address(), "room", "bob", &json!({}), "&since_seq=0");
    assert_eq!(replayed(bob, 3), [first, second, third]);
}
