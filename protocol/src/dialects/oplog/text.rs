//! JSON tokens: reading one that serde has found whole, writing strings and numbers.
//!
//! Knows no request and no answer.

use std::borrow::Cow;

/// What a string token says; `None` when the token is no string, or one that says no text, as a lone
/// surrogate does.
pub(super) fn string(token: &str) -> Option<Cow<'_, str>> {
    let inner = token.strip_prefix('"')?.strip_suffix('"')?;
    if inner.as_bytes().contains(&b'\\') {
        serde_json::from_str(token).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// The value of a token, or of a query's value, that is all digits. What is larger than a `u64` counts as its maximum.
pub(super) fn digits(token: &str) -> Option<u64> {
    let mut value = 0_u64;
    for byte in token.bytes() {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value = value.saturating_mul(10).saturating_add(u64::from(digit));
    }
    (!token.is_empty()).then_some(value)
}

/// Whether arrays and objects of a token lie in each other at most `max` deep.
pub(super) fn nests_within(token: &str, max: usize) -> bool {
    // As many brackets as levels at least: almost every payload is through here.
    let opening = |byte: &u8| matches!(byte, b'[' | b'{');
    token.as_bytes().iter().filter(|byte| opening(byte)).count() <= max || levels(token) <= max
}

/// The levels of the deepest place; 0 for a number.
fn levels(token: &str) -> usize {
    let (mut level, mut deepest, mut in_string) = (0_usize, 0, false);
    let mut bytes = token.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' => drop(bytes.next()), // stands in strings only, and what follows ends none
            b'[' | b'{' if !in_string => {
                level += 1;
                deepest = deepest.max(level);
            }
            b']' | b'}' if !in_string => level = level.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Appends a JSON string.
pub(super) fn write_string(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a string into memory");
}

/// Appends a number in decimal.
pub(super) fn write_number(mut number: u64, out: &mut Vec<u8>) {
    let mut text = [0; 20];
    let mut at = text.len();
    loop {
        at -= 1;
        text[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&text[at..]);
}

#[cfg(test)]
mod tests {
    use super::{digits, nests_within, string, write_number, write_string};

    #[test]
    fn brackets_of_strings_are_no_levels() {
        let wide = format!("[{}]", ["[]"; 9].join(","));
        let text = format!(r#"["{}\\\"{}"]"#, "[{".repeat(9), "[".repeat(9));
        for (token, levels) in [("7", 0), ("[]", 1), (r#"{"a":[{}]}"#, 3), (&*wide, 2), (&*text, 1)]
        {
            assert!(nests_within(token, levels), "{token}");
            assert!(levels == 0 || !nests_within(token, levels - 1), "{token}");
        }
    }

    #[test]
    fn strings_are_read_with_and_without_escapes() {
        assert_eq!(string(r#""plain é""#).as_deref(), Some("plain é"));
        assert_eq!(string(r#""a\"\u0000\ud83d\ude00""#).as_deref(), Some("a\"\0\u{1f600}"));
        for no_text in [r#""\ud800""#, "7", "null", "\"", "[\"a\"]", ""] {
            assert_eq!(string(no_text), None, "{no_text}");
        }
    }

    #[test]
    fn numbers_are_digits_and_nothing_else() {
        for (token, value) in [("0", 0), ("007", 7), ("18446744073709551616", u64::MAX)] {
            assert_eq!(digits(token), Some(value));
        }
        for token in ["", "-1", "+1", "1.0", "1e3", " 1", "abc", "\"1\""] {
            assert_eq!(digits(token), None, "{token}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut out = Vec::new();
        for number in [0, 9, 10, 1_000, u64::MAX] {
            out.clear();
            write_number(number, &mut out);
            assert_eq!(out, number.to_string().as_bytes());
        }
        for text in ["", "a\"b\\c\n\0", "é\u{1f600}\u{2028}"] {
            out.clear();
            write_string(text, &mut out);
            assert_eq!(string(std::str::from_utf8(&out).unwrap()).as_deref(), Some(text));
        }
    }
}
