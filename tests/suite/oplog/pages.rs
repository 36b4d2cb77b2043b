//! What web pages of other origins may do: nothing that changes something, unless they are listed.

use serde_json::json;
use syncline_tests::{
    oplog::{Client, JSON},
    server::TestServer,
};

use super::served;

const PAGE: (&str, &str) = ("Origin", "https://app.example");

#[test]
fn a_foreign_page_may_not_push() {
    let (_server, mut client) = served();
    let push = json!({"clientId": "a", "datasetGenerationKey": "", "ops": []}).to_string();
    let mut status = |headers: &[(&str, &str)]| {
        let headers = [&[JSON], headers].concat();
        client.ask("POST", "/sync/push", &headers, push.as_bytes()).status
    };
    assert_eq!(status(&[PAGE]), 403);
    assert_eq!(status(&[PAGE, ("Sec-Fetch-Site", "cross-site")]), 403);
    assert_eq!(status(&[PAGE, ("Sec-Fetch-Site", "same-origin")]), 200);
    assert_eq!(status(&[("Origin", "http://x")]), 200, "the host that the tests name");
    assert_eq!(status(&[]), 200);
    let answer = client.ask("GET", "/sync/bootstrap", &[PAGE], &[]);
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[test]
fn a_listed_page_may() {
    let server = TestServer::start(|c| c.oplog.cors_origins = vec![PAGE.1.into()]);
    let mut client = Client::new(server.address(), "a");
    let asked = [PAGE, ("Access-Control-Request-Method", "POST")];
    let preflight = client.ask("OPTIONS", "/sync/push", &asked, &[]);
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.header("access-control-allow-origin"), Some(PAGE.1));
    let allowed = preflight.header("access-control-allow-methods").unwrap();
    assert!(allowed.contains("POST"), "{allowed}");
    let allowed = preflight.header("access-control-allow-headers").unwrap();
    assert!(allowed.contains("content-type") && allowed.contains("authorization"), "{allowed}");
    let push = json!({"clientId": "a", "datasetGenerationKey": "", "ops": []}).to_string();
    let answer = client.ask("POST", "/sync/push", &[JSON, PAGE], push.as_bytes());
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE.1));
    assert_eq!(answer.header("vary"), Some("origin"));
    let other = ("Origin", "https://other.example");
    assert_eq!(client.ask("POST", "/sync/push", &[JSON, other], push.as_bytes()).status, 403);
    let preflight = client.ask("OPTIONS", "/sync/push", &[other], &[]);
    assert_eq!(preflight.header("access-control-allow-origin"), None);
}
