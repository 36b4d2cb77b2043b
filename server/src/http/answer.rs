//! Responses: plain text, JSON, and errors as problem details (RFC 9457) or as dialects say them.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::json;

use super::body::Body;

/// A response.
pub(crate) type Answer = Response<Body>;

/// The type of what dialects answer.
pub(super) const JSON: &str = "application/json; charset=utf-8";

/// What a connection over the limit gets before it is closed.
pub(crate) const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\
Retry-After: 1\r\nContent-Length: 0\r\n\r\n";

/// The kinds of error, each with its status and a code that does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Conflict,
    UpgradeRequired,
    TooManyRequests,
    Unavailable,
}

impl Problem {
    fn parts(self) -> (StatusCode, &'static str) {
        match self {
            Self::BadRequest => (StatusCode::BAD_REQUEST, "bad_request"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::Conflict => (StatusCode::CONFLICT, "conflict"),
            Self::UpgradeRequired => (StatusCode::UPGRADE_REQUIRED, "upgrade_required"),
            Self::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "too_many_requests"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        }
    }
}

/// An error, said so that a program and a person understand it.
pub(super) fn problem(problem: Problem, detail: &str) -> Answer {
    let (status, code) = problem.parts();
    details(status, code, detail)
}

/// The same of a status that is no [`Problem`], with its own code.
pub(super) fn details(status: StatusCode, code: &'static str, detail: &str) -> Answer {
    static REQUESTS: AtomicU64 = AtomicU64::new(1);
    let request_id = format!("{:x}", REQUESTS.fetch_add(1, Ordering::Relaxed));
    tracing::debug!(request_id, code, detail, "refused a request");
    let body = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": detail,
        "code": code,
        "request_id": request_id,
    });
    answer(status, "application/problem+json", body.to_string())
}

/// There is no token, or not the one that is needed.
pub(super) fn unauthorized(detail: &str) -> Answer {
    with_header(problem(Problem::Unauthorized, detail), header::WWW_AUTHENTICATE, "Bearer")
}

/// The path takes these methods, and not that of the request.
pub(super) fn wrong_method(detail: &str, methods: &'static str) -> Answer {
    with_header(problem(Problem::MethodNotAllowed, detail), header::ALLOW, methods)
}

/// Somebody asks more often than one may.
pub(super) fn too_often(detail: &str) -> Answer {
    with_header(problem(Problem::TooManyRequests, detail), header::RETRY_AFTER, "1")
}

/// There is no room on the disk for what is to be stored.
pub(super) fn disk_full() -> Answer {
    details(StatusCode::INSUFFICIENT_STORAGE, "disk_full", "the disk is full")
}

/// Says when to come again, if that may help.
pub(super) fn later_if_busy(answer: Answer) -> Answer {
    let busy = answer.status() == StatusCode::SERVICE_UNAVAILABLE;
    if busy { with_header(answer, header::RETRY_AFTER, "1") } else { answer }
}

/// A plain text answer.
pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    answer(status, "text/plain; charset=utf-8", body)
}

/// JSON.
pub(super) fn json(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    answer(status, JSON, body)
}

/// An error as the dialects over HTTP say it: `{"error":"…"}`.
pub(super) fn error(status: StatusCode, text: &str) -> Answer {
    json(status, json!({ "error": text }).to_string())
}

/// No body at all.
pub(super) fn empty(status: StatusCode) -> Answer {
    let mut response = answer(status, JSON, Bytes::new());
    response.headers_mut().remove(header::CONTENT_TYPE);
    response
}

pub(super) fn answer(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    streamed(status, kind, Body::full(body))
}

/// An answer whose body is made as it is taken.
pub(super) fn streamed(status: StatusCode, kind: &'static str, body: Body) -> Answer {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

pub(super) fn with_header(mut answer: Answer, name: HeaderName, value: &'static str) -> Answer {
    answer.headers_mut().insert(name, HeaderValue::from_static(value));
    answer
}
