//! What an operator sees of rooms and does about who is in them.

use serde_json::{Value, json};
use syncline_engine::storage::sim::{Charge, SimDisk};
use syncline_tests::{
    http::{Raw, request},
    peer::{Client, claims, packets, presence, token},
    server::TestServer,
    until,
};

use crate::each_with;

const TOKEN: &str = "an-operators-own-token";

fn each(check: impl Fn(&TestServer)) {
    each_with(|config| config.auth.admin_token = Some(TOKEN.into()), check);
}

/// Asks as an operator.
fn ask(server: &TestServer, method: &str, path: &str) -> (u16, Value) {
    ask_as(server, TOKEN, method, path)
}

fn ask_as(server: &TestServer, token: &str, method: &str, path: &str) -> (u16, Value) {
    let bearer = format!("Bearer {token}");
    let mut raw = Raw::connect(server.address());
    let path = format!("/admin/peer/rooms{path}");
    raw.send(&request(method, &path, &[("Authorization", &bearer)], b""));
    let answer = raw.answer().unwrap();
    (answer.status, answer.text().parse().unwrap())
}

#[test]
fn an_operator_sees_rooms_and_who_is_in_them() {
    each(|server| {
        assert_eq!(ask(server, "GET", ""), (200, json!({ "rooms": [], "more": false })));
        let mut ann = Client::join(server.address(), "a%2Fb", "user:Ann");
        let _bob = Client::join(server.address(), "a%2Fb", "bob");
        let _cid = Client::join(server.address(), "c", "cid");
        assert_eq!(ann.control(), presence("join", "bob", None));
        ann.share("r1", b"x");
        ann.say(r#"{"t":"ping"}"#);
        assert_eq!(ann.control(), json!({ "t": "pong" }));
        let rooms =
            json!([{ "room": "a/b", "participants": 2 }, { "room": "c", "participants": 1 }]);
        assert_eq!(ask(server, "GET", ""), (200, json!({ "rooms": rooms, "more": false })));
        assert_eq!(ask(server, "GET", "?after=a/b").1["rooms"], json!([rooms[1]]));
        let there = until("the packet has arrived", || {
            let (status, there) = ask(server, "GET", "/a%2Fb");
            assert_eq!(status, 200, "{there}");
            (there["last_seq"] == 1).then_some(there)
        });
        assert_eq!(
            (&there["room"], &there["kind"], &there["packets"]),
            (&json!("a/b"), &json!("data"), &json!(1))
        );
        let names: Vec<&Value> =
            there["participants"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
        assert_eq!(names, ["bob", "user:Ann"]);
        assert_eq!(there["bans"], json!([]));
    });
}

#[test]
fn nobody_else_learns_that_there_are_rooms() {
    each(|server| {
        let _ann = Client::join(server.address(), "room", "ann");
        let own = token(claims("ann", "*"), &json!({}));
        for token in ["", "x", &own] {
            for (method, path) in [("GET", ""), ("GET", "/room"), ("POST", "/room/close")] {
                assert_eq!(ask_as(server, token, method, path).0, 401, "{method} {path}");
            }
        }
    });
    each_with(
        |_| (),
        |server| assert_eq!(ask(server, "GET", "").0, 404, "without a token there is nothing"),
    );
}

#[test]
fn who_is_kicked_goes_and_may_come_back_and_who_is_banned_may_not() {
    each(|server| {
        let mut bob = Client::join(server.address(), "room", "bob");
        let mut ann = Client::join(server.address(), "room", "user:Ann");
        assert_eq!(bob.control(), presence("join", "user:Ann", None));
        assert_eq!(ask(server, "POST", "/room/kick?id=ann"), (200, json!({ "connections": 1 })));
        assert_eq!(ann.closed(), 4403);
        assert_eq!(bob.control(), presence("leave", "user:Ann", Some("kicked")));
        let mut ann = Client::join(server.address(), "room", "user:Ann");
        assert_eq!(bob.control(), presence("join", "user:Ann", None));
        let banned = ask(server, "POST", "/room/ban?id=ANN&seconds=3600");
        assert_eq!(banned, (200, json!({ "connections": 1 })));
        assert_eq!(ann.closed(), 4403);
        assert_eq!(bob.control(), presence("leave", "user:Ann", Some("kicked")));
        for form in ["user:Ann", "ann", "user:ANN"] {
            let mut again = Client::enter(server.address(), "room", form, &json!({}), "");
            assert_eq!(again.closed(), 4403, "{form}");
            let pass = token(claims(form, "*"), &json!({}));
            assert_eq!(packets(server.address(), "room", &pass, "").status, 403, "{form}");
        }
        let elsewhere = Client::join(server.address(), "elsewhere", "ann");
        drop(elsewhere);
        assert_eq!(ask(server, "GET", "/room").1["bans"][0]["id"], "ann");
        let path = "/room/unban?id=user:ann";
        assert_eq!(ask(server, "POST", path), (200, json!({ "was_banned": true })));
        assert_eq!(ask(server, "POST", path), (200, json!({ "was_banned": false })));
        let _ann = Client::join(server.address(), "room", "user:Ann");
        assert_eq!(bob.control(), presence("join", "user:Ann", None), "nothing came between");
    });
}

#[test]
fn a_ban_is_there_after_a_restart() {
    let adapt = |config: &mut syncline::Config| {
        config.auth.admin_token = Some(TOKEN.into());
        config.auth.secret = Some(syncline_tests::peer::SECRET.into());
    };
    let server = TestServer::start(adapt);
    assert_eq!(ask(&server, "POST", "/room/ban?id=eve").0, 200, "before anybody was there");
    let server = TestServer::start_in(server.stop(), adapt);
    let bans = ask(&server, "GET", "/room").1["bans"].clone();
    assert_eq!(bans, json!([{ "id": "eve", "until_ms": null }]));
    let mut eve = Client::enter(server.address(), "room", "eve", &json!({}), "");
    assert_eq!(eve.closed(), 4403);
}

#[test]
fn a_ban_that_a_full_disk_refuses_is_not_answered_as_done() {
    let disk = SimDisk::new(3);
    let server = TestServer::start_on(&disk, |config| {
        config.auth.admin_token = Some(TOKEN.into());
        config.auth.secret = Some(syncline_tests::peer::SECRET.into());
    });
    let mut ann = Client::join(server.address(), "room", "ann");
    // A longer name than those that still found a place.
    let name = "bob".repeat(40);
    let mut bob = Client::join(server.address(), "room", &name);
    assert_eq!(ann.control(), presence("join", &name, None));
    disk.limit_space(Some(0), Charge::Length);
    // What is left of the segment is taken by large things first, then by small ones.
    for payload_bytes in [60_000, 4_000, 200] {
        let payload = vec![7; payload_bytes];
        until("nothing of this size is stored", || {
            let before = ask(&server, "GET", "/room").1["packets"].clone();
            let packet = ann.share("r", &payload);
            assert_eq!(bob.packet(), packet, "it passes whatever becomes of it");
            (ask(&server, "GET", "/room").1["packets"] == before).then_some(())
        });
    }
    let banned = (0..1000).find(|n| {
        let (status, told) = ask(&server, "POST", &format!("/room/ban?id={n}{}", "x".repeat(100)));
        assert!(status == 200 || (status, &told["code"]) == (507, &json!("disk_full")), "{told}");
        status == 507
    });
    let before = banned.expect("it is refused some time");
    assert_eq!(ask(&server, "POST", &format!("/room/ban?id={name}")).0, 507);
    assert_eq!(bob.closed(), 4403, "out he is");
    let bans = ask(&server, "GET", "/room").1["bans"].as_array().unwrap().len();
    assert_eq!(bans, before, "those that were answered 200, and no other");
    disk.limit_space(None, Charge::Length);
    until("there is space again", || {
        (ask(&server, "POST", &format!("/room/ban?id={name}")).0 == 200).then_some(())
    });
    let mut bob = Client::enter(server.address(), "room", &name, &json!({}), "");
    assert_eq!(bob.closed(), 4403);
}

#[test]
fn a_room_is_closed_and_what_is_stored_of_it_is_dropped() {
    each(|server| {
        let mut ann = Client::join(server.address(), "room", "ann");
        let mut bob = Client::join(server.address(), "room", "bob");
        ann.share("r1", b"x");
        bob.packet();
        assert_eq!(ask(server, "POST", "/room/close"), (200, json!({ "connections": 2 })));
        assert_eq!((ann.closed(), bob.closed()), (4403, 4403));
        let dropped = json!({ "dropped": 1, "kept": 0 });
        assert_eq!(ask(server, "DELETE", "/room/packets"), (200, dropped));
        let there = ask(server, "GET", "/room").1;
        assert_eq!((&there["packets"], &there["last_seq"]), (&json!(0), &json!(1)));
        for (method, path, status) in [
            ("POST", "/room", 405),
            ("GET", "/room/kick?id=a", 405),
            ("POST", "/room/kick", 400),
            ("POST", "/room/ban?id=a&seconds=0", 400),
            ("POST", "/room/praise", 404),
            ("GET", "/%ff", 400),
            ("DELETE", "", 405),
        ] {
            assert_eq!(ask(server, method, path).0, status, "{method} {path}");
        }
    });
}
