//! Connecting, waiting, being denied, giving up on a silent server, stopping.

use futures_util::{SinkExt, StreamExt};
use syncline_client::workspace::{SetError, StartError, Stopped, WebSocket, workspace_url};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::Instant,
};
use tokio_tungstenite::accept_hdr_async;
use tungstenite::handshake::server::{Request, Response};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn about(wait: Duration, seconds: u32) -> bool {
    wait >= seconds * SECOND && wait <= seconds * SECOND * 6 / 5
}

async fn denied(client: &Client) -> ConnectionError {
    let link = until(client, |link| matches!(link, LinkStatus::Denied { .. })).await;
    let LinkStatus::Denied { error } = link else { unreachable!("it was awaited") };
    error
}

#[tokio::test(start_paused = true)]
async fn it_waits_longer_after_each_failure_and_starts_again_after_a_success() {
    let server = FakeServer::default();
    let (alice, link) = start(&server, settings());
    link.refuse(Some(ConnectionError::Refused { status: 503 }));
    for (attempt, seconds) in [1, 2, 4, 8, 16, 30, 30].into_iter().enumerate() {
        while link.attempts() < attempt + 1 {
            tokio::time::sleep(SECOND / 100).await;
        }
        let wait = offline(&alice).await;
        assert!(about(wait, seconds), "{wait:?} after attempt {}", attempt + 1);
    }
    link.refuse(None);
    synced(&alice).await;
    tokio::time::sleep(5 * SECOND).await;
    link.cut();
    assert!(about(offline(&alice).await, 1), "a connection that lasted is no failure");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_not_taken_ends_the_attempts_until_one_is_asked_for() {
    let server = FakeServer::default();
    let (alice, link) = start(&server, settings());
    link.refuse(Some(ConnectionError::Refused { status: 401 }));
    assert_eq!(denied(&alice).await, ConnectionError::Refused { status: 401 });
    tokio::time::sleep(1000 * SECOND).await;
    assert_eq!(link.attempts(), 1);
    alice.set("a", &1).await.unwrap();
    assert_eq!(alice.status().borrow().pending, 1, "what is set is kept");
    link.refuse(None);
    alice.retry_now();
    alice.saved().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn close_codes_from_4000_to_4099_end_the_attempts_and_no_others_do() {
    for code in [4000, 4001, 4099] {
        let server = FakeServer::default();
        let (alice, link) = start(&server, settings());
        synced(&alice).await;
        link.end(Some(code));
        assert_eq!(denied(&alice).await, ConnectionError::Closed { code: Some(code) });
        tokio::time::sleep(1000 * SECOND).await;
        assert_eq!(link.attempts(), 1);
    }
    for code in [None, Some(1001), Some(1011), Some(1013), Some(3999), Some(4100), Some(4401)] {
        let server = FakeServer::default();
        let (alice, link) = start(&server, settings());
        synced(&alice).await;
        link.end(code);
        offline(&alice).await;
        synced(&alice).await;
        assert_eq!(link.attempts(), 2);
    }
    for status in [400, 403, 404, 500, 503] {
        let server = FakeServer::default();
        let (alice, link) = start(&server, settings());
        link.refuse(Some(ConnectionError::Refused { status }));
        offline(&alice).await;
        link.refuse(None);
        synced(&alice).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_application_that_knows_better_need_not_wait() {
    let server = FakeServer::default();
    let (alice, link) = start(&server, settings());
    link.refuse(Some(ConnectionError::TimedOut));
    link.cut();
    offline(&alice).await;
    link.refuse(None);
    let began = Instant::now();
    alice.retry_now();
    synced(&alice).await;
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_pinged_and_then_given_up() {
    let server = FakeServer::default();
    let (alice, link) = start(&server, settings());
    synced(&alice).await;
    tokio::time::sleep(100 * SECOND).await;
    assert_eq!(link.pings(), 3, "every 30 s");
    assert_eq!(link.attempts(), 1, "and it answers");
    link.fall_silent();
    let status = until(&alice, |link| matches!(link, LinkStatus::Offline { .. })).await;
    assert!(matches!(status, LinkStatus::Offline { error: ConnectionError::TimedOut, .. }));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_sends_the_workspace_is_given_up() {
    let server = FakeServer::default();
    server.turns_take(1000 * SECOND);
    let (alice, link) = start(&server, settings());
    offline(&alice).await;
    assert_eq!(link.attempts(), 1);
    server.turns_take(Duration::ZERO);
    synced(&alice).await;
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_everything_that_waits() {
    let server = FakeServer::default();
    let mut small = settings();
    small.pending_keys_max = 1;
    let (alice, link) = start(&server, small);
    link.refuse(Some(ConnectionError::TimedOut));
    link.cut();
    offline(&alice).await;
    alice.set("a", &1).await.unwrap();
    let waiting = tokio::spawn({
        let alice = alice.clone();
        async move { alice.set("b", &1).await.map(drop) }
    });
    let saved = tokio::spawn({
        let alice = alice.clone();
        async move { alice.saved().await }
    });
    tokio::time::sleep(SECOND / 10).await;
    alice.clone().shutdown().await;
    assert!(matches!(waiting.await.unwrap(), Err(SetError::Stopped(_))));
    assert_eq!(saved.await.unwrap(), Err(Stopped));
    assert!(matches!(alice.set("a", &2).await, Err(SetError::Stopped(_))));
    assert_eq!(alice.status().borrow().link, LinkStatus::Stopped);
    assert_eq!(alice.get::<i32>("a").unwrap(), Some(1), "what it showed can still be read");
    alice.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_handle_ends_the_client() {
    let server = FakeServer::default();
    let (alice, _) = start(&server, settings());
    synced(&alice).await;
    let (again, mut status) = (alice.clone(), alice.status());
    drop(alice);
    settle().await;
    assert_eq!(status.borrow().link, LinkStatus::Synced);
    drop(again);
    status.wait_for(|status| status.link == LinkStatus::Stopped).await.unwrap();
}

#[test]
fn without_a_runtime_no_client_starts() {
    let link = FakeServer::default().link();
    let started = Client::start(link, settings(), InMemory);
    assert!(matches!(started, Err(StartError::NoRuntime)));
}

#[tokio::test]
async fn only_addresses_and_tokens_that_can_be_used_are_taken() {
    let start = |server, token| Client::connect(server, "w", token, settings());
    assert!(matches!(start("wss://localhost", "t"), Err(StartError::Address(_))));
    assert!(matches!(start("ws://localhost:1", "a\nb"), Err(StartError::Address(_))));
    assert!(start("ws://127.0.0.1:1", "t").is_ok());
}

#[tokio::test]
async fn a_new_token_is_shown_at_the_next_attempt() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("ws://{}", listener.local_addr().unwrap());
    let token = Arc::new(std::sync::Mutex::new("old"));
    let source = Arc::clone(&token);
    let url = workspace_url(&server, "a board", Some("ada"));
    let transport = WebSocket::new(&url).unwrap();
    let transport = transport.with_token_from(move || source.lock().unwrap().to_string());
    let alice = Client::start(transport, settings(), InMemory).unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut head = [0; 2048];
    assert!(stream.read(&mut head).await.unwrap() > 0);
    stream.write_all(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    assert_eq!(denied(&alice).await, ConnectionError::Refused { status: 401 });

    *token.lock().unwrap() = "new";
    alice.retry_now();
    let (stream, _) = listener.accept().await.unwrap();
    #[allow(clippy::result_large_err, reason = "the callback's type is tungstenite's")]
    let check = |request: &Request, response: Response| {
        assert_eq!(request.uri().to_string(), "/v1/sync/a%20board?userId=ada");
        assert_eq!(request.headers()["authorization"], "Bearer new");
        Ok(response)
    };
    let mut socket = accept_hdr_async(stream, check).await.unwrap();
    socket.send(tungstenite::Message::text(r#"{"type":"init","data":{"a":1}}"#)).await.unwrap();
    synced(&alice).await;
    assert_eq!(alice.get::<i32>("a").unwrap(), Some(1));
    alice.set("b", &2).await.unwrap();
    let sent = socket.next().await.unwrap().unwrap().into_text().unwrap();
    assert_eq!(sent, r#"{"type":"op","payload":{"key":"b","value":2,"timestamp":1000}}"#);
}
