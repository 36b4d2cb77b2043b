//! One JSON object on one line, its members in the order they were given.
//!
//! Knows how bytes that may be no text are said; nothing of what the members mean.

use data_encoding::BASE64;
use serde_json::Value;

/// An object that is being written.
#[derive(Debug)]
pub(super) struct Object(String);

impl Object {
    pub(super) fn new() -> Self {
        Self("{".into())
    }

    pub(super) fn text(self, name: &str, text: &str) -> Self {
        self.value(name, &Value::from(text))
    }

    pub(super) fn number(self, name: &str, number: u64) -> Self {
        self.value(name, &Value::from(number))
    }

    /// Bytes under `name` when they are text, else in base64 under `name` with `_base64` behind it:
    /// exactly one of the two is there.
    pub(super) fn bytes(self, name: &str, bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.text(name, text),
            Err(_) => self.text(&format!("{name}_base64"), &BASE64.encode(bytes)),
        }
    }

    pub(super) fn value(mut self, name: &str, value: &Value) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0 += &format!("\"{name}\":{value}");
        self
    }

    /// The finished line.
    pub(super) fn line(mut self) -> String {
        self.0 += "}\n";
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_bytes_say_what_they_are() {
        let line = Object::new()
            .text("z", "a\"b\n")
            .number("a", u64::MAX)
            .bytes("key", "ü".as_bytes())
            .bytes("value", &[0xff, 0])
            .line();
        let expected = "{\"z\":\"a\\\"b\\n\",\"a\":18446744073709551615,\"key\":\"ü\",\"value_base64\":\"/wA=\"}\n";
        assert_eq!(line, expected);
        assert_eq!(Object::new().line(), "{}\n");
    }
}
