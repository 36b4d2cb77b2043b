//! `/v1/…` and `/ws/…`: the workspace dialect's door, and what it answers without a WebSocket.
//!
//! Who may, in which order it is asked, and what everyone is answered; what an operation means is the
//! protocol's. Pages of any origin may read the answers: a token in the request opens the door, never
//! a cookie.

mod access;
mod failed;
mod place;
mod rest;

use std::{rc::Rc, sync::Arc};

use http::{Method, Request};
use hyper::body::Incoming;
use syncline_protocol::dialects::workspace::{Handshake, Workspace};

use self::{
    failed::Failed,
    place::{Of, PREFIXES, Place},
};
use super::{
    Shared, Ticket,
    answer::{Answer, Problem, problem},
    budget::Budget,
    cors::Cors,
    entry, gzip,
    intake::Intake,
    now, upgrade,
};
use crate::{auth::Identity, hub::Hub};

/// What pages of other origins may do.
const CORS: Cors = Cors {
    methods: "GET, POST, OPTIONS, PUT, DELETE, PATCH",
    fields: "Content-Type, Content-Encoding, Authorization, Upgrade, Connection",
};

/// Whether a path is the dialect's.
pub(super) fn has(path: &str) -> bool {
    PREFIXES.iter().any(|prefix| path.starts_with(prefix))
}

/// The dialect's HTTP side on one shard.
pub(super) struct Api {
    hub: Rc<Hub<Workspace>>,
    shared: Arc<Shared>,
    intake: Intake,
    /// What states that are being sent hold.
    states: Arc<Budget>,
}

impl Api {
    pub(super) fn new(hub: Rc<Hub<Workspace>>, shared: Arc<Shared>) -> Self {
        let intake = Intake {
            bytes_max: shared.config.workspace.message_bytes_max,
            time: shared.config.limits.handshake_timeout,
            budget: shared.bodies.clone(),
        };
        Self { hub, shared, intake, states: Budget::new(rest::STATES_BYTES_MAX) }
    }

    /// Answers a request whose path is the dialect's.
    pub(super) async fn respond(&self, ticket: &Ticket, request: Request<Incoming>) -> Answer {
        let method = request.method().clone();
        let answer =
            async { self.answer(ticket, request).await.unwrap_or_else(Failed::into_answer) };
        CORS.tell(method, answer).await
    }

    async fn answer(&self, ticket: &Ticket, request: Request<Incoming>) -> Result<Answer, Failed> {
        let identity = self.shared.identify(request.headers(), request.uri().query());
        let identity = identity.map_err(Failed::Unauthorized)?;
        let Place { workspace, of } = Place::of(request.uri().path())?;
        access::may_enter(&identity, &workspace)?;
        if !of.takes(request.method()) {
            return Err(Failed::WrongMethod(of.methods()));
        }
        if of == Of::Socket {
            return self.open(&identity, &workspace, ticket, request);
        }
        let (head, body) = request.into_parts();
        let answer = match of {
            Of::Socket | Of::Presence => self.presence(&workspace),
            Of::State => self.state(&workspace).await?,
            Of::Key(key) if head.method == Method::PUT => {
                if !access::may_write(&identity, &self.shared.config.workspace) {
                    return Err(Failed::Forbidden("the token has no scope to write"));
                }
                self.put(&workspace, &key, &head, body).await?
            }
            Of::Key(key) => self.key(&workspace, &key).await?,
        };
        Ok(gzip::encode_for(&head.headers, answer))
    }

    /// Opens a WebSocket in a workspace.
    fn open(
        &self,
        identity: &Identity,
        workspace: &str,
        ticket: &Ticket,
        mut request: Request<Incoming>,
    ) -> Result<Answer, Failed> {
        let switching = upgrade::check(&request).map_err(Failed::NoUpgrade)?;
        let shared = &self.shared;
        if !shared.admits_page(request.headers()) {
            let why = "pages of this origin may not open a WebSocket here";
            return Err(Failed::NoUpgrade(Box::new(problem(Problem::Forbidden, why))));
        }
        if shared.health.has_failed() {
            return Err(Failed::Broken);
        }
        if !shared.health.is_ready() {
            return Err(Failed::Draining);
        }
        let config = &shared.config;
        let user = access::user(identity, request.uri().query(), &config.workspace)?;
        let session = self.hub.dialect().accept(&Handshake {
            workspace,
            connected: now(),
            may_write: access::may_write(identity, &config.workspace),
            expires: identity.expires.filter(|_| config.auth.close_expired),
            pongs_at_once: access::pongs_at_once(request.headers()),
        });
        let subprotocol = entry::confirmed(None, &entry::offered(request.headers()));
        if let Some(mut open) = ticket.take() {
            open.keep(Box::new(shared.presence.enter(workspace, &user)));
            upgrade::hand_over(&self.hub, session, open, &mut request);
        }
        Ok(upgrade::switch(switching, subprotocol))
    }
}
