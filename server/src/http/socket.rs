//! The socket under HTTP: cut when its peer takes nothing, closed so that the last answer arrives.
//!
//! Knows bytes and time, no request.

use std::{
    future::Future,
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

/// How long a connection is listened to after its last answer, so that what the peer still sends
/// does not reset it before the answer is read (RFC 9112, section 9.6).
const LINGER_TIME: Duration = Duration::from_secs(2);
/// What is read and thrown away meanwhile, in bytes.
const LINGER_BYTES_MAX: usize = 4 << 20;

/// A socket that does not wait for its peer for ever.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    /// A peer that takes no byte for so long is cut.
    write_timeout: Duration,
    /// Whether the peer may still be sending what nobody reads.
    unread: Arc<AtomicBool>,
    /// When the peer that is waited for is cut.
    stalled: Option<Pin<Box<Sleep>>>,
    /// After our last byte: until when, and how many bytes, the peer may go on.
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, write_timeout: Duration, unread: Arc<AtomicBool>) -> Self {
        Self { stream, write_timeout, unread, stalled: None, lingering: None }
    }

    /// The bare stream, for who takes the connection over.
    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Cuts the peer when what it was to take has waited too long.
    fn watch(
        &mut self,
        taken: Poll<io::Result<usize>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if taken.is_ready() {
            self.stalled = None;
            return taken;
        }
        let time = self.write_timeout;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(time)));
        ready!(stalled.as_mut().poll(cx));
        let why = "the peer takes nothing of its answer";
        Poll::Ready(Err(io::Error::new(ErrorKind::TimedOut, why)))
    }

    /// Reads until the peer has ended too, for a while.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (until, left) =
            self.lingering.get_or_insert_with(|| (Box::pin(sleep(LINGER_TIME)), LINGER_BYTES_MAX));
        let mut scratch = [0; 4 << 10];
        loop {
            let mut buffer = ReadBuf::new(&mut scratch);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(())) => match left.checked_sub(buffer.filled().len()) {
                    Some(rest) => *left = rest,
                    None => return Poll::Ready(Ok(())),
                },
                // It is over either way.
                Poll::Ready(Err(_)) => return Poll::Ready(Ok(())),
                Poll::Pending => return until.as_mut().poll(cx).map(Ok),
            }
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let taken = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(taken, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let taken = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.watch(taken, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        }
        if self.unread.load(Ordering::Relaxed) { self.poll_linger(cx) } else { Poll::Ready(Ok(())) }
    }
}
