//! The fields of a JSON object, as raw JSON, whatever their order and however often they are there.
//!
//! Knows no message.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The values of these fields of an object. Of a field that is there more than once the last one
/// counts, as it does for the parsers of the original clients and servers.
///
/// # Errors
/// When the text is no JSON or no object.
pub(super) fn of<'a, const N: usize>(
    json: &'a str,
    names: [&'static str; N],
) -> Result<[Option<&'a RawValue>; N], serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let values = Names(names).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(values)
}

/// Every field of an object, in its order. One that is there twice is twice in the list.
///
/// # Errors
/// When the text is no JSON or no object.
pub(super) fn all(json: &str) -> Result<Vec<(String, &RawValue)>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let all = deserializer.deserialize_map(All)?;
    deserializer.end()?;
    Ok(all)
}

struct All;

impl<'de> Visitor<'de> for All {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut all = Vec::new();
        while let Some(field) = map.next_entry()? {
            all.push(field);
        }
        Ok(all)
    }
}

struct Names<const N: usize>([&'static str; N]);

impl<'de, const N: usize> DeserializeSeed<'de> for Names<N> {
    type Value = [Option<&'de RawValue>; N];

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for Names<N> {
    type Value = [Option<&'de RawValue>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut values = [None; N];
        while let Some(name) = map.next_key::<String>()? {
            match self.0.iter().position(|wanted| *wanted == name) {
                Some(place) => values[place] = Some(map.next_value()?),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::of;

    fn found(json: &str) -> Option<[Option<&str>; 2]> {
        of(json, ["a", "b"]).ok().map(|values| values.map(|value| value.map(RawValue::get)))
    }

    #[test]
    fn the_last_of_a_field_counts() {
        assert_eq!(found(r#"{"a":1,"c":[{}],"a": [2 ]}"#), Some([Some("[2 ]"), None]));
        assert_eq!(found(r#" {"\u0062":null} "#), Some([None, Some("null")]));
        assert_eq!(found("{}"), Some([None, None]));
    }

    #[test]
    fn what_is_no_object_is_an_error() {
        for json in
            ["", "[]", "null", "1", "{", "{} x", "{\"a\":}", "{\"a\":1,}", "{\"\\ud800\":1}"]
        {
            assert_eq!(found(json), None, "{json}");
        }
    }
}
