//! The state of one client as a pure machine: what to ask the server next, and what its answers
//! change. No I/O, clock of the wall, randomness or JSON is here.
//!
//! Whatever must survive comes out as a [`Turn`], which the caller makes durable and hands back to
//! [`Machine::apply`].

mod chunk;
mod clock;
mod kept;

use bytes::Bytes;

use chunk::Chunk;
pub(crate) use chunk::ChunkLimits;
pub use kept::Cause;
pub(crate) use kept::{Dataset, Entry, Inbox, Kept, Outbox, Pending, Place, Reset, Turn};

/// Pushes in a row while a pull is due.
const PUSHES_BEFORE_PULL: u32 = 8;

/// What becomes of unconfirmed operations when another device replaces the dataset by a reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnReplaced {
    /// They go with the dataset they were made in, as in the original app. The application gets
    /// each back as [`Event::Dropped`](super::Event::Dropped) and may record it anew.
    #[default]
    Drop,
    /// They stay in the outbox and are pushed to the new dataset: for operations that make sense
    /// there, and resources that still exist.
    Keep,
}

/// What bounds the machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) on_replaced: OnReplaced,
    pub(crate) outbox_ops_max: usize,
    pub(crate) outbox_bytes_max: usize,
    pub(crate) chunk: ChunkLimits,
}

/// What to ask the server next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    Reset,
    Bootstrap,
    /// The first so many of the outbox.
    Push(usize),
    /// A push of nothing: whether the server takes any.
    Probe,
    Pull,
    /// Nothing, until something changes.
    Rest,
}

/// What follows from a refused push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Try again, with less or in doubt of one operation.
    Retry,
    /// It is not about an operation: the server takes nothing.
    Everything,
}

/// The server broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Violation(pub(crate) &'static str);

/// An operation that the server sent.
#[derive(Clone, Debug)]
pub(crate) struct Came {
    pub(crate) actor: String,
    pub(crate) clock: u64,
    pub(crate) server_seq: u64,
    pub(crate) json: Bytes,
}

/// The state of one client.
#[derive(Debug)]
pub(crate) struct Machine {
    kept: Kept,
    rules: Rules,
    chunk: Chunk,
    /// Changes with each dataset: what was asked before is no answer for now.
    epoch: u64,
    pull_due: bool,
    pushes: u32,
    push_failed: bool,
    rewound: bool,
    /// The status by which the server refused the first operation of the outbox alone.
    doubt: Option<u16>,
    /// The application has been given the inbox up to here.
    given: Place,
}

impl Machine {
    /// A client that goes on where an earlier run stopped.
    pub(crate) fn new(rules: Rules, kept: Kept) -> Self {
        let given = kept.inbox.first() - 1;
        Self {
            kept,
            rules,
            chunk: Chunk::new(rules.chunk),
            epoch: 0,
            pull_due: true,
            pushes: 0,
            push_failed: false,
            rewound: false,
            doubt: None,
            given,
        }
    }

    // Questions.

