//! `/v1/maps`: the maps dialect's door, a WebSocket at the path itself and one message a request below it.
//!
//! Who may is said by a token: in the first message of a WebSocket, in the header of a request. Pages of
//! any origin may read the answers, for no cookie opens the door.

mod exchange;
mod failed;

use std::{rc::Rc, sync::Arc};

use http::{HeaderMap, Method, Request, StatusCode, header, request};
use hyper::body::Incoming;
use syncline_protocol::dialects::maps::{Handshake, Host, Maps, Principal, proto::AuthStatus};

use self::{exchange::exchange, failed::Failed};
use super::{
    Shared, Ticket,
    answer::{Answer, answer},
    cors::Cors,
    entry, gzip,
    intake::Intake,
    now, upgrade,
};
use crate::{auth::bearer, hub::Hub};

/// Where a WebSocket is opened.
pub(super) const PATH: &str = "/v1/maps";
/// Where one message is posted, and one is answered.
const SYNC_PATH: &str = "/v1/maps/sync";

/// The subprotocol that a peer may offer.
const SUBPROTOCOL: &str = "coord.v1";

/// The types that a message may be posted as; the first is what it is answered as.
const TYPES: [&str; 2] = ["application/x-protobuf", "application/protobuf"];

/// What pages of other origins may do.
const CORS: Cors =
    Cors { methods: "GET, POST, OPTIONS", fields: "Content-Type, Content-Encoding, Authorization" };

/// The dialect's HTTP side on one shard.
pub(super) struct Api {
    hub: Rc<Hub<Maps>>,
    shared: Arc<Shared>,
    intake: Intake,
}

impl Api {
    pub(super) fn new(hub: Rc<Hub<Maps>>, shared: Arc<Shared>) -> Self {
        let intake = Intake {
            bytes_max: hub.dialect().settings().limits.frame_bytes_max,
            time: shared.config.limits.handshake_timeout,
            budget: shared.bodies.clone(),
        };
        Self { hub, shared, intake }
    }

    /// Answers a request whose path is the dialect's.
    pub(super) async fn respond(&self, ticket: &Ticket, request: Request<Incoming>) -> Answer {
        let method = request.method().clone();
        let answer =
            async { self.answer(ticket, request).await.unwrap_or_else(Failed::into_answer) };
        CORS.tell(method, answer).await
    }

    async fn answer(&self, ticket: &Ticket, request: Request<Incoming>) -> Result<Answer, Failed> {
        match request.uri().path() {
            PATH => self.open(ticket, request).await,
            SYNC_PATH if request.method() == Method::POST => {
                let (head, body) = request.into_parts();
                let answer = self.sync(&head, body).await?;
                Ok(gzip::encode_for(&head.headers, answer))
            }
            SYNC_PATH => Err(Failed::WrongMethod),
            _ => Err(Failed::NoPlace),
        }
    }

    /// Opens a WebSocket. Nobody knows yet whose.
    async fn open(
        &self,
        ticket: &Ticket,
        mut request: Request<Incoming>,
    ) -> Result<Answer, Failed> {
        let switching = upgrade::check(&request).map_err(Failed::NoUpgrade)?;
        if !self.shared.admits_page(request.headers()) {
            return Err(Failed::ForeignPage);
        }
        let session = self.hub.dialect().accept(self.handshake(None).await?);
        let offered = entry::offered(request.headers());
        let own = offered.contains(&SUBPROTOCOL).then_some(SUBPROTOCOL);
        let subprotocol = entry::confirmed(own, &offered);
        if let Some(open) = ticket.take() {
            upgrade::hand_over(&self.hub, session, open, &mut request);
        }
        Ok(upgrade::switch(switching, subprotocol))
    }

    /// Takes one message, and answers with one.
    async fn sync(&self, head: &request::Parts, body: Incoming) -> Result<Answer, Failed> {
        let mut handshake = self.handshake(None).await?;
        let principal = self.principal(&head.headers, &*handshake.host)?;
        if !is_message(&head.headers) {
            return Err(Failed::OtherType);
        }
        let limits = &self.hub.dialect().settings().limits;
        if !self.shared.rates.take(&principal.user, limits.requests_per_second, now()) {
            return Err(Failed::TooOften);
        }
        let received = self.intake.read(&head.headers, body).await.map_err(Failed::Body)?;
        handshake.principal = Some(principal);
        let session = self.hub.dialect().accept(handshake);
        let said = exchange(&self.hub, session, received).await?;
        let status = if said.closed { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        Ok(answer(status, TYPES[0], said.message))
    }

    async fn handshake(&self, principal: Option<Principal>) -> Result<Handshake, Failed> {
        let shared = &self.shared;
        if !shared.health.is_ready() {
            return Err(Failed::Unavailable("the server takes no new sessions"));
        }
        let host = shared.maps.host().await;
        let host = host.map_err(|_| Failed::Unavailable("the server's clock cannot be kept"))?;
        Ok(Handshake { number: shared.maps.number(), connected: now(), host, principal })
    }

    /// Who the holder of the token is that a header shows.
    fn principal(&self, headers: &HeaderMap, host: &dyn Host) -> Result<Principal, Failed> {
        let token = bearer(headers).ok_or_else(|| {
            self.shared.maps.missed_token();
            Failed::Unauthorized("a token is needed: Authorization: Bearer")
        })?;
        host.verify(token, now()).map_err(|status| match status {
            AuthStatus::Forbidden => Failed::Nobody,
            AuthStatus::ExpiredToken => Failed::Unauthorized("the token has expired"),
            _ => Failed::Unauthorized("the token is not believed here"),
        })
    }
}

/// Whether a request says that its body is a message.
fn is_message(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    TYPES.iter().any(|known| kind.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_message_says_what_it_is() {
        let of = |kind: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            is_message(&headers)
        };
        for kind in ["application/x-protobuf", "Application/Protobuf; proto=Envelope"] {
            assert!(of(kind), "{kind}");
        }
        for kind in ["", "application/json", "application/octet-stream", "text/plain"] {
            assert!(!of(kind), "{kind}");
        }
        assert!(!is_message(&HeaderMap::new()));
    }
}
