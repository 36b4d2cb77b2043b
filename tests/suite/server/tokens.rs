//! The relay's optional access token.

use syncline_tests::{relay::PATH, server::TestServer, ws::Socket};

const TOKEN: &str = "an-access-token-of-the-house";

#[test]
fn a_token_is_asked_for_when_one_is_set() {
    let server = TestServer::start(|c| c.relay.token = Some(TOKEN.into()));
    let status = |target: &str, more: &[(&str, &str)]| {
        Socket::try_open(server.address(), target, more).1.status
    };
    assert_eq!(status(PATH, &[]), 401);
    assert_eq!(status(&format!("{PATH}?token=wrong"), &[]), 401);
    assert_eq!(status(&format!("{PATH}?token="), &[]), 401);
    assert_eq!(status(&format!("{PATH}?other={TOKEN}"), &[]), 401);
    assert_eq!(status(PATH, &[("Authorization", &format!("Basic {TOKEN}"))]), 401);
    assert_eq!(status(PATH, &[("Authorization", &format!("Bearer {TOKEN}x"))]), 401);
    assert_eq!(status(&format!("{PATH}?token={TOKEN}"), &[]), 101);
    assert_eq!(status(&format!("{PATH}?a=b&token={TOKEN}"), &[]), 101);
    assert_eq!(status(PATH, &[("Authorization", &format!("Bearer {TOKEN}"))]), 101);
    // The first place that names a token counts, and one that names two names none.
    let wrong = ("Authorization", "Bearer wrong");
    assert_eq!(status(&format!("{PATH}?token={TOKEN}"), &[wrong]), 401);
    assert_eq!(status(&format!("{PATH}?token={TOKEN}&token={TOKEN}"), &[]), 401);
}

#[test]
fn a_page_shows_its_token_as_a_subprotocol_and_another_one_is_confirmed() {
    let server = TestServer::start(|c| c.relay.token = Some(TOKEN.into()));
    let offer = |offer: &str| {
        let header = ("Sec-WebSocket-Protocol", offer);
        let (_, answer) = Socket::try_open(server.address(), PATH, &[header]);
        (answer.status, answer.header("sec-websocket-protocol").map(str::to_owned))
    };
    let bearer = format!("syncline.bearer.{TOKEN}");
    assert_eq!(offer(&format!("syncline, {bearer}")), (101, Some("syncline".into())));
    assert_eq!(
        offer(&format!("{bearer}, syncline.relay.v1")),
        (101, Some("syncline.relay.v1".into()))
    );
    assert_eq!(offer(&bearer), (101, None));
    assert_eq!(offer("syncline").0, 401);
    assert_eq!(offer("syncline, syncline.bearer.wrong").0, 401);
}

#[test]
fn the_token_is_not_echoed() {
    let server = TestServer::start(|c| c.relay.token = Some(TOKEN.into()));
    let (_, answer) = Socket::try_open(server.address(), &format!("{PATH}?token=not-{TOKEN}"), &[]);
    assert_eq!(answer.status, 401);
    assert!(!format!("{answer:?}").contains(TOKEN) && !answer.text().contains(TOKEN));
    assert_eq!(answer.header("www-authenticate").map(|h| h.starts_with("Bearer")), Some(true));
}

#[test]
fn only_pages_of_a_listed_origin_open_a_websocket() {
    let server = TestServer::start(|c| c.http.origins = vec!["https://app.example".into()]);
    let status = |origins: &[&str]| {
        let headers: Vec<_> = origins.iter().map(|origin| ("Origin", *origin)).collect();
        Socket::try_open(server.address(), PATH, &headers).1.status
    };
    assert_eq!(status(&["https://app.example"]), 101);
    assert_eq!(status(&[]), 101, "a program that is no browser");
    for origin in [
        "https://app.example.evil",
        "https://evil-app.example",
        "https://app.example:444",
        "https://app.example.",
        "http://app.example",
        "HTTPS://APP.EXAMPLE",
        "https://app.example/",
        "null",
        "",
        "*",
    ] {
        assert_eq!(status(&[origin]), 403, "{origin}");
    }
    assert_eq!(status(&["https://app.example", "https://evil.example"]), 403);
}
