//! Numbers in as few bytes as they need, seven bits in each, the lowest first.
//!
//! Knows no record. A number has exactly one form here: one with zeros at its end is not read.

/// A number from the front, and what follows it.
pub(super) fn read_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for (place, &byte) in bytes.iter().take(10).enumerate() {
        let bits = u64::from(byte & 0x7f);
        let shifted = bits << (7 * place);
        if shifted >> (7 * place) != bits {
            return None;
        }
        number |= shifted;
        if byte < 0x80 {
            let is_shortest = byte != 0 || place == 0;
            return is_shortest.then_some((number, &bytes[place + 1..]));
        }
    }
    None
}

pub(super) fn write_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_number_reads_back_and_no_other_form_of_it_does(number: u64, shift in 0..64_u32) {
            let number = number >> shift;
            let mut out = Vec::new();
            write_varint(number, &mut out);
            prop_assert!((0..out.len()).all(|cut| read_varint(&out[..cut]).is_none()));
            *out.last_mut().unwrap() |= 0x80;
            out.push(0);
            prop_assert_eq!(read_varint(&out), None);
            out.pop();
            *out.last_mut().unwrap() &= 0x7f;
            out.push(9);
            prop_assert_eq!(read_varint(&out), Some((number, &[9][..])));
        }

        #[test]
        fn what_is_read_is_written_so(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            if let Some((number, rest)) = read_varint(&bytes) {
                let mut out = Vec::new();
                write_varint(number, &mut out);
                out.extend_from_slice(rest);
                prop_assert_eq!(out, bytes);
            }
        }
    }
}
