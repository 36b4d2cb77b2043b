//! Tokens of one workspace on another: nobody gets in, nothing crosses, and nothing tells what exists.

use std::fmt::Write;

use serde_json::{Value, json};
use syncline_tests::{
    http::Raw,
    server::TestServer,
    workspace::{Peer, dial, server, token},
};

/// Names that somebody could take for one another.
const NAMES: &[&str] = &[
    "a",
    "A",
    "a ",
    " a",
    "aa",
    "a/",
    "/a",
    "a/b",
    "a%2Fb",
    "..",
    ".",
    "../a",
    "a/..",
    "a\0",
    "a\0b",
    "á",
    "a\u{301}",
    "ａ",
    "а",
    "a\u{200b}",
    "a\n",
    "a?b",
    "a#b",
    "a+b",
    "a b",
    "*",
    "%",
    "a\\b",
    "a\u{feff}",
    "null",
    "[\"a\"]",
    "a,b",
    "ß",
    "SS",
    "ﬁ",
    "fi",
    "a.",
    "a;b",
    "a:b",
];

/// Every byte escaped, so that a name is what it is.
fn escaped(name: &str) -> String {
    name.bytes().fold(String::new(), |mut text, byte| {
        write!(text, "%{byte:02X}").expect("a string takes everything");
        text
    })
}

/// What a request on a connection that stays is answered, but for the number of the request.
fn ask(raw: &mut Raw, path: &str, token: &str) -> (u16, Value) {
    let bearer = format!("Bearer {token}");
    let answer = raw.ask("GET", path, &[("Authorization", &bearer)], &[]);
    let mut body: Value = answer.text().parse().unwrap_or_default();
    if let Some(members) = body.as_object_mut() {
        members.remove("request_id");
    }
    (answer.status, body)
}

fn state(raw: &mut Raw, name: &str, token: &str) -> u16 {
    ask(raw, &format!("/v1/workspaces/{}", escaped(name)), token).0
}

fn only(name: &str) -> String {
    token(&json!({ "sub": "ann", "workspaces": [name] }))
}

#[test]
fn no_token_opens_another_workspace_however_alike_the_names() {
    let server = server(|_| ());
    let mut raw = Raw::connect(server.address());
    let long = "x".repeat(512);
    let longer: Vec<&str> = NAMES.iter().copied().chain([&*long, &long[1..]]).collect();
    for mine in &longer {
        let token = only(mine);
        for asked in &longer {
            let status = if mine == asked { 200 } else { 403 };
            assert_eq!(state(&mut raw, asked, &token), status, "{mine:?} on {asked:?}");
        }
    }
    assert_eq!(state(&mut raw, "a", &token(&json!({ "workspaces": [] }))), 403);
    assert_eq!(state(&mut raw, "a", &token(&json!({ "workspaces": NAMES }))), 200);
}

#[test]
fn a_random_name_opens_itself_and_nothing_else() {
    let server = server(|_| ());
    let mut raw = Raw::connect(server.address());
    let mut seed = 0x5eed_u64;
    let mut below = move |bound: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % bound
    };
    // Short, of few letters, so that equal ones and beginnings of one another are common.
    let mut name = || {
        let letters = ['a', 'A', '/', '.', '%', '\0', 'é', '\u{301}'];
        (0..=below(2)).map(|_| letters[below(letters.len())]).collect::<String>()
    };
    let mut equal = 0;
    for _ in 0..5_000 {
        let (mine, other, asked) = (name(), name(), name());
        let token = token(&json!({ "workspaces": [mine, other] }));
        let enters = asked == mine || asked == other;
        equal += usize::from(enters);
        let status = if enters { 200 } else { 403 };
        assert_eq!(state(&mut raw, &asked, &token), status, "{mine:?} {other:?} on {asked:?}");
    }
    assert!((50..4_950).contains(&equal), "{equal}");
}

#[test]
fn nothing_crosses_from_one_workspace_to_another() {
    let server = server(|_| ());
    let mut peers: Vec<Peer> = NAMES.iter().map(|name| enter(&server, name)).collect();
    for (number, peer) in peers.iter_mut().enumerate() {
        peer.set("k", &number.to_string(), 1_000 + number as i64);
        peer.set(NAMES[number], "true", 1);
    }
    for (number, name) in NAMES.iter().enumerate() {
        peers[number].quiet();
        let after = enter(&server, name);
        assert_eq!(*after.data(), json!({ "k": number, *name: true }), "{name:?}");
    }
}

fn enter(server: &TestServer, name: &str) -> Peer {
    let (socket, answer) = dial(server.address(), &escaped(name), &only(name), "");
    assert_eq!(answer.status, 101, "{name:?}: {}", answer.text());
    Peer::over(socket, server, &escaped(name))
}

#[test]
fn a_refusal_does_not_tell_what_exists() {
    let server = server(|_| ());
    let mut owner = enter(&server, "theirs");
    owner.set("k", "1", 1);
    owner.quiet();
    let (mut raw, mine) = (Raw::connect(server.address()), only("mine"));
    for path in [
        "/v1/workspaces/W",
        "/v1/workspaces/W/keys/k",
        "/v1/workspaces/W/keys/none",
        "/v1/presence/W",
    ] {
        let [there, not] =
            ["theirs", "nowhere"].map(|name| ask(&mut raw, &path.replace('W', name), &mine));
        assert_eq!(there.0, 403);
        assert_eq!(there, not, "{path}");
        assert_eq!(there, ask(&mut raw, "/v1/workspaces/theirs", &mine), "{path}");
    }
    let [there, not] = ["theirs", "nowhere"].map(|name| dial(server.address(), name, &mine, "").1);
    assert_eq!((there.status, not.status), (403, 403));
    assert_eq!(there.body.len(), not.body.len());
}
