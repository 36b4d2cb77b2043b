//! Tokens over HTTP: every mistake has the same answer, the reason is counted, and nothing is echoed.

use serde_json::json;
use syncline::config::Tenants;
use syncline_tests::{
    http::{Answer, Raw, get},
    server::TestServer,
};

use super::*;

/// A path that asks for a token.
const PATH: &str = "/sync/bootstrap";

fn served() -> TestServer {
    TestServer::start(|c| {
        c.auth.secret = Some(SECRET.into());
        c.auth.issuer = Some("us".into());
        c.oplog.tenants = Tenants::Token;
    })
}

fn ask(server: &TestServer, target: &str, headers: &[(&str, &str)]) -> Answer {
    let mut raw = Raw::connect(server.address());
    let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let address = server.address();
    raw.send(format!("GET {target} HTTP/1.1\r\nHost: {address}\r\n{more}\r\n").as_bytes());
    raw.answer().expect("an answer")
}

fn show(server: &TestServer, token: &str) -> Answer {
    ask(server, PATH, &[("Authorization", &format!("Bearer {token}"))])
}

/// Everything of an answer but its time.
fn shape(mut answer: Answer) -> (u16, Vec<(String, String)>, String) {
    answer.headers.retain(|(name, _)| name != "date");
    (answer.status, answer.headers.clone(), answer.text())
}

#[test]
fn a_token_lets_in_wherever_it_stands() {
    let server = served();
    let token = with_claims(r#"{"sub":"ann","iss":"us"}"#);
    assert_eq!(show(&server, &token).status, 200);
    assert_eq!(ask(&server, &format!("{PATH}?token={token}"), &[]).status, 200);
    let escaped = token.replace('.', "%2e");
    assert_eq!(ask(&server, &format!("{PATH}?a=b&token={escaped}"), &[]).status, 200);
    let wrong = ("Authorization", "Bearer wrong");
    assert_eq!(ask(&server, &format!("{PATH}?token={token}"), &[wrong]).status, 401);
}

#[test]
fn every_mistake_is_answered_alike_and_counted_by_its_reason() {
    let server = served();
    let missing = shape(ask(&server, PATH, &[]));
    assert_eq!(missing.0, 401);
    let mistakes = [
        ("malformed", "nonsense".into()),
        ("algorithm", with_header(r#"{"alg":"none"}"#)),
        ("header", with_header(r#"{"alg":"HS256","crit":["x"]}"#)),
        ("duplicate", with_claims(r#"{"sub":"a","sub":"b"}"#)),
        ("signature", with_claims("{}") + "A"),
        ("claims", with_claims(r#"{"exp":"tomorrow"}"#)),
        ("expired", with_claims(r#"{"exp":1}"#)),
        ("not_yet", with_claims(r#"{"nbf":4000000000}"#)),
        ("issuer", with_claims(r#"{"iss":"them"}"#)),
        ("too_long", with_claims(&json!({ "x": "x".repeat(7_000) }).to_string())),
    ];
    // This dialect's answer, as its clients know it, is one for no token and one for any other mistake.
    let workspace = |token: &str| shape(ask(&server, &format!("/v1/sync/w?token={token}"), &[]));
    let invalid = workspace("nonsense");
    assert_eq!(invalid.0, 401);
    for (reason, token) in mistakes {
        assert_eq!(shape(show(&server, &token)), missing, "{reason}");
        assert_eq!(workspace(&token), invalid, "{reason}");
        let page = get(server.address(), "/metrics").text();
        let counted = format!("syncline_tokens_refused_total{{reason=\"{reason}\"}} ");
        assert!(page.contains(&counted), "{counted} in\n{page}");
        assert!(!page.contains(&token));
    }
}

#[test]
fn a_token_of_a_mebibyte_does_not_get_past_the_head() {
    let server = served();
    let bomb = with_claims(&json!({ "x": "x".repeat(1 << 20) }).to_string());
    for request in [
        format!("GET {PATH} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {bomb}\r\n\r\n"),
        format!("GET {PATH}?token={bomb} HTTP/1.1\r\nHost: a\r\n\r\n"),
    ] {
        let mut raw = Raw::connect(server.address());
        raw.send(request.as_bytes());
        // Or cut, while more is sent than anybody reads.
        let status = raw.answer().map_or(431, |answer| answer.status);
        assert!([414, 431].contains(&status), "{status}");
    }
    assert_eq!(show(&server, &with_claims(r#"{"sub":"ann","iss":"us"}"#)).status, 200);
}
