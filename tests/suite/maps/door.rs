//! Who is let in and how requests are refused, before anything is said of maps.

use std::time::{Duration, Instant};

use prost::Message;
use serde_json::{Value, json};
use syncline_protocol::dialects::maps::{
    Hlc,
    proto::{AuthStatus, Envelope, ErrorCode, Ping, envelope::Payload},
};
use syncline_tests::{
    http::{Answer, Raw, get},
    maps::{
        Client, PATH, SYNC_PATH, claims, envelope, everything, get as get_keys, now_ms, payload,
        post, put, remove,
    },
    server::TestServer,
    workspace::{SECRET, server, token},
    ws::Socket,
};

fn pass(user: &str) -> String {
    token(&claims(user, &everything()))
}

fn ping() -> Envelope {
    envelope("p", Payload::Ping(Ping { time: String::new() }))
}

/// The status and the code of a refusal as problem details.
fn problem(answer: &Answer) -> (u16, String) {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["status"], answer.status);
    (answer.status, body["code"].as_str().unwrap().into())
}

#[test]
fn a_socket_needs_no_token_and_confirms_what_is_spoken() {
    let server = server(|_| ());
    drop(Client::open(server.address()));
    let offered = |offer: &str| {
        let more = [("Sec-WebSocket-Protocol", offer)];
        let (_, answer) = Socket::try_open(server.address(), PATH, &more);
        assert_eq!(answer.status, 101);
        answer.header("sec-websocket-protocol").map(str::to_owned)
    };
    assert_eq!(offered("other, coord.v1").as_deref(), Some("coord.v1"));
    assert_eq!(offered("syncline, syncline.bearer.x").as_deref(), Some("syncline"));
    assert_eq!(offered("other"), None);
    assert_eq!(
        Socket::try_open(server.address(), PATH, &[]).1.header("sec-websocket-protocol"),
        None
    );
}

#[test]
fn pages_of_other_origins_are_judged_as_elsewhere() {
    let server = server(|config| config.http.origins = vec!["https://app.example".into()]);
    let from = |origin| Socket::try_open(server.address(), PATH, &[("Origin", origin)]).1;
    assert_eq!(from("https://app.example").status, 101);
    assert_eq!(problem(&from("https://other.example")), (403, "forbidden".into()));
    let preflight = Raw::connect(server.address()).ask("OPTIONS", SYNC_PATH, &[], b"");
    assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
    assert!(preflight.header("access-control-allow-headers").unwrap().contains("Authorization"));
}

#[test]
fn what_is_no_upgrade_and_no_post_is_told_so() {
    let server = server(|_| ());
    let address = server.address();
    assert_eq!(problem(&get(address, PATH)), (426, "upgrade_required".into()));
    assert_eq!(problem(&get(address, "/v1/maps/other")), (404, "not_found".into()));
    let got = get(address, SYNC_PATH);
    assert_eq!(problem(&got), (405, "method_not_allowed".into()));
    assert_eq!(got.header("allow"), Some("POST, OPTIONS"));
    assert_eq!(problem(&Raw::connect(address).ask("POST", PATH, &[], b"")).0, 405);
}

#[test]
fn a_post_shows_a_token_in_its_header() {
    let server = server(|_| ());
    let address = server.address();
    let bare =
        Raw::connect(address).ask("POST", &format!("{SYNC_PATH}?token={}", pass("ann")), &[], b"");
    assert_eq!(problem(&bare), (401, "unauthorized".into()));
    assert_eq!(bare.header("www-authenticate"), Some("Bearer"));
    let exp = now_ms() / 1000;
    let unsigned = pass("ann").rsplit_once('.').unwrap().0.to_owned() + ".";
    let refused = [
        (unsigned, 401),
        (token(&json!({ "sub": "ann", "exp": exp - 3600 })), 401),
        (token(&json!({ "sub": "ann" })), 401),
        (token(&json!({ "sub": "ann", "exp": exp + 60, "perms": "all" })), 401),
        (token(&json!({ "exp": exp + 60 })), 403),
    ];
    for (token, status) in refused {
        assert_eq!(problem(&post(address, &token, &ping())).0, status);
    }
    let page = get(address, "/metrics").text();
    for reason in ["missing", "signature", "expired", "no_expiry", "claims", "no_subject"] {
        let line = format!("syncline_tokens_refused_total{{reason=\"{reason}\"}} 1");
        assert!(page.contains(&line), "{line}");
    }
}

