//! Why a request gets no message of the dialect, and what it is answered: problem details.

use http::{StatusCode, header};

use crate::http::{
    answer::{Answer, Problem, details, problem, with_header},
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
            Self::Unauthorized(why) => {
                let refusal = problem(Problem::Unauthorized, why);
                with_header(refusal, header::WWW_AUTHENTICATE, "Bearer")
            }
            Self::Nobody => problem(Problem::Forbidden, "the token does not say whose it is (sub)"),
            Self::ForeignPage => {
                problem(Problem::Forbidden, "pages of this origin may not open a WebSocket here")
            }
            Self::NoPlace => problem(Problem::NotFound, "there is nothing at this path"),
            Self::WrongMethod => {
                let refusal = problem(Problem::MethodNotAllowed, "a message is sent with POST");
                with_header(refusal, header::ALLOW, "POST, OPTIONS")
            }
            Self::OtherType => {
                let why = "a message is sent as application/x-protobuf";
                details(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", why)
            }
            Self::TooOften => {
                let why = "too many requests of this user";
                with_header(problem(Problem::TooManyRequests, why), header::RETRY_AFTER, "1")
            }
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

/// Says when to come again, if that may help.
fn later_if_busy(answer: Answer) -> Answer {
    let busy = answer.status() == StatusCode::SERVICE_UNAVAILABLE;
    if busy { with_header(answer, header::RETRY_AFTER, "1") } else { answer }
}
