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
    while let Some(window) = rest.first_chunk()
        && let Some(ends) = number_ends(window)
    {
        rest = &rest[read_window(window, ends, &mut bytes)?..];
    }
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

/// How much text is looked at together: the ends of its numbers are the bits of a `u64`.
const BLOCK: usize = 64;
/// A block and enough bytes for a number that begins in it.
const WINDOW: usize = BLOCK + 4;

/// The places of the commas in a block, a bit each; `None` when there is anything but digits and
/// commas, or no comma.
fn number_ends(window: &[u8; WINDOW]) -> Option<u64> {
    let (words, _) = window[..BLOCK].as_chunks();
    let (mut ends, mut others) = (0, 0);
    for (place, &word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(word);
        let no_digit = at_least::<10>(word ^ in_each_byte(b'0'));
        let no_comma = at_least::<1>(word ^ in_each_byte(b','));
        others |= no_digit & no_comma;
        ends |= top_bits(no_digit) << (8 * place);
    }
    (others == 0 && ends != 0).then_some(ends)
}

const fn in_each_byte(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The top bit of each byte of `word` that is `LEAST` or more; `LEAST` is 1 to 128.
fn at_least<const LEAST: u8>(word: u64) -> u64 {
    let top = in_each_byte(0x80);
    (((word & !top) + in_each_byte(0x80 - LEAST)) | word) & top
}

/// The top bits of the eight bytes as one byte, that of the first byte lowest. No other bit of
/// `tops` is set.
fn top_bits(tops: u64) -> u64 {
    (tops >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// Reads the numbers that end at `ends` and returns where the next one begins. What a number is
/// does not wait for the one before: most of the time of a plain loop is that wait.
fn read_window(window: &[u8; WINDOW], mut ends: u64, bytes: &mut Vec<u8>) -> Option<usize> {
    let mut start = 0;
    while ends != 0 {
        let end = ends.trailing_zeros() as usize;
        bytes.push(value(*window[start..].first_chunk()?, end - start)?);
        start = end + 1;
        ends &= ends - 1;
    }
    Some(start)
}

/// The last bytes of a text, filled up to four with what is no digit.
fn padded(text: &[u8]) -> [u8; 4] {
    let mut padded = [0; 4];
    padded[..text.len()].copy_from_slice(text);
    padded
}

/// The number at the start of four bytes of text and its count of digits.
fn read_number(text: [u8; 4]) -> Option<(u8, usize)> {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    Some((value(text, count)?, count))
}

/// The number that the first `count` bytes of text, all of them digits, say in JSON. It has no
/// branch that depends on the count: the digits of random bytes are not predictable.
fn value(text: [u8; 4], count: usize) -> Option<u8> {
    /// The least number that needs so many digits.
    const LEAST: [u32; 4] = [0, 0, 10, 100];
    if count == 0 || count > 3 {
        return None;
    }
    let digits = u32::from_le_bytes(text) ^ u32::from_le_bytes([b'0'; 4]);
    let [_, hundreds, tens, ones] = (digits << (8 * (4 - count))).to_le_bytes();
    let value = 100 * u32::from(hundreds) + 10 * u32::from(tens) + u32::from(ones);
    if value < LEAST[count] { None } else { u8::try_from(value).ok() }
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
            let found = read(text.as_bytes()).filter(|(_, rest)| rest.is_empty());
            let expected: Option<Vec<u8>> = serde_json::from_str(&text).ok();
            if found.is_some() || !text.contains(' ') {
                prop_assert_eq!(found.map(|(bytes, _)| bytes), expected);
            }
        }

        #[test]
        fn a_wrong_byte_anywhere_is_seen(
            bytes in prop::collection::vec(0..=255_u8, 1..200), at: prop::sample::Index, wrong: u8
        ) {
            let mut text = written(&bytes).into_bytes();
            let at = at.index(text.len());
            text[at] = wrong;
            let found = read(&text).filter(|(_, rest)| rest.is_empty());
            let expected: Option<Vec<u8>> = serde_json::from_slice(&text).ok();
            if found.is_some() || !wrong.is_ascii_whitespace() {
                prop_assert_eq!(found.map(|(bytes, _)| bytes), expected);
            }
        }

        #[test]
        fn top_bits_keep_their_order(byte: u8) {
            let tops = (0..8).filter(|place| byte >> place & 1 == 1);
            let tops = tops.fold(0, |word, place| word | 0x80 << (8 * place));
            prop_assert_eq!(top_bits(tops), u64::from(byte));
        }
    }
}
