//! The state of one connection to the coordinator: who it is, what it may, what it waits for, what it
//! follows.
//!
//! A session joins no room. It asks maps and the registry, and puts what they answer into the order of
//! its client's requests. It never looks into a collection.

mod answers;
mod auth;
mod directory;
mod feeds;
mod host;
mod known;
mod queue;
mod rate;
mod reads;
mod receive;
mod ring;
mod say;
mod subscribe;
mod watches;
mod writes;

pub use host::{Handshake, Host, Principal};
pub use receive::ignored;

use std::{collections::HashMap, sync::Arc};

use self::{
    answers::{Answers, Messages, Ready, Then},
    auth::Standing,
    known::Known,
    queue::Queue,
    rate::Bucket,
    ring::Ring,
    say::Failure,
    watches::Watches,
};
use super::{
    command::{Answer, Command, REGISTRY},
    proto::ErrorCode,
    settings::{Limits, Settings},
    window::Window,
};
use crate::dialect::{
    self, Act, Framing, Incoming, Moment, Notices, Step, Unanswered, UnixMillis, Violation,
};

/// How long whoever is told that something is not possible now is asked to wait.
const RETRY_AFTER_MS: u64 = 1000;

const UNAVAILABLE: Failure =
    Failure::new(ErrorCode::Unavailable, "not possible at the moment").again_after(RETRY_AFTER_MS);
const INTERNAL: Failure = Failure::new(ErrorCode::Internal, "what is stored cannot be read");

/// The protocol state of one connection.
pub struct Session {
    number: u64,
    host: Arc<dyn Host>,
    settings: Settings,
    /// It answers one message of an HTTP request.
    once: bool,
    /// Its client knows the fields 2 to 6 of an envelope, and `authResp`.
    old: bool,
    now: UnixMillis,
    standing: Standing,
    answers: Answers,
    asked: Ring<Asked>,
    queue: Queue,
    /// What has begun and holds up all that follows, because the registry must answer first.
    gate: Option<Gate>,
    /// Batches that have more than one answer to wait for, by their places.
    merges: HashMap<u64, writes::Merge>,
    /// Directories being made, by their places.
    listings: HashMap<u64, directory::Listing>,
    known: Known,
    rate: Bucket,
    watches: Watches,
    closing: bool,
    acts: Vec<Act<Command>>,
}

/// What the registry must answer before anything else begins.
enum Gate {
    Auth(Box<auth::Entry>),
    Write(Box<writes::Pending>),
}

/// What a room was asked.
enum Asked {
    /// The registry, for the gate: whose the node is.
    Node {
        at: usize,
    },
    /// The registry, for the gate: whether the user may write to the map.
    Map(Box<str>),
    Write {
        place: u64,
    },
    Read(reads::Reading),
    Subscribe(subscribe::Subscribing),
    Names {
        place: u64,
    },
    Summary {
        place: u64,
        map: Box<str>,
    },
    Feed {
        map: Box<str>,
    },
}

impl Session {
    pub(super) fn new(handshake: Handshake, settings: Settings) -> Self {
        let Handshake { number, connected, host, principal } = handshake;
        let Limits { auth_within_ms, requests_per_second, requests_burst, .. } = settings.limits;
        Self {
            number,
            host,
            settings,
            once: principal.is_some(),
            old: false,
            now: connected,
            standing: Standing::begin(principal, connected, auth_within_ms),
            answers: Answers::default(),
            asked: Ring::default(),
            queue: Queue::default(),
            gate: None,
            merges: HashMap::new(),
            listings: HashMap::new(),
            known: Known::default(),
            rate: Bucket::new(requests_per_second, requests_burst, connected),
            watches: Watches::new(settings.limits.watches_max),
            closing: false,
            acts: Vec::new(),
        }
    }

