//! The real transport against plain sockets on the loopback.

use futures_util::{SinkExt, StreamExt};
use syncline_client::relay::{AddressError, WebSocket};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_tungstenite::accept_hdr_async;
use tungstenite::{
    Message,
    handshake::server::{Request, Response},
};

use super::*;

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/sync", listener.local_addr().unwrap());
    (listener, url)
}

async fn error_of(client: &Client) -> ConnectionError {
    let status = until(client, |status| matches!(status, Status::Offline { .. })).await;
    let Status::Offline { error, .. } = status else { unreachable!("it was awaited") };
    error
}

#[test]
fn only_plain_websocket_urls_are_taken() {
    assert!(WebSocket::new("ws://127.0.0.1:8080/sync").is_ok());
    assert!(WebSocket::new("ws://[::1]:8080/sync").is_ok());
    assert_eq!(WebSocket::new("wss://example.org/sync").err(), Some(AddressError::Scheme));
    assert_eq!(WebSocket::new("http://example.org/sync").err(), Some(AddressError::Scheme));
    assert_eq!(WebSocket::new("/sync").err(), Some(AddressError::Malformed));
    assert_eq!(WebSocket::new("not a url").err(), Some(AddressError::Malformed));
    let socket = WebSocket::new("ws://127.0.0.1:8080/sync").unwrap();
    assert_eq!(socket.with_token("two\nlines").err(), Some(AddressError::Token));
}

#[tokio::test]
async fn it_offers_the_subprotocol_shows_the_token_and_says_hello() {
    let (listener, url) = listen().await;
    let transport = WebSocket::new(&url).unwrap().with_token("open sesame").unwrap();
    let (_client, _changes) = Client::start(transport, &secret(), settings(), InMemory).unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    #[allow(clippy::result_large_err, reason = "the callback's type is tungstenite's")]
    let check = |request: &Request, mut response: Response| {
        let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(request.uri().path(), "/sync");
        assert_eq!(header("authorization"), "Bearer open sesame");
        let subprotocol = header("sec-websocket-protocol");
        assert_eq!(subprotocol, "syncline.relay.v1");
        response.headers_mut().insert("sec-websocket-protocol", subprotocol.parse().unwrap());
        Ok(response)
    };
    let mut server = accept_hdr_async(stream, check).await.unwrap();
    let Some(Ok(Message::Binary(hello))) = server.next().await else { panic!("no hello") };
    assert!(hello.windows(64).any(|part| part == secret().discovery_key().as_bytes()));
}

#[tokio::test]
async fn the_close_code_of_the_server_is_told() {
    let (listener, url) = listen().await;
    let mut json = settings();
    json.framing = syncline_client::relay::Framing::Json;
    let (client, _changes) = Client::connect(&url, &secret(), json).unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let mut server = tokio_tungstenite::accept_async(stream).await.unwrap();
    let frame = tungstenite::protocol::CloseFrame { code: 1013.into(), reason: "full".into() };
    server.send(Message::Close(Some(frame))).await.unwrap();
    assert_eq!(error_of(&client).await, ConnectionError::Closed { code: Some(1013) });
}

#[tokio::test]
async fn a_server_without_the_subprotocol_is_told_apart() {
    let (listener, url) = listen().await;
    let (client, _changes) = Client::connect(&url, &secret(), settings()).unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let _server = tokio_tungstenite::accept_async(stream).await;
    assert_eq!(error_of(&client).await, ConnectionError::Framing);
}

#[tokio::test]
async fn an_http_refusal_is_told_with_its_status() {
    let (listener, url) = listen().await;
    let (client, _changes) = Client::connect(&url, &secret(), settings()).unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut head = [0; 1024];
    assert!(stream.read(&mut head).await.unwrap() > 0);
    stream.write_all(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    assert_eq!(error_of(&client).await, ConnectionError::Refused { status: 401 });
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_network_failure() {
    let (listener, url) = listen().await;
    drop(listener);
    let (client, _changes) = Client::connect(&url, &secret(), settings()).unwrap();
    assert_eq!(error_of(&client).await, ConnectionError::Io(std::io::ErrorKind::ConnectionRefused));
}
