//! What a request's target says: segments of its path, parameters of its query.
//!
//! The raw path is split before its segments are decoded, so that an escaped slash is part of a
//! name and never a border.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// What stands between the borders of a path, still encoded; `None` when it does not begin with
/// `prefix` and a slash.
pub(crate) fn below<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    path.strip_prefix(prefix)?.strip_prefix('/')
}

/// One segment of a path, decoded; `None` when that is no UTF-8.
pub(crate) fn decoded(segment: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(segment).decode_utf8().ok()
}

/// The first value of a query parameter, decoded; empty when it stands there without one.
///
/// # Errors
/// [`NoText`] when the value is no UTF-8.
pub(crate) fn parameter<'a>(
    query: Option<&'a str>,
    name: &str,
) -> Result<Option<Cow<'a, str>>, NoText> {
    for part in query.unwrap_or_default().split('&') {
        let (found, value) = part.split_once('=').unwrap_or((part, ""));
        if found == name || form_decoded(found).is_ok_and(|found| found == name) {
            return form_decoded(value).map(Some);
        }
    }
    Ok(None)
}

/// The escaped bytes of a parameter are no UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoText;

/// As forms encode it: a plus is a blank.
fn form_decoded(text: &str) -> Result<Cow<'_, str>, NoText> {
    if !text.contains('+') {
        return percent_decode_str(text).decode_utf8().map_err(|_| NoText);
    }
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8().map_err(|_| NoText)?;
    Ok(Cow::Owned(decoded.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_split_before_it_is_decoded() {
        let rest = below("/v1/sync/a%2Fb%20c", "/v1/sync").unwrap();
        assert_eq!(rest, "a%2Fb%20c");
        assert_eq!(decoded(rest).unwrap(), "a/b c");
        assert_eq!(decoded("%ff"), None);
        assert_eq!(below("/v1/syncline/x", "/v1/sync"), None);
        assert_eq!(below("/v1/sync", "/v1/sync"), None);
    }

    #[test]
    fn parameters_are_decoded_as_forms_encode_them() {
        let query = Some("since=12&client%49d=a+b%2Bc&empty=&bare&bad=%ff&since=13");
        let value = |name| parameter(query, name).map(|value| value.map(Cow::into_owned));
        assert_eq!(value("since"), Ok(Some("12".into())));
        assert_eq!(value("clientId"), Ok(Some("a b+c".into())));
        assert_eq!(value("empty"), Ok(Some(String::new())));
        assert_eq!(value("bare"), Ok(Some(String::new())));
        assert_eq!(value("absent"), Ok(None));
        assert_eq!(value("bad"), Err(NoText));
        assert_eq!(parameter(None, "x"), Ok(None));
    }
}
