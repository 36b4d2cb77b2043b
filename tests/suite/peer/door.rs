//! Who is let in, where, and what others are answered.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use syncline_tests::{
    http::{Raw, request},
    peer::{Client, claims, dial, error, packets, presence, server, token},
    until,
    ws::Socket,
};

use crate::{each, each_with};

/// The claims of ann, some of them changed.
fn ann(changes: &Value) -> String {
    token(claims("ann", "team/*"), changes)
}

/// Asks by plain HTTP for what is at this path.
fn ask(server: &syncline_tests::server::TestServer, path: &str, token: &str) -> (u16, Value) {
    let headers = [("Authorization", format!("Bearer {token}"))];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let mut raw = Raw::connect(server.address());
    raw.send(&request("GET", path, &headers, b""));
    let answer = raw.answer().unwrap();
    (answer.status, answer.text().parse().unwrap())
}

#[test]
fn a_token_lets_in_wherever_it_stands() {
    each(|server| {
        let good = ann(&json!({}));
        let path = "/v1/peer/team%2Fa";
        let bearer = format!("Bearer {good}");
        let offer = format!("syncline, syncline.bearer.{good}");
        let ways = [
            Socket::try_open(server.address(), path, &[("Authorization", &bearer)]),
            Socket::try_open(server.address(), path, &[("Sec-WebSocket-Protocol", &offer)]),
            dial(server.address(), "team%2Fa", &good, ""),
            Socket::try_open(server.address(), &format!("{path}?token={good}"), &[]),
        ];
        for (mut socket, answer) in ways {
            assert_eq!(answer.status, 101, "{}", answer.text());
            let welcome: Value = serde_json::from_slice(&socket.frame().payload).unwrap();
            assert_eq!((&welcome["room"], &welcome["self"]), (&"team/a".into(), &"ann".into()));
        }
    });
}

#[test]
fn a_welcome_says_who_is_there_and_how_much_there_may_be() {
    each(|server| {
        let mut bob = Client::join(server.address(), "%C3%A9%20%2F", "user:bob");
        let ann = Client::join_with(
            server.address(),
            "%C3%A9%20%2F",
            "ann",
            &json!({ "hist": null }),
            "",
        );
        let mut welcome = ann.welcome.clone();
        let time = welcome["server_time"].take().as_u64().unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        assert!(u128::from(time) <= now && now - u128::from(time) < 60_000, "{time}");
        let limits = json!({
            "max_frame_bytes": 65_536, "max_queue_bytes": 8_388_608, "max_queue_frames": 1_024,
        });
        let expected = json!({
            "t": "welcome", "room": "é /", "kind": "data", "self": "ann", "last_seq": 0,
            "participants": ["user:bob"], "server_time": null, "limits": limits,
        });
        assert_eq!(welcome, expected);
        assert_eq!(bob.control(), presence("join", "ann", None));
    });
}

#[test]
fn who_is_not_let_in_is_told_so_by_http() {
    each(|server| {
        let path = "/v1/peer/team%2Fa";
        let forged = ann(&json!({})) + "x";
        for (what, token) in [
            ("none", String::new()),
            ("forged", forged),
            ("expired", ann(&json!({ "exp": 1_700_000_000 }))),
            ("without an end", ann(&json!({ "exp": null }))),
            ("nobody's", ann(&json!({ "sub": null }))),
            ("of a name that is none", ann(&json!({ "sub": "user:" }))),
            ("of a long name", ann(&json!({ "sub": "x".repeat(129) }))),
            ("with an odd room", ann(&json!({ "room": 7 }))),
            ("with an odd kind", ann(&json!({ "kind": "both" }))),
            ("with an odd pub", ann(&json!({ "pub": "yes" }))),
            ("with an odd hist", ann(&json!({ "hist": 1 }))),
        ] {
            let (status, told) = ask(server, path, &token);
            assert_eq!((status, &told["code"]), (401, &"unauthorized".into()), "{what}");
            let (_, answer) = dial(server.address(), "team%2Fa", &token, "");
            assert_eq!(answer.status, 401, "{what}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{what}");
            let page = packets(server.address(), "team%2Fa", &token, "");
            assert_eq!(page.status, 401, "{what}");
        }
        let good = ann(&json!({}));
        for other in ["team", "team2%2Fa", "Team%2Fa", "other"] {
            assert_eq!(ask(server, &format!("/v1/peer/{other}"), &good).0, 403, "{other}");
            assert_eq!(dial(server.address(), other, &good, "").1.status, 403, "{other}");
            assert_eq!(packets(server.address(), other, &good, "").status, 403, "{other}");
        }
        let roomless = ann(&json!({ "room": null }));
        assert_eq!(dial(server.address(), "team%2Fa", &roomless, "").1.status, 403);
        assert_eq!(ask(server, path, &good).0, 426, "a page learns so that its token counts");
        for (bad, status) in [("%ff", 400), ("", 400), ("team%2Fa%00", 400), ("team/a/b", 404)] {
            assert_eq!(ask(server, &format!("/v1/peer/{bad}"), &good).0, status, "{bad}");
        }
        for bad in ["&since_seq=x", "&since_seq=-1", "&since_seq="] {
            assert_eq!(dial(server.address(), "team%2Fa", &good, bad).1.status, 400, "{bad}");
            let asked = ask(server, &format!("{path}?{}", &bad[1..]), &good);
            assert_eq!(asked.0, 400, "a page learns of it too: {bad}");
        }
    });
}