    pub(crate) fn kept(&self) -> &Kept {
        &self.kept
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Operations and resets that the server has not confirmed.
    pub(crate) fn unsaved(&self) -> usize {
        self.kept.outbox.len() + usize::from(self.kept.reset.is_some())
    }

    /// Whether the outbox has room for an operation of any length.
    pub(crate) fn has_room(&self) -> bool {
        self.kept.outbox.len() < self.rules.outbox_ops_max
            && self.kept.outbox.bytes() < self.rules.outbox_bytes_max
    }

    /// The clock of the next operation of ours; `None` at the end of all clocks.
    pub(crate) fn next_clock(&self) -> Option<u64> {
        clock::after(self.kept.clock)
    }

    /// The place of the next entry for the application, when one may be given.
    pub(crate) fn next_entry(&self) -> Option<Place> {
        let next = (self.given + 1).max(self.kept.inbox.first());
        let may = self.kept.reset.is_none() && next <= self.kept.inbox.last();
        may.then_some(next)
    }

    /// What to ask next. `room` says whether the inbox takes more.
    pub(crate) fn plan(&self, room: bool) -> Plan {
        if self.kept.reset.is_some() {
            return Plan::Reset;
        }
        if self.kept.dataset.is_none() || self.rewound {
            return if room { Plan::Bootstrap } else { Plan::Rest };
        }
        let may_pull = self.pull_due && room;
        let pull_first = self.push_failed || self.pushes >= PUSHES_BEFORE_PULL;
        if self.may_push() && !(may_pull && pull_first) {
            return self.push();
        }
        if may_pull { Plan::Pull } else { Plan::Rest }
    }

    /// Whether there is something to push. An application that has yet to take over a dataset
    /// gets it together with what is unconfirmed, so nothing is confirmed meanwhile.
    fn may_push(&self) -> bool {
        let Kept { dataset, reset, outbox, inbox, .. } = &self.kept;
        dataset.is_some() && reset.is_none() && outbox.len() > 0 && !inbox.holds_dataset()
    }

    /// What to ask while the server holds back its answer to a pull.
    pub(crate) fn plan_urgent(&self) -> Plan {
        match self.kept.reset {
            Some(_) => Plan::Reset,
            None if self.may_push() => self.push(),
            None => Plan::Rest,
        }
    }

    fn push(&self) -> Plan {
        match self.doubt {
            Some(_) => Plan::Probe,
            None => Plan::Push(self.chunk.count(self.kept.outbox.iter().map(|p| p.json.len()))),
        }
    }

    // Steps of the application.

    /// An operation of ours. Made in a dataset that another device has replaced, unless the
    /// application was told, it goes where those go.
    pub(crate) fn record(&self, pending: Pending) -> Turn {
        let clock = Some(pending.clock);
        let late = self.rules.on_replaced == OnReplaced::Drop
            && self.kept.inbox.replaces_behind(self.given);
        let mut turn = Turn { clock, issued: clock, ..Turn::default() };
        if late {
            turn.entries.push(Entry::Dropped(pending.json));
        } else {
            turn.record = Some(pending);
        }
        turn
    }

    /// The application has been given the inbox up to a place.
    pub(crate) fn give(&mut self, through: Place) {
        self.given = through;
    }

    /// The application has done with the inbox up to a place.
    pub(crate) fn settle(&self, through: Place) -> Turn {
        Turn { inbox_done: Some(through), ..Turn::default() }
    }

    /// The application's snapshot becomes a dataset of its own, which replaces that of everybody.
    pub(crate) fn reset(&self, generation: String, snapshot: String) -> Turn {
        let (outbox, inbox) = (self.kept.outbox.last(), self.kept.inbox.last());
        let reset = Reset { generation, outbox, inbox };
        Turn { reset: Some(Some((reset, snapshot))), ..Turn::default() }
    }

    // Steps of the connection.

    /// It is time to ask for news.
    pub(crate) fn pull_due(&mut self) {
        self.pull_due = true;
    }

    /// The server gave its dataset to a client that had none, or had one that is no more.
    pub(crate) fn bootstrapped(&self, generation: String, snapshot: String) -> Turn {
        let cause = match &self.kept.dataset {
            None => Cause::First,
            Some(ours) if ours.generation == generation => Cause::Rewound,
            Some(_) => Cause::Replaced,
        };
        self.adopt(cause, generation, snapshot)
    }

    /// Our generation is not the server's.
    pub(crate) fn stale(&self, generation: String, snapshot: String) -> Result<Turn, Violation> {
        match &self.kept.dataset {
            Some(ours) if ours.generation == generation => {
                Err(Violation("a generation key that is stale and active"))
            }
            _ => Ok(self.adopt(Cause::Replaced, generation, snapshot)),
        }
    }

    fn adopt(&self, cause: Cause, generation: String, snapshot: String) -> Turn {
        let outbox = &self.kept.outbox;
        let drops = cause == Cause::Replaced && self.rules.on_replaced == OnReplaced::Drop;
        let kept_from = if drops { outbox.last() } else { 0 };
        let dataset = self.begin(generation.clone(), kept_from);
        let mut turn = Turn { dataset: Some(dataset), ..Turn::default() };
        if cause != Cause::First || !snapshot.is_empty() {
            turn.entries.push(Entry::Dataset { generation, cause, snapshot });
        }
        if drops {
            turn.entries.extend(outbox.iter().map(|own| Entry::Dropped(own.json.clone())));
            turn.outbox_done = Some(outbox.last());
        }
        turn
    }

    /// A dataset of which we have nothing but what the outbox holds behind a place.
    fn begin(&self, generation: String, outbox_done: Place) -> Dataset {
        let pending = self.kept.outbox.clock_behind(outbox_done);
        let own_from = pending.unwrap_or(self.kept.issued + 1);
        Dataset { generation, cursor: 0, own_from }
    }

    /// An answer carries another generation key than ours and is good all the same: the server
    /// goes on under that key, and so do we.
    pub(crate) fn migrated(&self, generation: &str) -> Turn {
        let ours = self.kept.dataset.clone().filter(|ours| ours.generation != generation);
        let dataset = ours.map(|ours| Dataset { generation: generation.to_owned(), ..ours });
        Turn { dataset, ..Turn::default() }
    }

    /// Operations came, in the server's order. Those that the application made are passed over.
    pub(crate) fn came(&self, ops: Vec<Came>) -> Result<Turn, Violation> {
        let Some(mut dataset) = self.kept.dataset.clone() else { return Ok(Turn::default()) };
        let mut clock = self.kept.clock;
        let mut entries = Vec::new();
        for op in ops {
            if op.server_seq <= dataset.cursor {
                return Err(Violation("operations out of order"));
            }
            dataset.cursor = op.server_seq;
            clock = clock::seen(clock, op.clock);
            let made_here = (dataset.own_from..=self.kept.issued).contains(&op.clock);
            if op.actor != self.kept.actor || !made_here {
                entries.push(Entry::Op(op.json));
            }
        }
        Ok(Turn { clock: Some(clock), dataset: Some(dataset), entries, ..Turn::default() })
    }

    /// Everything up to the server's head came; we had asked for what is behind `since`.
    pub(crate) fn caught_up(&mut self, since: u64, server_seq: u64) -> Turn {
        (self.pull_due, self.pushes) = (false, 0);
        self.rewound = server_seq < since;
        let behind = self.kept.dataset.clone().filter(|ours| ours.cursor < server_seq);
        let dataset = behind.map(|ours| Dataset { cursor: server_seq, ..ours });
        Turn { dataset, ..Turn::default() }
    }

    /// The server took the first so many operations of the outbox.
    pub(crate) fn pushed(&mut self, count: usize) -> Turn {
        self.chunk.grow();
        self.pushes += 1;
        self.push_failed = false;
        Turn { outbox_done: Some(self.kept.outbox.place(count)), ..Turn::default() }
    }

    /// The server refused a push of so many operations by a status that tells of their content.
    pub(crate) fn push_refused(&mut self, status: u16, count: usize) -> Refusal {
        match count {
            0 => {
                self.doubt = None;
                return Refusal::Everything;
            }
            1 => self.doubt = Some(status),
            _ => self.chunk.shrink(count),
        }
        Refusal::Retry
    }

    /// The server takes a push of nothing: then it is the operation that it does not take.
    pub(crate) fn probed(&mut self) -> Turn {
        self.push_failed = false;
        let first = self.kept.outbox.iter().next();
        let (Some(status), Some(refused)) = (self.doubt.take(), first) else {
            return Turn::default();
        };
        let entry = Entry::Refused { status, json: refused.json.clone() };
        let outbox_done = Some(self.kept.outbox.place(1));
        Turn { entries: vec![entry], outbox_done, ..Turn::default() }
    }

    /// A push failed for a reason that has nothing to do with its content: pulls go first.
    pub(crate) fn push_failed(&mut self) {
        (self.push_failed, self.doubt) = (true, None);
    }

    /// The server has our reset.
    pub(crate) fn reset_done(&self) -> Turn {
        let Some(Reset { generation, outbox, inbox }) = self.kept.reset.clone() else {
            return Turn::default();
        };
        Turn {
            dataset: Some(self.begin(generation, outbox)),
            reset: Some(None),
            outbox_done: Some(outbox),
            inbox_done: Some(inbox),
            ..Turn::default()
        }
    }

    /// The server does not take our reset, whatever is done: everything goes on as before.
    pub(crate) fn reset_refused(&self, status: u16) -> Turn {
        let entries = vec![Entry::ResetRefused { status }];
        Turn { reset: Some(None), entries, ..Turn::default() }
    }

    /// Follows a turn that has its place in the store.
    pub(crate) fn apply(&mut self, turn: Turn) {
        let (ours, theirs) = (&self.kept.dataset, &turn.dataset);
        let differs = theirs.as_ref().is_some_and(|theirs| match ours {
            None => true,
            Some(ours) => ours.generation != theirs.generation || ours.cursor > theirs.cursor,
        });
        if differs || turn.reset.is_some() {
            self.epoch += 1;
            self.pull_due = true;
            (self.rewound, self.doubt) = (false, None);
        }
        self.kept.apply(turn);
    }
}

#[cfg(test)]
mod tests;
