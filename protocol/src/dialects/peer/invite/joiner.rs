//! A stranger with a code: shows it until a host answers.
//!
//! Knows no packet; what it says is sealed and signed elsewhere.

use std::{fmt, time::Duration};

use zeroize::Zeroizing;

use crate::dialects::peer::{
    id::{PeerId, RequestId},
    now::{Now, earlier},
};

/// How long it waits for an answer.
pub const JOIN_TIMEOUT: Duration = Duration::from_secs(15);

/// How long until it asks again.
pub const RETRY_AFTER: Duration = Duration::from_secs(2);

/// How long a refusal may be overruled: by a host who has let it in, when another one did not know or was
/// none.
const REFUSAL_GRACE: Duration = Duration::from_secs(2);

/// Bytes of a refusal that are kept.
const MESSAGE_BYTES_MAX: usize = 256;

/// Bytes of a data room's name, at most.
const ROOM_BYTES_MAX: usize = 128;

/// A question to be sent as an `INVITE_REQ`.
#[derive(Clone, PartialEq, Eq)]
pub struct Ask {
    /// Its name: the same each time.
    pub request: RequestId,
    /// To this one alone when it is set, and else to all in the invite room.
    pub to: Option<PeerId>,
    /// The code. Secret: sealed for the host when the host's key is known.
    pub code: Zeroizing<String>,
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ask = f.debug_struct("Ask");
        ask.field("request", &self.request).field("to", &self.to).finish_non_exhaustive()
    }
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It may enter this data room, whose host is the one who said so.
    Joined {
        /// The data room.
        data_room: String,
        /// Who said so: its key is expected to be the host's.
        host: PeerId,
    },
    /// It was refused, and nobody said otherwise.
    Refused {
        /// What was said, at most 256 bytes.
        message: String,
    },
    /// Nobody answered in time.
    TimedOut,
}

/// Someone who shows a code in an invite room.
pub struct Joiner {
    request: RequestId,
    code: Zeroizing<String>,
    /// Only what this one says counts, when it is set.
    host: Option<PeerId>,
    next: Duration,
    ends: Duration,
    refusal: Option<(Duration, String)>,
    is_over: bool,
}

impl Joiner {
    /// Asks from now on. `host` is the only one to be asked and believed, when the invite names it; whoever
    /// answers first is believed otherwise.
    #[must_use]
    pub fn new(request: RequestId, code: &str, host: Option<PeerId>, now: Now) -> Self {
        let code = Zeroizing::new(code.to_owned());
        let (next, ends) = (now.elapsed, now.elapsed + JOIN_TIMEOUT);
        Self { request, code, host, next, ends, refusal: None, is_over: false }
    }

    /// The request's name.
    #[must_use]
    pub fn request(&self) -> &RequestId {
        &self.request
    }

    /// What to send now, if anything.
    pub fn ask(&mut self, now: Now) -> Option<Ask> {
        if self.is_over || now.elapsed < self.next || now.elapsed >= self.ends {
            return None;
        }
        self.next = now.elapsed + RETRY_AFTER;
        Some(Ask { request: self.request.clone(), to: self.host.clone(), code: self.code.clone() })
    }

    /// How it ended, once it has: told once.
    pub fn ended(&mut self, now: Now) -> Option<Outcome> {
        if self.is_over {
            return None;
        }
        let refused_at = self.refusal.as_ref().map(|(at, _)| *at);
        if now.elapsed < refused_at.unwrap_or(self.ends).min(self.ends) {
            return None;
        }
        self.is_over = true;
        let refused = self.refusal.take().map(|(_, message)| Outcome::Refused { message });
        Some(refused.unwrap_or(Outcome::TimedOut))
    }

    /// An `INVITE_ACK` came whose signature is `from`'s.
    pub fn accepted(&mut self, from: &PeerId, request: &RequestId, room: &str) -> Option<Outcome> {
        let is_name =
            (1..=ROOM_BYTES_MAX).contains(&room.len()) && !room.chars().any(char::is_control);
        if !self.is_answer(from, request) || !is_name {
            return None;
        }
        self.is_over = true;
        Some(Outcome::Joined { data_room: room.to_owned(), host: from.clone() })
    }

    /// An `INVITE_NACK` came whose signature is `from`'s. It counts in a while, unless it is overruled.
    pub fn refused(&mut self, from: &PeerId, request: &RequestId, message: &str, now: Now) {
        if !self.is_answer(from, request) || self.refusal.is_some() {
            return;
        }
        let kept = kept(message);
        // Nobody else is believed when the host is known: there is nothing to wait for.
        let grace = if self.host.is_some() { Duration::ZERO } else { REFUSAL_GRACE };
        self.refusal = Some((now.elapsed + grace, kept));
    }

    /// When something is to be done, in [`Now::elapsed`].
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        if self.is_over {
            return None;
        }
        let refused = self.refusal.as_ref().map(|(at, _)| *at);
        let next = (self.next < self.ends).then_some(self.next);
        earlier(earlier(refused, next), Some(self.ends))
    }

    fn is_answer(&self, from: &PeerId, request: &RequestId) -> bool {
        let is_host = self.host.as_ref().is_none_or(|host| host.canonical() == from.canonical());
        !self.is_over && *request == self.request && is_host
    }
}

/// As much of a message as is kept, without control characters.
fn kept(message: &str) -> String {
    let mut kept = String::new();
    for c in message.chars().filter(|c| !c.is_control()) {
        if kept.len() + c.len_utf8() > MESSAGE_BYTES_MAX {
            break;
        }
        kept.push(c);
    }
    kept
}

impl fmt::Debug for Joiner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joiner").field("request", &self.request).finish_non_exhaustive()
    }
}
