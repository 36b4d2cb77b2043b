//! Tokens that end, are refused, and are replaced.

use std::sync::Mutex;

use syncline_client::maps::Token;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_not_shown_again_until_there_is_another() {
    let server = FakeServer::default();
    server.ban("good");
    let alice = Device::new(&server, 1).await;
    let denied = alice.until(|status| matches!(status, Status::Denied { .. })).await;
    assert!(denied.to_string().contains("unknown token"), "{denied}");
    alice.put("a", "1");
    settle().await;
    assert_eq!((alice.link.attempts(), alice.get("a").as_deref()), (1, Some("1")));
    server.issue("better", 0);
    alice.client.set_token("better");
    alice.synced().await;
    assert_eq!(server.values().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_source_is_asked_for_another_token_before_the_last_one_ends() {
    let server = FakeServer::default();
    server.issue("1", fake::NOW + 300_000);
    server.issue("2", 0);
    let said = Arc::new(Mutex::new(0));
    let source = Token::from_fn({
        let said = said.clone();
        move || {
            let mut said = said.lock().unwrap();
            *said += 1;
            if *said == 1 { "1".into() } else { "2".into() }
        }
    });
    let store = store_on(&SimDisk::new(1));
    let link = server.link();
    let client = Client::start(link.clone(), &store, source, settings()).unwrap();
    client.map(MAP).await.unwrap();
    client.synced().await.unwrap();
    tokio::time::sleep(Duration::from_secs(300)).await;
    let shown: Vec<_> = server.auths().into_iter().map(|auth| auth.token).collect();
    assert_eq!(shown, ["1", "2"]);
    assert_eq!(link.attempts(), 1, "on the connection that stands");
    assert_eq!(*client.status().borrow(), Status::Saved);
}

#[tokio::test(start_paused = true)]
async fn an_application_without_a_source_is_told_in_time() {
    let server = FakeServer::default();
    server.issue("1", fake::NOW + 300_000);
    server.issue("2", 0);
    let alice = Device::new(&server, 1).await;
    alice.client.set_token("1");
    let mut watch = alice.client.watch();
    assert!(matches!(watch.next().await, Some(Event::TokenWanted)));
    alice.client.set_token("2");
    settle().await;
    let shown: Vec<_> = server.auths().into_iter().map(|auth| auth.token).collect();
    assert_eq!(shown, ["good", "1", "2"]);
    assert_eq!(alice.link.attempts(), 1);
}
