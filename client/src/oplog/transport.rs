//! The seam to the network: one request, one answer whose body comes in pieces.
//! Knows nothing of operations.

use std::{future::Future, io, time::Duration};

use bytes::Bytes;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// Path and query, such as `/sync/pull?since=0&…`.
    pub path: String,
    /// JSON to POST; without it the request is a GET.
    pub body: Option<Bytes>,
    /// Whether the body is to be compressed with gzip on the way.
    pub compress: bool,
}

/// One answer.
#[derive(Debug)]
pub struct Response<B> {
    /// Its HTTP status.
    pub status: u16,
    /// `Retry-After` in seconds, when the server said so.
    pub retry_after: Option<Duration>,
    /// Its body, not compressed any more.
    pub body: B,
}

/// Why there is no answer, or no whole one. The client tries again by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The network failed, or the server is not there.
    #[error("the network failed: {0}")]
    Io(io::ErrorKind),
    /// No answer in time.
    #[error("the server did not answer in time")]
    TimedOut,
    /// The answer ended before its end, or the request was not taken whole.
    #[error("the connection broke before the answer was whole")]
    Cut,
    /// The answer is not HTTP, or not compressed as it says.
    #[error("the answer is not HTTP")]
    Malformed,
}

/// Sends requests to one server.
pub trait Transport: Send + Sync + 'static {
    /// The body of an answer.
    type Body: Body;

    /// Sends a request and returns when the head of the answer is there. When the future is
    /// dropped, the server may or may not have got the request.
    fn send(
        &self,
        request: Request,
    ) -> impl Future<Output = Result<Response<Self::Body>, ConnectionError>> + Send;
}

/// The body of an answer.
pub trait Body: Send + 'static {
    /// The next piece; `None` at the end of a whole body, and an error at the end of one that is
    /// not. A piece is small beside memory, also when it was compressed.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, ConnectionError>> + Send;
}
