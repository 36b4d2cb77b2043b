//! Questions that the server may hold back until there is news.

use serde_json::json;
use tokio::time::Instant;

use super::*;

fn waiting() -> Settings {
    let mut settings = settings();
    settings.wait = Duration::from_secs(20);
    settings
}

#[tokio::test(start_paused = true)]
async fn news_come_at_once_and_an_idle_client_asks_seldom() {
    let server = FakeServer::new();
    let mut device = Device::start_with(&server, waiting());
    device.link.offer_wait();
    device.live().await;
    let attempts = device.link.attempts();
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert!(device.link.attempts() <= attempts + 11);
    let began = Instant::now();
    server.push("stranger", 1, json!("news"));
    assert_eq!(device.texts(1).await, ["news"]);
    assert!(began.elapsed() < Duration::from_millis(100), "of virtual time");
}

#[tokio::test(start_paused = true)]
async fn what_is_recorded_does_not_wait_for_news() {
    let server = FakeServer::new();
    let device = Device::start_with(&server, waiting());
    device.link.offer_wait();
    device.live().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    for number in 0..30 {
        let began = Instant::now();
        device.record(&number.to_string()).await;
        device.saved().await;
        assert!(began.elapsed() < Duration::from_millis(100), "of virtual time");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_holds_nothing_back_is_asked_at_the_usual_pace() {
    let server = FakeServer::new();
    let device = Device::start_with(&server, waiting());
    device.live().await;
    let attempts = device.link.attempts();
    tokio::time::sleep(Duration::from_secs(200)).await;
    let asked = device.link.attempts() - attempts;
    assert!((90..=101).contains(&asked), "{asked} times in 200 s");
}

#[tokio::test(start_paused = true)]
async fn a_reset_does_not_wait_for_news() {
    let server = FakeServer::new();
    let device = Device::start_with(&server, waiting());
    device.link.offer_wait();
    device.live().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let began = Instant::now();
    device.client.reset("S").await.unwrap();
    device.saved().await;
    assert!(began.elapsed() < Duration::from_millis(100), "of virtual time");
}
