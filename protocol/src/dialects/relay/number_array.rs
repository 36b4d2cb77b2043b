//! Byte strings as JSON arrays of numbers, both ways, as fast as the wire allows.
//!
//! Knows nothing of messages. It reads only the compact form (no white space) that JSON encoders
//! write by default; the caller falls back to a full JSON parser for anything else.

/// `"0,"` to `"255,"`, each padded to four bytes.
const WORDS: [[u8; 4]; 256] = words();

/// How many payload bytes are turned into text between two appends to the output.
const STRIDE: usize = 64;

const fn words() -> [[u8; 4]; 256] {
    let mut table = [[b','; 4]; 256];
    let mut value = 0;
    while value < 256 {
        let digits =
            [b'0' + (value / 100) as u8, b'0' + (value / 10 % 10) as u8, b'0' + (value % 10) as u8];
        let (mut from, mut to) = (3 - digit_count(value as u8), 0);
        while from < 3 {
            table[value][to] = digits[from];
            from += 1;
            to += 1;
        }
        value += 1;
    }
    table
}

const fn digit_count(value: u8) -> usize {
    1 + (value > 9) as usize + (value > 99) as usize
}

/// Appends `bytes` as a JSON array of numbers.
pub(super) fn write(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(3 * bytes.len() + 2);
    out.push(b'[');
    for stride in bytes.chunks(STRIDE) {
        let mut text = [0; 4 * STRIDE];
        let mut len = 0;
        for &byte in stride {
            text[len..len + 4].copy_from_slice(&WORDS[usize::from(byte)]);
            len += digit_count(byte) + 1;
        }
        out.extend_from_slice(&text[..len]);
    }
    if !bytes.is_empty() {
        out.pop(); // the last comma
    }
    out.push(b']');
}

/// Reads a compact array of numbers at the start of `text`: the bytes and what follows the array.
///
/// `None` when it is not one or when a number is above 255.
pub(super) fn read(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = text.strip_prefix(b"[")?;
    if let Some(after) = rest.strip_prefix(b"]") {
        return Some((Vec::new(), after));
    }
    // The payloads in the field are mostly two-digit numbers (text in a byte array).
    let mut bytes = Vec::with_capacity(rest.len() / 3 + 1);
    loop {
        let (value, digits) = match rest.first_chunk() {
            Some(text) => read_number(*text)?,
            None => read_number(padded(rest))?,
        };
        bytes.push(value);
        let (&end, after) = rest[digits..].split_first()?;
        rest = after;
        match end {
            b',' => {}
            b']' => return Some((bytes, rest)),
            _ => return None,
        }
    }
}

/// The last bytes of a text, filled up to four with what is no digit.
fn padded(text: &[u8]) -> [u8; 4] {
    let mut padded = [0; 4];
    padded[..text.len()].copy_from_slice(text);
    padded
}

/// The number at the start of four bytes of text and its count of digits, without a branch that
/// depends on that count: the digits of random bytes are not predictable.
fn read_number(text: [u8; 4]) -> Option<(u8, usize)> {
    let digits = u32::from_le_bytes(text) ^ 0x3030_3030;
    // The top bit of each byte that is no digit. A carry spoils only bytes above the first.
    let others = (digits.wrapping_add(0x7676_7676) | digits) & 0x8080_8080;
    let count = (others.trailing_zeros() / 8) as usize;
    if count == 0 || count > 3 {
        return None;
    }
    let [_, hundreds, tens, ones] = (digits << (8 * (4 - count))).to_le_bytes();
    let value = 100 * u32::from(hundreds) + 10 * u32::from(tens) + u32::from(ones);
    let leading_zero = count > 1 && text[0] == b'0';
    if leading_zero { None } else { Some((u8::try_from(value).ok()?, count)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        write(bytes, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_value_is_written_as_serde_json_writes_it() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(written(&all), serde_json::to_string(&all).unwrap());
        assert_eq!(written(&[]), "[]");
    }

    #[test]
    fn what_is_not_a_compact_array_of_bytes_is_not_read() {
        let texts = "[256] [-1] [01] [00] [1.0] [1e1] [,] [1,] [1000] [\"a\"] [ [1 [1, 1] [é]";
        for text in texts.split(' ').chain(["", "[1 ]", "[ 1]"]) {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
        assert_eq!(read(b"[]]"), Some((vec![], &b"]"[..])));
        assert_eq!(read(b"[7]"), Some((vec![7], &b""[..])));
    }

    proptest! {
        #[test]
        fn written_bytes_are_read_back(bytes: Vec<u8>) {
            for rest in ["", "}}"] {
                let text = written(&bytes) + rest;
                prop_assert_eq!(read(text.as_bytes()), Some((bytes.clone(), rest.as_bytes())));
            }
        }

        #[test]
        fn what_is_read_is_what_serde_json_reads(text in "\\[[0-9,.\\]\" -]{0,12}\\]") {
            let expected: Option<Vec<u8>> = serde_json::from_str(&text).ok();
            let found = read(text.as_bytes())
                .filter(|(_, rest)| rest.is_empty())
                .map(|(bytes, _)| bytes);
            if found.is_some() {
                prop_assert_eq!(found, expected);
            } else if !text.contains([' ', '-', '.']) {
                prop_assert_eq!(None, expected);
            }
        }
    }
}
