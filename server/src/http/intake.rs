//! Reading a request's body: so many bytes, so much time, so much of the server's memory.
//!
//! Knows no path. Nothing of a body is kept that does not come in time or is too large.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use tokio::{
    task::yield_now,
    time::{Instant, timeout_at},
};

use super::{
    budget::{Budget, Held},
    gzip::{DECODE_BYTES, Decoder, TURN_BYTES, Undecoded},
};

/// A body must come at least so fast, after the first [`Intake::time`].
const BYTES_PER_SECOND_MIN: u64 = 16 << 10;

/// What is reserved at most for the rest of a body before it comes, in bytes.
const RESERVED_BYTES_MAX: usize = 1 << 20;

/// How bodies are read.
#[derive(Clone, Debug)]
pub(crate) struct Intake {
    /// The largest body, decoded, in bytes.
    pub(crate) bytes_max: usize,
    /// How long the first bytes may take.
    pub(crate) time: Duration,
    /// What all bodies of the server may hold.
    pub(crate) budget: Arc<Budget>,
}

/// A body that came whole. It counts as held until it is dropped.
#[derive(Debug)]
pub(crate) struct Received {
    /// Its bytes, decoded.
    pub(crate) bytes: Bytes,
    held: Held,
}

impl Received {
    /// Lets go of its bytes, but counts them as held: for who has made as many of them.
    pub(crate) fn into_held(self) -> Held {
        self.held
    }
}

/// Why a body was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is larger than it may be.
    TooLarge,
    /// It did not come in time.
    TooSlow,
    /// It is encoded in a way that is not known here.
    UnknownEncoding,
    /// It is not what its encoding says.
    Damaged,
    /// The server holds as many bytes of bodies as it may.
    Busy,
    /// The connection ended before the body did, or its form was wrong.
    Broken,
}

impl Refused {
    /// What the peer is answered.
    pub(crate) fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "the body did not come in time"),
            Self::UnknownEncoding => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "a body is sent plain or with gzip")
            }
            Self::Damaged => (StatusCode::BAD_REQUEST, "the body is no whole gzip"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "too many bodies at once"),
            Self::Broken => (StatusCode::BAD_REQUEST, "the body is not whole"),
        }
    }
}

impl From<Undecoded> for Refused {
    fn from(undecoded: Undecoded) -> Self {
        match undecoded {
            Undecoded::TooLarge => Self::TooLarge,
            Undecoded::Damaged => Self::Damaged,
        }
    }
}

impl Intake {
    /// Reads a body to its end and decodes it.
    ///
    /// # Errors
    /// [`Refused`]; the connection cannot be used any more when the body has not come whole.
    pub(crate) async fn read(
        &self,
        headers: &HeaderMap,
        mut body: Incoming,
    ) -> Result<Received, Refused> {
        let gzip = is_gzip(headers)?;
        if body.size_hint().lower() > self.largest() as u64 {
            return Err(Refused::TooLarge);
        }
        let mut held = self.budget.hold();
        let bytes = if gzip {
            self.decode(&mut body, &mut held).await?
        } else {
            self.gather(&mut body, &mut held).await?
        };
        Ok(Received { bytes, held })
    }

    /// The largest body there can be: what the budget never holds is too large, and not too much just now.
    fn largest(&self) -> usize {
        self.bytes_max.min(self.budget.bytes_max())
    }

    async fn gather(&self, body: &mut Incoming, held: &mut Held) -> Result<Bytes, Refused> {
        let mut arriving = Arriving::new(self.time);
        let Some(first) = arriving.piece(body).await? else { return Ok(Bytes::new()) };
        self.hold(held, 0, first.len())?;
        // Most bodies come in one piece, and are not copied then.
        if body.is_end_stream() {
            return Ok(first);
        }
        let mut all = BytesMut::from(first);
        // What a head announces is believed up to here.
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        all.reserve(announced.min(RESERVED_BYTES_MAX));
        while let Some(piece) = arriving.piece(body).await? {
            self.hold(held, all.len(), piece.len())?;
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }

    async fn decode(&self, body: &mut Incoming, held: &mut Held) -> Result<Bytes, Refused> {
        let mut arriving = Arriving::new(self.time);
        let mut decoder = Decoder::new(self.largest());
        let (mut encoded_bytes, mut turn_bytes) = (0_usize, 0);
        while let Some(piece) = arriving.piece(body).await? {
            // Members that hold nothing can follow one another for ever.
            encoded_bytes = encoded_bytes.saturating_add(piece.len());
            if encoded_bytes > self.largest() {
                return Err(Refused::TooLarge);
            }
            for encoded in piece.chunks(DECODE_BYTES) {
                let before = decoder.len();
                decoder.feed(encoded)?;
                let more = decoder.len() - before;
                self.hold(held, before, more)?;
                turn_bytes += encoded.len() + more;
                if turn_bytes > TURN_BYTES {
                    // Others on this shard are waiting.
                    yield_now().await;
                    turn_bytes = 0;
                }
            }
        }
        let before = decoder.len();
        let bytes = decoder.finish()?;
        self.hold(held, before, bytes.len() - before)?;
        Ok(bytes)
    }

    /// Counts `more` bytes behind those that are `there`.
    fn hold(&self, held: &mut Held, there: usize, more: usize) -> Result<(), Refused> {
        if more > self.largest() - there {
            return Err(Refused::TooLarge);
        }
        if held.grow(more) { Ok(()) } else { Err(Refused::Busy) }
    }
}

/// Whether the body is encoded.
fn is_gzip(headers: &HeaderMap) -> Result<bool, Refused> {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    let (Some(coding), None) = (codings.next(), codings.next()) else {
        let none = !headers.contains_key(header::CONTENT_ENCODING);
        return if none { Ok(false) } else { Err(Refused::UnknownEncoding) };
    };
    match coding.to_str().map(str::trim) {
        Ok(name) if name.eq_ignore_ascii_case("gzip") => Ok(true),
        Ok(name) if name.eq_ignore_ascii_case("identity") => Ok(false),
        _ => Err(Refused::UnknownEncoding),
    }
}

/// A body on its way, and until when the next piece of it must be there.
struct Arriving {
    deadline: Instant,
    /// How long it may pause, whatever came before: else who sent much could hold it for an hour.
    pause_max: Duration,
}

impl Arriving {
    fn new(time: Duration) -> Self {
        Self { deadline: Instant::now() + time, pause_max: time }
    }

    /// The next piece; `None` behind the last one.
    async fn piece(&mut self, body: &mut Incoming) -> Result<Option<Bytes>, Refused> {
        loop {
            let frame = match timeout_at(self.deadline, body.frame()).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(None) => return Ok(None),
                Ok(Some(Err(_))) => return Err(Refused::Broken),
                Err(_) => return Err(Refused::TooSlow),
            };
            // Trailers say nothing that is wanted here.
            if let Ok(data) = frame.into_data()
                && !data.is_empty()
            {
                let micros = data.len() as u64 * 1_000_000 / BYTES_PER_SECOND_MIN;
                let earned = self.deadline + Duration::from_micros(micros);
                self.deadline = earned.min(Instant::now() + self.pause_max);
                return Ok(Some(data));
            }
        }
    }
}
