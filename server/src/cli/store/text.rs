//! Bytes as people read and type them: text as it is, every other byte as `\xNN`.
//!
//! Pure. What is shown can be typed back, and nothing that is shown steers a terminal.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Bytes as text. A backslash is doubled; what is no printable text is `\xNN` byte by byte.
pub(super) fn escaped(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            let plain = c == '\'' || c == '"' || c.escape_debug().count() == 1;
            match c {
                '\\' => out += "\\\\",
                c if plain => out.push(c),
                c => c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| push(&mut out, byte)),
            }
        }
        chunk.invalid().iter().for_each(|byte| push(&mut out, *byte));
    }
    out
}

fn push(out: &mut String, byte: u8) {
    *out += &format!("\\x{byte:02x}");
}

/// The bytes of a text that may hold what [`escaped`] makes; `None` for another use of a backslash.
pub(super) fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('\\');
    let mut out = parts.next()?.as_bytes().to_vec();
    while let Some(part) = parts.next() {
        if part.is_empty() {
            // A doubled one: what follows it stands as it is.
            out.push(b'\\');
            out.extend_from_slice(parts.next()?.as_bytes());
        } else {
            let digits = part.strip_prefix('x')?.get(..2)?;
            let digits = digits.bytes().all(|c| c.is_ascii_hexdigit()).then_some(digits)?;
            out.push(u8::from_str_radix(digits, 16).ok()?);
            out.extend_from_slice(&part.as_bytes()[3..]);
        }
    }
    Some(out)
}

/// A number of bytes for people: `1.5 MiB`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1 << 10 {
        return format!("{bytes} B");
    }
    let power = (bytes.ilog2() / 10).min(UNITS.len() as u32);
    let number = bytes as f64 / (1_u64 << (10 * power)) as f64;
    format!("{number:.1} {}", UNITS[power as usize - 1])
}

/// A moment in milliseconds since the Unix epoch, as RFC 3339 has it, without parts of a second.
pub(super) fn time(ms: u64) -> String {
    let seconds = i64::try_from(ms / 1000).unwrap_or(i64::MAX);
    let moment = OffsetDateTime::from_unix_timestamp(seconds);
    let text = moment.ok().and_then(|moment| moment.format(&Rfc3339).ok());
    text.unwrap_or_else(|| format!("{ms} ms"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_can_be_typed_back() {
        let cases: [(&[u8], &str); 7] = [
            (b"title", "title"),
            (b"it's \"so\"", "it's \"so\""),
            (b"a\\b\\\\", "a\\\\b\\\\\\\\"),
            (b"\x1b[31m\n\0", "\\x1b[31m\\x0a\\x00"),
            (&[0xff, b'x', 0xc3], "\\xffx\\xc3"),
            ("ü\u{202e}".as_bytes(), "ü\\xe2\\x80\\xae"),
            (b"", ""),
        ];
        for (bytes, text) in cases {
            assert_eq!(escaped(bytes), text);
            assert_eq!(unescaped(text).as_deref(), Some(bytes), "{text}");
        }
        for byte in 0..=u8::MAX {
            assert_eq!(unescaped(&escaped(&[byte, b'0'])), Some(vec![byte, b'0']));
        }
    }

    #[test]
    fn other_uses_of_a_backslash_are_refused() {
        for text in ["\\", "a\\n", "\\x1", "\\xg0", "\\x+1", "\\x1ü", "\\\\\\"] {
            assert_eq!(unescaped(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in
            [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (u64::MAX, "16.0 EiB")]
        {
            assert_eq!(size(bytes), text);
        }
    }
}
