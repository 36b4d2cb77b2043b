//! The token that a request shows, wherever it stands, and comparing secrets. Nothing is judged here.

use std::{borrow::Cow, fmt};

use http::{HeaderMap, header};
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::TOKEN_BYTES_MAX;

/// What an entry of `Sec-WebSocket-Protocol` begins with that carries a token: a page in a browser
/// can set no other header.
pub(crate) const BEARER_PROTOCOL: &str = "syncline.bearer.";

/// What a parameter of a query begins with that carries a token.
const QUERY_NAMES: [&str; 2] = ["token=", "access_token="];

/// A token that was shown. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential<'a>(Cow<'a, str>);

impl Credential<'_> {
    /// The token itself, not to be logged.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.0
    }

    /// Whether it is this one, compared in constant time.
    #[must_use]
    pub fn is(&self, secret: &str) -> bool {
        same_secret(&self.0, secret)
    }
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential")
    }
}

/// The token that a request shows: that of `Authorization: Bearer`, else of an entry
/// `syncline.bearer.TOKEN` of `Sec-WebSocket-Protocol`, else of `token=` or `access_token=` (RFC 6750,
/// section 2.3) in the query.
///
/// What is said twice in one of these places is not said there at all: somebody on the way may have
/// looked at the other one.
#[must_use]
pub fn credential<'a>(headers: &'a HeaderMap, query: Option<&'a str>) -> Option<Credential<'a>> {
    let offered = || {
        let offers = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
        let offers = offers.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','));
        only(offers.filter_map(|offer| offer.trim().strip_prefix(BEARER_PROTOCOL)))
            .map(Cow::Borrowed)
    };
    let queried = || {
        let parts = query?.split('&');
        let shown = |part| QUERY_NAMES.iter().find_map(|name| str::strip_prefix(part, name));
        only(parts.filter_map(shown)).map(decoded)
    };
    bearer(headers).map(Cow::Borrowed).or_else(offered).or_else(queried).map(Credential)
}

/// The token of an `Authorization: Bearer` that is said once.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let header = only(headers.get_all(header::AUTHORIZATION).iter())?;
    let (scheme, shown) = header.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| shown.trim_start_matches(' '))
}

/// Whether two secrets are the same. Takes as long for any two: their digests are compared.
pub(crate) fn same_secret(a: &str, b: &str) -> bool {
    let (a, b) = (Sha256::digest(a), Sha256::digest(b));
    bool::from(a.as_slice().ct_eq(b.as_slice()))
}

/// The first, if there is no second.
fn only<T>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let first = all.next()?;
    all.next().is_none().then_some(first)
}

/// The value of a query as a form writes it. An overlong one stays as it is, to be refused as such.
fn decoded(text: &str) -> Cow<'_, str> {
    if text.len() > TOKEN_BYTES_MAX || !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned().into()
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn shown(headers: &[(HeaderName, &str)], query: Option<&str>) -> Option<String> {
        let all = headers.iter();
        let map: HeaderMap =
            all.map(|(n, v)| (n.clone(), HeaderValue::from_str(v).unwrap())).collect();
        credential(&map, query).map(|credential| credential.token().to_owned())
    }

    #[test]
    fn the_header_is_over_the_subprotocol_is_over_the_query() {
        let bearer = (header::AUTHORIZATION, "Bearer a");
        let offer = (header::SEC_WEBSOCKET_PROTOCOL, "syncline, syncline.bearer.b");
        let query = Some("x=1&token=c");
        assert_eq!(shown(&[bearer.clone(), offer.clone()], query).as_deref(), Some("a"));
        assert_eq!(shown(std::slice::from_ref(&offer), query).as_deref(), Some("b"));
        assert_eq!(shown(&[], query).as_deref(), Some("c"));
        assert_eq!(shown(&[], Some("x=1&access_token=d")).as_deref(), Some("d"));
        assert_eq!(shown(&[], Some("tokens=c&atoken=d")), None);
        assert_eq!(shown(&[], None), None);
        let basic = (header::AUTHORIZATION, "Basic Og==");
        assert_eq!(shown(std::slice::from_ref(&basic), query).as_deref(), Some("c"));
        assert_eq!(shown(&[(header::AUTHORIZATION, "bEARER  a")], None).as_deref(), Some("a"));
        assert_eq!(shown(&[(header::AUTHORIZATION, "Bearer")], query).as_deref(), Some("c"));
    }

    #[test]
    fn what_is_said_twice_is_not_said() {
        let twice = [(header::AUTHORIZATION, "Bearer a"), (header::AUTHORIZATION, "Bearer b")];
        assert_eq!(shown(&twice, None), None);
        assert_eq!(shown(&[], Some("token=a&token=b")), None);
        assert_eq!(shown(&[], Some("token=a&access_token=a")), None);
        let offers = "syncline.bearer.a, syncline.bearer.b";
        assert_eq!(shown(&[(header::SEC_WEBSOCKET_PROTOCOL, offers)], None), None);
    }

    #[test]
    fn a_query_is_decoded_as_a_form_writes_it() {
        assert_eq!(shown(&[], Some("token=a%2Eb%2ec+d")).as_deref(), Some("a.b.c d"));
        assert_eq!(shown(&[], Some("token=")).as_deref(), Some(""));
        assert_eq!(shown(&[], Some("token=%ff%")).as_deref(), Some("\u{fffd}%"));
    }

    #[test]
    fn a_credential_is_compared_and_never_printed() {
        let headers = HeaderMap::new();
        let shown = credential(&headers, Some("token=the-secret")).unwrap();
        assert!(shown.is("the-secret"));
        for other in ["", "the-secre", "the-secret ", "the-secreT", "the-secretthe-secret"] {
            assert!(!shown.is(other));
        }
        assert!(!format!("{shown:?}").contains("secret"));
    }
}
