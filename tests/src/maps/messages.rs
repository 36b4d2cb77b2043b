//! Messages of the maps dialect, as tests write them.

use bytes::Bytes;
use syncline_protocol::dialects::maps::proto::{
    Envelope, OperationMessage, Subscribe, SyncRequest, envelope::Payload,
    operation_message::OpType, sync_request,
};

/// A message under an id.
#[must_use]
pub fn envelope(id: &str, payload: Payload) -> Envelope {
    Envelope { correlation_id: id.into(), payload: Some(payload) }
}

/// An operation as it is sent alone.
#[must_use]
pub fn op(operation: OperationMessage) -> Payload {
    Payload::Op(operation)
}

/// Sets a key.
#[must_use]
pub fn put(map: &str, key: &str, value: &[u8], timestamp: &str) -> OperationMessage {
    OperationMessage {
        map_name: map.into(),
        key: key.into(),
        value: Bytes::copy_from_slice(value),
        timestamp: timestamp.into(),
        r#type: OpType::Put as i32,
        ttl_ms: 0,
    }
}

/// Removes a key.
#[must_use]
pub fn remove(map: &str, key: &str, timestamp: &str) -> OperationMessage {
    let r#type = OpType::Remove as i32;
    OperationMessage { r#type, ..put(map, key, b"", timestamp) }
}

/// Sends operations together.
#[must_use]
pub fn push(operations: Vec<OperationMessage>) -> SyncRequest {
    let r#type = sync_request::Type::Push as i32;
    SyncRequest { r#type, ops: operations, ..SyncRequest::default() }
}

/// Asks for keys.
#[must_use]
pub fn get(map: &str, keys: &[&str]) -> SyncRequest {
    SyncRequest {
        r#type: sync_request::Type::Get as i32,
        map_name: map.into(),
        keys: keys.iter().map(|&key| key.into()).collect(),
        ..SyncRequest::default()
    }
}

/// Asks for what changed after a cursor.
#[must_use]
pub fn pull(map: &str, cursor: &[u8]) -> SyncRequest {
    SyncRequest {
        r#type: sync_request::Type::PullSince as i32,
        map_name: map.into(),
        cursor: Bytes::copy_from_slice(cursor),
        ..SyncRequest::default()
    }
}

/// Asks for hashes below paths; `depth` and `levels` are the defaults.
#[must_use]
pub fn merkle(map: &str, paths: &[&str]) -> SyncRequest {
    SyncRequest {
        r#type: sync_request::Type::MerkleHashReq as i32,
        map_name: map.into(),
        paths: paths.iter().map(|&path| path.into()).collect(),
        ..SyncRequest::default()
    }
}

/// Asks for what differs below paths. Nothing is said to be there.
#[must_use]
pub fn buckets(map: &str, paths: &[&str]) -> SyncRequest {
    let r#type = sync_request::Type::BucketKeys as i32;
    SyncRequest { r#type, ..merkle(map, paths) }
}

/// Asks to be told of changes.
#[must_use]
pub fn subscribe(map: &str) -> Payload {
    Payload::Subscribe(Subscribe { map_name: map.into(), ..Subscribe::default() })
}

/// A sync request as a payload.
#[must_use]
pub fn payload(request: SyncRequest) -> Payload {
    Payload::SyncReq(request)
}
