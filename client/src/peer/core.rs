//! One room of one peer: its machine, what waits for the network, who listens. Decides nothing of the
//! protocol; knows no task and no lock.

use std::collections::VecDeque;

use bytes::Bytes;
use syncline_engine::Position;
use syncline_protocol::dialects::peer::{
    id::{PeerId, RequestId},
    now::Now,
    participant::{Event, InviteAsk, Output, Participant, Welcome},
    store::StoreFailed,
};
use tokio::sync::broadcast;

use super::{
    status::{Connection, Status},
    store::{EngineStore, Watermark},
};
use crate::transport::ConnectionError;

/// Strangers' codes that may wait to be looked at; they are shown again every 2 s.
const ASKS_MAX: usize = 64;

/// One room of one peer.
pub(super) struct Core {
    pub(super) machine: Participant<EngineStore>,
    watermark: Watermark,
    /// Packets that wait for the network.
    outgoing: VecDeque<Bytes>,
    outgoing_bytes: usize,
    outgoing_bytes_max: usize,
    connection: Connection,
    events_max: usize,
    /// `None` once the room is closed: who listens hears that it is over.
    events: Option<broadcast::Sender<Event>>,
    asks: VecDeque<InviteAsk>,
    failed: Option<StoreFailed>,
    /// What the server kept when it let this peer in.
    last_seq: u64,
    /// So far has come what it kept, and that was not taken note of yet.
    reached: Option<u64>,
    /// Everything up to here has come and is durable.
    since: u64,
}

impl Core {
    pub(super) fn new(
        machine: Participant<EngineStore>,
        watermark: Watermark,
        (outgoing_bytes_max, events_max): (usize, usize),
        since: u64,
    ) -> Self {
        Self {
            machine,
            watermark,
            outgoing: VecDeque::new(),
            outgoing_bytes: 0,
            outgoing_bytes_max,
            connection: Connection::Connecting,
            events_max: events_max.max(1),
            events: Some(broadcast::Sender::new(events_max.max(1))),
            asks: VecDeque::new(),
            failed: None,
            last_seq: 0,
            reached: None,
            since,
        }
    }

    pub(super) fn status(&self) -> Status {
        let mut present: Vec<_> = self.machine.present().cloned().collect();
        present.sort();
        Status {
            connection: self.connection.clone(),
            synced: self.connection == Connection::Online
                && (present.is_empty() || self.machine.is_synced()),
            epoch: self.machine.epoch(),
            removed: self.machine.is_removed(),
            present,
            failed: self.failed.as_ref().map(ToString::to_string),
        }
    }

    pub(super) fn events(&self) -> broadcast::Receiver<Event> {
        match &self.events {
            Some(events) => events.subscribe(),
            None => broadcast::channel(self.events_max).1,
        }
    }

    /// What must be on the device before anything is released, if there is such a thing.
    pub(super) fn unsynced(&self) -> Option<Position> {
        self.watermark.unsynced()
    }

    /// What the machine wants done, now that all it rests on is durable.
    pub(super) fn release(&mut self) {
        if self.failed.is_some() {
            return;
        }
        match self.machine.outputs() {
            Ok(outputs) => outputs.into_iter().for_each(|output| self.take(output)),
            Err(error) => {
                tracing::error!(%error, "a room keeps nothing any more");
                self.failed = Some(error);
            }
        }
    }

    fn take(&mut self, output: Output) {
        match output {
            Output::Send(packet) if self.connection == Connection::Online => {
                self.outgoing_bytes += packet.len();
                self.outgoing.push_back(packet);
            }
            // For a connection that is over.
            Output::Send(_) => {}
            Output::Event(event) => {
                if let Event::InviteAsked(ask) = &event
                    && self.asks.len() < ASKS_MAX
                {
                    self.asks.push_back(ask.clone());
                }
                if let Some(events) = &self.events {
                    // Nobody listens: nobody misses it.
                    let _ = events.send(event);
                }
            }
        }
    }

    /// The room is over: from now on nothing of it changes what is stored, which may be opened anew.
    pub(super) fn close(&mut self) {
        self.connection = Connection::Stopped;
        self.events = None;
        self.asks.clear();
        self.outgoing.clear();
        self.outgoing_bytes = 0;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.connection == Connection::Stopped
    }

    pub(super) fn failed(&self) -> Option<&StoreFailed> {
        self.failed.as_ref()
    }

    /// The next packet for the network. An error when so much waits that it is better to begin anew.
    pub(super) fn next_out(&mut self) -> Result<Option<Bytes>, ConnectionError> {
        if self.outgoing_bytes > self.outgoing_bytes_max {
            return Err(ConnectionError::Refreshed);
        }
        let next = self.outgoing.pop_front();
        self.outgoing_bytes -= next.as_ref().map_or(0, Bytes::len);
        Ok(next)
    }

    pub(super) fn next_ask(&mut self) -> Option<InviteAsk> {
        self.asks.pop_front()
    }

    pub(super) fn connecting(&mut self) {
        self.connection = Connection::Connecting;
    }

    pub(super) fn connected(&mut self, welcome: Welcome, last_seq: u64, now: Now) {
        self.last_seq = last_seq;
        self.connection = Connection::Online;
        self.machine.connected(welcome, now);
    }

    pub(super) fn disconnected(&mut self, connection: Connection, now: Now) {
        let was_online = self.connection == Connection::Online;
        self.connection = connection;
        self.outgoing.clear();
        self.outgoing_bytes = 0;
        self.reached = None;
        if was_online {
            self.machine.disconnected(now);
        }
    }

    pub(super) fn undeliverable(&mut self, request: &RequestId, target: &str, now: Now) {
        if let Some(target) = PeerId::new(target) {
            self.machine.undeliverable(request, &target, now);
        }
    }

    /// Of what the server kept all up to this has come.
    pub(super) fn replayed(&mut self, seq: u64) {
        self.reached = Some(seq);
    }

    /// All that the server kept has come.
    pub(super) fn caught_up(&mut self) {
        self.reached = Some(self.last_seq);
    }

    /// From where the next connection asks for what the server kept.
    pub(super) fn since(&self) -> u64 {
        self.since
    }

    /// The new place for [`since`](Self::since), if all that came before it is durable.
    pub(super) fn take_caught_up(&mut self) -> Option<u64> {
        // What waits for a key is only in memory: should it be lost, the server can send it again.
        let waits = self.machine.waiting().iter().any(|(packets, _)| *packets > 0);
        if self.failed.is_some() || self.unsynced().is_some() || waits {
            return None;
        }
        let moved = self.reached.take().filter(|reached| *reached != self.since)?;
        self.since = moved;
        Some(moved)
    }
}
