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
}

#[test]
fn the_token_is_not_echoed() {
    let server = TestServer::start(|c| c.relay.token = Some(TOKEN.into()));
    let (_, answer) = Socket::try_open(server.address(), &format!("{PATH}?token=not-{TOKEN}"), &[]);
    assert_eq!(answer.status, 401);
    assert!(!format!("{answer:?}").contains(TOKEN) && !answer.text().contains(TOKEN));
    assert_eq!(answer.header("www-authenticate").map(|h| h.starts_with("Bearer")), Some(true));
}
