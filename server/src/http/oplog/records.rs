//! Bodies with the records of a log in them: read from the store while the peer takes them.
//!
//! Knows where records stand, not what they say: they are sent as they are stored.

use std::{
    collections::VecDeque,
    task::{Context, Poll},
};

use bytes::{BufMut, Bytes, BytesMut};
use syncline_engine::{Log, LogReader, Seq};
use syncline_protocol::dialects::oplog::Reply;

use crate::http::body::{Aborted, Body, Pieces};

/// Bytes of records that are read at once. A smaller body is whole before it is sent.
const PIECE_BYTES: usize = 64 << 10;
/// A longer piece of the head is sent as it is.
const COPIED_BYTES_MAX: usize = 16 << 10;

/// The records were trimmed before they could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// Another generation has begun: asking again helps.
    Trimmed,
    /// They cannot be read.
    Unreadable,
}

/// The body of a reply. `log` is only needed when the reply has records.
pub(super) fn body(reply: Reply, log: Option<&Log>) -> Result<Body, Lost> {
    let Reply { head, records, tail, .. } = reply;
    let mut body = Records { head: head.into(), records: None, tail: Some(tail) };
    if let Some(wanted) = records.filter(|records| records.count() > 0) {
        let log = log.ok_or(Lost::Unreadable)?;
        let reader = log.read(Seq(wanted.after + 1)..=Seq(wanted.last));
        body.records = Some(Reading { reader, next: wanted.after + 1, last: wanted.last });
    }
    // Now, while asking again is still possible.
    let Some(first) = body.piece()? else { return Ok(Body::default()) };
    if body.is_finished() {
        return Ok(Body::full(first));
    }
    body.head.push_front(first);
    Ok(Body::pieces(body))
}

/// What is left of a body.
struct Records {
    head: VecDeque<Bytes>,
    records: Option<Reading>,
    tail: Option<&'static str>,
}

/// What is left of the records.
struct Reading {
    reader: LogReader,
    next: u64,
    last: u64,
}

impl Records {
    fn is_finished(&self) -> bool {
        self.head.is_empty() && self.records.is_none() && self.tail.is_none()
    }

    /// The next piece; `None` behind the last one.
    fn piece(&mut self) -> Result<Option<Bytes>, Lost> {
        let mut piece = BytesMut::new();
        while let Some(part) = self.head.pop_front() {
            if part.len() > COPIED_BYTES_MAX {
                if piece.is_empty() {
                    return Ok(Some(part));
                }
                self.head.push_front(part);
                return Ok(Some(piece.freeze()));
            }
            piece.put(part);
        }
        if let Some(reading) = &mut self.records {
            if reading.read(&mut piece)? {
                return Ok(Some(piece.freeze()));
            }
            self.records = None;
        }
        piece.put(self.tail.take().unwrap_or_default().as_bytes());
        Ok((!piece.is_empty()).then(|| piece.freeze()))
    }
}

impl Reading {
    /// Appends some records; false behind the last one.
    fn read(&mut self, piece: &mut BytesMut) -> Result<bool, Lost> {
        let left = usize::try_from(self.last + 1 - self.next).unwrap_or(usize::MAX);
        piece.reserve(left.saturating_mul(256).min(PIECE_BYTES));
        while self.next <= self.last {
            if piece.len() >= PIECE_BYTES {
                return Ok(true);
            }
            let (Seq(seq), record) = match self.reader.next_ref() {
                Some(Ok(record)) => record,
                Some(Err(error)) => {
                    tracing::error!(%error, "a dataset cannot be read");
                    return Err(Lost::Unreadable);
                }
                None => return Err(Lost::Trimmed),
            };
            // The reader passes over what was trimmed.
            if seq != self.next {
                return Err(Lost::Trimmed);
            }
            piece.put(record);
            if seq < self.last {
                piece.put_u8(b',');
            }
            self.next += 1;
        }
        Ok(false)
    }
}

impl Pieces for Records {
    fn poll_piece(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Aborted>>> {
        Poll::Ready(self.piece().map_err(|_| Aborted).transpose())
    }
}
