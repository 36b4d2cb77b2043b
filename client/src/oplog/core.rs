//! What happens under a client's lock: each step of the machine together with its place in the
//! store, the requests, and the status. Wakes nobody and waits for nothing.

use std::{sync::Arc, time::Duration};

use syncline_engine::{Batch, Commit};

use crate::{kept::StateError, task::Stopped};

use super::{
    error::{RecordError, SyncError},
    events::Event,
    forms,
    machine::{Came, Entry, Machine, Pending, Place, Plan, Refusal, Turn},
    op::{self, Op, OpError, Payload},
    settings::Settings,
    status::Status,
    store_state::StoreState,
    transport::Request,
    wire::{self, Head},
};

/// What the connection's task says about itself.
#[derive(Clone, Debug)]
enum Link {
    Connecting,
    CatchingUp,
    Live,
    Offline { retry_in: Duration, error: SyncError },
    Unauthorized { status: u16 },
    Stopped,
}

/// A request, and what must be known when its answer comes.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request: Request,
    /// What a power cut may take back, and the server must not hear of before it cannot.
    pub(super) unsynced: Option<Commit>,
    /// An answer in another epoch is none.
    pub(super) epoch: u64,
    /// Operations in a push.
    pub(super) count: usize,
    /// The cursor of a pull.
    pub(super) since: u64,
}

/// The state of one client.
#[derive(Debug)]
pub(super) struct Core {
    machine: Machine,
    state: StoreState,
    settings: Arc<Settings>,
    link: Link,
    commit: Option<Commit>,
    compresses: bool,
}

impl Core {
    pub(super) fn new(machine: Machine, state: StoreState, settings: Arc<Settings>) -> Self {
        Self { machine, state, settings, link: Link::Connecting, commit: None, compresses: true }
    }

    // Questions.

    pub(super) fn stopped(&self) -> bool {
        matches!(self.link, Link::Stopped)
    }

    pub(super) fn unsaved(&self) -> usize {
        self.machine.unsaved()
    }

    pub(super) fn actor(&self) -> &str {
        &self.machine.kept().actor
    }

    pub(super) fn generation(&self) -> Option<String> {
        self.machine.kept().dataset.as_ref().map(|dataset| dataset.generation.clone())
    }

    /// How far the dataset is here.
    pub(super) fn cursor(&self) -> u64 {
        self.machine.kept().dataset.as_ref().map_or(0, |dataset| dataset.cursor)
    }

    pub(super) fn status(&self) -> Status {
        let unsaved = self.unsaved();
        match &self.link {
            Link::Connecting => Status::Connecting,
            Link::CatchingUp => Status::CatchingUp { unsaved },
            Link::Live => Status::Live { unsaved },
            Link::Offline { retry_in, error } => {
                Status::Offline { retry_in: *retry_in, error: error.clone(), unsaved }
            }
            Link::Unauthorized { status } => Status::Unauthorized { status: *status },
            Link::Stopped => Status::Stopped,
        }
    }

    pub(super) fn plan(&self) -> Plan {
        self.machine.plan(self.has_room())
    }

    /// What to ask while the server holds back its answer to a pull.
    pub(super) fn plan_urgent(&self) -> Plan {
        self.machine.plan_urgent()
    }

    /// Whether the inbox takes more.
    pub(super) fn has_room(&self) -> bool {
        self.machine.kept().inbox.len() < self.settings.inbox_ops_max
            && self.state.inbox_bytes() < self.settings.inbox_bytes_max
    }

    pub(super) fn epoch(&self) -> u64 {
        self.machine.epoch()
    }

    // Steps of the application.

    /// Takes a turn into the store, together with what the application adds, and follows it.
    fn turn_with(&mut self, turn: Turn, batch: Batch) -> Result<Commit, StateError> {
        let commit = self.state.commit(&turn, self.machine.kept(), batch)?;
        self.commit = Some(commit.clone());
        self.machine.apply(turn);
        Ok(commit)
    }

    fn turn(&mut self, turn: Turn) -> Result<(), StateError> {
        if !turn.is_empty() {
            self.turn_with(turn, Batch::new())?;
        }
        Ok(())
    }

