//! `/sync/…`: the oplog dialect over plain HTTP.
//!
//! Which path takes which method, who may ask, and what becomes of an answer. What a request means is
//! the protocol's, what it changes the hub's.

mod ask;
mod call;
mod events;
mod login;
mod news;
mod records;
mod tenant;

use std::{rc::Rc, sync::Arc};

use http::{Request, StatusCode, header, request};
use hyper::body::Incoming;
use syncline_protocol::dialects::oplog::{BadRequest, Oplog, Scopes};
use tokio::sync::watch;

use self::{call::Call, tenant::tenant_of};
use super::{
    Shared,
    answer::{Answer, error, later_if_busy, with_header},
    gzip,
    intake::{self, Intake},
    origin::Origins,
};
use crate::{
    config::OplogConfig,
    hub::{CallFailed, Hub},
};

pub(super) use self::login::{LOGIN_PREFIX, log_in};
pub(crate) use self::news::News;

/// What every path here begins with.
pub(super) const PREFIX: &str = "/sync/";

/// Header fields that a page of another origin may send.
const FIELDS: &str = "content-type, content-encoding, authorization";

/// The dialect's HTTP side on one shard.
pub(super) struct Api {
    hub: Rc<Hub<Oplog>>,
    shared: Arc<Shared>,
    intake: Intake,
    origins: Origins,
    scopes: Scopes,
    stop: watch::Receiver<bool>,
}

/// Why a request gets no answer of the dataset.
enum Failed {
    Unauthorized,
    ForeignPage,
    WrongMethod(Call),
    WrongType,
    Body(intake::Refused),
    Bad(BadRequest),
    NoText,
    NoWait,
    Call(CallFailed),
    Unreadable,
    /// The dataset was replaced again and again while it was read.
    Moving,
}

impl Api {
    pub(super) fn new(
        hub: Rc<Hub<Oplog>>,
        shared: Arc<Shared>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let OplogConfig { body_bytes_max, strict_scopes, cors_origins, .. } = &shared.config.oplog;
        let intake = Intake {
            bytes_max: *body_bytes_max,
            time: shared.config.limits.handshake_timeout,
            budget: shared.bodies.clone(),
        };
        let origins = Origins { allowed: cors_origins.clone() };
        let scopes = if *strict_scopes { Scopes::Strict } else { Scopes::Any };
        Self { hub, intake, origins, scopes, stop, shared }
    }

    /// Answers a request whose path begins with [`PREFIX`].
    pub(super) async fn respond(&self, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        let answer = match Call::of(head.uri.path(), &self.shared.config.oplog) {
            None => error(StatusCode::NOT_FOUND, "there is nothing at this path"),
            Some(call) if head.method == http::Method::OPTIONS => {
                return self.origins.preflight(&head.headers, call.methods(), FIELDS);
            }
            Some(call) => self.answer(call, &head, body).await.unwrap_or_else(Failed::into_answer),
        };
        self.origins.allow(&head.headers, gzip::encode_for(&head.headers, answer))
    }

    async fn answer(
        &self,
        call: Call,
        head: &request::Parts,
        body: Incoming,
    ) -> Result<Answer, Failed> {
        if !call.takes(&head.method) {
            return Err(Failed::WrongMethod(call));
        }
        if call.has_body() && !self.origins.admits(&head.headers) {
            return Err(Failed::ForeignPage);
        }
        let tenant = tenant_of(head, &self.shared).ok_or(Failed::Unauthorized)?;
        match call {
            Call::Bootstrap => self.bootstrap(&tenant).await,
            Call::Pull => self.pull(&tenant, head.uri.query()).await,
            Call::Events => Ok(self.events(tenant)),
            Call::Push | Call::Reset | Call::Checkpoint => {
                if !is_json(head) {
                    return Err(Failed::WrongType);
                }
                let body = self.intake.read(&head.headers, body).await.map_err(Failed::Body)?;
                self.change(&tenant, call, body).await
            }
        }
    }
}

/// Whether the body is said to be JSON, or nothing is said of it.
fn is_json(head: &request::Parts) -> bool {
    let Some(kind) = head.headers.get(header::CONTENT_TYPE) else { return true };
    let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json") || kind.to_ascii_lowercase().ends_with("+json")
}

impl Failed {
    fn into_answer(self) -> Answer {
        match self {
            Self::Unauthorized => {
                let refusal = error(StatusCode::UNAUTHORIZED, "Unauthorized: a token is needed");
                with_header(refusal, header::WWW_AUTHENTICATE, "Bearer")
            }
            Self::ForeignPage => {
                error(StatusCode::FORBIDDEN, "pages of this origin may change nothing here")
            }
            Self::WrongMethod(call) => {
                let refusal = error(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
                with_header(refusal, header::ALLOW, call.methods())
            }
            Self::WrongType => {
                error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be application/json")
            }
            Self::Body(refused) => {
                let (status, why) = refused.answer();
                later_if_busy(error(status, why))
            }
            Self::Bad(bad) => error(StatusCode::BAD_REQUEST, &bad.to_string()),
            Self::NoText => error(StatusCode::BAD_REQUEST, "a parameter is no UTF-8"),
            Self::NoWait => {
                error(StatusCode::BAD_REQUEST, "wait must be a number of seconds from 0")
            }
            Self::Call(failed) => call_failed(failed),
            Self::Unreadable => {
                error(StatusCode::INTERNAL_SERVER_ERROR, "the dataset cannot be read")
            }
            Self::Moving => {
                let why = "the dataset is being replaced";
                later_if_busy(error(StatusCode::SERVICE_UNAVAILABLE, why))
            }
        }
    }
}

fn call_failed(failed: CallFailed) -> Answer {
    let status = match failed {
        CallFailed::Unreadable => StatusCode::INTERNAL_SERVER_ERROR,
        CallFailed::Full => StatusCode::INSUFFICIENT_STORAGE,
        CallFailed::RoomFull => {
            let why = "the dataset holds as much as it may";
            return error(StatusCode::INSUFFICIENT_STORAGE, why);
        }
        CallFailed::Stopped => StatusCode::SERVICE_UNAVAILABLE,
    };
    later_if_busy(error(status, &failed.to_string()))
}
