//! Devices that meet through the server: what arrives, in which order, how often.

use serde_json::json;
use syncline_client::oplog::{Cause, SyncError};

use super::*;

#[tokio::test(start_paused = true)]
async fn what_one_records_the_others_get_once_and_in_order() {
    let server = FakeServer::new();
    let alice = Device::start(&server);
    let mut bob = Device::start(&server);
    for number in 0..100 {
        alice.record(&number.to_string()).await;
    }
    alice.saved().await;
    let expected: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    assert_eq!(bob.texts(100).await, expected);
    bob.is_quiet().await;
    let mut late = Device::start(&server);
    assert_eq!(late.texts(100).await, expected);
    let Device { mut events, client: _client, .. } = alice;
    let own = tokio::time::timeout(Duration::from_secs(60), events.next()).await;
    assert!(own.is_err(), "nobody gets back what he made: {own:?}");
}

#[tokio::test(start_paused = true)]
async fn an_op_carries_what_the_spec_says_and_a_clock_above_all_that_was_seen() {
    let server = FakeServer::new();
    server.push("stranger", 41, json!("hello"));
    let mut device = Device::start(&server);
    assert_eq!(device.texts(1).await, ["hello"]);
    let made = device.client.record_with("registry", "registry", |actor, clock| {
        Payload::of(&json!({ "actor": actor, "clock": clock })).unwrap()
    });
    let op = made.await.unwrap();
    assert_eq!(op.clock, 42);
    device.saved().await;
    let actor = device.client.actor();
    let expected = json!({
        "scope": "registry", "resourceId": "registry", "actor": actor, "clock": 42,
        "payload": { "actor": actor, "clock": 42 }, "serverSeq": 2,
    });
    assert_eq!(server.ops()[1], expected);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_comes_later_gets_the_snapshot_and_what_is_behind_it() {
    let server = FakeServer::new();
    server.reset("g", "the state so far");
    server.push("stranger", 1, json!("behind"));
    let mut device = Device::start(&server);
    let Event::Dataset { generation, cause, snapshot, pending } = device.next().await else {
        panic!("no dataset")
    };
    assert_eq!((generation.as_str(), cause), ("g", Cause::First));
    assert_eq!((snapshot.as_str(), pending.len()), ("the state so far", 0));
    assert_eq!(device.texts(1).await, ["behind"]);
    assert_eq!(device.client.generation().as_deref(), Some("g"));
}

#[tokio::test(start_paused = true)]
async fn a_device_born_offline_loses_nothing() {
    let server = FakeServer::new();
    server.reset("g", "what others did");
    let mut device = Device::start(&server);
    device.link.always(Some(Luck::RequestLost));
    device.record("one").await;
    device.record("two").await;
    device.link.heal();
    let Event::Dataset { cause, pending, .. } = device.next().await else { panic!("no dataset") };
    assert_eq!(cause, Cause::First);
    assert_eq!(pending.iter().map(text).collect::<Vec<_>>(), ["one", "two"]);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(server.ops().len(), 0, "the application has yet to take over the dataset");
    device.is_quiet().await;
    assert_eq!(server.ops().len(), 2, "and has then");
    assert_eq!(device.client.unsaved(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_large_outbox_goes_in_chunks_and_news_come_between() {
    let server = FakeServer::new();
    let mut settings = settings();
    settings.push_ops_max = 10;
    let mut device = Device::start_with(&server, settings);
    device.link.always(Some(Luck::RequestLost));
    for number in 0..4005 {
        device.record(&number.to_string()).await;
    }
    device.link.heal();
    device.live().await;
    server.push("stranger", 1, json!("news"));
    assert_eq!(device.texts(1).await, ["news"]);
    assert!(device.client.unsaved() > 0, "the outbox takes seconds");
    device.saved().await;
    let pushes = server.pushes();
    assert_eq!((pushes.len(), pushes.iter().max()), (402, Some(&10)), "one is the stranger's");
    assert_eq!(server.ops().len(), 4006);
}

#[tokio::test(start_paused = true)]
async fn a_push_whose_answer_is_lost_is_stored_once() {
    let server = FakeServer::new();
    let alice = Device::start(&server);
    let mut bob = Device::start(&server);
    alice.live().await;
    for luck in [Luck::AnswerLost, Luck::Twice, Luck::Cut(5), Luck::RequestLost] {
        alice.link.next([Some(luck)]);
        alice.record(&format!("{luck:?}")).await;
        alice.saved().await;
    }
    assert_eq!(server.ops().len(), 4);
    assert_eq!(bob.texts(4).await.len(), 4);
    bob.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_off_is_kept_as_far_as_it_came() {
    let server = FakeServer::new();
    for clock in 1..=50 {
        server.push("stranger", clock, json!(clock.to_string()));
    }
    let whole = serde_json::to_string(&server.ops()).unwrap().len();
    let mut device = Device::start(&server);
    device.link.next([None, Some(Luck::Cut(10)), Some(Luck::Cut(whole / 2))]);
    device.link.next([Some(Luck::Cut(whole / 2 + 100)), Some(Luck::Cut(whole / 4))]);
    let expected: Vec<_> = (1..=50).map(|clock| clock.to_string()).collect();
    assert_eq!(device.texts(50).await, expected);
    device.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn a_generation_that_goes_on_under_another_key_changes_nothing() {
    let server = FakeServer::new();
    let mut device = Device::start(&server);
    server.push("stranger", 1, json!("one"));
    assert_eq!(device.texts(1).await, ["one"]);
    // A server that takes the former key for an alias answers 200 under the new one.
    server.migrate("alias");
    device.link.next([None; 4]);
    server.push("stranger", 2, json!("two"));
    let Event::Dataset { .. } = device.next().await else { panic!("the fake server has no alias") };
    assert_eq!(device.texts(2).await, ["one", "two"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_lost_operations_gives_its_dataset_anew() {
    let server = FakeServer::new();
    let mut device = Device::start(&server);
    for clock in 1..=3 {
        server.push("stranger", clock, json!(clock.to_string()));
    }
    assert_eq!(device.texts(3).await, ["1", "2", "3"]);
    device.record("mine, confirmed").await;
    device.saved().await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    server.lose_after(1);
    let Event::Dataset { cause, .. } = device.next().await else { panic!("no dataset") };
    assert_eq!(cause, Cause::Rewound);
    assert_eq!(device.texts(1).await, ["1"]);
    device.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn an_application_that_does_not_read_stops_the_intake_and_nothing_else() {
    let server = FakeServer::new();
    let mut settings = settings();
    (settings.inbox_ops_max, settings.event_ops_max) = (5, 2);
    let mut device = Device::start_with(&server, settings);
    device.live().await;
    for clock in 1..=20 {
        server.push("stranger", clock, json!(clock.to_string()));
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    let asked = device.link.attempts();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(device.link.attempts(), asked, "a full inbox asks for nothing");
    device.record("mine").await;
    device.saved().await;
    let expected: Vec<_> = (1..=20).map(|clock| clock.to_string()).collect();
    assert_eq!(device.texts(20).await, expected);
}

#[tokio::test(start_paused = true)]
async fn an_op_or_a_snapshot_above_its_limit_is_told_and_not_taken() {
    let server = FakeServer::new();
    let mut settings = settings();
    (settings.op_bytes_max, settings.snapshot_bytes_max) = (1000, 1000);
    let device = Device::start_with(&server, settings);
    device.live().await;
    let long = "x".repeat(1000);
    let recorded = device.client.record("list", "l", Payload::of(&long).unwrap()).await;
    assert!(recorded.unwrap_err().to_string().contains("the limit is 1000"));
    assert!(device.client.reset(&"x".repeat(1001)).await.is_err());
    server.push("stranger", 1, json!(long));
    let offline = device.until(|status| matches!(status, Status::Offline { .. })).await;
    let Status::Offline { error: SyncError::TooLarge(what), .. } = offline else {
        panic!("{offline:?}")
    };
    assert_eq!(what, "an operation");
}

#[tokio::test(start_paused = true)]
async fn another_service_at_the_address_is_no_server() {
    let server = FakeServer::new();
    let device = Device::start(&server);
    device.live().await;
    device.link.next([Some(Luck::Refused(200))]);
    device.record("kept").await;
    let offline = device.until(|status| matches!(status, Status::Offline { .. })).await;
    let Status::Offline { error: SyncError::Violation(_), unsaved: 1, .. } = offline else {
        panic!("{offline:?}")
    };
    device.saved().await;
    assert_eq!(server.ops().len(), 1);
}
