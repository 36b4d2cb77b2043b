//! How names stand in URLs. Knows no dialect.

use std::fmt::Display;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What `encodeURIComponent` leaves as it is, as the original clients do.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// A text as one segment of a path, or as the value of a parameter.
pub(crate) fn escape(text: &str) -> impl Display {
    utf8_percent_encode(text, ESCAPED)
}
