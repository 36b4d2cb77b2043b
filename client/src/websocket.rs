//! The real transport: WebSocket over TCP. Knows URLs and close codes; nothing of what is said over it.

use std::{fmt, sync::Arc};

use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use tungstenite::{
    Error,
    client::IntoClientRequest,
    error::ProtocolError,
    handshake::client::Request,
    http::{
        Uri,
        header::{AUTHORIZATION, HeaderValue, SEC_WEBSOCKET_PROTOCOL},
    },
    protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
};

use crate::transport::{ConnectionError, Message, Received, Receiver, Sender, Transport};

/// An address at which no client can start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Not a URL with a host.
    #[error("not a URL that begins with ws:// and names a host, such as ws://127.0.0.1:8080")]
    Malformed,
    /// Another scheme than `ws`.
    #[error("only ws:// is built in; for TLS, implement Transport over a TLS stream")]
    Scheme,
    /// The token holds bytes that no HTTP header can carry.
    #[error("the token holds characters that cannot stand in an HTTP header")]
    Token,
}

/// WebSocket over TCP.
#[derive(Clone, Debug)]
pub struct WebSocket {
    request: Request,
    tokens: Option<Said>,
    query: Option<Said>,
}

/// Says something anew for each attempt to connect.
#[derive(Clone)]
struct Said(Arc<dyn Fn() -> String + Send + Sync>);

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Said")
    }
}

impl WebSocket {
    /// A transport to a URL such as `ws://127.0.0.1:8080/sync`.
    ///
    /// # Errors
    /// [`AddressError`] when the URL is not of that form.
    pub fn new(url: &str) -> Result<Self, AddressError> {
        let request = url.into_client_request().map_err(|_| AddressError::Malformed)?;
        match (request.uri().scheme_str(), request.uri().host()) {
            (Some("ws"), Some(_)) => Ok(Self { request, tokens: None, query: None }),
            (Some("ws") | None, _) => Err(AddressError::Malformed),
            _ => Err(AddressError::Scheme),
        }
    }

    /// Shows a token (`Authorization: Bearer`) to a server that asks for one.
    ///
    /// # Errors
    /// [`AddressError::Token`] when it does not fit into an HTTP header.
    pub fn with_token(mut self, token: &str) -> Result<Self, AddressError> {
        self.request.headers_mut().insert(AUTHORIZATION, bearer(token)?);
        Ok(self)
    }

    /// Shows the token that `source` says at each attempt to connect: for tokens that expire.
    #[must_use]
    pub fn with_token_from(mut self, source: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.tokens = Some(Said(Arc::new(source)));
        self
    }

    /// Asks with the query that `source` says at each attempt to connect, such as `since_seq=7`; an
    /// empty one is left out. It is already escaped, and replaces that of the URL.
    #[must_use]
    pub(crate) fn with_query_from(
        mut self,
        source: impl Fn() -> String + Send + Sync + 'static,
    ) -> Self {
        self.query = Some(Said(Arc::new(source)));
        self
    }
}

