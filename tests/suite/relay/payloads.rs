//! Payloads arrive bit for bit, live and from history, whatever their size.

use syncline_tests::{
    relay::{Framing, Hello, Peer, json::submit},
    server::TestServer,
    ws::{BINARY, CONTINUATION, FIN, TEXT},
};

use crate::{server, settled};

/// Bytes without a pattern that framing or compression could lean on.
pub(crate) fn noise(count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    bytes
}

/// Submits in one framing, and checks what both framings get, live and from history.
fn travels(server: &TestServer, key: &str, from: Framing, payload: &[u8]) {
    let join = |framing, client: &str| {
        let mut peer = Peer::connect(server.address(), framing, key);
        peer.hello(&Hello::new(client, key));
        if framing == Framing::Binary {
            peer.message(); // CaughtUp
        } else {
            settled(&mut peer);
        }
        peer
    };
    let mut sender = join(from, "sender");
    let mut live = [join(Framing::Json, "json"), join(Framing::Binary, "binary")];
    sender.submit(payload);
    for peer in &mut live {
        let (seq, got) = peer.change();
        assert_eq!(seq, 1);
        assert!(got == payload, "live, {} bytes", payload.len());
    }
    for framing in [Framing::Json, Framing::Binary] {
        let (_, got) = Peer::join(server.address(), framing, &Hello::new("late", key)).change();
        assert!(got == payload, "from history, {} bytes", payload.len());
    }
}

#[test]
fn check_08_every_byte_value_nothing_and_a_mebibyte() {
    let server = server();
    let all: Vec<u8> = (0..=255).collect();
    for (at, payload) in [all, Vec::new(), noise(1 << 20)].iter().enumerate() {
        travels(&server, &format!("json-{at}"), Framing::Json, payload);
        travels(&server, &format!("binary-{at}"), Framing::Binary, payload);
    }
}

#[test]
fn check_09_six_mebibytes_in_one_frame() {
    let server = server();
    travels(&server, "json", Framing::Json, &noise(6 << 20));
    travels(&server, "binary", Framing::Binary, &noise(6 << 20));
}

#[test]
fn check_11_numbers_that_are_no_bytes_are_passed_over() {
    let server = server();
    let mut a = Peer::json(server.address(), &Hello::new("a", "K"));
    let mut b = Peer::json(server.address(), &Hello::new("b", "K"));
    settled(&mut b);
    for payload in ["[1,256]", "[-1]", "[1.5]", "\"text\"", "{}", "null", "[[1]]", "[1,]", "[1e2]"]
    {
        let text = format!(r#"{{"SubmitChange":{{"discovery_key":"K","payload":{payload}}}}}"#);
        a.socket().send_text(&text);
    }
    a.submit(b"good");
    assert_eq!(b.change(), (1, b"good".to_vec()));
    b.hears_nothing();
}

#[test]
fn a_message_may_come_in_fragments_with_pings_between() {
    let server = server();
    let mut a = Peer::json(server.address(), &Hello::new("a", "K"));
    let mut b = Peer::json(server.address(), &Hello::new("b", "K"));
    settled(&mut b);
    let text = submit("K", b"in pieces").into_bytes();
    let (first, rest) = text.split_at(10);
    let (middle, last) = rest.split_at(10);
    a.socket().send(TEXT, first);
    settled(&mut a);
    a.socket().send(CONTINUATION, middle);
    a.socket().send(CONTINUATION, b"");
    settled(&mut a);
    a.socket().send(FIN | CONTINUATION, last);
    assert_eq!(b.change(), (1, b"in pieces".to_vec()));
}

#[test]
fn a_message_over_the_limit_is_refused_with_1009() {
    let limit = 4096;
    let server = TestServer::start(|config| config.limits.message_bytes_max = limit);
    for (framing, first) in [(Framing::Json, FIN | TEXT), (Framing::Binary, FIN | BINARY)] {
        let mut peer = Peer::join(server.address(), framing, &Hello::new("a", "K"));
        peer.socket().send(first, &vec![b' '; limit + 1]);
        assert_eq!(peer.socket().closed().close_code(), Some(1009), "{framing:?}");
    }
    // In fragments the limit is on their sum.
    let mut peer = Peer::json(server.address(), &Hello::new("a", "K"));
    peer.socket().send(TEXT, &vec![b' '; limit]);
    peer.socket().send(FIN | CONTINUATION, b" ");
    assert_eq!(peer.socket().closed().close_code(), Some(1009));
    // And what is within it passes.
    let mut peer = Peer::json(server.address(), &Hello::new("a", "K"));
    peer.socket().send(FIN | TEXT, &vec![b' '; limit]);
    settled(&mut peer);
}
