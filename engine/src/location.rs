//! Where a frame stands: a segment's slot and an offset, in 40 bits.
//!
//! Knows numbers; nothing of segments or indexes.

/// Segments one open store can have, sealed ones included: slots have 15 bits.
pub(crate) const SLOTS_MAX: usize = 1 << 15;
const OFFSET_BITS: u32 = 25;
/// Bits of a packed location.
pub(crate) const LOCATION_BITS: u32 = 40;
const ALIGN_SHIFT: u32 = 3;

/// Place of a frame. Never packs to 0, since a segment begins with its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    /// The segment's place in the table of segments; not its id.
    pub(crate) slot: u16,
    /// Bytes from the start of the segment, a multiple of eight.
    pub(crate) offset: u32,
}

impl Location {
    pub(crate) fn pack(self) -> u64 {
        debug_assert!(self.offset.is_multiple_of(1 << ALIGN_SHIFT) && self.offset > 0);
        debug_assert!(self.offset >> ALIGN_SHIFT < 1 << OFFSET_BITS);
        u64::from(self.slot) << OFFSET_BITS | u64::from(self.offset >> ALIGN_SHIFT)
    }

    /// The location in the low 40 bits of a word.
    pub(crate) fn unpack(word: u64) -> Self {
        let offset = word as u32 & ((1 << OFFSET_BITS) - 1);
        let slot = (word >> OFFSET_BITS) as u16 & (SLOTS_MAX - 1) as u16;
        Self { slot, offset: offset << ALIGN_SHIFT }
    }

    /// The location `bytes` further on in the same segment.
    pub(crate) fn plus(self, bytes: usize) -> Self {
        Self { offset: self.offset + bytes as u32, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_come_back_and_ignore_what_is_above() {
        for slot in [0, 1, 32_767] {
            for offset in [8, 64, (256 << 20) - 8] {
                let location = Location { slot, offset };
                let packed = location.pack();
                assert!(packed > 0 && packed < 1 << LOCATION_BITS);
                assert_eq!(Location::unpack(packed), location);
                assert_eq!(Location::unpack(packed | 0xffff_ff00_0000_0000), location);
            }
        }
    }
}
