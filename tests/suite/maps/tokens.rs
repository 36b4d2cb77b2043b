//! Whose session it is, what it may, and when that ends.

use std::time::Duration;

use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use syncline_protocol::dialects::maps::proto::{
    AuthRequest, AuthStatus, Envelope, ErrorCode, Ping, envelope::Payload, op_result::Outcome,
};
use syncline_tests::{
    PATIENCE,
    dice::Dice,
    maps::{
        Client, claims, envelope, everything, exchange, get, merkle, now_ms, payload, post, pull,
        push, put, remove, subscribe, tree,
    },
    server::TestServer,
    workspace::{SECRET, server, token},
    ws::{BINARY, FIN},
};

use crate::{at, each, each_with};

const A_WHILE: Duration = Duration::from_millis(60);

fn pass(user: &str) -> String {
    token(&claims(user, &everything()))
}

#[test]
fn check_03_the_first_message_is_authentication_or_the_end() {
    each(|server| {
        let first = [
            envelope("x", payload(get("m", &["k"]))),
            envelope("x", Payload::Op(put("m", "k", b"v", &at(0, "n")))),
            envelope("x", Payload::Ping(Ping::default())),
            envelope("x", subscribe("m")),
            Envelope { correlation_id: "x".into(), payload: None },
        ];
        for message in first {
            let mut stranger = Client::open(server.address());
            stranger.send(&message);
            let Payload::Error(error) = stranger.answer("x") else { panic!("no error") };
            assert_eq!((error.code(), error.fatal), (ErrorCode::Unauthenticated, true));
            assert_eq!(stranger.closed(), Some(4401));
        }
        for bytes in [&b""[..], b"\xff\xff", b"junk that is no envelope", &[0; 20_000]] {
            let mut stranger = Client::open(server.address());
            stranger.socket().send(FIN | BINARY, bytes);
            let Some(Payload::Error(error)) = stranger.receive(PATIENCE).unwrap().payload else {
                panic!("no error")
            };
            assert_eq!(error.code(), ErrorCode::Unauthenticated);
            assert_eq!(stranger.closed(), Some(4401));
        }
        // A true token in a message that is too long is not looked at.
        let mut stranger = Client::open(server.address());
        let long = AuthRequest {
            token: pass("ann"),
            client_time: "x".repeat(16 << 10),
            ..AuthRequest::default()
        };
        stranger.begin(Payload::Auth(long));
        assert_eq!(stranger.closed(), Some(4401));
    });
}

fn signed(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let text = format!("{}.{}", part(header), part(claims));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text.as_bytes());
    format!("{text}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
}

/// Tokens that do not count where `good` are the claims of one that does, and what is said of each.
fn bad_tokens(good: &Value) -> [(String, AuthStatus); 11] {
    use AuthStatus::{ExpiredToken, InvalidToken};
    let (hs, secret) = (json!({ "alg": "HS256", "typ": "JWT" }), SECRET.as_bytes());
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        signed(&hs, &claims, secret)
    };
    let none = signed(&json!({ "alg": "none" }), good, secret);
    [
        (none.rsplit_once('.').unwrap().0.to_owned() + ".", InvalidToken),
        (none, InvalidToken),
        (signed(&hs, good, b"another secret that is long enough, too"), InvalidToken),
        (signed(&json!({ "alg": "RS256" }), good, secret), InvalidToken),
        (with("aud", "there".into()), InvalidToken),
        (with("aud", Value::Null), InvalidToken),
        (with("exp", (now_ms() / 1000 - 120).into()), ExpiredToken),
        (with("nbf", (now_ms() / 1000 + 120).into()), InvalidToken),
        (with("exp", "never".into()), InvalidToken),
        (String::new(), InvalidToken),
        ("x".repeat(9_000), InvalidToken),
    ]
}

#[test]
fn check_04_a_token_that_counts_lets_in_and_no_other() {
    each_with(
        |config| config.auth.audience = vec!["here".into()],
        |server| {
            let mut good = claims("ann", &everything());
            good["aud"] = "here".into();
            let mut ann = Client::open(server.address());
            let told = ann.authenticate(&token(&good), 1, "phone");
            assert_eq!(
                (told.status(), told.user_id.as_str(), told.protocol_version),
                (AuthStatus::Ok, "ann", 1)
            );
            let (millis, _, node) = tree::parts(&told.server_time);
            assert!(millis.abs_diff(now_ms()) < 60_000 && node.starts_with('~'));
            let limits = told.limits.unwrap();
            assert_eq!(
                (limits.max_batch_ops, limits.max_clock_drift_ms, limits.max_in_flight),
                (1000, 60_000, 8)
            );
            assert!(
                told.capabilities.contains(&"cursor".into())
                    && told.capabilities.contains(&"negentropy1".into())
            );
            assert!(!told.session_id.is_empty() && told.token_expires_at_ms > now_ms());
            let later = ann.authenticate(&token(&good), 7, "phone");
            assert_eq!(later.protocol_version, 1, "a later version is answered with ours");
            let ours = signed(&json!({ "alg": "HS256", "typ": "JWT" }), &good, SECRET.as_bytes());
            let told = Client::open(server.address()).authenticate(&ours, 1, "phone");
            assert_eq!(
                told.status(),
                AuthStatus::Ok,
                "the bad ones are not bad by how they are made"
            );
            for (token, status) in bad_tokens(&good) {
                let mut stranger = Client::open(server.address());
                let told = stranger.authenticate(&token, 1, "phone");
                assert_eq!((told.status(), told.user_id.as_str()), (status, ""), "{token}");
                assert!(!told.message.is_empty() && told.limits.is_none(), "{told:?}");
                assert_eq!(stranger.closed(), Some(4401));
            }
        },
    );
}

