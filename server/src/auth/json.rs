//! JSON objects in which nothing is said twice: two readers of one token must not see two tokens.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value, error::Category};

use super::Denied;

/// An object, whole and alone. Nesting is bounded by the parser.
pub(super) fn object(text: &[u8]) -> Result<Map<String, Value>, Denied> {
    match serde_json::from_slice(text) {
        Ok(Once(Value::Object(object))) => Ok(object),
        // Nothing but a second member of one name is wrong with data that can be any value.
        Err(error) if error.classify() == Category::Data => Err(Denied::Duplicate),
        _ => Err(Denied::Malformed),
    }
}

/// Any value in which no object has two members of one name, at any depth.
struct Once(Value);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values).map(Self)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Once(item)) = items.next_element()? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some((name, Once(value))) = members.next_entry::<String, Once>()? {
            if all.insert(name, value).is_some() {
                return Err(A::Error::custom("a second member of one name"));
            }
        }
        Ok(Value::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_twice_is_refused_at_any_depth() {
        for text in [
            r#"{"sub":"a","sub":"b"}"#,
            r#"{"sub":"a","sub":"a"}"#,
            r#"{"sub":"a","\u0073ub":"b"}"#,
            r#"{"a":{"b":1,"b":2}}"#,
            r#"{"a":[{"b":1,"b":2}]}"#,
        ] {
            assert_eq!(object(text.as_bytes()), Err(Denied::Duplicate), "{text}");
        }
        let fine = object(br#"{"a":{"b":1},"b":[1,-2,0.5,true,null,{"a":{}}],"A":""}"#).unwrap();
        assert_eq!(fine.len(), 3);
    }

    #[test]
    fn only_one_whole_object_is_taken() {
        let deep = format!("{}{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
        let list = format!("{{\"a\":{}", "[".repeat(10_000));
        let number = r#"{"exp":1e400}"#;
        let mut all =
            vec!["", "{", "null", "[]", "1", "{} {}", "{}x", "\u{feff}{}", r#"{"a":NaN}"#];
        all.extend([r#"{"a":"\ud800"}"#, number, &deep, &list]);
        for text in all {
            assert_eq!(object(text.as_bytes()), Err(Denied::Malformed), "{text:.40}");
        }
        assert_eq!(object(b"{\"a\":\"\xff\"}"), Err(Denied::Malformed));
    }
}
