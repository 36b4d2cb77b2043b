//! Who gets in, what is answered who does not, and in which order it is asked.

use serde_json::json;
use syncline_tests::{
    http::{Answer, Raw, get},
    server::TestServer,
    workspace::{Peer, dial, server, token},
    ws::Socket,
};

/// A request without a body on a connection of its own.
fn ask(server: &TestServer, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
    Raw::connect(server.address()).ask(method, target, headers, &[])
}

#[test]
fn a_token_in_any_place_opens_any_workspace() {
    let server = server(|_| ());
    let token = token(&json!({ "sub": "ann" }));
    let (bearer, offer) = (format!("Bearer {token}"), format!("syncline, syncline.bearer.{token}"));
    let query = format!("?token={token}");
    let nothing: [(&str, &str); 0] = [];
    for (target, headers) in [
        (format!("/v1/sync/w{query}"), &nothing[..]),
        (format!("/ws/w{query}&userId=u"), &nothing[..]),
        ("/v1/sync/w".into(), &[("Authorization", &*bearer)]),
        ("/ws/w?token=bad".into(), &[("Authorization", &*bearer)]),
        ("/v1/sync/w".into(), &[("Sec-WebSocket-Protocol", &*offer)]),
    ] {
        let (socket, answer) = Socket::try_open(server.address(), &target, headers);
        assert_eq!(answer.status, 101, "{target}: {}", answer.text());
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        let offered = headers.iter().any(|(name, _)| name.starts_with("Sec-"));
        assert_eq!(answer.header("sec-websocket-protocol"), offered.then_some("syncline"));
        assert_eq!(*Peer::over(socket, &server, "w").data(), json!({}));
    }
}

#[test]
fn without_a_token_that_counts_nothing_is_told() {
    let server = server(|_| ());
    let wrong = token(&json!({ "sub": "ann" })) + "x";
    for (target, body) in [
        ("/v1/sync/w".to_owned(), "Unauthorized: Bearer token required"),
        ("/v1/sync/".into(), "Unauthorized: Bearer token required"),
        ("/v1/nowhere".into(), "Unauthorized: Bearer token required"),
        (format!("/v1/sync/w?token={wrong}"), "Unauthorized: Invalid token"),
        ("/ws/w?token=".into(), "Unauthorized: Invalid token"),
        (format!("/v1/presence/w?token={wrong}"), "Unauthorized: Invalid token"),
        (format!("/v1/workspaces/w/keys/k?token={wrong}"), "Unauthorized: Invalid token"),
    ] {
        for answer in
            [get(server.address(), &target), Socket::try_open(server.address(), &target, &[]).1]
        {
            assert_eq!(answer.status, 401, "{target}");
            assert_eq!(answer.text().trim_end(), body, "{target}");
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    }
}

#[test]
fn a_preflight_needs_no_token() {
    let server = server(|_| ());
    for target in ["/v1/sync/w", "/ws/w", "/v1/presence/", "/v1/workspaces/w/keys/k"] {
        let answer = ask(&server, "OPTIONS", target, &[("Origin", "https://a.example")]);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        let methods = answer.header("access-control-allow-methods").unwrap();
        assert!(methods.contains("PUT"), "{methods}");
        let fields = answer.header("access-control-allow-headers").unwrap();
        assert!(fields.contains("Authorization"), "{fields}");
    }
}

#[test]
fn what_the_path_names_is_looked_at_behind_the_token() {
    let server = server(|_| ());
    let token = token(&json!({ "sub": "ann" }));
    for (path, status) in [
        ("/v1/sync", 400),
        ("/v1/sync/", 400),
        ("/ws/%FF", 400),
        ("/v1/sync/a/b", 404),
        ("/v1/stats", 404),
        ("/v1/sync/w", 426),
    ] {
        let answer = get(server.address(), &format!("{path}?token={token}"));
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    }
    for (name, status) in [("x".repeat(512), 101), ("x".repeat(513), 400)] {
        assert_eq!(dial(server.address(), &name, &token, "").1.status, status);
    }
    let answer = ask(&server, "POST", &format!("/v1/workspaces/w?token={token}"), &[]);
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
}

#[test]
fn a_token_may_name_its_workspaces() {
    let server = server(|_| ());
    let token = token(&json!({ "sub": "ann", "workspaces": ["a", "b/c"] }));
    for (name, status) in [("a", 101), ("b%2Fc", 101), ("b", 403), ("A", 403), ("a%20", 403)] {
        assert_eq!(dial(server.address(), name, &token, "").1.status, status, "{name}");
    }
    let state =
        |name: &str| get(server.address(), &format!("/v1/workspaces/{name}?token={token}")).status;
    assert_eq!([state("a"), state("c")], [200, 403]);
}

#[test]
fn names_of_any_form_meet() {
    let server = server(|_| ());
    let mut a = Peer::join(&server, "space%20%C3%A9%2F%E2%80%A6%3Fx%23y", "a");
    let mut b = Peer::join(&server, "space%20%c3%a9%2f%e2%80%a6%3fx%23y", "b");
    let mut c = Peer::join(&server, "space%20%C3%A9", "c");
    a.set("k", "1", 1);
    assert_eq!(b.message()["payload"]["key"], "k");
    c.quiet();
}

#[test]
fn a_page_of_an_origin_that_is_not_listed_opens_nothing() {
    let server = server(|c| c.http.origins = vec!["https://a.example".into()]);
    let target = format!("/v1/sync/w?token={}", token(&json!({})));
    let from = |origin| Socket::try_open(server.address(), &target, &[("Origin", origin)]).1.status;
    assert_eq!([from("https://a.example"), from("https://b.example")], [101, 403]);
}
