//! What `/demo/` shows, to whom, and which tokens it gives.

use serde_json::Value;
use syncline::{auth::Auth, config::AuthConfig};
use syncline_tests::{
    http::{Answer, Raw, get},
    server::TestServer,
};

/// Of a pair whose other half nobody has.
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
MCowBQYDK2VwAyEA3huomSueY10OajvyujFe7SLL4r7qSUFlg16thuhs2kU=\n\
-----END PUBLIC KEY-----\n";

fn demo() -> TestServer {
    TestServer::start(|config| config.http.demo = true)
}

fn ask(server: &TestServer, method: &str, target: &str, host: &str) -> Answer {
    let mut raw = Raw::connect(server.address());
    let head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    raw.send(head.as_bytes());
    raw.answer().expect("an answer")
}

#[test]
fn nothing_is_there_unless_it_is_asked_for() {
    let server = TestServer::start(|_| ());
    for path in ["/demo", "/demo/", "/demo/app.js", "/demo/token?board=a"] {
        assert_eq!(get(server.address(), path).status, 404, "{path}");
    }
}

#[test]
fn the_page_and_its_files_come_with_their_types_and_a_strict_policy() {
    let server = demo();
    for (path, kind) in [
        ("/demo/", "text/html; charset=utf-8"),
        ("/demo/?board=a", "text/html; charset=utf-8"),
        ("/demo/app.js", "text/javascript; charset=utf-8"),
        ("/demo/workspace.js", "text/javascript; charset=utf-8"),
        ("/demo/style.css", "text/css; charset=utf-8"),
    ] {
        let answer = get(server.address(), path);
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), Some(kind), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{path}: {policy}");
    }
    let moved = get(server.address(), "/demo");
    assert_eq!((moved.status, moved.header("location")), (308, Some("/demo/")));
    for path in ["/demo/nothing.js", "/demo/../Cargo.toml", "/demo/%2e%2e/x", "/demox"] {
        assert_eq!(get(server.address(), path).status, 404, "{path}");
    }
    assert_eq!(ask(&server, "POST", "/demo/", "localhost").status, 405);
}

#[test]
fn a_token_opens_one_board_and_nothing_else() {
    let server = demo();
    let answer = ask(&server, "GET", "/demo/token?board=a-1", "localhost:1");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let grant: Value = serde_json::from_slice(&answer.body).expect("JSON");
    let (now, expires) = (grant["now"].as_u64(), grant["expires"].as_u64());
    assert!(now < expires, "{grant}");
    let token = grant["token"].as_str().expect("a token");
    let auth = Auth::look(&AuthConfig::default(), &server.data_dir()).expect("the server's secret");
    let holder = auth.verify(token).expect("a token that the server believes");
    assert_eq!(holder.workspaces, Some(vec!["demo-a-1".to_owned()]));
    assert!(holder.expires.is_some());
    for wrong in ["", "?board=", "?board=A", "?board=a%2Fb", "?board=a%20b", "?board=%ff"] {
        let answer = get(server.address(), &format!("/demo/token{wrong}"));
        assert_eq!(answer.status, 400, "{wrong}");
    }
}

#[test]
fn a_page_of_another_name_gets_no_token() {
    let server = demo();
    // A name of anybody's that was made to lead to this machine.
    for host in ["rebound.example", "rebound.example:8080", "localhost.example", "10.0.0.1"] {
        assert_eq!(ask(&server, "GET", "/demo/token?board=a", host).status, 403, "{host}");
    }
    for host in ["localhost", "127.0.0.1:8080", "[::1]:8080", "me.localhost"] {
        assert_eq!(ask(&server, "GET", "/demo/token?board=a", host).status, 200, "{host}");
    }
}

#[test]
fn tokens_are_given_at_a_bounded_rate() {
    let server = demo();
    let asked = (0..2_000).map(|_| get(server.address(), "/demo/token?board=a"));
    let refused = asked.into_iter().find(|answer| answer.status != 200);
    let refused = refused.expect("a bound");
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")));
}

#[test]
fn a_server_that_only_checks_tokens_says_that_it_makes_none() {
    let key = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(key.path(), PUBLIC_KEY).expect("a file can be written");
    let server = TestServer::start(|config| {
        config.http.demo = true;
        config.auth.public_key_file = Some(key.path().to_owned());
    });
    let answer = get(server.address(), "/demo/token?board=a");
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("cannot make them"), "{}", answer.text());
}