#[test]
fn check_31_nobody_writes_in_anothers_name() {
    each(|server| {
        let mut ann = Client::join(server, "ann");
        let mut eve = Client::join(server, "eve");
        ann.write(put("m", "k", b"hers", &at(0, "ann-node")));
        let forged = [at(1, "ann-node"), at(1, "~"), at(1, "~0123456789abcdef"), at(1, "nobodys")];
        let ops = forged.iter().map(|at| put("m", "k", b"forged", at)).collect();
        let ack = eve.acked(payload(push(ops)));
        assert_eq!((ack.applied, ack.results.len()), (0, 4), "{ack:?}");
        for result in ack.results {
            assert_eq!(
                (result.outcome(), result.code()),
                (Outcome::Rejected, ErrorCode::PermissionDenied)
            );
        }
        assert_eq!(ann.sync(get("m", &["k"])).ops[0].value, "hers");
        for node in ["ann-node", "~", "~server", "no name", &"n".repeat(65)] {
            let mut thief = Client::open(server.address());
            let told = thief.authenticate(&pass("eve"), 1, node);
            assert_eq!(told.status(), AuthStatus::NodeIdRejected, "{node}");
            assert_eq!(thief.closed(), Some(4401));
        }
        // The claim holds over HTTP, and two of one user may share a node.
        let over_http = payload(push(vec![put("m", "k", b"forged", &at(2, "ann-node"))]));
        let Payload::Ack(ack) = exchange(server.address(), &pass("eve"), over_http) else {
            panic!("no Ack")
        };
        assert_eq!(ack.results[0].code(), ErrorCode::PermissionDenied);
        let mut tab = Client::join(server, "ann");
        assert_eq!(tab.write(put("m", "k", b"her other tab", &at(3, "ann-node"))).applied, 1);
        // Who names no node gets that of the first write.
        let mut late = Client::open(server.address());
        assert_eq!(late.authenticate(&pass("eve"), 1, "").status(), AuthStatus::Ok);
        assert_eq!(late.write(put("m", "a", b"v", &at(0, "eves-late"))).applied, 1);
        let mut thief = Client::open(server.address());
        assert_eq!(
            thief.authenticate(&pass("ann"), 1, "eves-late").status(),
            AuthStatus::NodeIdRejected
        );
    });
}

/// The claims of a token that ends so many milliseconds from now, with the leeway that it gets.
fn ending_in(user: &str, ms: u64) -> Value {
    let mut short = claims(user, &everything());
    // Whole seconds, and 30 of them are given.
    short["exp"] = ((now_ms() + ms).div_ceil(1000) - 30).into();
    short
}

#[test]
fn check_32_at_its_tokens_end_a_session_stops_and_a_new_token_goes_on() {
    let server = server(|_| ());
    let mut ann = Client::open(server.address());
    let told = ann.authenticate(&token(&ending_in("ann", 1_000)), 1, "ann-node");
    assert_eq!(told.status(), AuthStatus::Ok);
    let mut bob = Client::join(&server, "bob");
    ann.acked(subscribe("m"));
    assert_eq!(ann.write(put("m", "k", b"v", &at(0, "ann-node"))).applied, 1);
    let Payload::Error(error) = ann.pushed() else { panic!("no error") };
    assert_eq!((error.code(), error.fatal), (ErrorCode::TokenExpired, false), "{error:?}");
    assert!(now_ms() >= told.token_expires_at_ms);
    // Neither written nor told from then on.
    assert_eq!(
        ann.refused(Payload::Op(put("m", "k", b"w", &at(1, "ann-node")))).code(),
        ErrorCode::TokenExpired
    );
    assert_eq!(ann.refused(payload(get("m", &["k"]))).code(), ErrorCode::TokenExpired);
    let missed = put("m", "missed", b"v", &at(0, "bob-node"));
    bob.write(missed.clone());
    ann.hears_nothing(A_WHILE);
    // Not for another user; with a new token she goes on, and misses nothing.
    assert_eq!(ann.authenticate(&pass("bob"), 1, "ann-node").status(), AuthStatus::Forbidden);
    assert_eq!(ann.authenticate(&pass("ann"), 1, "ann-node").status(), AuthStatus::Ok);
    // What she follows is kept. Her own, of which she had not been told, may come along.
    assert_eq!(ann.batch().ops.last(), Some(&missed));
    assert_eq!(ann.write(put("m", "k", b"w", &at(2, "ann-node"))).applied, 1);
}

