//! How far each client of a generation has got: in memory once they were needed, one entry each in a map.
//!
//! Knows no key and no operation. An entry's key is the number of its slot, so that all are found without
//! a scan; a client that goes for another leaves its slot to it.

use std::{collections::BTreeMap, sync::Arc};

use bytes::{Buf, Bytes};
use prost::encoding::{decode_varint, encode_varint};

use crate::dialect::{Collections, UnixMillis, Unreadable};

/// An entry is stored anew when it is this part of `seen_for` old, so that it does not look as if the client
/// had gone.
const REFRESHES: u64 = 16;

/// How far one client has got.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cursor {
    client_id: Arc<str>,
    /// The highest number that it said it has.
    acked: u64,
    /// The highest number that it was told.
    told: u64,
    /// When it last asked.
    seen: UnixMillis,
}

/// A client that has just been answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noted<'a> {
    pub(super) client_id: &'a str,
    /// What it said it has; 0 when it said nothing.
    pub(super) acked: u64,
    /// What it was told.
    pub(super) told: u64,
    pub(super) now: UnixMillis,
}

/// How many clients are remembered, and how long they count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// 0: no bound.
    pub(super) clients_max: u32,
    pub(super) seen_for_ms: u64,
}

/// The cursors of one generation.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    slots: Vec<Slot>,
    by_client: BTreeMap<Arc<str>, usize>,
}

#[derive(Debug)]
struct Slot {
    cursor: Cursor,
    /// When it was seen according to the stored entry.
    stored: UnixMillis,
}

impl Cursors {
    /// All of them, from their map.
    pub(super) fn load(map: u64, collections: &impl Collections) -> Result<Self, Unreadable> {
        let mut cursors = Self::default();
        while let Some(value) = collections.get(map, &slot_key(cursors.slots.len()))? {
            let cursor = Cursor::decode(value).ok_or(Unreadable)?;
            cursors.by_client.insert(Arc::clone(&cursor.client_id), cursors.slots.len());
            cursors.slots.push(Slot { stored: cursor.seen, cursor });
        }
        Ok(cursors)
    }

    /// Takes note of a client. Stored only when it says something new; a new client always, since the
    /// entries are read up to the first that is not there.
    pub(super) fn note(
        &mut self,
        noted: Noted<'_>,
        bounds: Bounds,
        map: u64,
        collections: &mut impl Collections,
    ) {
        let known = self.by_client.get(noted.client_id).copied();
        let at = known.unwrap_or_else(|| self.slot_for(noted.client_id, bounds.clients_max));
        let Slot { cursor, stored } = &mut self.slots[at];
        let is_new = known.is_none();
        let advances = is_new || noted.acked > cursor.acked || noted.told > cursor.told;
        cursor.acked = cursor.acked.max(noted.acked);
        cursor.told = cursor.told.max(noted.told);
        cursor.seen = cursor.seen.max(noted.now);
        let age = cursor.seen.0.saturating_sub(stored.0);
        if advances || age > bounds.seen_for_ms / REFRESHES {
            *stored = cursor.seen;
            collections.put(map, &slot_key(at), &cursor.encode());
        }
    }

    /// A slot for a client that has none: a new one, or that of the client that was not seen longest.
    fn slot_for(&mut self, client_id: &str, clients_max: u32) -> usize {
        let client_id: Arc<str> = client_id.into();
        let cursor = Cursor {
            client_id: Arc::clone(&client_id),
            acked: 0,
            told: 0,
            seen: UnixMillis::default(),
        };
        let slot = Slot { cursor, stored: UnixMillis::default() };
        let full = clients_max != 0 && self.slots.len() >= clients_max as usize;
        let oldest = (0..self.slots.len()).min_by_key(|at| self.slots[*at].cursor.seen);
        let at = match oldest.filter(|_| full) {
            Some(at) => {
                let gone = std::mem::replace(&mut self.slots[at], slot);
                self.by_client.remove(&gone.cursor.client_id);
                at
            }
            None => {
                self.slots.push(slot);
                self.slots.len() - 1
            }
        };
        self.by_client.insert(client_id, at);
        at
    }

    /// The lowest number that a client other than `client_id`, seen within `seen_for_ms`, says it has.
    pub(super) fn held_at(
        &self,
        client_id: &str,
        now: UnixMillis,
        seen_for_ms: u64,
    ) -> Option<u64> {
        self.slots
            .iter()
            .map(|slot| &slot.cursor)
            .filter(|cursor| now.0.saturating_sub(cursor.seen.0) <= seen_for_ms)
            .filter(|cursor| *cursor.client_id != *client_id)
            .map(|cursor| cursor.acked)
            .min()
    }
}

impl Cursor {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for number in [self.acked, self.told, self.seen.0] {
            encode_varint(number, &mut out);
        }
        out.extend_from_slice(self.client_id.as_bytes());
        out
    }

    fn decode(mut value: Bytes) -> Option<Self> {
        let mut numbers = [0; 3];
        for number in &mut numbers {
            *number = decode_varint(&mut value).ok()?;
        }
        let [acked, told, seen] = numbers;
        let client_id = std::str::from_utf8(value.chunk()).ok()?.into();
        Some(Self { client_id, acked, told, seen: UnixMillis(seen) })
    }
}

fn slot_key(at: usize) -> [u8; 4] {
    u32::try_from(at).expect("fewer than 2^32 clients in memory").to_be_bytes()
}
