//! What pages of other origins may do at the doors that any page may come to: what opens these is a token
//! that a page shows, never a cookie.
//!
//! Knows no path. Doors that look at where a page is from have `origin`.

use std::future::Future;

use http::{HeaderValue, Method, StatusCode, header};

use super::answer::{Answer, empty};

/// What pages of other origins may do at one door, told with every answer.
pub(super) struct Cors {
    /// The methods that they may use.
    pub(super) methods: &'static str,
    /// The header fields that they may send.
    pub(super) fields: &'static str,
}

impl Cors {
    /// Adds it to the answer to a request, and answers who only asks for it (OPTIONS), without a token.
    pub(super) async fn tell(
        &self,
        method: Method,
        answer: impl Future<Output = Answer>,
    ) -> Answer {
        let mut answer =
            if method == Method::OPTIONS { empty(StatusCode::OK) } else { answer.await };
        for (name, value) in [
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            (header::ACCESS_CONTROL_ALLOW_METHODS, self.methods),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, self.fields),
        ] {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        answer
    }
}
