//! How deep a JSON value nests, without a stack.
//!
//! Takes JSON that was parsed already. Knows no message.

/// Whether arrays and objects of this JSON lie in each other at most `max` deep.
pub(super) fn within(json: &str, max: usize) -> bool {
    // As many brackets as levels at least: almost every value is through here.
    json.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count() <= max || deepest(json) <= max
}

/// The levels of the deepest place: 0 for a number.
fn deepest(json: &str) -> usize {
    let (mut depth, mut most, mut in_string) = (0_usize, 0, false);
    let mut bytes = json.bytes();
    while let Some(byte) = bytes.next() {
        match (in_string, byte) {
            (_, b'"') => in_string = !in_string,
            // What is escaped ends no string.
            (true, b'\\') => drop(bytes.next()),
            (true, _) => {}
            (false, b'[' | b'{') => {
                depth += 1;
                most = most.max(depth);
            }
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            (false, _) => {}
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn levels_count_and_brackets_in_strings_do_not() {
        let wide = format!("[{}]", vec!["[1]"; 100].join(","));
        let quoted = format!(r#"["{}\"{}\\"]"#, "[".repeat(100), "{".repeat(100));
        let deep = format!("{}{}", r#"{"a":["#.repeat(2), "]}".repeat(2));
        for (json, levels) in
            [("1", 0), ("[]", 1), ("{\"a\":{}}", 2), (&*wide, 2), (&*quoted, 1), (&*deep, 4)]
        {
            assert!(within(json, levels), "{json}");
            assert!(levels == 0 || !within(json, levels - 1), "{json}");
        }
    }
}
