//! What a message of the client is, and when it begins.
//!
//! Knows what each payload asks for; how it is done is said elsewhere.

use bytes::Bytes;

use super::{
    RETRY_AFTER_MS, Session,
    answers::{Ready, Then},
    auth::{NOT_AUTHENTICATED, Standing, UNAUTHENTICATED},
    directory,
    queue::{self, Work},
    reads::cost,
    say::{self, Failure},
};
use crate::{
    dialect::Violation,
    dialects::maps::{
        hlc::HLC_BYTES_MAX,
        proto::{
            Envelope, ErrorCode, OperationMessage, Ping, Pong, SyncRequest, envelope::Payload,
            sync_request::Type,
        },
        settings::CORRELATION_ID_BYTES_MAX,
        wire::{self, BadEnvelope},
    },
};

/// Why messages are passed over: the reasons in [`Step::Ignored`](crate::dialect::Step::Ignored).
pub mod ignored {
    /// A payload of a later version, or none.
    pub const NO_PAYLOAD: &str = "no_payload";
    /// One that only servers send.
    pub const NOT_FOR_SERVERS: &str = "not_for_servers";
    /// One whose answer the client does not know: its version is 0.
    pub const VERSION: &str = "version";
}

/// Messages of this dialect are binary.
pub(super) const TEXT: Violation = Violation { code: 4400, reason: "messages are binary" };
const MALFORMED: Violation = Violation { code: 1007, reason: "the message is no envelope" };
const TOO_LONG: Violation = Violation { code: 1009, reason: "the message is too long" };
const FLOOD: Violation = Violation { code: 1013, reason: "too many requests without an answer" };

const NO_ENVELOPE: Failure =
    Failure::new(ErrorCode::BadRequest, "the message is no envelope").fatal();
const LONG_MESSAGE: Failure = Failure::new(ErrorCode::TooLarge, "the message is too long").fatal();
const LONG_ID: Failure = Failure::new(ErrorCode::BadRequest, "correlationId is too long");
const LONG_TIME: Failure = Failure::new(ErrorCode::BadRequest, "time is too long");
const NO_TYPE: Failure = Failure::new(ErrorCode::BadRequest, "type is missing");
const UNKNOWN_TYPE: Failure = Failure::new(ErrorCode::Unsupported, "type is unknown here");
const LONG_TOKEN: Failure = Failure::new(ErrorCode::TooLarge, "the message is too long");
const NO_FOLLOWING: Failure =
    Failure::new(ErrorCode::Unsupported, "maps are followed over a WebSocket");
const BUSY: Failure = Failure::new(ErrorCode::RateLimited, "too many requests are under way")
    .again_after(RETRY_AFTER_MS / 10);
const TOO_OFTEN: Failure =
    Failure::new(ErrorCode::RateLimited, "too many requests in a short time");

/// The most operations of one message that a client of version 0 is told to be refused, one by one.
const NAMED_OPS_MAX: usize = 1 << 14;

