//! Datasets that are replaced: by this device, by another one, by both.

use serde_json::json;
use syncline_client::oplog::{Cause, OnReplaced};

use super::*;

fn keeping() -> Settings {
    let mut settings = settings();
    settings.on_replaced = OnReplaced::Keep;
    settings
}

async fn dataset(device: &mut Device) -> (Cause, String, Vec<String>) {
    match device.next().await {
        Event::Dataset { cause, snapshot, pending, .. } => {
            (cause, snapshot, pending.iter().map(text).collect())
        }
        other => panic!("no dataset: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_reaches_every_device_and_what_follows_it_too() {
    let server = FakeServer::new();
    let mut alice = Device::start(&server);
    let mut bob = Device::start(&server);
    alice.record("old").await;
    assert_eq!(bob.texts(1).await, ["old"]);
    bob.client.reset("a new state").await.unwrap();
    bob.record("new").await;
    bob.saved().await;
    assert_eq!(server.snapshot(), "a new state");
    assert_eq!(dataset(&mut alice).await, (Cause::Replaced, "a new state".into(), vec![]));
    assert_eq!(alice.texts(1).await, ["new"]);
    alice.is_quiet().await;
    bob.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_recorded_before_a_reset_of_ones_own_is_in_its_snapshot() {
    let server = FakeServer::new();
    let device = Device::start(&server);
    device.live().await;
    device.link.always(Some(Luck::RequestLost));
    device.record("in the snapshot").await;
    device.client.reset("S").await.unwrap();
    device.record("behind it").await;
    assert_eq!(device.client.unsaved(), 3);
    device.link.heal();
    device.saved().await;
    let texts: Vec<_> = server.ops().iter().map(|op| op["payload"].clone()).collect();
    assert_eq!(texts, ["behind it"]);
}

#[tokio::test(start_paused = true)]
async fn a_reset_whose_answer_is_lost_happens_once() {
    let server = FakeServer::new();
    let mut device = Device::start(&server);
    device.live().await;
    for (number, luck) in [Luck::AnswerLost, Luck::Twice, Luck::Cut(3)].into_iter().enumerate() {
        device.link.next([Some(luck)]);
        device.client.reset(&format!("S{number}")).await.unwrap();
        device.saved().await;
        assert_eq!(server.snapshot(), format!("S{number}"));
        assert_eq!(device.client.generation(), Some(server.key()));
    }
    device.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn of_two_resets_the_later_one_stays() {
    let server = FakeServer::new();
    let mut device = Device::start(&server);
    device.live().await;
    device.link.next([Some(Luck::AnswerLost), Some(Luck::RequestLost)]);
    device.client.reset("ours").await.unwrap();
    while server.snapshot() != "ours" {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    server.reset("theirs", "theirs");
    assert_eq!(dataset(&mut device).await, (Cause::Replaced, "theirs".into(), vec![]));
    assert_eq!(server.snapshot(), "theirs");
}

#[tokio::test(start_paused = true)]
async fn what_another_devices_reset_overtakes_goes_and_is_told() {
    let server = FakeServer::new();
    let mut device = Device::start(&server);
    device.live().await;
    device.link.always(Some(Luck::RequestLost));
    device.record("one").await;
    device.record("two").await;
    server.reset("g", "S");
    device.link.heal();
    while device.client.generation().as_deref() != Some("g") {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let late = device.record("made before the application knew").await;
    assert_eq!(dataset(&mut device).await, (Cause::Replaced, "S".into(), vec![]));
    let new = device.record("made after it knew").await;
    assert!(new.clock > late.clock);
    for expected in ["one", "two", "made before the application knew"] {
        let Event::Dropped(op) = device.next().await else { panic!("not dropped") };
        assert_eq!(text(&op), expected);
    }
    device.saved().await;
    let texts: Vec<_> = server.ops().iter().map(|op| op["payload"].clone()).collect();
    assert_eq!(texts, ["made after it knew"]);
    device.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn an_application_that_keeps_its_outbox_gets_it_with_the_dataset() {
    let server = FakeServer::new();
    let mut device = Device::start_with(&server, keeping());
    device.record("confirmed in the old dataset").await;
    device.saved().await;
    device.link.always(Some(Luck::RequestLost));
    device.record("one").await;
    server.reset("g", "S");
    server.push("stranger", 1, json!("theirs"));
    device.link.heal();
    let expected = (Cause::Replaced, "S".into(), vec!["one".to_owned()]);
    assert_eq!(dataset(&mut device).await, expected);
    assert_eq!(device.texts(1).await, ["theirs"]);
    device.saved().await;
    assert_eq!(server.ops().len(), 2);
    device.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_the_server_does_not_take_is_told_and_syncing_goes_on() {
    let server = FakeServer::new();
    let mut device = Device::start(&server);
    device.live().await;
    device.link.next([Some(Luck::Refused(413))]);
    device.client.reset("too large").await.unwrap();
    let refused = device.next().await;
    assert!(matches!(refused, Event::ResetRefused { status: 413 }), "{refused:?}");
    server.push("stranger", 1, json!("theirs"));
    assert_eq!(device.texts(1).await, ["theirs"]);
    assert_eq!((device.client.unsaved(), server.key().as_str()), (0, "generation-0"));
}

#[tokio::test(start_paused = true)]
async fn nothing_of_the_old_dataset_comes_after_a_reset_of_ones_own() {
    let server = FakeServer::new();
    let mut device = Device::start(&server);
    server.push("stranger", 1, json!("old"));
    server.reset("g", "replaced unseen");
    device.live().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    device.client.reset("ours").await.unwrap();
    device.saved().await;
    device.is_quiet().await;
    assert_eq!(server.snapshot(), "ours");
}
