//! The tree of hashes of the maps dialect, a second time: by the formulas of its specification, from
//! operations as they are on the wire, in the plainest way.
//!
//! Knows nothing of how the server or its client have made theirs.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use syncline_protocol::dialects::maps::proto::OperationMessage;

fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// Bytes in lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("text takes text");
        text
    })
}

/// The 32 bytes of a key's path.
#[must_use]
pub fn path_bytes(key: &str) -> [u8; 32] {
    sha256(&[b"\x02", key.as_bytes()].concat())
}

/// A key's path: 64 digits. A bucket is a prefix of it.
#[must_use]
pub fn path(key: &str) -> String {
    hex(&path_bytes(key))
}

fn lp(bytes: &[u8]) -> Vec<u8> {
    let len = u32::try_from(bytes.len()).expect("a test's value is short");
    [&len.to_le_bytes()[..], bytes].concat()
}

/// The parts of a timestamp.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn parts(timestamp: &str) -> (u64, u32, &str) {
    let mut parts = timestamp.splitn(3, ':');
    let mut part = || parts.next().expect("a timestamp has three parts");
    (part().parse().expect("millis"), part().parse().expect("a counter"), part())
}

/// The hash of a stored operation.
#[must_use]
pub fn leaf(op: &OperationMessage) -> [u8; 32] {
    let (millis, counter, node) = parts(&op.timestamp);
    let node_len = u16::try_from(node.len()).expect("a node is short");
    let bytes = [
        vec![0],
        lp(op.key.as_bytes()),
        vec![u8::try_from(op.r#type).expect("PUT or REMOVE")],
        millis.to_le_bytes().to_vec(),
        counter.to_le_bytes().to_vec(),
        node_len.to_le_bytes().to_vec(),
        node.as_bytes().to_vec(),
        op.ttl_ms.to_le_bytes().to_vec(),
        lp(&op.value),
    ];
    sha256(&bytes.concat())
}

/// The fingerprint of a set of stored operations.
#[must_use]
pub fn fingerprint<'a>(ops: impl IntoIterator<Item = &'a OperationMessage>) -> Vec<u8> {
    let (mut sum, mut count) = ([0_u8; 32], 0_u64);
    for op in ops {
        let mut carry = 0_u16;
        for (digit, byte) in sum.iter_mut().zip(leaf(op)) {
            carry += u16::from(*digit) + u16::from(byte);
            *digit = carry as u8;
            carry >>= 8;
        }
        count += 1;
    }
    let mut number = vec![(count & 0x7f) as u8];
    while count > 0x7f {
        count >>= 7;
        number.insert(0, (count & 0x7f) as u8 | 0x80);
    }
    sha256(&[&sum[..], &number].concat())[..16].to_vec()
}

/// The fingerprint and the number of those whose path begins so.
#[must_use]
pub fn bucket(ops: &[OperationMessage], prefix: &str) -> (Vec<u8>, u64) {
    let within: Vec<_> = ops.iter().filter(|op| path(&op.key).starts_with(prefix)).collect();
    (fingerprint(within.iter().copied()), within.len() as u64)
}