impl Session {
    /// Takes a message; the reason when it is passed over.
    pub(super) fn take(&mut self, bytes: Bytes) -> Option<&'static str> {
        if self.gate.is_none() && matches!(self.standing, Standing::Stranger { .. }) {
            self.take_first(bytes);
            return None;
        }
        let len = bytes.len();
        match wire::decode(bytes, &self.settings.limits) {
            Ok(Envelope { payload: None, .. }) => Some(ignored::NO_PAYLOAD),
            Ok(Envelope { correlation_id, payload: Some(payload) }) => {
                self.route(correlation_id, payload, len)
            }
            // Each would have to be named.
            Err(BadEnvelope::TooMuch { ops, .. }) if self.old && ops > NAMED_OPS_MAX => {
                self.end(LONG_MESSAGE, TOO_LONG)
            }
            Err(BadEnvelope::TooMuch { correlation_id, ops, fault }) => {
                self.refuse(correlation_id, fault.into(), u32::try_from(ops).unwrap_or(u32::MAX))
            }
            Err(BadEnvelope::Malformed) => self.end(NO_ENVELOPE, MALFORMED),
            Err(BadEnvelope::TooLong) => self.end(LONG_MESSAGE, TOO_LONG),
        }
    }

    /// The first message, which says who the client is.
    fn take_first(&mut self, bytes: Bytes) {
        let fits = bytes.len() <= self.limits().auth_bytes_max;
        let envelope = fits.then(|| wire::decode(bytes, &self.settings.limits).ok()).flatten();
        let (id, payload) =
            envelope.map_or_else(Default::default, |e| (e.correlation_id, e.payload));
        let id = if id.len() <= CORRELATION_ID_BYTES_MAX { Ok(id) } else { Err(LONG_ID.fatal()) };
        match (id, payload) {
            (Ok(id), Some(Payload::Auth(request))) => {
                self.old = request.protocol_version == 0;
                self.submit(id, Work::Auth(request), 1, 1);
            }
            (Err(failure), Some(Payload::Auth(_))) => self.turn_away(String::new(), failure),
            (id, _) => self.turn_away(id.unwrap_or_default(), NOT_AUTHENTICATED),
        }
    }

    fn turn_away(&mut self, correlation_id: String, failure: Failure) {
        self.send(say::error(correlation_id, failure));
        self.close(UNAUTHENTICATED);
    }

    fn route(&mut self, id: String, payload: Payload, len: usize) -> Option<&'static str> {
        let reason = match &payload {
            Payload::SyncResp(_)
            | Payload::Ack(_)
            | Payload::AuthResp(_)
            | Payload::Error(_)
            | Payload::Batch(_)
            | Payload::Pong(_) => Some(ignored::NOT_FOR_SERVERS),
            Payload::Ping(_) if self.old => Some(ignored::VERSION),
            _ => None,
        };
        if reason.is_some() {
            return reason;
        }
        if id.len() > CORRELATION_ID_BYTES_MAX {
            return self.refuse(String::new(), LONG_ID, ops_of(&payload));
        }
        let full = queue::full_weight(self.limits());
        match payload {
            Payload::Auth(_) if len > self.limits().auth_bytes_max => {
                self.refuse(id, LONG_TOKEN, 1)
            }
            Payload::Auth(request) => self.submit_rated(id, Work::Auth(request), full, 1),
            Payload::Op(op) => self.submit_write(id, vec![op], len),
            Payload::SyncReq(request) => self.route_sync(id, request, len),
            Payload::Subscribe(_) if self.once => self.refuse(id, NO_FOLLOWING, 1),
            Payload::Subscribe(request) => self.submit_rated(id, Work::Subscribe(request), full, 1),
            Payload::Unsubscribe(request) => self.submit(id, Work::Unsubscribe(request), 1, 1),
            Payload::Ping(ping) => self.pong(id, ping),
            _ => None,
        }
    }

    fn route_sync(&mut self, id: String, request: SyncRequest, len: usize) -> Option<&'static str> {
        let full = queue::full_weight(self.limits());
        match Type::try_from(request.r#type) {
            Ok(Type::Unspecified) => self.refuse(id, NO_TYPE, 1),
            Err(_) => self.refuse(id, UNKNOWN_TYPE, 1),
            Ok(Type::Push) => self.submit_write(id, request.ops, len),
            Ok(Type::MerkleHashReq) if request.map_name.is_empty() => {
                self.submit_rated(id, Work::Directory, full, directory::TOKENS)
            }
            // The next page of what it is reading already is as good as asked for.
            Ok(Type::PullSince) if self.watches.reads_on(&request) => {
                self.submit(id, Work::Read(request.into()), full, 1)
            }
            Ok(_) => {
                let tokens = cost(&request);
                self.submit_rated(id, Work::Read(request.into()), full, tokens)
            }
        }
    }

    fn submit_write(
        &mut self,
        id: String,
        ops: Vec<OperationMessage>,
        len: usize,
    ) -> Option<&'static str> {
        let (weight, count) = (queue::weight(ops.len(), len, self.limits()), ops.len());
        // There are no more than were counted when the message was read.
        self.submit(id, Work::Write(ops), weight, u32::try_from(count).unwrap_or(u32::MAX))
    }

    fn submit_rated(
        &mut self,
        id: String,
        work: Work,
        weight: u32,
        tokens: u32,
    ) -> Option<&'static str> {
        match self.rate.take(self.now, tokens) {
            Ok(()) => self.submit(id, work, weight, 1),
            Err(wait_ms) => self.refuse(id, TOO_OFTEN.again_after(wait_ms), 1),
        }
    }

    /// Begins a request, or lets it wait for its turn.
    fn submit(&mut self, id: String, work: Work, weight: u32, ops: u32) -> Option<&'static str> {
        let place = self.place(id, ops)?;
        let limits = &self.settings.limits;
        if self.gate.is_none() && self.queue.is_empty() && self.queue.has_room(weight, limits) {
            self.begin(place, weight, work);
        } else if self.queue.push(place, weight, work, limits).is_err() {
            self.fail(place, BUSY);
        }
        None
    }

    /// A place among the answers; none when so many wait that the connection ends.
    fn place(&mut self, id: String, ops: u32) -> Option<u64> {
        let most = 2 * self.limits().batch_ops_max * self.limits().in_flight_max.max(1) as usize;
        if self.answers.len() >= most {
            self.close(FLOOD);
            return None;
        }
        Some(self.answers.open(id, ops))
    }

    /// Answers a message in its turn with the reason why nothing is done.
    fn refuse(&mut self, id: String, failure: Failure, ops: u32) -> Option<&'static str> {
        if let Some(place) = self.place(id, ops) {
            self.fail(place, failure);
        }
        None
    }

    /// Answers what can be no message, in its turn, and ends the connection then.
    fn end(&mut self, failure: Failure, why: Violation) -> Option<&'static str> {
        let place = self.place(String::new(), 1)?;
        let mut ready = Ready::default();
        if !self.old {
            ready = say::error(String::new(), failure).into();
        }
        self.answer(place, Ready { then: Then::Close(why), ..ready });
        None
    }

    pub(super) fn begin(&mut self, place: u64, weight: u32, work: Work) {
        if let Some(open) = self.answers.find(place) {
            open.weight = weight;
            self.queue.begin(weight);
        }
        let needs_token = !matches!(work, Work::Auth(_) | Work::Unsubscribe(_));
        if needs_token && self.refuse_when_expired(place) {
            return;
        }
        match work {
            Work::Auth(request) => self.authenticate(place, request),
            Work::Write(ops) => self.write(place, ops),
            Work::Read(request) => self.begin_reading(place, request),
            Work::Directory => self.list(place),
            Work::Subscribe(request) => self.subscribe(place, request),
            Work::Unsubscribe(request) => self.unsubscribe(place, &request),
        }
    }

    /// A ping tells the time: its answer does not wait for those before it.
    fn pong(&mut self, id: String, ping: Ping) -> Option<&'static str> {
        if ping.time.len() > HLC_BYTES_MAX {
            return self.refuse(id, LONG_TIME, 1);
        }
        let server_time = self.server_time();
        self.send(say::pong(id, Pong { time: ping.time, server_time }));
        None
    }
}

/// How many operations a message would have written.
fn ops_of(payload: &Payload) -> u32 {
    match payload {
        Payload::SyncReq(request) => u32::try_from(request.ops.len()).unwrap_or(u32::MAX),
        _ => 1,
    }
}
