//! A batch of operations against those that are stored: which are new, and storing these.
//!
//! Knows the log and the map of tuples; not the generation they belong to.

use std::collections::HashSet;

use prost::encoding::encode_varint;

use super::part::Part;
use crate::dialect::{Collections, Unreadable};

/// How much capacity each buffer keeps between commands, in bytes.
const BYTES_KEPT: usize = 64 * 1024;

/// Buffers that batches share.
#[derive(Default)]
pub(super) struct Scratch {
    record: Vec<u8>,
    seq: Vec<u8>,
    /// Of each operation of a batch, whether it is new.
    is_new: Vec<bool>,
}

/// What a batch would add.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Added {
    pub(super) ops: u64,
    /// At most so many bytes of records.
    pub(super) bytes: u64,
}

impl Scratch {
    /// Finds what of a batch is neither stored nor further ahead in it.
    pub(super) fn find_new(
        &mut self,
        ops: &Part,
        tuples: u64,
        collections: &impl Collections,
    ) -> Result<Added, Unreadable> {
        let mut added = Added::default();
        let mut seen = HashSet::with_capacity(if ops.len() > 1 { ops.len() } else { 0 });
        self.is_new.clear();
        for op in ops.iter() {
            let is_new = (ops.len() == 1 || seen.insert(op.tuple))
                && collections.get(tuples, op.tuple)?.is_none();
            self.is_new.push(is_new);
            if is_new {
                added.ops += 1;
                added.bytes += op.record_bytes_max();
            }
        }
        Ok(added)
    }

    /// Stores what was found to be new. The numbers of operations begin after `base` in the log.
    pub(super) fn append_new(
        &mut self,
        ops: &Part,
        base: u64,
        tuples: u64,
        collections: &mut impl Collections,
    ) {
        for (op, _) in ops.iter().zip(&self.is_new).filter(|(_, is_new)| **is_new) {
            let server_seq = collections.last_seq() + 1 - base;
            op.record(server_seq, &mut self.record);
            let seq = collections.append(&self.record);
            assert_eq!(seq, base + server_seq, "a record carries the number that its log gives it");
            self.seq.clear();
            encode_varint(server_seq, &mut self.seq);
            collections.put(tuples, op.tuple, &self.seq);
        }
    }

    /// Gives back what a large batch took.
    pub(super) fn shrink(&mut self) {
        self.record.clear();
        self.record.shrink_to(BYTES_KEPT);
        self.is_new.clear();
        self.is_new.shrink_to(BYTES_KEPT);
    }
}
