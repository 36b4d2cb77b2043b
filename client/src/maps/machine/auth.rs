//! Being let in: the first message, its answer, tokens, and the server's clock.

use std::time::Duration;

use syncline_protocol::dialects::maps::{
    Hlc,
    proto::{AuthRequest, AuthResponse, AuthStatus, envelope::Payload},
};

use super::{
    super::replica::{Bounds, Replica},
    Ended, Event, Machine, Now,
    size::Size,
    told::words,
};

/// The version of the protocol that this client speaks.
const VERSION: u32 = 1;
const CURSORS: &str = "cursor";
const RANGES: &str = "negentropy1";
/// A token is renewed once in so long a time, even if it says that it lives longer.
const TOKEN_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// The least time between two tokens.
const TOKEN_REST: Duration = Duration::from_secs(1);
/// What the messages around the operations of a push take at most.
const AROUND_BYTES: usize = 256;

/// What the server has said of itself.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// It speaks more than the spec: levels, lists of leaves, pings.
    pub(super) extended: bool,
    pub(super) cursors: bool,
    pub(super) ranges: bool,
    pub(super) in_flight_max: usize,
    pub(super) drift_max_ms: u64,
    /// When a new token is to be asked for.
    token_at: Option<Duration>,
    /// It was told that this server's clock is ahead.
    ahead_told: bool,
}

/// Where the connection stands.
#[derive(Clone, Debug)]
pub(super) enum Link {
    /// There is none.
    Offline,
    /// The server has not let us in yet; it must by then.
    Opening(Duration),
    /// It has.
    Open(Peer),
}

impl Link {
    /// When something is due by itself.
    pub(super) fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Offline => None,
            Self::Opening(until) => Some(*until),
            Self::Open(peer) => peer.token_at,
        }
    }

    /// The server, once it has let us in.
    pub(super) fn peer(&self) -> Option<&Peer> {
        match self {
            Self::Open(peer) => Some(peer),
            Self::Offline | Self::Opening(_) => None,
        }
    }
}

impl Machine {
    /// A connection stands: the first message is made.
    pub(crate) fn connected(&mut self, replica: &mut impl Replica, token: &str, now: Now) {
        self.disconnected(replica);
        self.link = Link::Opening(now.at + self.rules.auth_timeout);
        self.say_who(replica, token, now);
    }

    /// Says who we are: with a new token on a connection that stands.
    pub(crate) fn authenticate(&mut self, replica: &impl Replica, token: &str, now: Now) {
        if !matches!(self.link, Link::Offline) {
            self.say_who(replica, token, now);
        }
    }

    fn say_who(&mut self, replica: &impl Replica, token: &str, now: Now) {
        let node = replica.node().to_string();
        self.send(Payload::Auth(AuthRequest {
            token: token.to_owned(),
            protocol_version: VERSION,
            client_time: format!("{}:0:{node}", now.wall.0),
            node_id: node,
            capabilities: vec![CURSORS.to_owned(), RANGES.to_owned()],
        }));
    }

    /// The server has answered who we are.
    pub(super) fn authenticated(
        &mut self,
        replica: &mut impl Replica,
        response: &AuthResponse,
        now: Now,
    ) -> Result<(), Ended> {
        let status = AuthStatus::try_from(response.status).unwrap_or_default();
        if status != AuthStatus::Ok {
            return Err(Ended::Denied { status, message: words(&response.message) });
        }
        let again = self.is_online();
        let peer = self.peer_of(response, now);
        self.pushes.size = Size::new(self.bounds_of(response));
        self.pushes.message_bytes_max = message_bytes_max(response);
        self.link = Link::Open(peer);
        self.server_time(replica, &response.server_time, now);
        if again {
            self.may_read_again();
            return Ok(());
        }
        self.tell(Event::Online);
        for map in replica.maps() {
            self.begin(&map);
        }
        Ok(())
    }

    fn peer_of(&self, response: &AuthResponse, now: Now) -> Peer {
        let has = |name: &str| response.capabilities.iter().any(|capability| capability == name);
        let limits = response.limits.unwrap_or_default();
        let asked = self.rules.in_flight_max;
        let in_flight_max = at_most(limits.max_in_flight, asked);
        // Both ends' clocks may be off; the server counts by its own.
        let server = Hlc::parse(&response.server_time).map_or(now.wall.0, |hlc| hlc.millis);
        let left = response.token_expires_at_ms.saturating_sub(server);
        let left = Duration::from_millis(left).min(TOKEN_MAX);
        // Of a short life the last quarter is ahead enough; nor is one asked for without a rest.
        let rest = left.saturating_sub(self.rules.token_ahead).max(left * 3 / 4).max(TOKEN_REST);
        Peer {
            extended: response.protocol_version >= 1,
            cursors: has(CURSORS),
            ranges: has(RANGES),
            in_flight_max,
            drift_max_ms: match limits.max_clock_drift_ms {
                0 => self.rules.drift_max_ms,
                ms => ms,
            },
            token_at: (response.token_expires_at_ms > 0).then(|| now.at + rest),
            ahead_told: false,
        }
    }

    /// What one push may hold.
    fn bounds_of(&self, response: &AuthResponse) -> Bounds {
        let limits = response.limits.unwrap_or_default();
        let Bounds { ops_max, bytes_max } = self.rules.batch;
        let bytes = at_most(limits.max_batch_bytes, bytes_max);
        Bounds {
            ops_max: at_most(limits.max_batch_ops, ops_max),
            bytes_max: bytes.min(message_bytes_max(response)).max(1),
        }
    }

    /// The token's end is near: asked for once.
    pub(super) fn want_token(&mut self) {
        if let Link::Open(peer) = &mut self.link {
            peer.token_at = None;
        }
        if !self.events.contains(&Event::TokenWanted) {
            self.tell(Event::TokenWanted);
        }
    }

    /// The server's clock stood at this.
    pub(super) fn server_time(&mut self, replica: &mut impl Replica, text: &str, now: Now) {
        let (Ok(server), Link::Open(peer)) = (Hlc::parse(text), &mut self.link) else { return };
        let drift = peer.drift_max_ms;
        replica.observe(&server, now.wall);
        // A clock that is a little off is right enough, and the way here takes its time.
        let ahead = now.wall.0.saturating_sub(server.millis);
        replica.correct_wall(if ahead > drift / 2 { ahead } else { 0 });
        self.server_clock = Some(server.clone());
        let behind = server.millis.saturating_sub(now.wall.0);
        if behind > drift && !std::mem::replace(&mut peer.ahead_told, true) {
            self.tell(Event::ServerAhead { ms: behind });
        }
    }
}

/// What the operations of one message may take.
fn message_bytes_max(response: &AuthResponse) -> usize {
    let limits = response.limits.unwrap_or_default();
    at_most(limits.max_frame_bytes, usize::MAX).saturating_sub(AROUND_BYTES)
}

/// A limit of the server's, if it names one, and ours.
fn at_most(theirs: u32, ours: usize) -> usize {
    match usize::try_from(theirs) {
        Ok(0) | Err(_) => ours,
        Ok(theirs) => theirs.min(ours),
    }
}
