//! gzip, both ways, piece by piece: request bodies under a cap, answers as they are taken.
//!
//! Knows no socket; what is decoded never grows beyond the cap, whatever it claims.

use std::{
    future::Future,
    io::{self, Write},
    pin::pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use flate2::{
    Compression,
    write::{GzEncoder, MultiGzDecoder},
};
use http::{HeaderMap, HeaderValue, header};
use tokio::task::yield_now;

use super::{
    answer::Answer,
    body::{Aborted, Body, Pieces},
};

/// Encoded bytes that are decoded at once: they make at most some megabytes.
pub(super) const DECODE_BYTES: usize = 4 << 10;
/// A shorter answer is not worth encoding.
const WORTH_BYTES: usize = 1 << 10;
/// Pieces that are handed on have this many bytes, or are the last one.
const PIECE_BYTES: usize = 16 << 10;

/// Plain bytes that are encoded or decoded at once, before others on the shard have their turn.
pub(super) const TURN_BYTES: usize = 256 << 10;

/// Decodes a body into memory, up to a cap.
pub(super) struct Decoder(MultiGzDecoder<Capped>);

/// Why a body was not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undecoded {
    /// It would be larger than the cap.
    TooLarge,
    /// It is no gzip, or damaged, or ends too early.
    Damaged,
}

/// A buffer that refuses to grow beyond its cap.
struct Capped {
    bytes: Vec<u8>,
    bytes_max: usize,
    over: bool,
}

impl Decoder {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self(MultiGzDecoder::new(Capped { bytes: Vec::new(), bytes_max, over: false }))
    }

    /// Decodes some more.
    pub(super) fn feed(&mut self, encoded: &[u8]) -> Result<(), Undecoded> {
        let fed = self.0.write_all(encoded);
        self.judge(fed)
    }

    /// Bytes decoded so far.
    pub(super) fn len(&self) -> usize {
        self.0.get_ref().bytes.len()
    }

    /// All of it, when the end was sound.
    pub(super) fn finish(mut self) -> Result<Bytes, Undecoded> {
        let ended = self.0.try_finish();
        self.judge(ended)?;
        Ok(std::mem::take(&mut self.0.get_mut().bytes).into())
    }

    fn judge(&self, result: io::Result<()>) -> Result<(), Undecoded> {
        match result {
            _ if self.0.get_ref().over => Err(Undecoded::TooLarge),
            Ok(()) => Ok(()),
            Err(_) => Err(Undecoded::Damaged),
        }
    }
}

