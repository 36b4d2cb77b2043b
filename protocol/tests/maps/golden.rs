//! The vectors that every implementation of the dialect shares: whoever changes a byte of them sees it here.

use std::{cmp::Ordering, fs, path::PathBuf};

use bytes::Bytes;
use prost::Message;
use serde_json::Value;
use syncline_protocol::dialects::maps::{
    Hlc, Kind, Leaf, Limits, Path, Prefix, Record, Totals, fingerprint, hash_of,
    proto::{
        Ack, AuthRequest, AuthResponse, AuthStatus, Envelope, OperationMessage, SyncRequest,
        envelope::Payload, operation_message::OpType, sync_request::Type,
    },
    wire::{decode, encode, encode_op_alone},
};

fn vectors() -> Value {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../data/golden/maps");
    let path = folder.join("vectors.json");
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    assert_eq!(text.len() % 2, 0);
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

/// The vectors that are envelopes, and what each says.
fn envelopes() -> [(&'static str, Envelope); 5] {
    let with = |id: &str, payload| Envelope { correlation_id: id.into(), payload: Some(payload) };
    let op = OperationMessage {
        map_name: "todos".into(),
        key: "todo:1".into(),
        value: Bytes::from_static(b"\x81\xa1t\x01"),
        timestamp: "1700000000000:0:client-A".into(),
        r#type: OpType::Put.into(),
        ttl_ms: 0,
    };
    let auth = AuthRequest {
        token: "eyJ.x.y".into(),
        protocol_version: 1,
        node_id: "client-A".into(),
        ..AuthRequest::default()
    };
    let auth_resp = AuthResponse {
        status: AuthStatus::Ok.into(),
        server_time: "1700000000002:0:srv-1".into(),
        user_id: "u1".into(),
        protocol_version: 1,
        ..AuthResponse::default()
    };
    let request = SyncRequest {
        r#type: Type::MerkleHashReq.into(),
        depth: 3,
        map_name: "todos".into(),
        ..SyncRequest::default()
    };
    [
        ("env_op_put", with("c1", Payload::Op(op))),
        ("env_ack_empty", with("c1", Payload::Ack(Ack::default()))),
        ("env_auth", with("a", Payload::Auth(auth))),
        ("env_authresp", with("a", Payload::AuthResp(auth_resp))),
        ("env_merkle_req_depth3", with("m", Payload::SyncReq(request))),
    ]
}

#[test]
fn envelopes_in_both_directions() {
    let vectors = vectors();
    for (name, envelope) in envelopes() {
        assert_eq!(hex(&encode(&envelope)), vectors[name].as_str().unwrap(), "{name}");
        let decoded = decode(unhex(&vectors[name]).into(), &Limits::default());
        assert_eq!(decoded, Ok(envelope), "{name}");
    }
}

#[test]
fn a_pushed_operation_is_the_same_but_for_the_correlation_id() {
    let [(name, envelope), ..] = envelopes();
    let Some(Payload::Op(op)) = envelope.payload else { panic!("no operation") };
    let record = Record::from_op(op, &Limits::default()).unwrap();
    let pushed = encode_op_alone(&record.to_op("todos").encode_to_vec());
    assert_eq!(hex(&pushed), vectors()[name].as_str().unwrap()["0a026331".len()..]);
}

/// The envelope of those who know the specification alone.
#[derive(Clone, PartialEq, Message)]
struct OldEnvelope {
    #[prost(string, tag = "1")]
    correlation_id: String,
    #[prost(oneof = "OldPayload", tags = "2, 3, 4, 5, 6")]
    payload: Option<OldPayload>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum OldPayload {
    #[prost(bytes, tag = "2")]
    Auth(Vec<u8>),
    #[prost(bytes, tag = "3")]
    Op(Vec<u8>),
    #[prost(bytes, tag = "4")]
    SyncReq(Vec<u8>),
    #[prost(bytes, tag = "5")]
    SyncResp(Vec<u8>),
    #[prost(bytes, tag = "6")]
    Ack(Vec<u8>),
}

#[test]
fn an_old_client_sees_no_payload_where_it_knows_none() {
    let vectors = vectors();
    let told = &vectors["old_client_sees_authresp_as"];
    let seen = OldEnvelope::decode(&*unhex(&vectors["env_authresp"])).unwrap();
    assert_eq!(seen.correlation_id, told["correlationId"].as_str().unwrap());
    assert!(told["payload"].is_null() && seen.payload.is_none());
    // It does see what it knows.
    let seen = OldEnvelope::decode(&*unhex(&vectors["env_ack_empty"])).unwrap();
    assert_eq!(seen.payload, Some(OldPayload::Ack(Vec::new())));
}

#[test]
fn every_vector_is_looked_at() {
    let known = envelopes().map(|(name, _)| name);
    let others = ["old_client_sees_authresp_as", "hlc", "merkle_v1", "lww_pairs"];
    for name in vectors().as_object().unwrap().keys() {
        assert!(known.contains(&&**name) || others.contains(&&**name), "{name}");
    }
}

#[test]
fn timestamps_are_read_and_refused() {
    let vectors = &vectors()["hlc"];
    for (text, parts) in vectors["parse_ok"].as_object().unwrap() {
        let hlc = Hlc::parse(text).unwrap();
        assert_eq!(hlc.millis, parts[0]);
        assert_eq!(hlc.counter, parts[1]);
        // The third part has the node, and how the text is printed again when it was not canonical.
        let said = parts[2].as_str().unwrap();
        let (node, canonical) = match said.split_once(" (canonical re-print ") {
            Some((node, rest)) => (node, rest.strip_suffix(')').unwrap()),
            None => (said, text.as_str()),
        };
        assert_eq!(hlc.node.as_str(), node);
        assert_eq!(hlc.to_string(), canonical);
    }
    for text in vectors["parse_reject"].as_array().unwrap() {
        assert!(Hlc::parse(text.as_str().unwrap()).is_err(), "{text}");
    }
}

#[test]
fn timestamps_ascend() {
    let all = vectors();
    let ascending = all["hlc"]["ascending"].as_array().unwrap();
    let parsed: Vec<_> =
        ascending.iter().map(|text| Hlc::parse(text.as_str().unwrap()).unwrap()).collect();
    assert!(parsed.len() > 1 && parsed.is_sorted_by(|a, b| a < b));
}

fn item(key: &str, item: &Value) -> Record {
    Record {
        key: key.into(),
        kind: if item["type"] == 0 { Kind::Put } else { Kind::Remove },
        hlc: Hlc::parse(item["timestamp"].as_str().unwrap()).unwrap(),
        ttl_ms: item["ttlMs"].as_u64().unwrap(),
        value: unhex(&item["value"]).into(),
    }
}

#[test]
fn hashes_paths_and_fingerprints() {
    let all = vectors();
    let tree = &all["merkle_v1"];
    let root = |totals: &Totals| Value::from(hex(&fingerprint(totals)));
    let mut totals = Totals::default();
    assert_eq!(root(&totals), tree["root_empty"]);
    let items = tree["items"].as_object().unwrap();
    assert_eq!(items.len(), 1);
    for (key, told) in items {
        let leaf = hash_of(&item(key, told));
        assert_eq!(hex(&leaf.0), told["leaf"].as_str().unwrap());
        assert_eq!(Prefix::new(Path::of(key), 8).to_string(), told["path8"].as_str().unwrap());
        assert!(Prefix::parse("9").unwrap().contains(Path::of(key)));
        totals.insert(&leaf);
    }
    assert_eq!(root(&totals), tree["root_first_only"]);
    assert_eq!(root(&totals), tree["level1_bucket_9"]["hash"]);
    assert_eq!(totals.count, tree["level1_bucket_9"]["count"]);
    totals.remove(&Leaf(unhex(&tree["items"]["todo:1"]["leaf"]).try_into().unwrap()));
    assert_eq!(root(&totals), tree["root_empty"]);
}

#[test]
fn of_two_writers_the_same_one_wins_in_both_orders() {
    let all = vectors();
    let pairs = all["lww_pairs"].as_array().unwrap();
    assert!(!pairs.is_empty());
    for pair in pairs {
        let record = |n: u8| Record {
            key: "k".into(),
            kind: if pair[format!("op{n}")] == "PUT" { Kind::Put } else { Kind::Remove },
            hlc: Hlc::parse(pair[format!("ts{n}")].as_str().unwrap()).unwrap(),
            ttl_ms: 0,
            value: Bytes::copy_from_slice(pair[format!("v{n}")].as_str().unwrap().as_bytes()),
        };
        let (first, second) = (record(1), record(2));
        assert!(pair["winner"].as_str().unwrap().starts_with("second"));
        assert_eq!(first.compare(&second), Ordering::Less, "{pair}");
        assert_eq!(second.compare(&first), Ordering::Greater, "{pair}");
    }
}
