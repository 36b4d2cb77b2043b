//! Devices in one document through a running server.

use syncline_client::relay::{
    Client, ConnectionError, Event, Form, Framing, InMemory, Status, WebSocket,
};
use syncline_tests::server::TestServer;

use crate::device::{Device, blocking, secret, settings, soon, url};

#[tokio::test]
async fn what_one_submits_the_others_see_once_and_in_order() {
    let server = TestServer::start(|_| {});
    let devices: Vec<_> = (0..3).map(|_| Device::start(server.address())).collect();
    for number in 0..100 {
        devices[0].submit(&format!("{number}")).await;
    }
    devices[0].saved().await;
    let expected: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    assert_eq!(devices[1].brought(100).await, expected);
    assert_eq!(devices[2].brought(100).await, expected);
    let late = Device::start(server.address());
    assert_eq!(late.brought(100).await, expected);
    late.live().await;
    assert!(devices[0].bodies().is_empty(), "nobody gets back what he made");
    blocking(|| drop(server)).await;
}

#[tokio::test]
async fn the_original_wire_and_form_meet_ours_in_one_document() {
    let server = TestServer::start(|_| {});
    let ours = Device::start(server.address());
    let mut original = settings();
    original.framing = Framing::Json;
    original.form = Form::Original;
    original.acks = false;
    let original = Device::start_with(server.address(), original, InMemory);
    let mut json = settings();
    json.framing = Framing::Json;
    let json = Device::start_with(server.address(), json, InMemory);
    for device in [&ours, &original, &json] {
        device.live().await;
    }
    ours.submit("ours").await;
    ours.saved().await;
    assert_eq!(original.brought(1).await, ["ours"]);
    original.submit("original").await;
    assert_eq!(ours.brought(1).await, ["original"]);
    json.submit("json").await;
    json.saved().await;
    assert_eq!(ours.brought(2).await, ["original", "json"]);
    assert_eq!(original.brought(2).await, ["ours", "json"]);
    assert_eq!(json.brought(2).await, ["ours", "original"]);
    blocking(|| drop(server)).await;
}

#[tokio::test]
async fn a_large_change_arrives_whole() {
    let server = TestServer::start(|_| {});
    let (alice, bob) = (Device::start(server.address()), Device::start(server.address()));
    let body = "0123456789abcdef".repeat(2 << 16);
    alice.submit(&body).await;
    alice.saved().await;
    assert!(bob.brought(1).await == [body], "2 MiB, byte for byte");
    blocking(|| drop(server)).await;
}

#[tokio::test]
async fn an_application_that_stops_reading_for_a_while_misses_nothing() {
    let server = TestServer::start(|config| config.limits.queue_bytes_max = 64 << 10);
    let mut small = settings();
    small.queue_changes_max = 2;
    let transport = WebSocket::new(&url(server.address())).unwrap();
    let (_bob, mut to_bob) = Client::start(transport, &secret(), small, InMemory).unwrap();
    let alice = Device::start(server.address());
    let filling = "x".repeat(4 << 10);
    for number in 0..500 {
        alice.submit(&format!("{number} {filling}")).await;
    }
    alice.saved().await;
    for number in 0..500 {
        let event = soon("a change", to_bob.next()).await;
        let Some(Event::Change(change)) = event else { panic!("not a change: {event:?}") };
        assert!(change.body.starts_with(format!("{number} ").as_bytes()));
    }
    blocking(|| drop(server)).await;
}

#[tokio::test]
async fn a_server_that_wants_a_token_gets_it() {
    let server = TestServer::start(|config| config.relay.token = Some("open sesame".into()));
    let (stranger, _changes) =
        Client::connect(&url(server.address()), &secret(), settings()).unwrap();
    let refused = |status: &Status| {
        matches!(status, Status::Offline { error, .. }
        if *error == ConnectionError::Refused { status: 401 })
    };
    soon("a refusal", stranger.status().wait_for(refused)).await.unwrap();
    let transport = WebSocket::new(&url(server.address())).unwrap();
    let transport = transport.with_token("open sesame").unwrap();
    let (friend, _changes) = Client::start(transport, &secret(), settings(), InMemory).unwrap();
    soon("room", friend.submit(b"hello")).await.unwrap();
    soon("saved", friend.saved()).await.unwrap();
    blocking(|| drop(server)).await;
}

#[tokio::test]
async fn a_server_whose_data_is_gone_is_noticed_and_silences_nobody() {
    let server = TestServer::start(|_| {});
    let address = server.address();
    let (alice, mut to_alice) = Client::connect(&url(address), &secret(), settings()).unwrap();
    let (bob, mut to_bob) = Client::connect(&url(address), &secret(), settings()).unwrap();
    for number in 0..3 {
        bob.submit(format!("{number}").as_bytes()).await.unwrap();
        let event = soon("a change", to_alice.next()).await;
        assert!(matches!(event, Some(Event::Change(_))), "{event:?}");
    }
    let server = blocking(move || {
        drop(server.stop());
        TestServer::start(|config| config.http.listen = address)
    })
    .await;
    bob.submit(b"after").await.unwrap();
    let event = soon("a word about it", to_alice.next()).await;
    assert!(matches!(event, Some(Event::Rewound)), "{event:?}");
    let event = soon("a change", to_alice.next()).await;
    let Some(Event::Change(change)) = event else { panic!("not a change: {event:?}") };
    assert_eq!((change.sequence, &change.body[..]), (1, &b"after"[..]));
    alice.submit(b"and on").await.unwrap();
    assert!(matches!(soon("a change", to_bob.next()).await, Some(Event::Change(_))));
    blocking(|| drop(server)).await;
}
