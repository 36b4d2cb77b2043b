//! One push under way, and all of them. Knows which operations it holds; nothing of their answers.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use syncline_protocol::dialects::maps::{Hlc, Path, proto::OperationMessage};

use super::{super::replica::MapName, rules::Rules, size::Size, window::Window};
use crate::backoff::Backoff;

/// Pushes that were not answered in time, and whose answers still count.
const LATE_MAX: usize = 32;

/// One operation of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) map: MapName,
    pub(super) path: Path,
    pub(super) hlc: Hlc,
    /// It is not a pending write, but a record that the server was found not to have.
    pub(super) heals: bool,
}

/// One push under way.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) number: u64,
    pub(super) sent: Vec<Sent>,
    pub(super) deadline: Duration,
}

impl Batch {
    fn is_about(&self, map: &str) -> bool {
        self.sent.iter().any(|sent| *sent.map == *map)
    }

    /// The maps that it is about.
    pub(super) fn maps(&self) -> BTreeSet<MapName> {
        let mut maps: Vec<&MapName> = self.sent.iter().map(|sent| &sent.map).collect();
        maps.dedup();
        maps.into_iter().cloned().collect()
    }
}

/// A push that is being filled.
#[derive(Debug, Default)]
pub(super) struct Filling {
    pub(super) sent: Vec<Sent>,
    pub(super) ops: Vec<OperationMessage>,
    pub(super) bytes: usize,
}

/// All pushes.
#[derive(Debug)]
pub(super) struct Pushes {
    /// Those that wait for their answers, oldest first.
    pub(super) in_flight: VecDeque<Batch>,
    late: VecDeque<Batch>,
    /// Maps that may have something to send, in turn.
    pub(super) dirty: VecDeque<MapName>,
    pub(super) window: Window,
    /// Something waits that does not wait for the window.
    pub(super) urgent: bool,
    pub(super) size: Size,
    /// The server takes no larger message; a push holds more only if it is a single operation.
    pub(super) message_bytes_max: usize,
    pub(super) retries: Backoff,
    /// Nothing is sent before.
    pub(super) paused_until: Option<Duration>,
    /// Maps of which everything is sent again once nothing is under way.
    pub(super) again: BTreeSet<MapName>,
    /// Writes that lie too far ahead of the server's clock: stamped anew once nothing is under way.
    pub(super) ahead: Vec<(MapName, Path, Hlc)>,
}

impl Pushes {
    pub(super) fn new(rules: &Rules) -> Self {
        Self {
            in_flight: VecDeque::new(),
            late: VecDeque::new(),
            dirty: VecDeque::new(),
            window: Window::new(rules.window),
            urgent: false,
            size: Size::new(rules.batch),
            message_bytes_max: usize::MAX,
            retries: rules.retries(),
            paused_until: None,
            again: BTreeSet::new(),
            ahead: Vec::new(),
        }
    }

    /// Whether nothing may be sent until what is under way is answered, or a pause is over.
    pub(super) fn is_held(&self) -> bool {
        self.paused_until.is_some() || !self.again.is_empty() || !self.ahead.is_empty()
    }

    /// Takes the push with this number, and whether it was in time.
    pub(super) fn take(&mut self, number: u64) -> Option<(Batch, bool)> {
        let find = |row: &VecDeque<Batch>| row.iter().position(|batch| batch.number == number);
        if let Some(at) = find(&self.in_flight) {
            return self.in_flight.remove(at).map(|batch| (batch, true));
        }
        find(&self.late).and_then(|at| self.late.remove(at)).map(|batch| (batch, false))
    }

    /// None of them was answered in time: they count as not sent, though their answers may come.
    pub(super) fn give_up(&mut self) -> Vec<Batch> {
        let given_up: Vec<Batch> = self.in_flight.drain(..).collect();
        self.late.extend(given_up.iter().cloned());
        let over = self.late.len().saturating_sub(LATE_MAX);
        self.late.drain(..over);
        given_up
    }

    /// Whether a push of a map up to this number is under way.
    pub(super) fn flies(&self, map: &str, up_to: u64) -> bool {
        self.in_flight.iter().any(|batch| batch.number <= up_to && batch.is_about(map))
    }
}
