//! `/auth/login` and `/auth/logout`: where apps of the field send a browser that must log in.
//!
//! There is nothing to log in to: a server without tenants sends it back, and one with tenants takes
//! tokens that somebody else makes.

use http::{HeaderValue, Method, StatusCode, header, request};

use crate::{
    config::Tenants,
    http::answer::{Answer, empty, error, text, with_header},
};

/// What every path here begins with.
pub(in crate::http) const LOGIN_PREFIX: &str = "/auth/";
const LOGIN: &str = "/auth/login";
const LOGOUT: &str = "/auth/logout";

/// Answers a request whose path begins with [`LOGIN_PREFIX`].
pub(in crate::http) fn log_in(head: &request::Parts, tenants: Tenants) -> Answer {
    let allowed = match head.uri.path() {
        LOGIN if matches!(head.method, Method::GET | Method::HEAD) => return back(tenants),
        LOGOUT if head.method == Method::POST => return empty(StatusCode::NO_CONTENT),
        LOGIN => "GET, HEAD",
        LOGOUT => "POST",
        _ => return error(StatusCode::NOT_FOUND, "there is nothing at this path"),
    };
    let refusal = error(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
    with_header(refusal, header::ALLOW, allowed)
}

fn back(tenants: Tenants) -> Answer {
    match tenants {
        Tenants::None => {
            let mut answer = empty(StatusCode::FOUND);
            answer.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/"));
            answer
        }
        // Sent back, the app would ask without a token again, and come here again.
        Tenants::Token => text(
            StatusCode::UNAUTHORIZED,
            "This server takes tokens (Authorization: Bearer) and has no page to log in with.\n",
        ),
    }
}
