//! A JSON value as the text it was written in, and typed values over it. Knows no protocol.

use std::{fmt, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::{RawValue, to_raw_value};

/// A value is not JSON, or not JSON of the type asked for.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct JsonError(#[from] serde_json::Error);

/// A JSON value as text, byte for byte as it was written: digits of large numbers and the order of
/// members stay. Cheap to clone. Values are equal when their texts are.
#[derive(Clone)]
pub struct Json(Arc<RawValue>);

impl Json {
    /// The text of a typed value.
    ///
    /// # Errors
    /// [`JsonError`] when the type cannot be written as JSON.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, JsonError> {
        Ok(Self(to_raw_value(value)?.into()))
    }

    /// A value from its text. Whitespace around it is dropped.
    ///
    /// # Errors
    /// [`JsonError`] when it is not one JSON value.
    pub fn from_text(text: impl Into<String>) -> Result<Self, JsonError> {
        Ok(Self(RawValue::from_string(text.into())?.into()))
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// The value as a type.
    ///
    /// # Errors
    /// [`JsonError`] when it is none of that type.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, JsonError> {
        Ok(serde_json::from_str(self.text())?)
    }

    pub(super) fn raw(&self) -> &RawValue {
        &self.0
    }
}

impl From<Box<RawValue>> for Json {
    fn from(raw: Box<RawValue>) -> Self {
        Self(raw.into())
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Json {}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_stays_as_it_was_written() {
        let text = r#"{"b": 12345678901234567890, "a":1.50}"#;
        assert_eq!(Json::from_text(format!(" {text}\n")).unwrap().text(), text);
        assert!(Json::from_text("{} {}").is_err());
        assert!(Json::from_text("").is_err());
    }

    #[test]
    fn typed_values_come_back() {
        let json = Json::of(&vec![Some("a"), None]).unwrap();
        assert_eq!(json.text(), r#"["a",null]"#);
        assert_eq!(json.to::<Vec<Option<String>>>().unwrap(), [Some("a".to_owned()), None]);
        assert!(json.to::<u8>().is_err());
    }
}
