//! Why a request gets nothing of a room, and what it is answered: problem details.

use http::StatusCode;

use crate::{
    auth::Denied,
    http::answer::{
        Answer, Problem, details, disk_full, later_if_busy, problem, too_often, unauthorized,
        wrong_method,
    },
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
            Self::Unauthorized(Denied::Missing) => unauthorized("a token is needed"),
            Self::Unauthorized(_) => unauthorized("the token does not count here"),
            Self::Forbidden(why) => problem(Problem::Forbidden, why),
            Self::NoPlace => problem(Problem::NotFound, "there is nothing at this path"),
            Self::Bad(why) => problem(Problem::BadRequest, why),
            Self::WrongMethod(methods) => wrong_method("this path answers other methods", methods),
            Self::TooOften => too_often("too many requests of this user"),
            Self::Call(CallFailed::RoomFull) => {
                let why = "the room has as many bans as it may";
                details(StatusCode::INSUFFICIENT_STORAGE, "room_full", why)
            }
            Self::Call(CallFailed::Full) => disk_full(),
            Self::Call(CallFailed::Unreadable) | Self::Unreadable => {
                let why = "what is stored of the room cannot be read";
                details(StatusCode::INTERNAL_SERVER_ERROR, "unreadable", why)
            }
            Self::Call(CallFailed::Stopped) | Self::Closed => {
                later_if_busy(problem(Problem::Unavailable, "the server takes no new requests"))
            }
            Self::NoUpgrade(answer) => *answer,
        }
    }
}
