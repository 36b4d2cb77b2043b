//! From an HTTP request to a WebSocket session: who may, and what is answered who may not.

use std::{cell::Cell, rc::Rc};

use bytes::BytesMut;
use http::{HeaderValue, Method, Request, StatusCode, header};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use syncline_protocol::{
    dialect::{Accepted, Dialect, Handshake},
    dialects::relay::Relay,
};
use tokio::task::spawn_local;
use tungstenite::{
    error::{Error, ProtocolError},
    handshake::server::create_response,
};

use crate::{auth::credential, health::OpenConnection, hub::Hub};

use super::{
    Shared,
    answer::{Answer, Problem, problem, unauthorized, with_header, wrong_method},
    body::Body,
    entry,
    socket::Socket,
};

/// Answers an upgrade request, and gives the socket to the hub once the answer is written.
pub(super) fn answer(
    hub: &Rc<Hub<Relay>>,
    shared: &Shared,
    open: &Rc<Cell<Option<OpenConnection>>>,
    request: &mut Request<Incoming>,
) -> Answer {
    let switching = match check(request) {
        Ok(switching) => switching,
        Err(refusal) => return *refusal,
    };
    if !shared.admits_page(request.headers()) {
        return problem(Problem::Forbidden, "pages of this origin may not open a WebSocket here");
    }
    if !shows(request, shared.config.relay.token.as_deref()) {
        return unauthorized("a token is needed, and this is not it");
    }
    if !shared.health.is_ready() {
        return problem(Problem::Unavailable, "the server takes no new connections");
    }
    let offered = entry::offered(request.headers());
    let handshake = Handshake { path: request.uri().path(), subprotocols: &offered };
    let Accepted { session, subprotocol } = hub.dialect().accept(&handshake);
    let subprotocol = entry::confirmed(subprotocol, &offered);
    if let Some(open) = open.take() {
        hand_over(hub, session, open, request);
    }
    switch(switching, subprotocol)
}

/// The answer that switches protocols, and names the subprotocol if one was chosen.
pub(super) fn switch(switching: http::Response<()>, subprotocol: Option<&'static str>) -> Answer {
    let (mut parts, ()) = switching.into_parts();
    if let Some(subprotocol) = subprotocol {
        let value = HeaderValue::from_static(subprotocol);
        parts.headers.insert(header::SEC_WEBSOCKET_PROTOCOL, value);
    }
    Answer::from_parts(parts, Body::default())
}

/// Gives the socket to the hub once the answer is written.
pub(super) fn hand_over<D: Dialect>(
    hub: &Rc<Hub<D>>,
    session: D::Session,
    open: OpenConnection,
    request: &mut Request<Incoming>,
) {
    let upgrade = hyper::upgrade::on(request);
    spawn_local(take_over(upgrade, hub.clone(), session, open));
}

async fn take_over<D: Dialect>(
    upgrade: OnUpgrade,
    hub: Rc<Hub<D>>,
    session: D::Session,
    open: OpenConnection,
) {
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => return tracing::debug!(%error, "an upgrade did not happen"),
    };
    match upgraded.downcast::<TokioIo<Socket>>() {
        Ok(parts) => {
            let unread = BytesMut::from(&parts.read_buf[..]);
            hub.attach(parts.io.into_inner().into_stream(), session, unread, open);
        }
        Err(_) => tracing::error!("an upgraded connection is no TCP stream"),
    }
}

/// The 101 for a request that asks for a WebSocket as RFC 6455 wants it (section 4.2).
///
/// # Errors
/// The answer to a request that does not.
pub(super) fn check(request: &Request<Incoming>) -> Result<http::Response<()>, Box<Answer>> {
    if request.method() != Method::GET {
        return Err(wrong_method("a WebSocket opens with GET", "GET").into());
    }
    let mut head = Request::new(());
    *head.version_mut() = request.version();
    *head.uri_mut() = request.uri().clone();
    head.headers_mut().clone_from(request.headers());
    let response = create_response(&head).map_err(|error| Box::new(refusal(&error)))?;
    debug_assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS, "an upgrade is a 101");
    Ok(response)
}

fn refusal(error: &Error) -> Answer {
    match error {
        Error::Protocol(ProtocolError::MissingSecWebSocketVersionHeader) => {
            let refusal = problem(Problem::UpgradeRequired, "WebSocket version 13 is spoken here");
            with_header(refusal, header::SEC_WEBSOCKET_VERSION, "13")
        }
        Error::Protocol(
            ProtocolError::WrongHttpVersion
            | ProtocolError::MissingConnectionUpgradeHeader
            | ProtocolError::MissingUpgradeWebSocketHeader,
        ) => {
            let refusal = problem(Problem::UpgradeRequired, "this path speaks WebSocket");
            let refusal = with_header(refusal, header::UPGRADE, "websocket");
            with_header(refusal, header::SEC_WEBSOCKET_VERSION, "13")
        }
        _ => problem(Problem::BadRequest, "Sec-WebSocket-Key is missing or not a key"),
    }
}

/// Whether the request shows the token that is asked for, if one is.
fn shows(request: &Request<Incoming>, wanted: Option<&str>) -> bool {
    let shown = || credential(request.headers(), request.uri().query());
    wanted.is_none_or(|wanted| shown().is_some_and(|shown| shown.is(wanted)))
}
