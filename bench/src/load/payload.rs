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

/// The least bytes of a payload that is text.
pub(super) const TEXT_BYTES_MIN: usize = 2 * BYTES_MIN;

/// Makes and checks payloads of one size.
#[derive(Debug)]
pub(super) struct Payloads {
    /// Whether they are small letters and digits, and no other bytes.
    text: bool,
    filler: Vec<u8>,
    scratch: Vec<u8>,
}

impl Payloads {
    /// Payloads of `bytes`, at least [`BYTES_MIN`], of any values.
    pub(super) fn new(bytes: usize) -> Self {
        Self::of(false, bytes - BYTES_MIN)
    }

    /// Payloads of `bytes`, at least [`TEXT_BYTES_MIN`], that can stand in a JSON string.
    pub(super) fn text(bytes: usize) -> Self {
        Self::of(true, bytes - TEXT_BYTES_MIN)
    }

    fn of(text: bool, filler_bytes: usize) -> Self {
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        let filler = (0..filler_bytes + SHIFTS as usize)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                if text { b'a' + (state % 26) as u8 } else { state as u8 }
            })
            .collect();
        Self { text, filler, scratch: Vec::new() }
    }

    fn filler(&self, counter: u64) -> &[u8] {
        let start = (counter % SHIFTS) as usize;
        &self.filler[start..start + self.filler.len() - SHIFTS as usize]
    }

    /// The payload with this stamp.
    pub(super) fn make(&mut self, stamp: Stamp) -> &[u8] {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        for number in [stamp.sent, stamp.counter] {
            if self.text {
                scratch.extend((0..16).map(|digit| hex(number >> (60 - 4 * digit))));
            } else {
                scratch.extend_from_slice(&number.to_le_bytes());
            }
        }
        scratch.extend_from_slice(self.filler(stamp.counter));
        self.scratch = scratch;
        &self.scratch
    }

    /// The stamp of a payload that is whole, else `None`.
    #[inline]
    pub(super) fn check(&self, payload: &[u8]) -> Option<Stamp> {
        let (stamp, filler) = if self.text { text_stamp(payload)? } else { stamp(payload)? };
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

fn stamp(payload: &[u8]) -> Option<(Stamp, &[u8])> {
    let (sent, rest) = payload.split_first_chunk()?;
    let (counter, filler) = rest.split_first_chunk()?;
    let (sent, counter) = (u64::from_le_bytes(*sent), u64::from_le_bytes(*counter));
    Some((Stamp { sent, counter }, filler))
}

fn text_stamp(payload: &[u8]) -> Option<(Stamp, &[u8])> {
    let (sent, rest) = payload.split_first_chunk::<16>()?;
    let (counter, filler) = rest.split_first_chunk::<16>()?;
    Some((Stamp { sent: number(sent)?, counter: number(counter)? }, filler))
}

fn hex(number: u64) -> u8 {
    b"0123456789abcdef"[(number & 15) as usize]
}

fn number(digits: &[u8; 16]) -> Option<u64> {
    digits.iter().try_fold(0, |number, &digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_gives_its_stamp_back_and_a_changed_one_does_not() {
        let sizes = [BYTES_MIN, 17, 128, 1024].map(|bytes| (bytes, Payloads::new(bytes)));
        let texts = [TEXT_BYTES_MIN, 33, 128].map(|bytes| (bytes, Payloads::text(bytes)));
        for (bytes, mut payloads) in sizes.into_iter().chain(texts) {
            for counter in [0, 1, 250, 251, 1 << 40] {
                let stamp = Stamp { sent: 12_345, counter };
                let made = payloads.make(stamp).to_vec();
                assert_eq!(made.len(), bytes);
                assert_eq!(payloads.check(&made), Some(stamp));
                assert_eq!(payloads.check(&made[..bytes - 1]), None);
                assert!(!payloads.text || made.iter().all(u8::is_ascii_alphanumeric));
                if bytes > TEXT_BYTES_MIN {
                    let mut changed = made;
                    changed[bytes - 1] ^= 1;
                    assert_eq!(payloads.check(&changed), None);
                }
            }
        }
    }
}