#[test]
fn who_is_not_let_in_is_told_why_and_closed() {
    let closed = server(|_| ());
    let exp = now_ms() / 1000;
    let shown = [
        (json!({ "sub": "ann", "exp": exp - 3600 }), AuthStatus::ExpiredToken),
        (json!({ "sub": "ann" }), AuthStatus::InvalidToken),
        (json!({ "sub": "ann", "exp": exp + 60, "perms": ["*"] }), AuthStatus::InvalidToken),
        (json!({ "exp": exp + 60 }), AuthStatus::Forbidden),
        (json!({ "sub": "x".repeat(257), "exp": exp + 60 }), AuthStatus::Forbidden),
    ];
    for (claims, status) in shown {
        let mut client = Client::open(closed.address());
        let told = client.authenticate(&token(&claims), 1, "phone");
        assert_eq!((told.status(), told.user_id.as_str()), (status, ""), "{claims}");
        assert_eq!(client.closed(), Some(4401));
    }
    // Nothing is allowed that is not said, and a role says what is configured.
    let open = server(|config| {
        let roles = syncline::config::settings().find(|setting| setting.name == "maps.roles");
        roles.unwrap().set(config, "writer=shared-*:PUT").unwrap();
    });
    let claims = json!({ "sub": "ann", "exp": exp + 60, "roles": ["writer", "other"] });
    let mut client = Client::open(open.address());
    assert_eq!(client.authenticate(&token(&claims), 1, "phone").status(), AuthStatus::Ok);
    let at = |n: u64| format!("{}:0:phone", now_ms() + n);
    assert_eq!(client.write(put("shared-a", "k", b"v", &at(0))).applied, 1);
    let refused = [put("own", "k", b"v", &at(1)), remove("shared-a", "k", &at(2))];
    for operation in refused {
        let ack = client.write(operation);
        assert_eq!(ack.results[0].code(), ErrorCode::PermissionDenied, "{ack:?}");
    }
    let reading = client.refused(payload(get_keys("shared-a", &["k"])));
    assert_eq!(reading.code(), ErrorCode::PermissionDenied);
}

#[test]
fn a_post_is_one_message_of_a_known_type_and_a_bounded_size() {
    let server = server(|config| config.maps.batch_bytes_max = 1 << 10);
    let bearer = format!("Bearer {}", pass("ann"));
    let ask = |kind: &str, body: &[u8]| {
        let headers = [("Authorization", &*bearer), ("Content-Type", kind)];
        Raw::connect(server.address()).ask("POST", SYNC_PATH, &headers, body)
    };
    let message = ping().encode_to_vec();
    for kind in ["application/x-protobuf", "application/protobuf; charset=x"] {
        assert_eq!(ask(kind, &message).status, 200, "{kind}");
    }
    for kind in ["application/json", "text/plain", ""] {
        assert_eq!(problem(&ask(kind, &message)), (415, "unsupported_media_type".into()));
    }
    // The largest value and what belongs to it fit, whatever was set for a push.
    let large = vec![0; (256 << 10) + (4 << 10) + (64 << 10) + 1];
    assert_eq!(problem(&ask("application/x-protobuf", &large)), (413, "bad_body".into()));
    let none = ask("application/x-protobuf", &[0xff; 100]);
    let told = Envelope::decode(&none.body[..]).unwrap().payload;
    assert!(none.status == 400 && matches!(told, Some(Payload::Error(_))), "{told:?}");
    let empty = ask("application/x-protobuf", b"");
    assert_eq!((empty.status, empty.body.len()), (200, 0), "no message wants no answer");
}

#[test]
fn who_posts_too_often_is_told_to_wait() {
    let server = server(|config| config.maps.requests_per_second_max = 1);
    let status = |user| post(server.address(), &pass(user), &ping()).status;
    let all: Vec<u16> = (0..20).map(|_| status("ann")).collect();
    assert!(all[0] == 200 && all.contains(&429), "{all:?}");
    assert_eq!(status("bob"), 200, "each has his own rate");
}

#[test]
fn the_server_time_goes_on_over_restarts() {
    let told = |server: &TestServer| {
        let mut client = Client::open(server.address());
        let auth = client.authenticate(&pass("ann"), 1, "phone");
        assert_eq!(auth.status, AuthStatus::Ok as i32);
        Hlc::parse(&auth.server_time).unwrap()
    };
    let first = server(|_| ());
    let (one, two) = (told(&first), told(&first));
    assert!(one < two && one.node.is_server());
    let again =
        TestServer::start_in(first.stop(), |config| config.auth.secret = Some(SECRET.into()));
    let three = told(&again);
    assert!(two < three && two.node == three.node, "{two} {three}");
    assert!(three.millis.abs_diff(now_ms()) < 60_000);
}

#[test]
fn who_says_nothing_is_closed() {
    let server = server(|_| ());
    let start = Instant::now();
    let mut silent = Client::open(server.address());
    assert_eq!(silent.closed(), Some(4401));
    assert!(start.elapsed() > Duration::from_secs(9), "10 seconds are his");
}

#[test]
fn a_message_that_is_none_closes_and_a_text_too() {
    let server = server(|_| ());
    let mut client = Client::join(&server, "ann");
    assert!(client.socket().send_text("{}"));
    assert_eq!(client.closed(), Some(4400));
}
