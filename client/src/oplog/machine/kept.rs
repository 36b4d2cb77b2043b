//! What survives a kill, as it stands in memory, and the one way to change it: a [`Turn`].
//! Knows places in logs; nothing of requests, answers or disks.

use std::collections::VecDeque;

use bytes::Bytes;

/// The place of a record in the outbox or the inbox, from 1.
pub(crate) type Place = u64;

/// Why an application gets a dataset as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// This client had none before. What it recorded until now stays in its outbox.
    First,
    /// Another device has replaced the dataset by a reset.
    Replaced,
    /// The server lost operations that it once had: it was restored from an older copy.
    Rewound,
}

/// The dataset that this client is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dataset {
    /// Its generation key.
    pub(crate) generation: String,
    /// Everything up to this serverSeq is in the inbox, or was.
    pub(crate) cursor: u64,
    /// Operations of our own with this clock or a later one are made in this dataset, and the
    /// application has them; earlier ones it gets like those of others.
    pub(crate) own_from: u64,
}

/// A reset that the server has not confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reset {
    /// The generation key that we chose.
    pub(crate) generation: String,
    /// Operations of the outbox up to here are in the snapshot.
    pub(crate) outbox: Place,
    /// What stands in the inbox up to here is of the dataset before.
    pub(crate) inbox: Place,
}

/// An operation of ours that the server has not confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) clock: u64,
    /// As it stands in a request.
    pub(crate) json: Bytes,
}

/// What waits for the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// An operation, as it came.
    Op(Bytes),
    /// A dataset begins.
    Dataset { generation: String, cause: Cause, snapshot: String },
    /// An operation of ours that went with the dataset it was made in.
    Dropped(Bytes),
    /// An operation of ours that the server does not take, with the HTTP status it said so with.
    Refused { status: u16, json: Bytes },
    /// A reset of ours that the server does not take.
    ResetRefused { status: u16 },
}

/// The operations that the server has not confirmed, oldest first.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    first: Place,
    waiting: VecDeque<Pending>,
    bytes: usize,
}

impl Outbox {
    pub(crate) fn new(first: Place, left: Vec<Pending>) -> Self {
        let bytes = left.iter().map(|pending| pending.json.len()).sum();
        Self { first, waiting: left.into(), bytes }
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Pending> {
        self.waiting.iter()
    }

    /// The place of the last one; the one before the first when there is none.
    pub(crate) fn last(&self) -> Place {
        self.first + self.waiting.len() as u64 - 1
    }

    /// The place of the `count`th from the front.
    pub(crate) fn place(&self, count: usize) -> Place {
        self.first + count as u64 - 1
    }

    /// The clock of the first one behind a place.
    pub(crate) fn clock_behind(&self, place: Place) -> Option<u64> {
        let at = usize::try_from((place + 1).saturating_sub(self.first)).ok()?;
        self.waiting.get(at).map(|pending| pending.clock)
    }

    fn push(&mut self, pending: Pending) {
        self.bytes += pending.json.len();
        self.waiting.push_back(pending);
    }

    fn trim(&mut self, through: Place) {
        while self.first <= through
            && let Some(gone) = self.waiting.pop_front()
        {
            self.bytes -= gone.json.len();
            self.first += 1;
        }
    }
}

/// What waits for the application, without the entries themselves.
#[derive(Clone, Debug)]
pub(crate) struct Inbox {
    first: Place,
    next: Place,
    /// Where datasets begin that the application has not taken over yet.
    datasets: VecDeque<(Place, Cause)>,
}

impl Inbox {
    pub(crate) fn new(first: Place, next: Place, datasets: Vec<(Place, Cause)>) -> Self {
        Self { first, next, datasets: datasets.into() }
    }

    pub(crate) fn first(&self) -> Place {
        self.first
    }

    /// The place of the last one; the one before the first when there is none.
    pub(crate) fn last(&self) -> Place {
        self.next - 1
    }

    pub(crate) fn len(&self) -> u64 {
        self.next - self.first
    }

    /// Whether the application has yet to take over a dataset.
    pub(crate) fn holds_dataset(&self) -> bool {
        !self.datasets.is_empty()
    }

    /// Whether a dataset behind this place takes the place of the application's.
    pub(crate) fn replaces_behind(&self, place: Place) -> bool {
        self.datasets.iter().any(|(at, cause)| *at > place && *cause == Cause::Replaced)
    }

    fn push(&mut self, entry: &Entry) {
        if let Entry::Dataset { cause, .. } = entry {
            self.datasets.push_back((self.next, *cause));
        }
        self.next += 1;
    }

    fn trim(&mut self, through: Place) {
        self.first = self.first.max(through + 1);
        self.datasets.retain(|(at, _)| *at > through);
    }
}

/// What survives a kill.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) actor: String,
    /// The last clock issued or seen.
    pub(crate) clock: u64,
    /// The last clock issued.
    pub(crate) issued: u64,
    pub(crate) dataset: Option<Dataset>,
    pub(crate) reset: Option<Reset>,
    pub(crate) outbox: Outbox,
    pub(crate) inbox: Inbox,
}

/// A change of what is kept: all of it or nothing. Appends come before trims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) clock: Option<u64>,
    pub(crate) issued: Option<u64>,
    pub(crate) dataset: Option<Dataset>,
    /// A reset begins, with its snapshot, or is over.
    pub(crate) reset: Option<Option<(Reset, String)>>,
    pub(crate) record: Option<Pending>,
    pub(crate) entries: Vec<Entry>,
    /// The outbox up to this place goes.
    pub(crate) outbox_done: Option<Place>,
    /// The inbox up to this place goes.
    pub(crate) inbox_done: Option<Place>,
}

impl Turn {
    /// Whether it changes nothing.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Kept {
    /// Follows a turn that has its place in the store.
    pub(crate) fn apply(&mut self, turn: Turn) {
        let Turn { clock, issued, dataset, reset, record, entries, outbox_done, inbox_done } = turn;
        self.clock = clock.unwrap_or(self.clock);
        self.issued = issued.unwrap_or(self.issued);
        if dataset.is_some() {
            self.dataset = dataset;
        }
        if let Some(reset) = reset {
            self.reset = reset.map(|(reset, _)| reset);
        }
        if let Some(pending) = record {
            self.outbox.push(pending);
        }
        entries.iter().for_each(|entry| self.inbox.push(entry));
        if let Some(through) = outbox_done {
            self.outbox.trim(through);
        }
        if let Some(through) = inbox_done {
            self.inbox.trim(through);
        }
    }
}
