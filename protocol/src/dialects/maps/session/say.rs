//! The messages of a session to its client, as bytes.
//!
//! Knows the wire; decides nothing.

use bytes::Bytes;
use prost::Message as _;

use super::super::{
    fault::Fault,
    proto::{
        Ack, AuthResponse, Envelope, ErrorCode, ErrorMessage, OpResult, Pong, SyncResponse,
        envelope::Payload, op_result::Outcome,
    },
};

/// Why a request as a whole was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) fault: Fault,
    /// When it may be tried again; 0 for no particular time.
    pub(super) retry_after_ms: u64,
    /// Whether the connection ends with it.
    pub(super) fatal: bool,
}

impl Failure {
    pub(super) const fn new(code: ErrorCode, message: &'static str) -> Self {
        Self { fault: Fault::new(code, message), retry_after_ms: 0, fatal: false }
    }

    /// The same, to be tried again after this time.
    pub(super) const fn again_after(self, retry_after_ms: u64) -> Self {
        Self { retry_after_ms, ..self }
    }

    /// The same, and the connection ends.
    pub(super) const fn fatal(self) -> Self {
        Self { fatal: true, ..self }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self { fault, retry_after_ms: 0, fatal: false }
    }
}

/// The result of an operation that was not taken.
pub(super) fn rejected(index: u32, fault: Fault) -> OpResult {
    OpResult {
        index,
        outcome: Outcome::Rejected.into(),
        code: fault.code.into(),
        message: fault.message.into(),
        current_timestamp: String::new(),
    }
}

fn envelope(correlation_id: String, payload: Payload) -> Bytes {
    Envelope { correlation_id, payload: Some(payload) }.encode_to_vec().into()
}

/// Says why a request failed to a client that knows `error`.
pub(super) fn error(correlation_id: String, failure: Failure) -> Bytes {
    let Failure { fault, retry_after_ms, fatal } = failure;
    let (code, message) = (fault.code.into(), fault.message.into());
    envelope(correlation_id, Payload::Error(ErrorMessage { code, message, retry_after_ms, fatal }))
}

/// Says it to one that knows `Ack` alone: every operation of the request was rejected.
pub(super) fn refusal(
    correlation_id: String,
    failure: Failure,
    ops: u32,
    server_time: String,
) -> Bytes {
    // Whoever reads the results must find each of its operations among them: what is not there counts
    // as applied.
    let results = (0..ops.max(1)).map(|index| rejected(index, failure.fault)).collect();
    ack(correlation_id, Ack { results, applied: 0, server_time, durable: false })
}

pub(super) fn ack(correlation_id: String, ack: Ack) -> Bytes {
    envelope(correlation_id, Payload::Ack(ack))
}

pub(super) fn auth_response(correlation_id: String, response: AuthResponse) -> Bytes {
    envelope(correlation_id, Payload::AuthResp(response))
}

pub(super) fn pong(correlation_id: String, pong: Pong) -> Bytes {
    envelope(correlation_id, Payload::Pong(pong))
}

pub(super) fn sync_response(correlation_id: String, response: SyncResponse) -> Bytes {
    envelope(correlation_id, Payload::SyncResp(response))
}