    /// Whether every message it took has its answer. A session of an HTTP request has said all that it
    /// will say then; nothing when its message wants no answer.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.answers.is_empty()
    }

    fn limits(&self) -> &Limits {
        &self.settings.limits
    }

    fn server_time(&self) -> String {
        self.host.server_time(self.now).to_string()
    }

    fn ask(&mut self, room: &str, command: Command, asked: Asked) {
        let ticket = self.asked.begin(asked);
        self.acts.push(Act::Ask { ticket, room: room.into(), command });
    }

    fn ask_registry(&mut self, command: Command, asked: Asked) {
        self.ask(REGISTRY, command, asked);
    }

    /// Gives a request its answer, which leaves when those before it have left.
    fn answer(&mut self, place: u64, ready: impl Into<Ready>) {
        if let Some(open) = self.answers.find(place) {
            self.queue.end(std::mem::take(&mut open.weight));
            self.answers.answer(place, ready.into());
        }
    }

    /// Answers a request as a whole with the reason why it was not done.
    fn fail(&mut self, place: u64, failure: impl Into<Failure>) {
        let failure = failure.into();
        let Some(open) = self.answers.find(place) else { return };
        let (correlation_id, ops) = (std::mem::take(&mut open.correlation_id), open.ops);
        let message = self.failure(correlation_id, failure, ops);
        self.answer(place, message);
    }

    fn failure(&self, correlation_id: String, failure: Failure, ops: u32) -> bytes::Bytes {
        if self.old {
            say::refusal(correlation_id, failure, ops, self.server_time())
        } else {
            say::error(correlation_id, failure)
        }
    }

    fn send(&mut self, message: bytes::Bytes) {
        self.acts.push(Act::Send(message));
    }

    fn close(&mut self, why: Violation) {
        self.closing = true;
        self.acts.push(Act::Close(why));
    }

    /// Begins what may begin, sends what may leave, and takes what is to be done.
    fn settle(&mut self) -> Vec<Act<Command>> {
        loop {
            while self.gate.is_none() && !self.closing {
                let Some((place, weight, work)) = self.queue.next(&self.settings.limits) else {
                    break;
                };
                self.begin(place, weight, work);
            }
            let Some(ready) = self.answers.leave().filter(|_| !self.closing) else { break };
            self.leave(ready);
        }
        self.feed_one();
        std::mem::take(&mut self.acts)
    }

    fn leave(&mut self, ready: Ready) {
        match ready.messages {
            Messages::None => {}
            Messages::One(message) => self.send(message),
            Messages::Many(messages) => messages.into_iter().for_each(|message| self.send(message)),
        }
        match ready.then {
            Then::Nothing => {}
            Then::Got(got) => self.watches.got(got, self.now),
            Then::Close(why) => self.close(why),
        }
    }

    fn take_answer(&mut self, asked: Asked, outcome: Result<Answer, Unanswered>) {
        let outcome = outcome.map_err(failure_of);
        match asked {
            Asked::Node { at } => self.node_answered(at, outcome),
            Asked::Map(map) => self.map_answered(&map, outcome),
            Asked::Write { place } => self.written(place, outcome),
            Asked::Read(reading) => self.read(reading, outcome),
            Asked::Subscribe(subscribing) => self.subscribed(subscribing, outcome),
            Asked::Names { place } => self.listed(place, outcome),
            Asked::Summary { place, map } => self.summed_up(place, &map, outcome),
            Asked::Feed { map } => self.fed(&map, outcome),
        }
    }
}

/// What the client is told when a room has no answer.
fn failure_of(why: Unanswered) -> Failure {
    match why {
        Unanswered::Unreadable => INTERNAL,
        // Whether it happened is not always known: the client sends it again, which does no harm.
        Unanswered::Full | Unanswered::RoomFull | Unanswered::Stopped => UNAVAILABLE,
    }
}

impl dialect::Session for Session {
    type Command = Command;
    type Answer = Answer;
    type Window = Window;

    fn framing(&self) -> Framing {
        Framing::Binary
    }

    fn receive(
        &mut self,
        message: Incoming<'_>,
        moment: Moment,
    ) -> Result<Step<Command>, Violation> {
        self.now = moment.now;
        if self.closing {
            return Ok(Step::None);
        }
        let Incoming::Binary(bytes) = message else { return Err(receive::TEXT) };
        self.look_at_the_clock();
        let ignored = self.take(bytes);
        let acts = self.settle();
        Ok(match ignored {
            _ if !acts.is_empty() => Step::Acts(acts),
            Some(reason) => Step::Ignored(reason),
            None => Step::None,
        })
    }

    fn answered(
        &mut self,
        ticket: u64,
        outcome: Result<Answer, Unanswered>,
        moment: Moment,
    ) -> Vec<Act<Command>> {
        self.now = moment.now;
        match self.asked.end(ticket) {
            Some(asked) if !self.closing => self.take_answer(asked, outcome),
            _ => return Vec::new(),
        }
        self.settle()
    }

    fn noticed(&mut self, notices: &Notices<Window>, keeps_up: bool) -> Vec<Act<Command>> {
        if !self.closing {
            self.notice(notices, keeps_up);
        }
        std::mem::take(&mut self.acts)
    }

    fn drained(&mut self, moment: Moment) -> Vec<Act<Command>> {
        self.now = moment.now;
        self.watches.set_slow(false);
        self.settle()
    }

    fn ticked(&mut self, moment: Moment) -> Vec<Act<Command>> {
        self.now = moment.now;
        if self.closing {
            return Vec::new();
        }
        self.look_at_the_clock();
        self.watches.tick(self.now);
        self.settle()
    }

    fn expires(&self) -> Option<(UnixMillis, Violation)> {
        self.standing.ends(self.limits().expiry_grace_ms).filter(|_| !self.once)
    }
}
