//! WebSocket frames (RFC 6455, section 5): heads and masks. Knows no message and no socket.

/// Opcode of a text message.
pub(crate) const TEXT: u8 = 0x1;
/// Opcode of a binary message.
pub(crate) const BINARY: u8 = 0x2;
/// Opcode of a close frame.
pub(crate) const CLOSE: u8 = 0x8;
/// Opcode of a ping.
pub(crate) const PING: u8 = 0x9;
/// Opcode of a pong.
pub(crate) const PONG: u8 = 0xA;

const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;

/// The decoded head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Whether this is the last fragment of its message.
    pub(crate) fin: bool,
    /// What the frame carries.
    pub(crate) opcode: u8,
    /// Bytes of the head itself.
    pub(crate) head_bytes: usize,
    /// Bytes that follow the head.
    pub(crate) payload_bytes: usize,
    /// The key of a client's frame.
    pub(crate) mask: Option<[u8; 4]>,
}

impl Head {
    /// The head at the start of `bytes`, or `None` when it is not whole yet.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let (&first, rest) = bytes.split_first()?;
        let (&second, rest) = rest.split_first()?;
        let (payload_bytes, length_bytes) = match second & 0x7F {
            126 => (u64::from(u16::from_be_bytes(*rest.first_chunk()?)), 2),
            127 => (u64::from_be_bytes(*rest.first_chunk()?), 8),
            short => (u64::from(short), 0),
        };
        let masked = second & MASKED != 0;
        let mask = if masked { Some(*rest[length_bytes..].first_chunk()?) } else { None };
        Some(Self {
            fin: first & FIN != 0,
            opcode: first & 0x0F,
            head_bytes: 2 + length_bytes + if masked { 4 } else { 0 },
            payload_bytes: usize::try_from(payload_bytes).unwrap_or(usize::MAX),
            mask,
        })
    }

    /// Bytes of the whole frame.
    pub(crate) fn frame_bytes(&self) -> usize {
        self.head_bytes.saturating_add(self.payload_bytes)
    }
}

/// Appends the head of an unfragmented frame.
pub(crate) fn push_head(
    out: &mut Vec<u8>,
    opcode: u8,
    payload_bytes: usize,
    mask: Option<[u8; 4]>,
) {
    let masked = if mask.is_some() { MASKED } else { 0 };
    out.push(FIN | opcode);
    match payload_bytes {
        0..=125 => out.push(masked | payload_bytes as u8),
        126..=0xFFFF => {
            out.push(masked | 126);
            out.extend_from_slice(&(payload_bytes as u16).to_be_bytes());
        }
        _ => {
            out.push(masked | 127);
            out.extend_from_slice(&(payload_bytes as u64).to_be_bytes());
        }
    }
    if let Some(key) = mask {
        out.extend_from_slice(&key);
    }
}

/// Appends a client's unfragmented frame: masked, as a server wants it.
pub(crate) fn push_masked(out: &mut Vec<u8>, opcode: u8, payload: &[u8], key: [u8; 4]) {
    push_head(out, opcode, payload.len(), Some(key));
    let start = out.len();
    out.extend_from_slice(payload);
    apply_mask(&mut out[start..], key);
}

/// Bytes of an unfragmented frame.
pub(crate) fn frame_bytes(payload_bytes: usize, masked: bool) -> usize {
    let length_bytes = match payload_bytes {
        0..=125 => 0,
        126..=0xFFFF => 2,
        _ => 8,
    };
    2 + length_bytes + if masked { 4 } else { 0 } + payload_bytes
}

/// Masks or unmasks a payload in place.
pub(crate) fn apply_mask(payload: &mut [u8], key: [u8; 4]) {
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(key.iter().cycle()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_round_trip_at_every_length_form() {
        for payload_bytes in [0, 1, 125, 126, 65_535, 65_536, 6 << 20] {
            for mask in [None, Some([1, 2, 3, 4])] {
                let mut bytes = Vec::new();
                push_head(&mut bytes, BINARY, payload_bytes, mask);
                let head = Head::parse(&bytes).unwrap();
                assert_eq!(head.head_bytes, bytes.len());
                assert_eq!(head.frame_bytes(), frame_bytes(payload_bytes, mask.is_some()));
                assert_eq!((head.payload_bytes, head.mask), (payload_bytes, mask));
                assert_eq!((head.fin, head.opcode), (true, BINARY));
                for cut in 0..bytes.len() {
                    assert_eq!(Head::parse(&bytes[..cut]), None);
                }
            }
        }
    }

    #[test]
    fn a_mask_is_the_byte_wise_exclusive_or_of_the_key() {
        for length in 0..40_u8 {
            let plain: Vec<u8> = (0..length).collect();
            let mut masked = plain.clone();
            apply_mask(&mut masked, [7, 11, 13, 17]);
            for (i, byte) in masked.iter().enumerate() {
                assert_eq!(*byte, plain[i] ^ [7, 11, 13, 17][i % 4]);
            }
        }
    }
}
