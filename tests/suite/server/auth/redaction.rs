//! The whole program at its most talkative: nothing of a token, a secret or a key is anywhere to be read.

use std::fs;

use rustix::process::Signal;
use serde_json::json;
use syncline_tests::{
    http::{Raw, get},
    process::Serving,
    ws::upgrade_request,
};

use super::*;

/// The relay's own token.
const RELAY: &str = "the-token-of-the-relay";

/// Shows a token in one request, wherever it can stand, and hands over what is answered.
fn show(serving: &Serving, path: &str, token: &str) -> String {
    let mut told = String::new();
    let bearer = format!("Bearer {token}");
    let offer = format!("syncline, syncline.bearer.{token}");
    let target = format!("{path}?token={token}&userId=ann");
    for (target, header) in [
        (path, Some(("Authorization", bearer.as_str()))),
        (path, Some(("Sec-WebSocket-Protocol", offer.as_str()))),
        (&target, None),
    ] {
        let headers: Vec<_> = header.into_iter().collect();
        let mut raw = Raw::connect(serving.address());
        raw.send(upgrade_request(serving.address(), target, &headers).as_bytes());
        let answer = raw.answer().expect("an answer");
        told += &format!("{:?}\n{}\n", answer.headers, answer.text());
    }
    told
}

#[test]
fn no_token_and_no_secret_is_told_anywhere() {
    let dir = TempDir::new().unwrap();
    let secret = dir.path().join("secret");
    fs::write(&secret, SECRET).unwrap();
    let keys = "http://127.0.0.1:1/keys?access=key-set-password";
    let serving = Serving::start(
        dir.path(),
        &[
            ("SYNCLINE_LOG_LEVEL", "trace"),
            ("SYNCLINE_RELAY_TOKEN", RELAY),
            ("SYNCLINE_AUTH_SECRET_FILE", secret.to_str().unwrap()),
            ("SYNCLINE_AUTH_JWKS_URL", keys),
            ("SYNCLINE_OPLOG_TENANTS", "token"),
        ],
    );
    let good =
        with_claims(&json!({ "sub": "ann-the-subject", "tenant": "the-tenant" }).to_string());
    let expired = with_claims(r#"{"sub":"ann-the-subject","exp":1}"#);
    let forged = format!("{}AAAA", &good[..good.len() - 4]);
    let mut told = String::new();
    for token in [good.as_str(), &expired, &forged, RELAY, "a-mistyped-token"] {
        for path in ["/sync", "/sync/bootstrap", "/v1/sync/notes", "/admin/stat", "/nowhere"] {
            told += &show(&serving, path, token);
        }
    }
    told += &get(serving.address(), "/metrics").text();
    told += &get(serving.address(), "/readyz?verbose").text();
    serving.signal(Signal::TERM);
    let (status, output) = serving.ended();
    assert_eq!(status.code(), Some(0), "{output}");
    assert!(
        output.contains("refused a token"),
        "the log says that something was refused:\n{output}"
    );
    told += &output;
    let parts = [&good, &expired, &forged].map(|token| token.split('.').collect::<Vec<_>>());
    let parts = parts.concat();
    // Beside the whole ones: the claims and the signatures, without which a token is none.
    let hidden = parts.iter().filter(|part| !part.starts_with("eyJhbGci")).copied();
    let others = [SECRET, RELAY, "a-mistyped-token", "ann-the-subject", "the-tenant"];
    for hidden in hidden.chain(others).chain(["key-set-password"]) {
        assert!(!told.contains(hidden), "{hidden} in\n{told}");
    }
}
