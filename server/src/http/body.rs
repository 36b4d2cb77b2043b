//! The body of an answer: bytes in memory, or pieces that are made as the peer takes them.
//!
//! Knows no path and no dialect.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

/// What an answer carries.
pub(crate) struct Body(Inner);

enum Inner {
    Full(Bytes),
    Pieces(Box<dyn Pieces>),
}

/// A body that is made while it is sent.
///
/// It is asked for a piece only when the connection has room for one: what is sent and not taken
/// by the peer is bounded by the connection's buffer and one piece.
pub(crate) trait Pieces {
    /// The next piece, none of them empty; `None` behind the last one.
    ///
    /// # Errors
    /// [`Aborted`] cuts the connection: the peer sees that the answer is not whole.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Aborted>>>;
}

/// An answer could not be sent to its end. Why was logged where it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rest of the answer cannot be had")]
pub(crate) struct Aborted;

impl Body {
    pub(crate) fn full(bytes: impl Into<Bytes>) -> Self {
        Self(Inner::Full(bytes.into()))
    }

    pub(crate) fn pieces(pieces: impl Pieces + 'static) -> Self {
        Self(Inner::Pieces(Box::new(pieces)))
    }

    /// All of it, when it is in memory.
    pub(crate) fn as_full(&self) -> Option<&Bytes> {
        match &self.0 {
            Inner::Full(bytes) => Some(bytes),
            Inner::Pieces(_) => None,
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self(Inner::Full(Bytes::new()))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Full(bytes) => write!(f, "Body({} bytes)", bytes.len()),
            Inner::Pieces(_) => f.write_str("Body(pieces)"),
        }
    }
}

impl Pieces for Body {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Aborted>>> {
        match &mut self.0 {
            Inner::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Inner::Full(bytes) => Poll::Ready(Some(Ok(std::mem::take(bytes)))),
            Inner::Pieces(pieces) => pieces.poll_piece(cx),
        }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        self.get_mut().poll_piece(cx).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.as_full().is_some_and(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        self.as_full()
            .map_or_else(SizeHint::default, |full| SizeHint::with_exact(full.len() as u64))
    }
}
