//! Who a request is from: the token that it shows, and the page that a WebSocket was opened by.
//!
//! Knows what is asked of everybody; what a dialect asks beyond that is said where it is served.

use http::{HeaderMap, header};

use crate::auth::{BEARER_PROTOCOL, Denied, Identity, credential};

use super::Shared;

/// The subprotocol that a page offers beside its token, so that there is one to confirm.
const SUBPROTOCOL: &str = "syncline";

/// Subprotocols looked at, of those that a peer offers.
const SUBPROTOCOLS_MAX: usize = 16;

impl Shared {
    /// Who the holder of the token is that a request shows.
    ///
    /// # Errors
    /// [`Denied`], counted. The peer hears nothing of it but that it was refused.
    pub(crate) fn identify(
        &self,
        headers: &HeaderMap,
        query: Option<&str>,
    ) -> Result<Identity, Denied> {
        let shown = credential(headers, query).ok_or(Denied::Missing);
        let identity = shown.and_then(|shown| self.auth.verify(shown.token()));
        identity.inspect_err(|denied| self.metrics.token_refused(denied.label()))
    }

    /// Whether a WebSocket may be opened by the page that a request comes from (`[http] origins`). A
    /// program that is no browser names no page.
    pub(crate) fn admits_page(&self, headers: &HeaderMap) -> bool {
        let allowed = &self.config.http.origins;
        let mut named = headers.get_all(header::ORIGIN).iter();
        allowed.is_empty()
            || named.all(|origin| allowed.iter().any(|allowed| origin == allowed.as_str()))
    }
}

/// What a peer offers to speak, without the entry that carries its token.
pub(crate) fn offered(headers: &HeaderMap) -> Vec<&str> {
    headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty() && !name.starts_with(BEARER_PROTOCOL))
        .take(SUBPROTOCOLS_MAX)
        .collect()
}

/// The subprotocol to confirm: the dialect's own, else ours when it is offered. Never a token.
pub(crate) fn confirmed(own: Option<&'static str>, offered: &[&str]) -> Option<&'static str> {
    own.or_else(|| offered.contains(&SUBPROTOCOL).then_some(SUBPROTOCOL))
}
