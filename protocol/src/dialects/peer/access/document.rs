//! The JSON objects in rows of groups, roles and members. Every participant must read the same from them.
//!
//! Knows no field.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

/// An object that names none of its own fields twice: who reads the first and who reads the last would
/// see two rows.
struct Once(Map<String, Value>);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Once;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Once, A::Error> {
                let mut fields = Map::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if fields.insert(name, value).is_some() {
                        return Err(Error::custom("a field is there twice"));
                    }
                }
                Ok(Once(fields))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// The object of a row's value; `None` for anything else.
pub(super) fn read(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_str::<Once>(text).ok().map(|object| object.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_only_and_every_field_once() {
        assert_eq!(read(r#"{"a":1,"b":{"c":[2]}}"#).map(|object| object.len()), Some(2));
        let deep = "[".repeat(10_000);
        let bad = [
            "",
            "null",
            "[]",
            "1",
            "{",
            r#"{"a":1}x"#,
            r#"{"a":1,"a":1}"#,
            r#"{"a":1e999}"#,
            &deep,
        ];
        for text in bad {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
