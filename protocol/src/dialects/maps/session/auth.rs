//! Who the client is: the first message, those that renew its token, and the end of its time.
//!
//! Knows tokens only by what the host says of them.

use super::{
    Asked, Gate, Session, UNAVAILABLE,
    answers::{Ready, Then},
    host::Principal,
    known::Whose,
    say::{self, Failure},
};
use crate::{
    dialect::{UnixMillis, Violation},
    dialects::maps::{
        command::{Answer, Command},
        hlc::NodeId,
        permissions::{Grants, Op},
        proto::{AuthRequest, AuthResponse, AuthStatus, ErrorCode},
    },
};

/// The version of the protocol that is spoken here.
const PROTOCOL_VERSION: u32 = 1;

/// What is spoken here beside what the specification asks for.
const CAPABILITIES: [&str; 2] = ["cursor", "negentropy1"];

pub(super) const NOT_AUTHENTICATED: Failure =
    Failure::new(ErrorCode::Unauthenticated, "the first message must be AuthRequest").fatal();
const TOKEN_EXPIRED: Failure =
    Failure::new(ErrorCode::TokenExpired, "the token has expired: send another AuthRequest");

pub(super) const UNAUTHENTICATED: Violation = Violation { code: 4401, reason: "not authenticated" };
const LATE: Violation = Violation { code: 4401, reason: "not authenticated in time" };
const EXPIRED: Violation = Violation { code: 4401, reason: "the token has expired" };
const REGISTRY_DOWN: Violation = Violation { code: 1013, reason: "not possible at the moment" };

/// Who a client is, as far as it has said.
pub(super) enum Standing {
    /// It has to say before this moment.
    Stranger { until: UnixMillis },
    /// Somebody.
    Member(Rights),
}

/// Whom a client speaks for, and what it may.
pub(super) struct Rights {
    pub(super) user: Box<str>,
    pub(super) grants: Grants,
    expires: UnixMillis,
    /// Its time has ended, and it was told so.
    pub(super) expired: bool,
    /// It has not named its node yet: the first that it writes with is taken for its own.
    pub(super) nameless: bool,
}

/// Somebody who is let in, or goes on, once the registry has said whose the node is.
pub(super) struct Entry {
    place: u64,
    principal: Principal,
    node: NodeId,
}

impl Standing {
    pub(super) fn begin(
        principal: Option<Principal>,
        connected: UnixMillis,
        within_ms: u64,
    ) -> Self {
        match principal {
            Some(principal) => Self::Member(Rights::of(principal, true)),
            None => Self::Stranger { until: UnixMillis(connected.0.saturating_add(within_ms)) },
        }
    }

    pub(super) fn ends(&self, grace_ms: u64) -> Option<(UnixMillis, Violation)> {
        Some(match self {
            Self::Stranger { until } => (*until, LATE),
            Self::Member(rights) => {
                (UnixMillis(rights.expires.0.saturating_add(grace_ms)), EXPIRED)
            }
        })
    }
}

impl Rights {
    fn of(principal: Principal, nameless: bool) -> Self {
        let Principal { user, grants, expires } = principal;
        Self { user: user.into(), grants, expires, expired: false, nameless }
    }
}

