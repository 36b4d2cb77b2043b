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

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use syncline_engine::{Batch, Options, Store};
    use syncline_protocol::dialects::oplog;

    use super::*;

    const RECORDS: u64 = 5_000;

    /// A store with two logs whose records alternate, so that no two of one stand side by side.
    fn store() -> (tempfile::TempDir, Store, Log) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Options::default()).unwrap();
        let (log, other) = (store.log("log").unwrap(), store.log("other").unwrap());
        let mut batch = Batch::new();
        for _ in 0..RECORDS {
            batch.append(&log, &[b'r'; 200]);
            batch.append(&other, b"o");
        }
        store.commit(batch).unwrap();
        (dir, store, log)
    }

    fn reply(after: u64, last: u64) -> Reply {
        let records = Some(oplog::Records { after, last });
        let head = vec![Bytes::from_static(b"{\"ops\":[")];
        Reply { status: 200, head, records, tail: "]}" }
    }

    fn taken(mut body: Body) -> Result<Vec<u8>, Aborted> {
        let mut all = Vec::new();
        let mut cx = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(piece)) = body.poll_piece(&mut cx) {
            let piece = piece?;
            assert!(!piece.is_empty() && piece.len() < 2 * PIECE_BYTES);
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }

    #[test]
    fn records_stand_between_the_ends_with_commas() {
        let (_dir, _store, log) = store();
        let record = "r".repeat(200);
        for (after, last) in [(0, RECORDS), (7, RECORDS), (7, 8), (7, 7)] {
            let all = taken(body(reply(after, last), Some(&log)).unwrap()).unwrap();
            let records = vec![record.as_str(); (last - after) as usize].join(",");
            assert!(all == format!("{{\"ops\":[{records}]}}").as_bytes(), "{after} to {last}");
        }
        assert!(body(reply(0, 10), Some(&log)).unwrap().as_full().is_some(), "small: in one piece");
    }

    #[test]
    fn records_that_go_while_they_are_read_cut_the_body() {
        let (_dir, store, log) = store();
        let begun = body(reply(0, RECORDS), Some(&log)).unwrap();
        assert!(begun.as_full().is_none());
        let mut trim = Batch::new();
        trim.trim(&log, Seq(RECORDS + 1));
        store.commit(trim).unwrap();
        assert_eq!(taken(begun), Err(Aborted));
        assert_eq!(body(reply(0, RECORDS), Some(&log)).err(), Some(Lost::Trimmed));
        assert_eq!(body(reply(0, RECORDS + 1), Some(&log)).err(), Some(Lost::Trimmed));
        assert_eq!(body(reply(0, 1), None).err(), Some(Lost::Unreadable));
    }
}
