//! `/admin/…`: what an operator asks of a running server.
//!
//! Nobody learns that it is there who does not show a key, unless a token is configured.

use http::{Method, Request, StatusCode};
use serde_json::Value;

use super::answer::{Answer, Problem, answer, problem, unauthorized, wrong_method};
use crate::{
    admin::{Access, Admin, Refusal},
    auth::bearer,
};

/// What every path here begins with.
pub(super) const PREFIX: &str = "/admin/";
const STAT: &str = "/admin/stat";
const BACKUPS: &str = "/admin/backups/";

/// What somebody is answered who may not ask; `None` for an operator.
pub(super) fn refuse<B>(admin: &Admin, request: &Request<B>) -> Option<Answer> {
    match admin.access(bearer(request.headers())) {
        Access::Granted => None,
        Access::Off => Some(super::nothing()),
        Access::Refused => Some(unauthorized("a token is needed, and this is not it")),
    }
}

/// Answers an operator whose path begins with [`PREFIX`].
pub(super) fn respond<B>(admin: &Admin, request: &Request<B>) -> Answer {
    let (path, method) = (request.uri().path(), request.method());
    match (path, path.strip_prefix(BACKUPS)) {
        (STAT, _) if method == Method::GET => json(StatusCode::OK, &admin.stat()),
        (STAT, _) => not_allowed("GET"),
        (_, Some(name)) if method == Method::POST => begin(admin, name),
        (_, Some(name)) if method == Method::GET => match admin.backup(name) {
            Some(backup) => json(StatusCode::OK, &backup),
            None => {
                problem(Problem::NotFound, "none of the last backups that were begun has this name")
            }
        },
        (_, Some(_)) => not_allowed("GET, POST"),
        _ => super::nothing(),
    }
}

fn begin(admin: &Admin, name: &str) -> Answer {
    match admin.begin_backup(name) {
        Ok(backup) => json(StatusCode::ACCEPTED, &backup),
        Err(Refusal::BadName) => problem(
            Problem::BadRequest,
            "a backup's name is 1 to 100 letters, digits or any of -._, and begins with no dot",
        ),
        Err(Refusal::Exists) => problem(Problem::Conflict, "there is a backup of this name"),
        Err(Refusal::Busy) => problem(Problem::Conflict, "another backup has not ended"),
        Err(Refusal::NoThread) => problem(Problem::Unavailable, "the system has no thread left"),
    }
}

fn json(status: StatusCode, value: &Value) -> Answer {
    answer(status, "application/json", value.to_string())
}

fn not_allowed(methods: &'static str) -> Answer {
    wrong_method("this path answers other methods", methods)
}
