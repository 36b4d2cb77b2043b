//! One participant of a world, and the dice it is made with.

use std::ops::{Deref, DerefMut};

use syncline_protocol::dialects::peer::{
    id::PeerId,
    participant::{Event, Participant, Why},
    random::Random,
    store::MemoryStore,
};

/// A small generator, so that worlds are the same each time.
#[derive(Clone)]
pub(crate) struct Seeded(pub u64);

impl Seeded {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.next() % most
    }
}

impl Random for Seeded {
    fn fill(&mut self, out: &mut [u8]) {
        for part in out.chunks_mut(8) {
            let bytes = self.next().to_le_bytes();
            part.copy_from_slice(&bytes[..part.len()]);
        }
    }
}

/// One participant, and what it said.
pub(crate) struct Member {
    pub(crate) id: PeerId,
    pub(crate) room: String,
    pub(crate) participant: Participant<MemoryStore>,
    pub(crate) events: Vec<Event>,
    pub(crate) is_connected: bool,
    /// Added to its wall clock.
    pub(crate) wall_off_ms: i64,
}

impl Deref for Member {
    type Target = Participant<MemoryStore>;

    fn deref(&self) -> &Self::Target {
        &self.participant
    }
}

impl DerefMut for Member {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.participant
    }
}

impl Member {
    pub(crate) fn value(&self, table: &str, id: &str) -> Option<String> {
        self.participant.get(table, id).unwrap()
    }

    pub(crate) fn drops(&self, why: Why) -> u64 {
        self.participant.drops().of(why)
    }

    pub(crate) fn saw(&self, is: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| is(event)).count()
    }
}