    /// `None` when there is no room.
    pub(super) fn try_record(
        &mut self,
        scope: &str,
        resource_id: &str,
        payload: &mut dyn FnMut(&str, u64) -> Result<Payload, OpError>,
    ) -> Result<Option<(Op, Commit)>, RecordError> {
        if self.stopped() {
            return Err(Stopped.into());
        }
        if !self.machine.has_room() {
            return Ok(None);
        }
        let clock = self.machine.next_clock().ok_or(RecordError::NoClock)?;
        let actor = self.actor().to_owned();
        let payload = payload(&actor, clock)?;
        let json = op::encode(scope, resource_id, &actor, clock, &payload)?;
        let (bytes, bytes_max) = (json.len(), self.settings.op_bytes_max);
        if bytes > bytes_max {
            return Err(OpError::TooLarge { bytes, bytes_max }.into());
        }
        let (scope, resource_id) = (scope.to_owned(), resource_id.to_owned());
        let op = Op { scope, resource_id, actor, clock, payload, server_seq: None };
        let turn = self.machine.record(Pending { clock, json });
        Ok(Some((op, self.turn_with(turn, Batch::new())?)))
    }

    pub(super) fn reset(
        &mut self,
        generation: String,
        snapshot: String,
    ) -> Result<Commit, RecordError> {
        if self.stopped() {
            return Err(Stopped.into());
        }
        let turn = self.machine.reset(generation, snapshot);
        Ok(self.turn_with(turn, Batch::new())?)
    }

    /// The next event, with the place up to which it goes.
    pub(super) fn next_event(&mut self) -> Result<Option<(Event, Place)>, StateError> {
        let Some(first) = self.machine.next_entry() else { return Ok(None) };
        let (entry, bytes) = self.state.entry(first)?;
        let (event, through) = match entry {
            Entry::Op(json) => self.ops(first, forms::read_op(&json)?, bytes)?,
            Entry::Dropped(json) => (Event::Dropped(forms::read_op(&json)?), first),
            Entry::Refused { status, json } => {
                (Event::Refused { status, op: forms::read_op(&json)? }, first)
            }
            Entry::ResetRefused { status } => (Event::ResetRefused { status }, first),
            Entry::Dataset { generation, cause, snapshot } => {
                let pending = self.pending()?;
                (Event::Dataset { generation, cause, snapshot, pending }, first)
            }
        };
        self.machine.give(through);
        Ok(Some((event, through)))
    }

    /// Operations of others from a place on, as many as one event takes.
    fn ops(&self, first: Place, op: Op, bytes: usize) -> Result<(Event, Place), StateError> {
        let (mut ops, mut bytes, mut through) = (vec![op], bytes, first);
        while through < self.machine.kept().inbox.last() && ops.len() < self.settings.event_ops_max
        {
            let (Entry::Op(json), more) = self.state.entry(through + 1)? else { break };
            bytes = bytes.saturating_add(more);
            if bytes > self.settings.event_bytes_max {
                break;
            }
            ops.push(forms::read_op(&json)?);
            through += 1;
        }
        Ok((Event::Ops(ops), through))
    }

    /// What an application must do again on top of a dataset. What a reset took away is told one
    /// by one, so it is not among this.
    fn pending(&self) -> Result<Vec<Op>, StateError> {
        let outbox = &self.machine.kept().outbox;
        outbox.iter().map(|pending| forms::read_op(&pending.json)).collect()
    }

    pub(super) fn settle(&mut self, through: Place, batch: Batch) -> Result<Commit, StateError> {
        let turn = self.machine.settle(through);
        self.turn_with(turn, batch)
    }

    // Steps of the connection's task.

    pub(super) fn pull_due(&mut self) {
        self.machine.pull_due();
    }

