//! `/v1/peer/…`: the peer dialect's door, a WebSocket in a room and what is stored of it.
//!
//! Who may, in which order it is asked, and what everyone is answered; what a packet means is the
//! protocol's. Pages of any origin may read the answers: a token in the request opens the door, never
//! a cookie.

mod access;
mod failed;
mod moderation;
mod packets;
mod place;
mod sweep;

use std::{rc::Rc, sync::Arc};

use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use syncline_protocol::dialects::peer::{
    Peer,
    relay::{Answer as Told, Command, Description, Handshake},
};

use tokio::task::spawn_local;

use self::{
    access::Entrant,
    failed::Failed,
    packets::Wanted,
    place::{Of, Place},
};
use super::{
    Shared, Ticket,
    answer::{Answer, Problem, json, problem},
    cors::Cors,
    entry, gzip, now, upgrade,
};
use crate::hub::Hub;

pub(super) use self::{moderation::PREFIX as ADMIN_PREFIX, place::PATH};

/// What pages of other origins may do.
const CORS: Cors = Cors { methods: "GET, OPTIONS", fields: "Authorization, Upgrade, Connection" };

/// Pages of stored packets that one user may ask for per second.
const PAGES_PER_SECOND: u32 = 32;

/// The dialect's HTTP side on one shard.
pub(super) struct Api {
    hub: Rc<Hub<Peer>>,
    shared: Arc<Shared>,
}

impl Api {
    pub(super) fn new(hub: Rc<Hub<Peer>>, shared: Arc<Shared>) -> Self {
        Self { hub, shared }
    }

    /// Begins to sweep the rooms that nobody visits.
    pub(super) fn begin_sweeps(&self) {
        spawn_local(sweep::sweep(self.hub.clone(), self.shared.clone()));
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
        let Place { room, of } = Place::of(request.uri().path())?;
        let entrant = access::admit(&identity, &room).inspect_err(|refused| {
            if let Failed::Unauthorized(denied) = refused {
                self.shared.metrics.token_refused(denied.label());
            }
        })?;
        match of {
            Of::Socket => self.open(entrant, room, ticket, request),
            Of::Packets if !matches!(*request.method(), Method::GET | Method::HEAD) => {
                Err(Failed::WrongMethod("GET, HEAD, OPTIONS"))
            }
            Of::Packets => {
                let answer = self.packets(&entrant, &room, request.uri().query()).await?;
                Ok(gzip::encode_for(request.headers(), answer))
            }
        }
    }

    /// Opens a WebSocket in a room.
    fn open(
        &self,
        entrant: Entrant,
        room: String,
        ticket: &Ticket,
        mut request: Request<Incoming>,
    ) -> Result<Answer, Failed> {
        // First, so that a page that asks without a WebSocket is told of it.
        let since_seq = packets::number(request.uri().query(), "since_seq")?;
        let switching = upgrade::check(&request).map_err(Failed::NoUpgrade)?;
        let shared = &self.shared;
        if !shared.admits_page(request.headers()) {
            let why = "pages of this origin may not open a WebSocket here";
            return Err(Failed::NoUpgrade(Box::new(problem(Problem::Forbidden, why))));
        }
        if !shared.health.is_ready() {
            return Err(Failed::Closed);
        }
        let subprotocol = entry::confirmed(None, &entry::offered(request.headers()));
        if let Some(mut open) = ticket.take() {
            open.keep(Box::new(shared.participants.enter(&room, entrant.identity.as_str())));
            let Entrant { identity, kind, may_publish, may_read_history, expires } = entrant;
            let session = self.hub.dialect().accept(Handshake {
                identity,
                room,
                kind,
                may_publish,
                may_read_history,
                since_seq,
                expires,
            });
            upgrade::hand_over(&self.hub, session, open, &mut request);
        }
        Ok(upgrade::switch(switching, subprotocol))
    }

    /// A page of what is stored of a room.
    async fn packets(
        &self,
        entrant: &Entrant,
        room: &str,
        query: Option<&str>,
    ) -> Result<Answer, Failed> {
        entrant.may_read_packets()?;
        let wanted = Wanted::of(query)?;
        let reader = entrant.identity.as_str();
        if !self.shared.rates.take(("packets", reader), PAGES_PER_SECOND, now()) {
            return Err(Failed::TooOften);
        }
        let described = self.describe(room).await?;
        let (me, moment) = (entrant.identity.canonical(), now());
        if described.bans.iter().any(|ban| ban.identity == me && moment < ban.until) {
            return Err(Failed::Forbidden("banned from the room"));
        }
        let log = self.hub.log(room).map_err(|_| Failed::Unreadable)?;
        let page = packets::page(log.as_ref(), described.durable_seq, &wanted, reader)?;
        Ok(json(StatusCode::OK, page.to_string()))
    }

    async fn describe(&self, room: &str) -> Result<Description, Failed> {
        match self.hub.call(room, Command::Describe, 0).await? {
            Told::Described(described) => Ok(described),
            _ => Err(Failed::Unreadable),
        }
    }
}
