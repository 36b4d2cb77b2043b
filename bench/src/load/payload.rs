//! What the generator's changes carry, so that a receiver can tell a wrong one: when it was sent, its number, filler.

/// The least bytes of a payload.
pub(super) const BYTES_MIN: usize = 16;

/// Every so many payloads the filler is compared whole, otherwise only its end.
const WHOLE_EVERY: u64 = 16;
const SHIFTS: u64 = 251;

/// What a payload says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// When it was sent, on the generator's clock, in nanoseconds.
    pub(super) sent: u64,
    /// Its number among its sender's, from 0.
    pub(super) counter: u64,
}

/// Makes and checks payloads of one size.
#[derive(Debug)]
pub(super) struct Payloads {
    filler: Vec<u8>,
    scratch: Vec<u8>,
}

impl Payloads {
    /// Payloads of `bytes`, at least [`BYTES_MIN`].
    pub(super) fn new(bytes: usize) -> Self {
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        let filler = (0..bytes - BYTES_MIN + SHIFTS as usize)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state as u8
            })
            .collect();
        Self { filler, scratch: Vec::with_capacity(bytes) }
    }

    fn filler(&self, counter: u64) -> &[u8] {
        let start = (counter % SHIFTS) as usize;
        &self.filler[start..start + self.filler.len() - SHIFTS as usize]
    }

    /// The payload with this stamp.
    pub(super) fn make(&mut self, stamp: Stamp) -> &[u8] {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch.extend_from_slice(&stamp.sent.to_le_bytes());
        scratch.extend_from_slice(&stamp.counter.to_le_bytes());
        scratch.extend_from_slice(self.filler(stamp.counter));
        self.scratch = scratch;
        &self.scratch
    }

    /// The stamp of a payload that is whole, else `None`.
    #[inline]
    pub(super) fn check(&self, payload: &[u8]) -> Option<Stamp> {
        let (sent, rest) = payload.split_first_chunk()?;
        let (counter, filler) = rest.split_first_chunk()?;
        let stamp =
            Stamp { sent: u64::from_le_bytes(*sent), counter: u64::from_le_bytes(*counter) };
        let expected = self.filler(stamp.counter);
        if filler.len() != expected.len() {
            return None;
        }
        let from = if stamp.counter.is_multiple_of(WHOLE_EVERY) {
            0
        } else {
            filler.len().saturating_sub(8)
        };
        (filler[from..] == expected[from..]).then_some(stamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_gives_its_stamp_back_and_a_changed_one_does_not() {
        for bytes in [BYTES_MIN, 17, 128, 1024] {
            let mut payloads = Payloads::new(bytes);
            for counter in [0, 1, 250, 251, 1 << 40] {
                let stamp = Stamp { sent: 12_345, counter };
                let made = payloads.make(stamp).to_vec();
                assert_eq!(made.len(), bytes);
                assert_eq!(payloads.check(&made), Some(stamp));
                assert_eq!(payloads.check(&made[..bytes - 1]), None);
                if bytes > BYTES_MIN {
                    let mut changed = made;
                    changed[bytes - 1] ^= 1;
                    assert_eq!(payloads.check(&changed), None);
                }
            }
        }
    }
}
