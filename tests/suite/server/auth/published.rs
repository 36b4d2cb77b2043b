//! Key sets behind an address: what is fetched, what is not, and what stays.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::json;
use syncline::auth::{Denied, StartError};
use syncline_tests::until;

use super::*;

/// Answers every request with the same bytes, and counts them. Ends with the process.
struct Publisher {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    answer: Arc<Mutex<Vec<u8>>>,
}

impl Publisher {
    fn new(answer: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, answer) =
            (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(answer.into())));
        let (counted, said) = (requests.clone(), answer.clone());
        thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let mut head = Vec::new();
                let mut chunk = [0; 1024];
                // What is no GET is no HTTP, and has no end to wait for.
                while !head.ends_with(b"\r\n\r\n") && (head.is_empty() || head[0] == b'G') {
                    match stream.read(&mut chunk) {
                        Ok(count @ 1..) => head.extend_from_slice(&chunk[..count]),
                        _ => break,
                    }
                }
                counted.fetch_add(1, Ordering::Relaxed);
                let answer = said.lock().unwrap().clone();
                let _ = stream.write_all(&answer);
            }
        });
        Self { address, requests, answer }
    }

    fn of(set: &Value) -> Self {
        Self::new(ok(&set.to_string()))
    }

    fn url(&self) -> String {
        format!("http://{}/keys", self.address)
    }

    fn asked(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

fn ok(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}").into()
}

/// A look at what an address serves.
fn look(url: &str) -> Result<Auth, StartError> {
    let mut config = AuthConfig::default();
    config.jwks_url = Some(url.into());
    Auth::look(&config, TempDir::new().unwrap().path())
}

#[test]
fn keys_are_fetched_and_check_tokens() {
    let pair = elliptic();
    let publisher = Publisher::of(&json!({ "keys": [pair.named("a")] }));
    let auth = auth(|c| c.jwks_url = Some(publisher.url()));
    let token = pair.sign(&json!({ "alg": "ES256", "kid": "a" }), &json!({ "sub": "ann" }));
    let identity = until("the keys are there", || auth.verify(&token).ok());
    assert_eq!(identity.subject.as_deref(), Some("ann"));
    assert!(auth.key_set_age().is_some());
}

#[test]
fn tokens_of_unknown_keys_do_not_make_us_ask_again_and_again() {
    let (known, unknown) = (elliptic(), elliptic());
    let publisher = Publisher::of(&json!({ "keys": [known.named("a")] }));
    let auth = auth(|c| c.jwks_url = Some(publisher.url()));
    until("the keys are there", || auth.key_set_age());
    for number in 0..1_000 {
        let header = json!({ "alg": "ES256", "kid": format!("b{number}") });
        assert_eq!(denied(&auth, &unknown.sign(&header, &json!({}))), Denied::UnknownKey);
    }
    // Ten seconds lie between two fetches at least: there cannot have been many.
    assert!(publisher.asked() < 20, "{} requests", publisher.asked());
}

#[test]
fn what_was_fetched_stays_when_the_address_fails() {
    let pair = elliptic();
    let publisher = Publisher::of(&json!({ "keys": [pair.public] }));
    let auth = auth(|c| c.jwks_url = Some(publisher.url()));
    until("the keys are there", || auth.key_set_age());
    *publisher.answer.lock().unwrap() = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_vec();
    believed(&auth, &pair.sign(&json!({ "alg": "ES256" }), &json!({})));
}

#[test]
fn only_the_address_itself_is_believed() {
    let elsewhere = Publisher::of(&json!({ "keys": [elliptic().public] }));
    for status in ["301 Moved", "302 Found", "307 Go", "308 Go"] {
        let to = elsewhere.url();
        let answer = format!("HTTP/1.1 {status}\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
        let publisher = Publisher::new(answer);
        assert!(matches!(look(&publisher.url()), Err(StartError::Unreachable { .. })), "{status}");
    }
    assert_eq!(elsewhere.asked(), 0, "a redirect is not followed");
}

#[test]
fn an_answer_that_is_no_key_set_is_none() {
    let pair = elliptic();
    let secret = json!({ "keys": [{ "kty": "oct", "k": base64(SECRET.as_bytes()) }] });
    let set = json!({ "keys": [pair.public] }).to_string();
    let large = format!("{}{set}", " ".repeat(300 << 10));
    let answers = [
        ok("nonsense"),
        ok("{}"),
        ok(r#"{"keys":[]}"#),
        ok(&secret.to_string()),
        ok(&large),
        b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n".to_vec(),
        format!("HTTP/1.1 201 Made\r\nContent-Length: {}\r\n\r\n{set}", set.len()).into(),
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{".to_vec(),
        b"\x16\x03\x01 no HTTP".to_vec(),
        Vec::new(),
    ];
    for answer in answers {
        let publisher = Publisher::new(answer.clone());
        let text = String::from_utf8_lossy(&answer).into_owned();
        assert!(
            matches!(look(&publisher.url()), Err(StartError::Unreachable { .. })),
            "{text:.60}"
        );
    }
    believed(
        &look(&Publisher::new(ok(&set)).url()).unwrap(),
        &pair.sign(&json!({ "alg": "ES256" }), &json!({})),
    );
}

#[test]
fn who_speaks_no_tls_is_not_believed_behind_https() {
    let publisher = Publisher::of(&json!({ "keys": [elliptic().public] }));
    let url = publisher.url().replace("http://", "https://");
    assert!(matches!(look(&url), Err(StartError::Unreachable { .. })));
}