impl Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.over || bytes.len() > self.bytes_max - self.bytes.len() {
            self.over = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Encodes an answer for a peer that accepts it, if that is worth it.
pub(super) fn encode_for(request: &HeaderMap, mut answer: Answer) -> Answer {
    let headers = answer.headers();
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    // Events are to arrive one by one.
    if answer.body().as_full().is_some_and(|full| full.len() < WORTH_BYTES)
        || kind.is_some_and(|kind| kind.starts_with("text/event-stream"))
        || headers.contains_key(header::CONTENT_ENCODING)
    {
        return answer;
    }
    let headers = answer.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    if !accepts(request) {
        return answer;
    }
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.remove(header::CONTENT_LENGTH);
    answer.map(|body| {
        let whole = body.as_full().filter(|full| full.len() <= TURN_BYTES).map(|full| encode(full));
        match whole {
            Some(Ok(encoded)) => Body::full(encoded),
            _ => Body::pieces(Encoding::new(body)),
        }
    })
}

/// Whether the peer says that it takes gzip (RFC 9110, section 12.5.3).
pub(super) fn accepts(request: &HeaderMap) -> bool {
    let (mut named, mut any) = (None, None);
    let values = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
    for coding in values.flat_map(|value| value.split(',')) {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = weight.trim().strip_prefix("q=").and_then(|q| q.parse().ok()) == Some(0.0);
        match name.trim() {
            name if name.eq_ignore_ascii_case("gzip") => named = Some(!refused),
            name if name.eq_ignore_ascii_case("x-gzip") => named = named.or(Some(!refused)),
            "*" => any = Some(!refused),
            _ => {}
        }
    }
    named.or(any).unwrap_or(false)
}

fn encoder() -> GzEncoder<Vec<u8>> {
    GzEncoder::new(Vec::new(), Compression::fast())
}

fn encode(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = encoder();
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// A body that is encoded while it is taken.
struct Encoding {
    body: Body,
    /// What is not encoded yet of the body's last piece, which may be a snapshot of any size.
    rest: Bytes,
    /// None behind the end.
    encoder: Option<GzEncoder<Vec<u8>>>,
    /// Bytes encoded since others had their turn.
    turn_bytes: usize,
}

impl Encoding {
    fn new(body: Body) -> Self {
        Self { body, rest: Bytes::new(), encoder: Some(encoder()), turn_bytes: 0 }
    }
}

impl Pieces for Encoding {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Aborted>>> {
        loop {
            let Some(encoder) = &mut self.encoder else { return Poll::Ready(None) };
            if self.turn_bytes >= TURN_BYTES {
                self.turn_bytes = 0;
                // Woken when the others' sockets were looked at; waking oneself would come before that.
                if pin!(yield_now()).poll(cx).is_pending() {
                    return Poll::Pending;
                }
            }
            if self.rest.is_empty() {
                let Some(piece) = ready!(self.body.poll_piece(cx)) else {
                    let last = self.encoder.take().map(GzEncoder::finish);
                    return Poll::Ready(
                        last.map(|last| last.map(Bytes::from).map_err(|_| Aborted)),
                    );
                };
                self.rest = piece?;
            }
            let some = self.rest.split_to(self.rest.len().min(TURN_BYTES - self.turn_bytes));
            self.turn_bytes += some.len();
            // Writing to memory cannot fail.
            encoder.write_all(&some).map_err(|_| Aborted)?;
            if encoder.get_ref().len() >= PIECE_BYTES {
                return Poll::Ready(Some(Ok(std::mem::take(encoder.get_mut()).into())));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gunzip(encoded: &[u8], bytes_max: usize) -> Result<Bytes, Undecoded> {
        let mut decoder = Decoder::new(bytes_max);
        for piece in encoded.chunks(7) {
            decoder.feed(piece)?;
        }
        decoder.finish()
    }

    #[test]
    fn what_was_encoded_is_decoded() {
        let text = "several words, several times. ".repeat(100);
        let encoded = encode(text.as_bytes()).unwrap();
        assert!(encoded.len() < text.len() / 10);
        assert_eq!(gunzip(&encoded, text.len()).unwrap(), text);
        // Members may follow one another (RFC 1952, section 2.2).
        let twice = [&encoded[..], &encoded[..]].concat();
        assert_eq!(gunzip(&twice, 1 << 20).unwrap(), text.repeat(2));
    }

    #[test]
    fn a_large_body_is_encoded_turn_by_turn() {
        let text: String = (0..200_000).map(|n| format!("{{\"number\":{n}}},")).collect();
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        let answer = crate::http::answer::json(http::StatusCode::OK, text.clone());
        let mut body = encode_for(&headers, answer).into_body();
        let (mut encoded, mut turns) = (Vec::new(), 1);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        loop {
            match body.poll_piece(&mut cx) {
                Poll::Ready(Some(piece)) => encoded.extend_from_slice(&piece.unwrap()),
                Poll::Ready(None) => break,
                Poll::Pending => turns += 1,
            }
        }
        assert_eq!(gunzip(&encoded, text.len()).unwrap(), text);
        assert!(turns > text.len() / TURN_BYTES, "{turns} turns for {} bytes", text.len());
    }

    #[test]
    fn nothing_grows_beyond_its_cap() {
        let bomb = encode(&vec![0; 4 << 20]).unwrap();
        assert!(bomb.len() < 256 << 10);
        assert_eq!(gunzip(&bomb, 1 << 20), Err(Undecoded::TooLarge));
        let mut decoder = Decoder::new(1 << 20);
        assert_eq!(decoder.feed(&bomb), Err(Undecoded::TooLarge));
        assert!(decoder.len() <= 1 << 20);
    }

    #[test]
    fn damage_is_seen() {
        let encoded = encode(b"whole").unwrap();
        let mut flipped = encoded.clone();
        flipped[12] ^= 0x55;
        for damaged in [&b"plain text"[..], &encoded[..encoded.len() - 1], &flipped, b""] {
            assert_eq!(gunzip(damaged, 1 << 20), Err(Undecoded::Damaged), "{damaged:?}");
        }
    }

    #[test]
    fn the_peer_decides_by_its_weights() {
        let accepted = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            accepts(&headers)
        };
        for yes in ["gzip", "br, GZIP;q=0.5", "*", "deflate, gzip, br", "identity;q=0, *"] {
            assert!(accepted(yes), "{yes}");
        }
        for no in ["", "br", "gzip;q=0", "gzip; q=0.000, *", "identity", "*;q=0"] {
            assert!(!accepted(no), "{no}");
        }
        assert!(!accepts(&HeaderMap::new()));
    }
}
