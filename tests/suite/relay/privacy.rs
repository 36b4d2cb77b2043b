//! The server passes on what it cannot read, and tells nobody what it passed on.

use syncline_tests::{
    http::get,
    process::Serving,
    relay::{Hello, Peer},
};
use tempfile::TempDir;

use crate::settled;

const KEY: &str = "5f0e-discovery-key-nobody-may-log";
const PAYLOAD: &str = "payload-nobody-may-log";
const TOKEN: &str = "token-nobody-may-log";

#[test]
fn check_24_no_payload_key_or_token_is_logged_or_measured() {
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path(), &[("SYNCLINE_LOG_LEVEL", "trace")]);
    let mut a = Peer::json(serving.address(), &Hello::new("client-nobody-may-log", KEY).with_ack());
    let mut b = Peer::binary(serving.address(), &Hello::new("b", KEY).with_ack());
    b.message();
    settled(&mut a);
    for _ in 0..20 {
        a.submit(PAYLOAD.as_bytes());
        a.message();
        b.change();
    }
    // What is refused, cut or astray is not logged either.
    a.socket()
        .send_text(&syncline_tests::relay::json::submit("other-key-nobody", PAYLOAD.as_bytes()));
    a.socket().send_text(&format!("{{\"Junk\":\"{PAYLOAD}\"}}"));
    b.socket().send_text(PAYLOAD);
    drop(get(serving.address(), &format!("/sync?token={TOKEN}")));
    drop(get(serving.address(), &format!("/nowhere/{KEY}?token={TOKEN}")));
    settled(&mut a);
    let metrics = get(serving.address(), "/metrics").text();
    serving.signal(rustix::process::Signal::TERM);
    let (_, log) = serving.ended();
    let numbers: Vec<String> = PAYLOAD.bytes().map(|b| b.to_string()).collect();
    for told in [log, metrics] {
        for secret in [KEY, PAYLOAD, TOKEN, "other-key-nobody", "client-nobody", &numbers.join(",")]
        {
            assert!(!told.contains(secret), "{secret:?} was told:\n{told}");
        }
        assert!(!told.contains(&numbers.join(", ")), "the payload was told as numbers:\n{told}");
    }
}
