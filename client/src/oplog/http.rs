//! The real transport: HTTP/1.1 over TCP, with kept connections and gzip both ways.
//! Knows URLs, headers and bodies; nothing of operations.

use std::{
    io::{self, Write},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use bytes::{Buf, Bytes};
use flate2::{Compression, write::GzDecoder, write::GzEncoder};
use http::{
    HeaderMap, HeaderValue, Uri,
    header::{
        ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, InvalidHeaderValue,
        RETRY_AFTER,
    },
};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, Error, connect::HttpConnector},
    rt::TokioExecutor,
};

use super::transport::{Body, ConnectionError, Request, Response, Transport};

/// Compressed bytes that are taken apart at once: what comes out is at most a thousand times that.
const PIECE_BYTES_MAX: usize = 4 << 10;
/// An attempt to connect must succeed within this time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection that is not used for so long is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// An address at which no client can start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Not a URL with a host.
    #[error("not a URL of the form http://host:port")]
    Malformed,
    /// Another scheme than `http`.
    #[error("only http:// is built in; for TLS, implement Transport over a TLS client")]
    Scheme,
    /// The token holds bytes that no HTTP header can carry.
    #[error("the token holds characters that cannot stand in an HTTP header")]
    Token,
}

/// HTTP over TCP. Clones are the same transport: a token given to one is shown by all.
#[derive(Clone, Debug)]
pub struct Http {
    /// What stands before `/sync`: scheme, host and perhaps a path.
    base: Arc<str>,
    client: Client<HttpConnector, Full<Bytes>>,
    token: Arc<RwLock<Option<HeaderValue>>>,
}

impl Http {
    /// A transport to the server whose endpoints are below a URL, such as
    /// `http://127.0.0.1:8080`: its push is at `http://127.0.0.1:8080/sync/push`.
    ///
    /// # Errors
    /// [`AddressError`] when the URL is not of that form.
    pub fn new(url: &str) -> Result<Self, AddressError> {
        let uri: Uri = url.parse().map_err(|_| AddressError::Malformed)?;
        match (uri.scheme_str(), uri.host(), uri.query()) {
            (Some("http"), Some(_), None) => {}
            (Some("http") | None, ..) => return Err(AddressError::Malformed),
            _ => return Err(AddressError::Scheme),
        }
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_timer(hyper_util::rt::TokioTimer::new())
            .build(connector);
        Ok(Self { base: url.trim_end_matches('/').into(), client, token: Arc::default() })
    }

    /// Shows a token (`Authorization: Bearer`) to a server that asks for one, from the next
    /// request on; none without one. After a token was refused, the client goes on with
    /// [`Client::retry_now`](super::Client::retry_now).
    ///
    /// # Errors
    /// [`AddressError::Token`] when it does not fit into an HTTP header.
    pub fn set_token(&self, token: Option<&str>) -> Result<(), AddressError> {
        let header = |token: &str| -> Result<HeaderValue, InvalidHeaderValue> {
            let mut value = HeaderValue::try_from(format!("Bearer {token}"))?;
            value.set_sensitive(true);
            Ok(value)
        };
        let value = token.map(header).transpose().map_err(|_| AddressError::Token)?;
        *self.token.write().unwrap_or_else(PoisonError::into_inner) = value;
        Ok(())
    }

    fn request(&self, request: Request) -> Result<http::Request<Full<Bytes>>, ConnectionError> {
        let mut builder = http::Request::builder()
            .uri(format!("{}{}", self.base, request.path))
            .header(ACCEPT_ENCODING, "gzip");
        if let Some(token) = &*self.token.read().unwrap_or_else(PoisonError::into_inner) {
            builder = builder.header(AUTHORIZATION, token);
        }
        let Some(body) = request.body else {
            return builder.body(Full::default()).map_err(|_| ConnectionError::Malformed);
        };
        builder = builder.method("POST").header(CONTENT_TYPE, "application/json");
        let body = if request.compress {
            builder = builder.header(CONTENT_ENCODING, "gzip");
            packed(&body).map_err(|error| ConnectionError::Io(error.kind()))?
        } else {
            body
        };
        builder.body(Full::new(body)).map_err(|_| ConnectionError::Malformed)
    }
}

impl Transport for Http {
    type Body = HttpBody;

    async fn send(&self, request: Request) -> Result<Response<HttpBody>, ConnectionError> {
        let response = self.client.request(self.request(request)?).await;
        let (head, incoming) = response.map_err(connection_error)?.into_parts();
        let unpacker = match head.headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
            None | Some(b"identity") => None,
            Some(b"gzip") => Some(GzDecoder::new(Vec::new())),
            Some(_) => return Err(ConnectionError::Malformed),
        };
        let body = HttpBody { incoming, unpacker, waiting: Bytes::new() };
        let retry_after = retry_after(&head.headers);
        Ok(Response { status: head.status.as_u16(), retry_after, body })
    }
}

/// The body of an answer over HTTP.
#[derive(Debug)]
pub struct HttpBody {
    incoming: Incoming,
    unpacker: Option<GzDecoder<Vec<u8>>>,
    /// Compressed bytes that came and are not taken apart.
    waiting: Bytes,
}

impl Body for HttpBody {
    async fn next(&mut self) -> Result<Option<Bytes>, ConnectionError> {
        loop {
            if let Some(unpacker) = &mut self.unpacker
                && !self.waiting.is_empty()
            {
                let piece = self.waiting.split_to(self.waiting.len().min(PIECE_BYTES_MAX));
                unpacker.write_all(&piece).map_err(|_| ConnectionError::Malformed)?;
                let bytes = std::mem::take(unpacker.get_mut());
                if bytes.is_empty() {
                    continue;
                }
                return Ok(Some(bytes.into()));
            }
            match self.incoming.frame().await {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if self.unpacker.is_some() => self.waiting = data,
                    Ok(data) if data.has_remaining() => return Ok(Some(data)),
                    // Trailers say nothing here.
                    _ => {}
                },
                Some(Err(_)) => return Err(ConnectionError::Cut),
                None => return self.rest(),
            }
        }
    }
}

impl HttpBody {
    /// The connection has said all it had; whether that is the end of the packed stream is
    /// checked too.
    fn rest(&mut self) -> Result<Option<Bytes>, ConnectionError> {
        let Some(unpacker) = self.unpacker.take() else { return Ok(None) };
        let rest = unpacker.finish().map_err(|_| ConnectionError::Cut)?;
        Ok((!rest.is_empty()).then(|| rest.into()))
    }
}

fn packed(body: &[u8]) -> io::Result<Bytes> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(body)?;
    Ok(packer.finish()?.into())
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn connection_error(error: Error) -> ConnectionError {
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref::<io::Error>() {
            return match cause.kind() {
                io::ErrorKind::TimedOut => ConnectionError::TimedOut,
                kind => ConnectionError::Io(kind),
            };
        }
        if cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) {
            return ConnectionError::Malformed;
        }
        source = cause.source();
    }
    ConnectionError::Cut
}
