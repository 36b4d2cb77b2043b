//! Envelopes in bytes: what is too much is refused with its correlation id, and nothing harms.

use bytes::Bytes;
use proptest::{collection::vec, prelude::*};
use prost::Message as _;
use syncline_protocol::dialects::maps::{
    Limits,
    proto::{
        Ack, AuthRequest, Bucket, Envelope, ErrorCode, KeyDigest, OpResult, OperationBatch,
        OperationMessage, SyncRequest, SyncResponse, envelope::Payload,
    },
    wire::{BadEnvelope, decode, encode, encode_batch, encode_op_alone},
};

/// Small enough that a test goes beyond them at once.
fn limits() -> Limits {
    Limits {
        batch_ops_max: 3,
        batch_bytes_max: 100,
        paths_max: 4,
        items_max: 5,
        frame_bytes_max: 10_000,
        ..Limits::default()
    }
}

fn with(payload: Payload) -> Envelope {
    Envelope { correlation_id: "c1".into(), payload: Some(payload) }
}

fn op() -> OperationMessage {
    OperationMessage { map_name: "m".into(), key: "k".into(), ..OperationMessage::default() }
}

fn request(request: SyncRequest) -> Envelope {
    with(Payload::SyncReq(request))
}

/// Whether it is taken; if not, the correlation id and the code must be right.
fn is_taken(envelope: &Envelope) -> bool {
    match decode(encode(envelope), &limits()) {
        Ok(decoded) => {
            assert_eq!(&decoded, envelope);
            true
        }
        Err(BadEnvelope::TooMuch { correlation_id, fault, .. }) => {
            assert_eq!((&*correlation_id, fault.code), ("c1", ErrorCode::TooLarge));
            false
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn as_much_as_may_be_is_taken_and_one_more_is_not() {
    let request_of = |ops, paths, keys, have| {
        request(SyncRequest {
            ops: vec![op(); ops],
            paths: vec!["0".into(); paths],
            keys: vec!["k".into(); keys],
            have: vec![KeyDigest::default(); have],
            ..SyncRequest::default()
        })
    };
    assert!(is_taken(&request_of(3, 4, 2, 3)));
    assert!(!is_taken(&request_of(4, 0, 0, 0)));
    assert!(!is_taken(&request_of(0, 5, 0, 0)));
    assert!(!is_taken(&request_of(0, 0, 6, 0)));
    assert!(!is_taken(&request_of(0, 0, 3, 3)));
}

#[test]
fn the_bytes_of_operations_are_those_on_the_wire() {
    let of = |value: usize| {
        let op = OperationMessage { value: vec![7; value].into(), ..op() };
        request(SyncRequest { ops: vec![op.clone(), op], ..SyncRequest::default() })
    };
    let around = op().encoded_len() + 2;
    assert!(is_taken(&of(50 - around)));
    assert!(!is_taken(&of(51 - around)));
}

#[test]
fn answers_are_bounded_too() {
    let response = |response| with(Payload::SyncResp(response));
    let default = SyncResponse::default;
    let all: [fn(usize) -> SyncResponse; 5] = [
        |n| SyncResponse { buckets: vec![Bucket::default(); n], ..SyncResponse::default() },
        |n| SyncResponse { keys: vec![KeyDigest::default(); n], ..SyncResponse::default() },
        |n| SyncResponse { ops: vec![op(); n], ..SyncResponse::default() },
        |n| SyncResponse { missing_keys: vec!["k".into(); n], ..SyncResponse::default() },
        |n| SyncResponse { want_keys: vec!["k".into(); n], ..SyncResponse::default() },
    ];
    assert!(is_taken(&response(default())));
    for of in all {
        assert!(is_taken(&response(of(5))) && !is_taken(&response(of(6))));
    }
    let ack =
        |n| with(Payload::Ack(Ack { results: vec![OpResult::default(); n], ..Ack::default() }));
    assert!(is_taken(&ack(5)) && !is_taken(&ack(6)));
    let batch = |n| OperationBatch { ops: vec![op(); n], ..OperationBatch::default() };
    assert!(is_taken(&with(Payload::Batch(batch(5)))));
    assert!(!is_taken(&with(Payload::Batch(batch(6)))));
    let auth = |n| AuthRequest { capabilities: vec!["cursor".into(); n], ..AuthRequest::default() };
    assert!(is_taken(&with(Payload::Auth(auth(64)))) && !is_taken(&with(Payload::Auth(auth(65)))));
}

/// Two payloads of one kind are merged: so they are counted together.
#[test]
fn a_payload_in_two_parts_is_counted_whole() {
    let part = request(SyncRequest { ops: vec![op(); 2], ..SyncRequest::default() });
    let bytes = encode(&part);
    assert!(decode(bytes.clone(), &limits()).is_ok());
    let twice = Bytes::from([&bytes[..], &bytes[..]].concat());
    assert!(matches!(decode(twice, &limits()), Err(BadEnvelope::TooMuch { .. })));
}

#[test]
fn a_long_correlation_id_is_not_sent_back() {
    let ops = SyncRequest { ops: vec![op(); 4], ..SyncRequest::default() };
    let payload = Some(Payload::SyncReq(ops));
    let envelope = Envelope { correlation_id: "c".repeat(65), payload };
    let Err(BadEnvelope::TooMuch { correlation_id, .. }) = decode(encode(&envelope), &limits())
    else {
        panic!("taken")
    };
    assert_eq!(correlation_id, "");
}

#[test]
fn nothing_and_the_unknown_are_envelopes_without_a_payload() {
    assert_eq!(decode(Bytes::new(), &limits()), Ok(Envelope::default()));
    // Fields 14 (bytes), 15 (a number), 100 (a group with a number in it), and a correlation id.
    let unknown = b"\x72\x02ab\x78\x07\xa3\x06\x08\x01\xa4\x06\x0a\x02c1";
    let envelope = Envelope { correlation_id: "c1".into(), payload: None };
    assert_eq!(decode(Bytes::from_static(unknown), &limits()), Ok(envelope));
}

#[test]
fn what_is_no_envelope() {
    let malformed: [&[u8]; 5] =
        [b"\x0a", b"\x0a\x05ab", b"\x0a\x01\xff", b"\x22\x02\x12\x05", b"\x07"];
    for bytes in malformed {
        let decoded = decode(Bytes::copy_from_slice(bytes), &limits());
        assert_eq!(decoded, Err(BadEnvelope::Malformed), "{bytes:?}");
    }
    // A length beyond everything, and groups without an end.
    let endless = [&b"\x22\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"[..], &[0x73; 9000]];
    for bytes in endless {
        let decoded = decode(Bytes::copy_from_slice(bytes), &limits());
        assert_eq!(decoded, Err(BadEnvelope::Malformed));
    }
    assert_eq!(decode(vec![0; 10_001].into(), &limits()), Err(BadEnvelope::TooLong));
}

proptest! {
    /// Within the limits prost alone decides what is an envelope.
    #[test]
    fn the_count_before_refuses_nothing_that_can_be_read(
        start in 0..9_usize, bytes in vec(prop_oneof![0..40_u8, any::<u8>()], 0..60)
    ) {
        let start = [&b""[..], b"\x12", b"\x1a", b"\x22", b"\x2a", b"\x32", b"\x3a", b"\x4a", b"\x0a"][start];
        let len = [bytes.len() as u8];
        let len = if start.is_empty() { &[][..] } else { &len };
        let bytes = Bytes::from([start, len, &bytes].concat());
        let most = Limits::default();
        prop_assert_eq!(decode(bytes.clone(), &most).ok(), Envelope::decode(bytes).ok());
    }

    #[test]
    fn pushes_are_written_as_prost_writes_them(
        values in vec(vec(any::<u8>(), 0..200), 1..5), cursor in vec(any::<u8>(), 0..40),
        prev_cursor in vec(any::<u8>(), 0..40)
    ) {
        let ops: Vec<_> =
            values.into_iter().map(|value| OperationMessage { value: value.into(), ..op() }).collect();
        let encoded: Vec<_> = ops.iter().map(OperationMessage::encode_to_vec).collect();
        let alone = Envelope { correlation_id: String::new(), payload: Some(Payload::Op(ops[0].clone())) };
        prop_assert_eq!(encode_op_alone(&encoded[0]), encode(&alone));
        let body = OperationBatch { ops, cursor: cursor.into(), prev_cursor: Bytes::new() };
        let pushed = encode_batch(&body.encode_to_vec(), &prev_cursor);
        let payload = Some(Payload::Batch(OperationBatch { prev_cursor: prev_cursor.into(), ..body }));
        prop_assert_eq!(pushed, encode(&Envelope { correlation_id: String::new(), payload }));
    }
}
