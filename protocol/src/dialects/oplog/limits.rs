//! What one dataset may hold.
//!
//! Knows figures only.

use crate::dialect::Refused;

/// What one dataset may hold. 0 means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the stored operations and of the snapshot.
    pub dataset_bytes_max: u64,
    /// Operations that a generation takes, those behind a checkpoint too.
    pub dataset_ops_max: u64,
    /// Keys that were active once; each takes a few bytes for ever.
    pub generations_max: u64,
    /// Clients whose cursors are remembered; beyond that the one goes that was not seen longest.
    pub clients_max: u32,
    /// How long after it was last seen a client keeps checkpoints from dropping what it has not
    /// got, in milliseconds; here 0 means not at all.
    pub seen_for_ms: u64,
}

impl Default for Limits {
    /// 10,000 clients, 30 days, and no other limit.
    fn default() -> Self {
        Self {
            dataset_bytes_max: 0,
            dataset_ops_max: 0,
            generations_max: 0,
            clients_max: 10_000,
            seen_for_ms: 30 * 24 * 60 * 60 * 1000,
        }
    }
}

impl Limits {
    /// Why a generation may not have so many operations and its dataset so many bytes, if it may not.
    pub(super) fn hold(&self, ops: u64, bytes: u64) -> Result<(), Refused> {
        if over(ops, self.dataset_ops_max) {
            Err(Refused::RoomRecords)
        } else if over(bytes, self.dataset_bytes_max) {
            Err(Refused::RoomBytes)
        } else {
            Ok(())
        }
    }

    /// Why so many keys may not be remembered, if they may not.
    pub(super) fn remember(&self, keys: u64) -> Result<(), Refused> {
        if over(keys, self.generations_max) { Err(Refused::RoomRecords) } else { Ok(()) }
    }
}

fn over(figure: u64, max: u64) -> bool {
    max != 0 && figure > max
}
