//! Why a request gets nothing of a room, and what it is answered: problem details.

use http::{StatusCode, header};

use crate::{
    auth::Denied,
    http::answer::{Answer, Problem, details, problem, with_header},
    hub::CallFailed,
};

/// Why a request gets nothing of a room.
#[derive(Debug)]
pub(super) enum Failed {
    /// Its token is missing, not to be believed, or no token for rooms.
    Unauthorized(Denied),
    /// Its token is for something else, or its holder is not wanted here.
    Forbidden(&'static str),
    NoPlace,
    /// Its path or its query says what cannot be.
    Bad(&'static str),
    /// The methods that the path takes.
    WrongMethod(&'static str),
    TooOften,
    Call(CallFailed),
    /// What is stored cannot be read.
    Unreadable,
    /// The server takes no new connections.
    Closed,
    /// Whatever the upgrade found wrong.
    NoUpgrade(Box<Answer>),
}

impl From<CallFailed> for Failed {
    fn from(failed: CallFailed) -> Self {
        Self::Call(failed)
    }
}

impl Failed {
    pub(super) fn into_answer(self) -> Answer {
        match self {
            Self::Unauthorized(denied) => {
                let why = match denied {
                    Denied::Missing => "a token is needed",
                    _ => "the token does not count here",
                };
                let refusal = problem(Problem::Unauthorized, why);
                with_header(refusal, header::WWW_AUTHENTICATE, "Bearer")
            }
            Self::Forbidden(why) => problem(Problem::Forbidden, why),
            Self::NoPlace => problem(Problem::NotFound, "there is nothing at this path"),
            Self::Bad(why) => problem(Problem::BadRequest, why),
            Self::WrongMethod(methods) => {
                let refusal = problem(Problem::MethodNotAllowed, "this path answers other methods");
                with_header(refusal, header::ALLOW, methods)
            }
            Self::TooOften => {
                let refusal = problem(Problem::TooManyRequests, "too many requests of this user");
                with_header(refusal, header::RETRY_AFTER, "1")
            }
            Self::Call(CallFailed::RoomFull) => {
                let why = "the room has as many bans as it may";
                details(StatusCode::INSUFFICIENT_STORAGE, "room_full", why)
            }
            Self::Call(CallFailed::Full) => {
                details(StatusCode::INSUFFICIENT_STORAGE, "disk_full", "the disk is full")
            }
            Self::Call(CallFailed::Unreadable) | Self::Unreadable => {
                let why = "what is stored of the room cannot be read";
                details(StatusCode::INTERNAL_SERVER_ERROR, "unreadable", why)
            }
            Self::Call(CallFailed::Stopped) | Self::Closed => {
                let refusal = problem(Problem::Unavailable, "the server takes no new requests");
                with_header(refusal, header::RETRY_AFTER, "1")
            }
            Self::NoUpgrade(answer) => *answer,
        }
    }
}
