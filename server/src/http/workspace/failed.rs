//! Why a request gets nothing of a workspace, and what it is answered.
//!
//! 401 and 500 are text, as clients of the dialect know them; the rest are problem details.

use http::{StatusCode, header};
use syncline_protocol::dialects::workspace::{NotStorable, VALUE_DEPTH_MAX};

use crate::{
    auth::Denied,
    http::{
        answer::{
            Answer, Problem, details, disk_full, later_if_busy, problem, text, with_header,
            wrong_method,
        },
        intake,
    },
    hub::CallFailed,
};

/// Why a request gets nothing of a workspace.
#[derive(Debug)]
pub(super) enum Failed {
    /// Its token is missing, or not to be believed.
    Unauthorized(Denied),
    /// Its token is for other workspaces, or for reading only.
    Forbidden(&'static str),
    NoPlace,
    BadPath(&'static str),
    BadParameter(&'static str),
    /// The methods that the path takes.
    WrongMethod(&'static str),
    NoKey,
    NotStorable(NotStorable),
    Body(intake::Refused),
    Full,
    /// Too many large answers are under way.
    Busy,
    Call(CallFailed),
    /// The store has failed.
    Broken,
    /// The server ends.
    Draining,
    /// Whatever the upgrade found wrong.
    NoUpgrade(Box<Answer>),
}

impl Failed {
    pub(super) fn into_answer(self) -> Answer {
        match self {
            Self::Unauthorized(denied) => unauthorized(denied),
            Self::Forbidden(why) => problem(Problem::Forbidden, why),
            Self::NoPlace => problem(Problem::NotFound, "there is nothing at this path"),
            Self::BadPath(why) | Self::BadParameter(why) => problem(Problem::BadRequest, why),
            Self::WrongMethod(methods) => wrong_method("this path answers other methods", methods),
            Self::NoKey => problem(Problem::NotFound, "the workspace has no such key"),
            Self::NotStorable(NotStorable::TooDeep) => {
                let why = format!("the value nests deeper than {VALUE_DEPTH_MAX} levels");
                problem(Problem::BadRequest, &why)
            }
            Self::NotStorable(why) => problem(Problem::BadRequest, &why.to_string()),
            Self::Body(refused) => {
                let (status, why) = refused.answer();
                later_if_busy(details(status, "bad_body", why))
            }
            Self::Full | Self::Call(CallFailed::RoomFull) => {
                let why = "the workspace holds as much as it may";
                details(StatusCode::INSUFFICIENT_STORAGE, "workspace_full", why)
            }
            Self::Call(CallFailed::Full) => disk_full(),
            Self::Call(CallFailed::Unreadable) | Self::Broken => {
                text(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error\n")
            }
            Self::Call(CallFailed::Stopped) | Self::Draining => {
                let why = "the server takes no new requests";
                later_if_busy(problem(Problem::Unavailable, why))
            }
            Self::Busy => {
                let why = "too many large workspaces are being read just now";
                later_if_busy(problem(Problem::Unavailable, why))
            }
            Self::NoUpgrade(answer) => *answer,
        }
    }
}

fn unauthorized(denied: Denied) -> Answer {
    let body = match denied {
        Denied::Missing => "Unauthorized: Bearer token required\n",
        _ => "Unauthorized: Invalid token\n",
    };
    with_header(text(StatusCode::UNAUTHORIZED, body), header::WWW_AUTHENTICATE, "Bearer")
}