fn bearer(token: &str) -> Result<HeaderValue, AddressError> {
    let value = HeaderValue::try_from(format!("Bearer {token}"));
    let mut value = value.map_err(|_| AddressError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The URL with this query.
fn with_query(uri: &Uri, query: &str) -> Option<Uri> {
    let mut parts = uri.clone().into_parts();
    let path = match query {
        "" => uri.path().to_owned(),
        query => format!("{}?{query}", uri.path()),
    };
    parts.path_and_query = Some(path.try_into().ok()?);
    Uri::from_parts(parts).ok()
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The sending half of a [`WebSocket`] connection.
#[derive(Debug)]
pub struct WebSocketSender(SplitSink<Socket, tungstenite::Message>);

/// The receiving half of a [`WebSocket`] connection.
#[derive(Debug)]
pub struct WebSocketReceiver(SplitStream<Socket>);

impl Transport for WebSocket {
    type Sender = WebSocketSender;
    type Receiver = WebSocketReceiver;

    async fn connect(
        &self,
        subprotocol: Option<&'static str>,
        message_bytes_max: usize,
    ) -> Result<(WebSocketSender, WebSocketReceiver), ConnectionError> {
        let mut request = self.request.clone();
        if let Some(name) = subprotocol {
            let name = HeaderValue::from_static(name);
            request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, name);
        }
        if let Some(Said(source)) = &self.query {
            *request.uri_mut() = with_query(request.uri(), &source())
                .ok_or(ConnectionError::Violation("the query cannot stand in a URL"))?;
        }
        if let Some(Said(source)) = &self.tokens {
            let token = bearer(&source())
                .map_err(|_| ConnectionError::Violation("the token cannot stand in a header"))?;
            request.headers_mut().insert(AUTHORIZATION, token);
        }
        let config = WebSocketConfig::default()
            .max_message_size(Some(message_bytes_max))
            .max_frame_size(Some(message_bytes_max));
        let no_delay = true;
        let (socket, _) = connect_async_with_config(request, Some(config), no_delay)
            .await
            .map_err(connection_error)?;
        let (sender, receiver) = socket.split();
        Ok((WebSocketSender(sender), WebSocketReceiver(receiver)))
    }
}

impl Sender for WebSocketSender {
    async fn send(&mut self, message: Message) -> Result<(), ConnectionError> {
        let message = match message {
            Message::Text(text) => tungstenite::Message::text(text),
            Message::Binary(bytes) => tungstenite::Message::Binary(bytes),
        };
        self.0.feed(message).await.map_err(connection_error)
    }

    async fn flush(&mut self) -> Result<(), ConnectionError> {
        self.0.flush().await.map_err(connection_error)
    }

    async fn ping(&mut self) -> Result<(), ConnectionError> {
        let ping = tungstenite::Message::Ping(bytes::Bytes::new());
        self.0.send(ping).await.map_err(connection_error)
    }

    async fn close(&mut self) -> Result<(), ConnectionError> {
        let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        let close = tungstenite::Message::Close(Some(frame));
        self.0.send(close).await.map_err(connection_error)
    }
}

impl Receiver for WebSocketReceiver {
    async fn receive(&mut self) -> Result<Received, ConnectionError> {
        use tungstenite::Message as Ws;
        match self.0.next().await {
            Some(Ok(Ws::Text(text))) => Ok(Received::Message(Message::Text(text.to_string()))),
            Some(Ok(Ws::Binary(bytes))) => Ok(Received::Message(Message::Binary(bytes))),
            Some(Ok(Ws::Close(frame))) => {
                Err(ConnectionError::Closed { code: frame.map(|frame| frame.code.into()) })
            }
            Some(Ok(_)) => Ok(Received::Heartbeat),
            Some(Err(error)) => Err(connection_error(error)),
            None => Err(ConnectionError::Closed { code: None }),
        }
    }
}

fn connection_error(error: Error) -> ConnectionError {
    match error {
        Error::Io(error) => ConnectionError::Io(error.kind()),
        Error::Http(response) => ConnectionError::Refused { status: response.status().as_u16() },
        Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(_)) => ConnectionError::Framing,
        Error::ConnectionClosed | Error::AlreadyClosed => ConnectionError::Closed { code: None },
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            ConnectionError::Closed { code: Some(1006) }
        }
        Error::Capacity(_) => ConnectionError::Violation("a message above message_bytes_max"),
        _ => ConnectionError::Violation("not WebSocket as RFC 6455 has it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_put_behind_the_path_or_left_out() {
        let uri: Uri = "ws://host:1/v1/peer/a%20b?old=1".parse().unwrap();
        let with = |query| with_query(&uri, query).map(|uri| uri.to_string());
        assert_eq!(with("since_seq=7").as_deref(), Some("ws://host:1/v1/peer/a%20b?since_seq=7"));
        assert_eq!(with("").as_deref(), Some("ws://host:1/v1/peer/a%20b"));
        assert_eq!(with("a b"), None);
    }
}
