//! The binary framing: the same rooms, the same rules, a smaller wire.

use syncline_tests::{
    relay::{Framing, Hello, Message, PATH, Peer, SUBPROTOCOL},
    ws::{BINARY, FIN, Socket},
};

use crate::{server, settled, store};

#[test]
fn caught_up_comes_once_after_the_history() {
    let server = server();
    store(&server, "w", "K", &[b"1", b"2", b"3"]);
    let mut peer = Peer::binary(server.address(), &Hello::new("a", "K").after(1));
    assert_eq!(peer.change(), (2, b"2".to_vec()));
    assert_eq!(peer.change(), (3, b"3".to_vec()));
    assert_eq!(peer.message(), Message::CaughtUp(3));
    store(&server, "w", "K", &[b"4"]);
    assert_eq!(peer.change(), (4, b"4".to_vec()));
    peer.hears_nothing();
    let mut empty = Peer::binary(server.address(), &Hello::new("a", "empty"));
    assert_eq!(empty.message(), Message::CaughtUp(0));
    empty.hears_nothing();
}

#[test]
fn accepted_is_cumulative_and_ends_at_the_last_submission() {
    let server = server();
    let mut peer = Peer::binary(server.address(), &Hello::new("a", "K").with_ack());
    assert_eq!(peer.message(), Message::CaughtUp(0));
    for n in 1..=500_u64 {
        assert_eq!(peer.submit(&n.to_be_bytes()), Some(n));
    }
    let mut last = 0;
    while last < 500 {
        let Message::Accepted { id, seq } = peer.message() else { panic!("only acknowledgements") };
        assert!(id > last, "acknowledgements ascend");
        assert_eq!(seq, id, "the only writer's n-th submission has the n-th place");
        last = id;
    }
    peer.hears_nothing();
}

#[test]
fn no_acknowledgement_is_sent_unasked() {
    let server = server();
    let mut peer = Peer::binary(server.address(), &Hello::new("a", "K"));
    assert_eq!(peer.message(), Message::CaughtUp(0));
    peer.submit(b"x");
    peer.hears_nothing();
}

#[test]
fn both_framings_meet_in_one_room() {
    let server = server();
    let mut json = Peer::json(server.address(), &Hello::new("json", "K"));
    let mut binary = Peer::binary(server.address(), &Hello::new("binary", "K"));
    assert_eq!(binary.message(), Message::CaughtUp(0));
    settled(&mut json);
    for turn in 0..10 {
        let payload: Vec<u8> = (0..=255).chain([turn]).collect();
        json.submit(&payload);
        let from_json =
            Message::Change { seq: 2 * u64::from(turn) + 1, source: "json".into(), payload };
        assert_eq!(binary.message(), from_json);
        let payload: Vec<u8> = (0..=turn).collect();
        binary.submit(&payload);
        let from_binary =
            Message::Change { seq: 2 * u64::from(turn) + 2, source: "binary".into(), payload };
        assert_eq!(json.message(), from_binary);
    }
}

#[test]
fn the_subprotocol_is_chosen_among_others_and_never_invented() {
    let server = server();
    let ask = |offer: &str| {
        let offer = [("Sec-WebSocket-Protocol", offer)];
        let (_, answer) = Socket::try_open(server.address(), PATH, &offer);
        assert_eq!(answer.status, 101);
        answer.header("sec-websocket-protocol").map(str::to_owned)
    };
    assert_eq!(ask(&format!("chat, {SUBPROTOCOL}")).as_deref(), Some(SUBPROTOCOL));
    assert_eq!(ask("chat"), None);
}

#[test]
fn bytes_that_are_no_message_never_reach_the_room() {
    let server = server();
    let mut other = Peer::json(server.address(), &Hello::new("o", "K"));
    settled(&mut other);
    let broken: [&[u8]; 5] = [
        &[0xff; 11],                           // a varint without end
        &[0x12, 0xff, 0xff, 0xff, 0xff, 0x07], // two gibibytes that do not come
        &[0x02, 0x01],                         // field 0
        &[0x0a, 0x05, 0x01],                   // cut short
        &[0x0b; 4000],                         // groups in groups
    ];
    for bytes in broken {
        let mut peer = Peer::connect(server.address(), Framing::Binary, "K");
        peer.socket().send(FIN | BINARY, bytes);
        peer.hello(&Hello::new("a", "K"));
        other.hears_nothing();
    }
    store(&server, "w", "K", &[b"alive"]);
    assert_eq!(other.change(), (1, b"alive".to_vec()));
}
