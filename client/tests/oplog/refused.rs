//! Servers that say no: to everything, to too much, to one operation, to a token.

use syncline_client::oplog::SyncError;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_push_that_is_too_large_goes_in_smaller_parts() {
    let server = FakeServer::new();
    let device = Device::start(&server);
    device.live().await;
    device.link.always(Some(Luck::RequestLost));
    for number in 0..100 {
        device.record(&number.to_string()).await;
    }
    server.limit_pushes(7);
    device.link.heal();
    device.saved().await;
    assert_eq!(server.ops().len(), 100);
    let payloads: Vec<_> = server.ops().iter().map(|op| op["payload"].clone()).collect();
    let expected: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    assert_eq!(payloads, expected, "and in order");
}

#[tokio::test(start_paused = true)]
async fn one_operation_that_no_server_takes_holds_up_no_other() {
    let server = FakeServer::new();
    server.poison("bad");
    let mut device = Device::start(&server);
    device.live().await;
    device.link.always(Some(Luck::RequestLost));
    for number in 0..20 {
        let resource = if number == 13 { "bad" } else { "good" };
        let payload = Payload::of(&number.to_string()).unwrap();
        device.client.record("list", resource, payload).await.unwrap();
    }
    device.link.heal();
    let Event::Refused { status, op } = device.next().await else { panic!("not refused") };
    assert_eq!((status, text(&op).as_str()), (400, "13"));
    device.saved().await;
    assert_eq!(server.ops().len(), 19);
    device.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_everything_takes_nothing_out_of_the_outbox() {
    let server = FakeServer::new();
    let mut device = Device::start(&server);
    device.live().await;
    for status in [400, 413, 422, 404, 500, 503] {
        device.link.always(Some(Luck::Refused(status)));
        for number in 0..3 {
            device.record(&number.to_string()).await;
        }
        tokio::time::sleep(Duration::from_secs(300)).await;
        assert_eq!(device.client.unsaved(), 3, "{status}");
        let refused = |s: &Status| {
            matches!(s, Status::Offline { error: SyncError::Refused { status: by, .. }, .. }
                if *by == status)
        };
        device.until(refused).await;
        device.link.heal();
        device.saved().await;
    }
    device.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_ends_all_attempts_until_the_application_asks() {
    let server = FakeServer::new();
    let device = Device::start(&server);
    device.live().await;
    for status in [401, 403] {
        device.link.always(Some(Luck::Refused(status)));
        device.record("kept").await;
        device.until(|s| matches!(s, Status::Unauthorized { status: by } if *by == status)).await;
        let attempts = device.link.attempts();
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(device.link.attempts(), attempts, "nobody knocks at a closed door");
        device.link.heal();
        device.client.retry_now();
        device.saved().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_failing_push_does_not_keep_news_away() {
    let server = FakeServer::new();
    let mut device = Device::start(&server);
    device.live().await;
    device.link.next([Some(Luck::Refused(500)), None, Some(Luck::Refused(500)), None]);
    device.record("stuck").await;
    server.push("stranger", 1, serde_json::json!("news"));
    while !matches!(device.next().await, Event::Ops(ops) if text(&ops[0]) == "news") {}
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_no_compressed_body_gets_a_plain_one() {
    let server = FakeServer::new();
    let device = Device::start(&server);
    device.link.refuse_packed();
    device.record(&"long ".repeat(1000)).await;
    device.saved().await;
    assert_eq!(server.ops().len(), 1);
    let attempts = device.link.attempts();
    device.record(&"long ".repeat(1000)).await;
    device.saved().await;
    assert!(device.link.attempts() <= attempts + 2, "it is remembered");
}

#[tokio::test(start_paused = true)]
async fn attempts_come_ever_more_slowly() {
    let server = FakeServer::new();
    let device = Device::start(&server);
    device.link.always(Some(Luck::RequestLost));
    tokio::time::sleep(Duration::from_secs(600)).await;
    let attempts = device.link.attempts();
    assert!((15..=30).contains(&attempts), "{attempts} in 10 minutes");
    device.link.heal();
    device.client.retry_now();
    tokio::time::sleep(Duration::from_millis(100)).await;
    device.live().await;
}