/// Why somebody is not let in.
type Refused = (AuthStatus, &'static str);

impl Session {
    /// The rights of a client that was let in.
    pub(super) fn rights(&self) -> Option<&Rights> {
        match &self.standing {
            Standing::Member(rights) => Some(rights),
            Standing::Stranger { .. } => None,
        }
    }

    /// Whether the client may do this with a map. The same for a map that is not there.
    pub(super) fn may(&self, map: &str, op: Op) -> bool {
        self.rights().is_some_and(|rights| rights.grants.may(map, op))
    }

    /// Whether its token has ended: it writes nothing, reads nothing and is told of no change until it has
    /// another.
    pub(super) fn has_expired(&self) -> bool {
        self.rights().is_some_and(|rights| rights.expired)
    }

    pub(super) fn authenticate(&mut self, place: u64, request: AuthRequest) {
        let (principal, node) = match self.check_in(&request) {
            Ok(checked) => checked,
            Err(why) => return self.keep_out(place, why),
        };
        let node = match node {
            Some(node) if self.known.node(&node) != Some(Whose::Ours) => node,
            named => return self.let_in(place, principal, named.is_none()),
        };
        if self.known.own_nodes_len() >= self.limits().nodes_per_session {
            let why = "this session has named as many nodes as it may";
            return self.keep_out(place, (AuthStatus::NodeIdRejected, why));
        }
        let bind =
            Command::Bind { user: principal.user.as_str().into(), node: node.clone(), claim: true };
        self.gate = Some(Gate::Auth(Box::new(Entry { place, principal, node })));
        self.ask_registry(bind, Asked::Node { at: 0 });
    }

    fn check_in(&self, request: &AuthRequest) -> Result<(Principal, Option<NodeId>), Refused> {
        let principal = self.host.verify(&request.token, self.now).map_err(|why| match why {
            AuthStatus::Unspecified | AuthStatus::Ok => (AuthStatus::InvalidToken, "no token"),
            AuthStatus::ExpiredToken => (why, "the token has expired"),
            AuthStatus::Forbidden => (why, "the token is not for this server"),
            _ => (why, "the token is not valid"),
        })?;
        if principal.expires <= self.now {
            return Err((AuthStatus::ExpiredToken, "the token has expired"));
        }
        if self.rights().is_some_and(|rights| *rights.user != *principal.user) {
            return Err((AuthStatus::Forbidden, "the token is another user's"));
        }
        if request.node_id.is_empty() {
            return Ok((principal, None));
        }
        match NodeId::new(&request.node_id) {
            Some(node) if !node.is_server() => Ok((principal, Some(node))),
            _ => Err((AuthStatus::NodeIdRejected, "nodeId cannot be a client's")),
        }
    }

    /// What the registry says of the node of somebody who waits for it.
    pub(super) fn entry_answered(&mut self, entry: Entry, outcome: Result<Answer, Failure>) {
        let Entry { place, principal, node } = entry;
        match outcome {
            Ok(Answer::Bound(true)) => {
                self.known.learn_node(node, Whose::Ours);
                self.let_in(place, principal, false);
            }
            Ok(Answer::Bound(false)) => {
                let why = "nodeId is another user's, or this one has too many";
                self.keep_out(place, (AuthStatus::NodeIdRejected, why));
            }
            _ if self.rights().is_some() => self.fail(place, UNAVAILABLE),
            _ => {
                let message = say::error(String::new(), UNAVAILABLE.fatal());
                let then = Then::Close(REGISTRY_DOWN);
                self.answer(place, Ready { then, ..message.into() });
            }
        }
    }

    fn let_in(&mut self, place: u64, principal: Principal, without_node: bool) {
        let response = AuthResponse {
            status: AuthStatus::Ok.into(),
            server_time: self.server_time(),
            user_id: principal.user.clone(),
            protocol_version: PROTOCOL_VERSION,
            capabilities: CAPABILITIES.map(Into::into).into(),
            limits: Some(self.limits().announced()),
            message: String::new(),
            session_id: self.host.session_id(self.number),
            token_expires_at_ms: principal.expires.0,
        };
        // Who came without a node and has written with one since goes on with that.
        let nameless = without_node && self.rights().is_none_or(|rights| rights.nameless);
        self.standing = Standing::Member(Rights::of(principal, nameless));
        self.known.forget_others();
        self.drop_what_is_forbidden();
        self.answer_auth(place, response, Then::Nothing);
    }

    /// Says that somebody is not let in. A session that has begun stays what it was.
    fn keep_out(&mut self, place: u64, (status, message): Refused) {
        let response = AuthResponse {
            status: status.into(),
            server_time: self.server_time(),
            protocol_version: PROTOCOL_VERSION,
            message: message.into(),
            ..AuthResponse::default()
        };
        let begun = self.rights().is_some();
        let then = if begun { Then::Nothing } else { Then::Close(UNAUTHENTICATED) };
        self.answer_auth(place, response, then);
    }

    fn answer_auth(&mut self, place: u64, response: AuthResponse, then: Then) {
        let Some(open) = self.answers.find(place) else { return };
        let message = say::auth_response(std::mem::take(&mut open.correlation_id), response);
        self.answer(place, Ready { then, ..message.into() });
    }

    /// Tells a client once when its token has ended. It keeps what it follows, for when it has another.
    pub(super) fn look_at_the_clock(&mut self) {
        let now = self.now;
        let Standing::Member(rights) = &mut self.standing else { return };
        if rights.expired || now < rights.expires {
            return;
        }
        rights.expired = true;
        // A client of version 0 would take an Ack for one of its own requests.
        if !self.old && !self.once {
            self.send(say::error(String::new(), TOKEN_EXPIRED));
        }
    }

    /// Refuses a request when the token has ended.
    pub(super) fn refuse_when_expired(&mut self, place: u64) -> bool {
        let expired = self.has_expired();
        if expired {
            self.fail(place, TOKEN_EXPIRED);
        }
        expired
    }
}
