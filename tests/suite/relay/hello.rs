//! Before the hello, around it, and after it.

use syncline_tests::{
    relay::{Framing, Hello, Peer, SILENCE, json::submit},
    ws::{BINARY, Event, FIN, TEXT},
};

use crate::{server, settled, store};

#[test]
fn check_10_junk_before_the_hello_is_passed_over() {
    let server = server();
    store(&server, "writer", "K", &[b"1"]);
    let mut peer = Peer::connect(server.address(), Framing::Json, "K");
    let early = submit("K", b"too early");
    let junk = [
        "junk",
        "",
        "{}",
        "null",
        "[]",
        "\"Hello\"",
        r#"{"Goodbye":{}}"#,
        r#"{"Hello":{}}"#,
        r#"{"Hello":{"client_id":1,"discovery_key":"K","last_sequence":0}}"#,
        &early,
        r#"{"Hello":{"client_id":"a","discovery_key":"K","last_sequence":0}} trailing"#,
        r#"{"Hello":{"client_id":"a","discovery_key":"K","last_sequence":1e400}}"#,
        r#"{"Hello":{"client_id":"a","discovery_key":"K","last_sequence":99999999999999999999}}"#,
    ];
    for text in junk {
        peer.socket().send_text(text);
    }
    peer.socket().send(FIN | BINARY, &[0, 255, 7]);
    settled(&mut peer);
    peer.hello(&Hello::new("a", "K"));
    assert_eq!(peer.change(), (1, b"1".to_vec()));
    peer.hears_nothing();
}

#[test]
fn deep_and_huge_json_is_passed_over() {
    let server = server();
    let mut peer = Peer::connect(server.address(), Framing::Json, "K");
    peer.socket().send_text(&"[".repeat(100_000));
    peer.socket().send_text(&r#"{"a":"#.repeat(20_000));
    peer.socket().send_text(&format!(r#"{{"{}":1}}"#, "k".repeat(1 << 20)));
    settled(&mut peer);
    store(&server, "writer", "K", &[b"1"]);
    peer.hello(&Hello::new("a", "K"));
    assert_eq!(peer.change(), (1, b"1".to_vec()));
}

#[test]
fn check_26_unknown_fields_of_a_hello_are_passed_over() {
    let server = server();
    store(&server, "writer", "K", &[b"1"]);
    let mut peer = Peer::connect(server.address(), Framing::Json, "K");
    let hello = r#"{"Hello":{"client_id":"a","future":{"x":[1]},"discovery_key":"K",
        "last_sequence":0,"features":["unheard-of"],"more":null}}"#;
    peer.socket().send(FIN | TEXT, hello.as_bytes());
    assert_eq!(peer.change(), (1, b"1".to_vec()));
    peer.submit(b"2");
    peer.hears_nothing();
}

#[test]
fn an_empty_or_overlong_name_is_no_hello() {
    let server = server();
    let long = "k".repeat(257);
    for (client, key) in [("", "K"), ("a", ""), (&*long, "K"), ("a", &*long)] {
        let mut peer = Peer::connect(server.address(), Framing::Json, "K");
        peer.hello(&Hello::new(client, key));
        peer.submit(b"lost");
        peer.hello(&Hello::new("a", "K"));
        settled(&mut peer);
        peer.hears_nothing();
    }
    let longest = "\u{1f511}".repeat(64);
    store(&server, &longest, &longest, &[b"1"]);
    let mut peer = Peer::json(server.address(), &Hello::new("b", &longest));
    assert_eq!(peer.change(), (1, b"1".to_vec()));
}

#[test]
fn a_second_hello_changes_nothing() {
    let server = server();
    store(&server, "writer", "K1", &[b"1"]);
    store(&server, "writer", "K2", &[b"other"]);
    let mut peer = Peer::json(server.address(), &Hello::new("a", "K1"));
    assert_eq!(peer.change(), (1, b"1".to_vec()));
    peer.hello(&Hello::new("a", "K1"));
    peer.hello(&Hello::new("a", "K2"));
    settled(&mut peer);
    peer.hears_nothing();
    store(&server, "writer", "K2", &[b"still other"]);
    store(&server, "writer", "K1", &[b"2"]);
    assert_eq!(peer.change(), (2, b"2".to_vec()));
}

#[test]
fn an_unknown_key_looks_like_an_empty_one() {
    let server = server();
    let mut peer = Peer::json(server.address(), &Hello::new("a", "never seen"));
    assert_eq!(peer.socket().event(SILENCE), Event::Nothing);
}

#[test]
fn keys_differ_by_every_byte() {
    let server = server();
    let keys =
        ["Key", "key", "key ", "ke", "key\u{0}", "../key", "k\u{e9}y", "ke\u{301}y", "key/1"];
    for key in keys {
        store(&server, "writer", key, &[key.as_bytes()]);
    }
    for key in keys {
        let mut peer = Peer::json(server.address(), &Hello::new("a", key));
        assert_eq!(peer.change(), (1, key.as_bytes().to_vec()));
        settled(&mut peer);
    }
}

#[test]
fn each_submission_is_acknowledged_when_the_hello_asks() {
    use syncline_tests::relay::Message;
    let server = server();
    let mut a = Peer::json(server.address(), &Hello::new("a", "K").with_ack());
    let mut b = Peer::json(server.address(), &Hello::new("b", "K"));
    settled(&mut b);
    for seq in 1..=20 {
        a.submit(format!("{seq}").as_bytes());
    }
    for seq in 1..=20 {
        assert_eq!(a.message(), Message::Accepted { id: 0, seq });
        assert_eq!(b.change(), (seq, format!("{seq}").into_bytes()));
    }
    a.hears_nothing();
    b.hears_nothing();
}
