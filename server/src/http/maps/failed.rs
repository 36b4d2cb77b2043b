//! Why a request gets no message of the dialect, and what it is answered: problem details.

use http::StatusCode;

use crate::http::{
    answer::{
        Answer, Problem, details, later_if_busy, problem, too_often, unauthorized, wrong_method,
    },
    intake,
};

/// Why a request gets no message.
#[derive(Debug)]
pub(super) enum Failed {
    Unauthorized(&'static str),
    /// The token is believed, and names nobody.
    Nobody,
    /// A page of an origin that may not.
    ForeignPage,
    NoPlace,
    WrongMethod,
    OtherType,
    TooOften,
    Body(intake::Refused),
    /// What came is no message, or none that may come so.
    BadMessage(&'static str),
    /// Takes nothing just now.
    Unavailable(&'static str),
    /// Whatever the upgrade found wrong.
    NoUpgrade(Box<Answer>),
}

impl Failed {
    pub(super) fn into_answer(self) -> Answer {
        match self {
            Self::Unauthorized(why) => unauthorized(why),
            Self::Nobody => problem(Problem::Forbidden, "the token does not say whose it is (sub)"),
            Self::ForeignPage => {
                problem(Problem::Forbidden, "pages of this origin may not open a WebSocket here")
            }
            Self::NoPlace => problem(Problem::NotFound, "there is nothing at this path"),
            Self::WrongMethod => wrong_method("a message is sent with POST", "POST, OPTIONS"),
            Self::OtherType => {
                let why = "a message is sent as application/x-protobuf";
                details(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", why)
            }
            Self::TooOften => too_often("too many requests of this user"),
            Self::Body(refused) => {
                let (status, why) = refused.answer();
                later_if_busy(details(status, "bad_body", why))
            }
            Self::BadMessage(why) => problem(Problem::BadRequest, why),
            Self::Unavailable(why) => later_if_busy(problem(Problem::Unavailable, why)),
            Self::NoUpgrade(answer) => *answer,
        }
    }
}