#[test]
fn a_page_of_a_foreign_origin_opens_nothing() {
    let adapt =
        |config: &mut syncline::Config| config.http.origins = vec!["https://app.example".into()];
    each_with(adapt, |server| {
        let path = format!("/v1/peer/team%2Fa?access_token={}", ann(&json!({})));
        let open = |origin| Socket::try_open(server.address(), &path, &[("Origin", origin)]).1;
        assert_eq!(open("https://app.example").status, 101);
        let refused = open("https://evil.example");
        assert_eq!(refused.status, 403);
        assert_eq!(refused.header("access-control-allow-origin"), Some("*"), "and may read why");
    });
}

#[test]
fn a_token_that_says_nothing_opens_a_data_room_to_send_and_reads_no_history() {
    each(|server| {
        let bare = json!({ "hist": null });
        let mut ann = Client::join_with(server.address(), "room", "ann", &bare, "&since_seq=0");
        let mut bob = Client::join(server.address(), "room", "bob");
        assert_eq!(bob.welcome["kind"], "data");
        let packet = ann.share("r1", b"x");
        assert_eq!(bob.packet(), packet);
        let answer = packets(server.address(), "room", &token(claims("ann", "room"), &bare), "");
        assert_eq!(answer.status, 403, "{}", answer.text());
    });
}

#[test]
fn who_may_not_publish_hears_and_is_not_heard() {
    each(|server| {
        let mut ann =
            Client::join_with(server.address(), "room", "ann", &json!({ "pub": false }), "");
        let mut bob = Client::join(server.address(), "room", "bob");
        assert_eq!(ann.control(), presence("join", "bob", None));
        ann.share("r1", b"x");
        assert_eq!(ann.control(), error("forbidden", "r1"));
        let packet = bob.share("r2", b"y");
        assert_eq!(ann.packet(), packet);
        let second = bob.share("r3", b"z");
        assert_eq!(ann.packet(), second, "the connection goes on");
        ann.leave();
        assert_eq!(bob.control(), presence("leave", "ann", Some("closed")), "nothing came before");
    });
}

#[test]
fn tokens_of_two_kinds_never_meet() {
    each(|server| {
        let invite = json!({ "kind": "invite" });
        let data = Client::join(server.address(), "data", "ann");
        let mut lost = Client::enter(server.address(), "data", "bob", &invite, "");
        assert_eq!(lost.closed(), 4403);
        let lobby = Client::join_with(server.address(), "lobby", "ann", &invite, "");
        assert_eq!(lobby.welcome["kind"], "invite");
        let mut lost = Client::enter(server.address(), "lobby", "bob", &json!({}), "");
        assert_eq!(lost.closed(), 4403);
        drop(data);
        let read = packets(server.address(), "data", &token(claims("bob", "*"), &invite), "");
        assert_eq!(read.status, 403);
        lobby.leave();
        // The room has gone with the last one: a name says nothing about its kind.
        let again = until("the room has gone", || {
            Client::try_join(server.address(), "lobby", "ann", &json!({}), "")
        });
        assert_eq!(again.welcome["kind"], "data");
    });
}

#[test]
fn a_token_expires_while_its_holder_is_there() {
    let server = server(|config| config.auth.leeway = std::time::Duration::ZERO);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut bob = Client::join(server.address(), "room", "bob");
    let short = json!({ "exp": now + 3 });
    let mut ann = Client::join_with(server.address(), "room", "ann", &short, "");
    assert_eq!(ann.closed(), 4401);
    assert_eq!(bob.control(), presence("join", "ann", None));
    assert_eq!(bob.control(), presence("leave", "ann", Some("closed")));
}
