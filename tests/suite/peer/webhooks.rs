//! Webhooks: who is told what, how it is signed, and that nobody waits for whoever is told.

use std::{
    collections::HashSet,
    net::SocketAddr,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::hmac;
use data_encoding::BASE64;
use serde_json::{Value, json};
use syncline::{Config, Server, config::WebhookEvent};
use syncline_tests::{
    http::{Raw, get, request},
    peer::{self, Client},
    process::Serving,
    receiver::{Answers, Hook, Receiver},
    server::TestServer,
    until,
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8G";
const TOKEN: &str = "an-operators-own-token";

fn told(config: &mut Config, url: String) {
    config.auth.admin_token = Some(TOKEN.into());
    config.peer.webhook.url = Some(url);
    config.peer.webhook.secret = Some(SECRET.into());
}

fn each(check: impl Fn(&TestServer, &Receiver)) {
    for shards in [1, 2] {
        let receiver = Receiver::start();
        let server = peer::server(|config| {
            config.http.shards = shards;
            told(config, receiver.url());
        });
        check(&server, &receiver);
    }
}

fn moderate(server: &TestServer, method: &str, path: &str) {
    let bearer = format!("Bearer {TOKEN}");
    let mut raw = Raw::connect(server.address());
    let path = format!("/admin/peer/rooms{path}");
    raw.send(&request(method, &path, &[("Authorization", &bearer)], b""));
    let answer = raw.answer().unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn metric(address: SocketAddr, name: &str) -> f64 {
    let text = get(address, "/metrics").text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).unwrap_or(0.0)
}

/// What was said, without what is another each time.
fn said(hooks: &[Hook]) -> Vec<Value> {
    let strip = |hook: &Hook| {
        let mut json = hook.json();
        let fields = json.as_object_mut().unwrap();
        assert!(fields.remove("id").is_some_and(|id| id.is_string()));
        assert!(fields.remove("at").is_some_and(|at| at.is_u64()));
        json
    };
    hooks.iter().map(strip).collect()
}

fn room(event: &str) -> Value {
    json!({ "event": event, "room": "a/b" })
}

fn of(event: &str, who: &str) -> Value {
    json!({ "event": event, "room": "a/b", "participant": who })
}

fn left(who: &str, reason: &str) -> Value {
    let event = "participant_left";
    json!({ "event": event, "room": "a/b", "participant": who, "reason": reason })
}

#[test]
fn who_comes_and_goes_is_told_in_order_and_nothing_of_packets() {
    each(|server, receiver| {
        let mut ann = Client::join(server.address(), "a%2Fb", "user:Ann");
        let bob = Client::join(server.address(), "a%2Fb", "bob");
        ann.share("r1", b"what nobody else is to know");
        bob.leave();
        let _ = receiver.first(4);
        let mut again = Client::join(server.address(), "a%2Fb", "user:Ann");
        assert_eq!(ann.closed(), 4409);
        again.say(r#"{"t":"ping"}"#);
        again.leave();
        let expected = [
            room("room_began"),
            of("participant_joined", "user:Ann"),
            of("participant_joined", "bob"),
            left("bob", "closed"),
            left("user:Ann", "replaced"),
            of("participant_joined", "user:Ann"),
            left("user:Ann", "closed"),
            room("room_ended"),
        ];
        let hooks = receiver.first(expected.len());
        assert_eq!(said(&hooks), expected);
        for hook in &hooks {
            assert_eq!(hook.line, "POST /hooks HTTP/1.1");
            assert_eq!(hook.header("content-type"), "application/json");
        }
        let ids: HashSet<String> = hooks.iter().map(|hook| hook.json()["id"].to_string()).collect();
        assert_eq!(ids.len(), hooks.len());
    });
}

#[test]
fn what_an_operator_does_is_told() {
    each(|server, receiver| {
        let _ann = Client::join(server.address(), "a%2Fb", "ann");
        let _bob = Client::join(server.address(), "a%2Fb", "bob");
        let path = |what: &str| format!("/a%2Fb/{what}");
        moderate(server, "POST", &path("kick?id=ann"));
        moderate(server, "POST", &path("ban?id=bob&seconds=60"));
        moderate(server, "POST", &path("unban?id=bob"));
        moderate(server, "POST", &path("unban?id=bob"));
        moderate(server, "DELETE", &path("packets"));
        let _cid = Client::join(server.address(), "a%2Fb", "cid");
        moderate(server, "POST", &path("close"));
        let expected = [
            room("room_began"),
            of("participant_joined", "ann"),
            of("participant_joined", "bob"),
            left("ann", "kicked"),
            left("bob", "kicked"),
            room("room_ended"),
            of("participant_banned", "bob"),
            of("participant_unbanned", "bob"),
            room("room_forgotten"),
            room("room_began"),
            of("participant_joined", "cid"),
            left("cid", "kicked"),
            room("room_ended"),
            room("room_closed"),
        ];
        assert_eq!(said(&receiver.first(expected.len())), expected);
    });
}

#[test]
fn only_what_is_wanted_is_told() {
    let receiver = Receiver::start();
    let wanted = vec![WebhookEvent::RoomBegan, WebhookEvent::RoomEnded];
    let server = peer::server(|config| {
        told(config, receiver.url());
        config.peer.webhook.events = wanted.clone();
    });
    Client::join(server.address(), "a%2Fb", "ann").leave();
    assert_eq!(said(&receiver.first(2)), [room("room_began"), room("room_ended")]);
}

#[test]
fn a_receiver_can_check_who_says_it_and_when() {
    each(|server, receiver| {
        let _ann = Client::join(server.address(), "a%2Fb", "ann");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let key = BASE64.decode(SECRET.strip_prefix("whsec_").unwrap().as_bytes()).unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        for hook in receiver.first(2) {
            let (id, time) = (hook.header("webhook-id"), hook.header("webhook-timestamp"));
            assert_eq!(hook.json()["id"], id);
            assert!(time.parse::<u64>().unwrap().abs_diff(now) <= 60, "{time}");
            let signed = [format!("{id}.{time}.").as_bytes(), &hook.body].concat();
            let signature = hook.header("webhook-signature").strip_prefix("v1,").unwrap();
            let signature = BASE64.decode(signature.as_bytes()).unwrap();
            hmac::verify(&key, &signed, &signature).unwrap();
            let changed = [&signed[..], b" "].concat();
            assert!(hmac::verify(&key, &changed, &signature).is_err());
        }
    });
}

#[test]
fn a_receiver_that_was_down_is_told_when_it_is_up_again() {
    let address = Receiver::nowhere();
    let server = peer::server(|config| told(config, format!("http://{address}/hooks")));
    let ann = Client::join(server.address(), "a%2Fb", "ann");
    until("an attempt", || {
        (metric(server.address(), "syncline_peer_webhooks_failed_total") >= 1.0).then_some(())
    });
    let receiver = Receiver::start_at(address, Answers::status(503));
    // The same one again, under the same name.
    let hooks = receiver.first(2);
    assert_eq!(hooks[0].body, hooks[1].body);
    receiver.answer(Answers::status(200));
    ann.leave();
    let taken = until("all are taken", || {
        let all = metric(server.address(), "syncline_peer_webhooks_sent_total") >= 4.0;
        all.then(|| receiver.hooks())
    });
    let mut once: Vec<Vec<u8>> = taken.into_iter().map(|hook| hook.body).collect();
    once.dedup();
    assert_eq!(once.len(), 4, "in order, repeats beside each other");
}

#[test]
fn a_receiver_that_hangs_slows_nobody() {
    let receiver = Receiver::start();
    receiver.answer(Answers::Hangs);
    let server = peer::server(|config| told(config, receiver.url()));
    let mut ann = Client::join(server.address(), "a%2Fb", "ann");
    let _ = receiver.first(1);
    for number in 0..5 {
        let mut bob = Client::join(server.address(), "a%2Fb", &format!("bob{number}"));
        assert_eq!(ann.control()["t"], "join");
        let sent = bob.share("r", b"data");
        assert_eq!(ann.packet(), sent);
        bob.leave();
        assert_eq!(ann.control()["t"], "leave");
    }
    // An attempt takes ten seconds: all of that was done during the first one.
    assert_eq!(receiver.hooks().len(), 1);
    ann.leave();
    // Nor does it hold up the end for more than a short while.
    let begun = Instant::now();
    drop(server.stop());
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

#[test]
fn so_many_wait_and_the_rest_is_dropped_and_counted() {
    let receiver = Receiver::start();
    receiver.answer(Answers::Hangs);
    let server = peer::server(|config| {
        told(config, receiver.url());
        config.peer.webhook.queue_max = 16;
        config.peer.webhook.events = vec![WebhookEvent::ParticipantJoined];
    });
    let address = server.address();
    let first = Client::join(address, "a%2Fb", "first");
    let _ = receiver.first(1);
    let more: Vec<Client> =
        (0..20).map(|n| Client::join(address, "a%2Fb", &format!("more{n}"))).collect();
    let dropped = r#"syncline_peer_webhooks_dropped_total{reason="full"}"#;
    until("four are dropped", || (metric(address, dropped) >= 4.0).then_some(()));
    assert_eq!(metric(address, dropped), 4.0);
    assert_eq!(metric(address, "syncline_peer_webhooks_waiting"), 16.0);
    drop((first, more));
}

#[test]
fn who_is_refused_is_not_asked_again_and_nobody_is_sent_elsewhere() {
    let (receiver, elsewhere) = (Receiver::start(), Receiver::start());
    let location = format!("Location: {}\r\nContent-Length: 0\r\n\r\n", elsewhere.url());
    receiver.answer(Answers::Says(format!("HTTP/1.1 307 Such\r\n{location}").into_bytes()));
    let server = peer::server(|config| told(config, receiver.url()));
    Client::join(server.address(), "a%2Fb", "ann").leave();
    let refused = r#"syncline_peer_webhooks_dropped_total{reason="refused"}"#;
    until("all are refused", || (metric(server.address(), refused) >= 4.0).then_some(()));
    assert_eq!((receiver.hooks().len(), elsewhere.hooks().len()), (4, 0));
}

#[test]
fn a_stop_still_tells_what_has_happened() {
    let receiver = Receiver::start();
    let server = peer::server(|config| told(config, receiver.url()));
    let _rooms: Vec<Client> =
        (0..50).map(|n| Client::join(server.address(), &format!("r{n}"), "ann")).collect();
    drop(server.stop());
    let events: Vec<Value> =
        receiver.hooks().iter().map(|hook| hook.json()["event"].clone()).collect();
    let count = |event: &str| events.iter().filter(|one| **one == event).count();
    assert_eq!((count("room_began"), count("participant_joined")), (50, 50));
}

#[test]
fn without_a_secret_nothing_starts() {
    let dir = tempfile::TempDir::new().unwrap();
    let mut config = Config::default();
    config.http.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.storage.dir = dir.path().join("data");
    told(&mut config, "http://127.0.0.1:9/".into());
    config.peer.webhook.secret = None;
    let refused = Server::start(config).unwrap_err().to_string();
    assert!(refused.contains("peer.webhook_secret"), "{refused}");
}

#[test]
fn no_log_shows_what_is_secret() {
    let dir = tempfile::TempDir::new().unwrap();
    let receiver = Receiver::start();
    receiver.answer(Answers::status(500));
    let url = format!("{}/a-path-to-keep?key=a-key-to-keep", receiver.url());
    let serving = Serving::start(
        dir.path(),
        &[
            ("SYNCLINE_LOG_LEVEL", "trace"),
            ("SYNCLINE_AUTH_SECRET", peer::SECRET),
            ("SYNCLINE_PEER_WEBHOOK_URL", &url),
            ("SYNCLINE_PEER_WEBHOOK_SECRET", SECRET),
        ],
    );
    let ann = Client::join(serving.address(), "a%2Fb", "ann");
    let hook = receiver.first(2).remove(0);
    until("it is said that it failed", || {
        serving.output().contains("a webhook was not taken").then_some(())
    });
    ann.leave();
    let output = serving.kill();
    let signature = hook.header("webhook-signature").to_owned();
    for secret in [SECRET, &SECRET[6..], "a-key-to-keep", "a-path-to-keep", &signature] {
        assert!(!output.contains(secret), "{secret}: {output}");
    }
    assert_eq!(output.matches("a webhook was not taken").count(), 1, "once a minute: {output}");
}