#[test]
fn hole_26_a_map_that_may_not_be_read_any_more_is_told_no_more() {
    each(|server| {
        let mut ann = Client::join(server, "ann");
        let mut bob = Client::join(server, "bob");
        bob.acked(subscribe("kept"));
        bob.acked(subscribe("lost"));
        let less = json!([{ "map": "kept", "ops": ["READ"] }]);
        assert_eq!(
            bob.authenticate(&token(&claims("bob", &less)), 1, "bob-node").status(),
            AuthStatus::Ok
        );
        ann.write(put("lost", "k", b"v", &at(0, "ann-node")));
        ann.write(put("kept", "k", b"v", &at(0, "ann-node")));
        assert_eq!(bob.batch().ops[0].map_name, "kept");
        bob.hears_nothing(A_WHILE);
        assert_eq!(bob.refused(payload(pull("lost", b""))).code(), ErrorCode::PermissionDenied);
        assert_eq!(
            bob.write(put("kept", "k", b"v", &at(1, "bob-node"))).results[0].code(),
            ErrorCode::PermissionDenied
        );
        let directory = bob.sync(merkle("", &[])).buckets;
        assert_eq!(directory.iter().map(|b| b.path.as_str()).collect::<Vec<_>>(), ["kept"]);
    });
}

#[test]
fn hole_27_a_forbidden_map_and_none_are_answered_alike() {
    each(|server| {
        let mut ann = Client::join(server, "ann");
        ann.write(put("there", "k", b"v", &at(0, "ann-node")));
        let mut eve = Client::join_with(
            server.address(),
            "eve",
            &json!([{ "map": "own", "ops": ["READ", "PUT"] }]),
        );
        let answers = ["there", "never"].map(|map| {
            [
                payload(get(map, &["k"])),
                payload(pull(map, b"")),
                payload(merkle(map, &[])),
                subscribe(map),
            ]
            .map(|request| eve.refused(request))
        });
        assert_eq!(answers[0], answers[1]);
        let writes = ["there", "never"]
            .map(|map| eve.write(put(map, "k", b"v", &at(0, "eve-node"))).results);
        assert_eq!(writes[0], writes[1]);
    });
}

/// Names that are near one another, for whoever tries.
fn name(dice: &mut Dice) -> String {
    const LETTERS: [char; 8] = ['a', 'A', 'b', '.', ':', '/', '-', '_'];
    (0..=dice.below(4)).map(|_| LETTERS[dice.below(8) as usize]).collect()
}

#[test]
fn no_name_opens_another_map_however_alike() {
    each_with(
        |config| config.maps.requests_per_second_max = 1_000_000,
        |server| {
            let mut dice = Dice::new(7);
            for round in 0..15 {
                let (own, wide) = (name(&mut dice), name(&mut dice));
                let perms = json!([{ "map": own, "ops": ["READ", "PUT", "REMOVE"] }, { "map": format!("{wide}*"), "ops": ["READ"] }]);
                let user = format!("user{round}");
                let mut client = Client::join_with(server.address(), &user, &perms);
                let node = format!("{user}-node");
                for _ in 0..30 {
                    let map = name(&mut dice);
                    let (may_read, may_write) = (map == own || map.starts_with(&wide), map == own);
                    let read = match client.ask(payload(get(&map, &["k"]))) {
                        Payload::SyncResp(_) => true,
                        Payload::Error(error) => {
                            assert_eq!(error.code(), ErrorCode::PermissionDenied);
                            false
                        }
                        other => panic!("{other:?}"),
                    };
                    assert_eq!(read, may_read, "{map} with {own} and {wide}*");
                    let ack = client.acked(payload(push(vec![
                        put(&map, "k", b"v", &at(0, &node)),
                        remove(&map, "k", &at(1, &node)),
                    ])));
                    let refused = ack
                        .results
                        .iter()
                        .filter(|r| r.code() == ErrorCode::PermissionDenied)
                        .count();
                    assert_eq!(refused, if may_write { 0 } else { 2 }, "{map} with {own}");
                }
            }
            let mut client = Client::join_with(
                server.address(),
                "zoe",
                &json!([{ "map": "a", "ops": ["READ"] }]),
            );
            for map in
                ["a/../a", "A", "a\0", "a ", "\u{430}", "a%", "*", "a*", "~", &"a".repeat(1 << 20)]
            {
                let code = client.refused(payload(get(map, &["k"]))).code();
                assert!(
                    [ErrorCode::PermissionDenied, ErrorCode::BadRequest].contains(&code),
                    "{code:?}"
                );
            }
        },
    );
}

#[test]
fn no_token_is_told_again() {
    let server: TestServer = server(|_| ());
    let (good, bad) = (pass("ann"), pass("ann") + "x");
    let mut told = Vec::new();
    for token in [&good, &bad] {
        let mut client = Client::open(server.address());
        told.push(format!("{:?}", client.authenticate(token, 1, "phone")));
        told.push(
            post(server.address(), token, &envelope("p", Payload::Ping(Ping::default()))).text(),
        );
    }
    let signature = good.rsplit_once('.').unwrap().1;
    assert!(told.iter().all(|text| !text.contains(signature)), "{told:?}");
}