    /// The request for a plan.
    pub(super) fn ask(&self, plan: Plan, wait_s: Option<u64>) -> Result<Option<Asked>, StateError> {
        let kept = self.machine.kept();
        let actor = &kept.actor;
        let generation = kept.dataset.as_ref().map_or("", |dataset| &dataset.generation);
        let since = self.cursor();
        let mut count = 0;
        let (path, body) = match plan {
            Plan::Rest => return Ok(None),
            Plan::Bootstrap => (wire::BOOTSTRAP.to_owned(), None),
            Plan::Pull => (wire::pull(since, actor, generation, wait_s), None),
            Plan::Push(ops) => {
                count = ops;
                let ops = kept.outbox.iter().take(ops).map(|pending| &pending.json[..]);
                (wire::PUSH.to_owned(), Some(wire::push(actor, generation, ops)))
            }
            Plan::Probe => {
                let body = wire::push(actor, generation, std::iter::empty());
                (wire::PUSH.to_owned(), Some(body))
            }
            Plan::Reset => {
                let Some(reset) = &kept.reset else { return Ok(None) };
                let body = wire::reset(actor, &reset.generation, &self.state.snapshot()?);
                (wire::RESET.to_owned(), Some(body))
            }
        };
        let long = |body: &bytes::Bytes| body.len() >= self.settings.compress_bytes_min;
        let compress = self.compresses && body.as_ref().is_some_and(long);
        let request = Request { path, body, compress };
        let (unsynced, epoch) = (self.commit.clone(), self.epoch());
        Ok(Some(Asked { request, unsynced, epoch, count, since }))
    }

    /// Everything up to a commit is durable.
    pub(super) fn synced(&mut self, commit: &Commit) {
        self.commit.take_if(|last| last.position() <= commit.position());
    }

    /// A server refused a compressed body, which may be for that.
    pub(super) fn stop_compressing(&mut self) {
        self.compresses = false;
    }

    pub(super) fn bootstrapped(&mut self, head: Head) -> Result<(), SyncError> {
        let snapshot = head.snapshot.unwrap_or_default();
        let turn = self.machine.bootstrapped(head.dataset_generation_key, snapshot);
        Ok(self.turn(turn)?)
    }

    pub(super) fn stale(&mut self, head: Head) -> Result<(), SyncError> {
        let snapshot = head.snapshot.unwrap_or_default();
        let turn = self.machine.stale(head.dataset_generation_key, snapshot)?;
        Ok(self.turn(turn)?)
    }

    pub(super) fn migrated(&mut self, generation: &str) -> Result<(), SyncError> {
        let turn = self.machine.migrated(generation);
        Ok(self.turn(turn)?)
    }

    pub(super) fn came(&mut self, ops: Vec<Came>) -> Result<(), SyncError> {
        let turn = self.machine.came(ops)?;
        Ok(self.turn(turn)?)
    }

    pub(super) fn caught_up(&mut self, since: u64, server_seq: u64) -> Result<(), SyncError> {
        let turn = self.machine.caught_up(since, server_seq);
        self.turn(turn)?;
        self.link = Link::Live;
        Ok(())
    }

    pub(super) fn pushed(&mut self, count: usize) -> Result<(), SyncError> {
        let turn = self.machine.pushed(count);
        Ok(self.turn(turn)?)
    }

    pub(super) fn push_refused(&mut self, status: u16, count: usize) -> Refusal {
        self.machine.push_refused(status, count)
    }

    pub(super) fn push_failed(&mut self) {
        self.machine.push_failed();
    }

    pub(super) fn probed(&mut self) -> Result<(), SyncError> {
        let turn = self.machine.probed();
        Ok(self.turn(turn)?)
    }

    pub(super) fn reset_done(&mut self) -> Result<(), SyncError> {
        let turn = self.machine.reset_done();
        Ok(self.turn(turn)?)
    }

    pub(super) fn reset_refused(&mut self, status: u16) -> Result<(), SyncError> {
        let turn = self.machine.reset_refused(status);
        Ok(self.turn(turn)?)
    }

    /// The server answers.
    pub(super) fn answered(&mut self) {
        if !matches!(self.link, Link::Live) {
            self.link = Link::CatchingUp;
        }
    }

    pub(super) fn offline(&mut self, retry_in: Duration, error: SyncError) {
        self.link = Link::Offline { retry_in, error };
    }

    pub(super) fn unauthorized(&mut self, status: u16) {
        self.link = Link::Unauthorized { status };
    }

    pub(super) fn finish(&mut self) {
        self.link = Link::Stopped;
    }
}
