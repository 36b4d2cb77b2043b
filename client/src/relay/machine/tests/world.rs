//! A plain server, its connections, and clients whose state survives a crash as far as it was
//! reported. A broken connection may still bring what was under way to the server.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use proptest::prelude::*;

use crate::relay::{
    change_id::{ChangeId, Origin},
    machine::{Habits, Kept, Machine, OutboxLimits, Place, Ticket, Verdict},
};

const LIMITS: OutboxLimits = OutboxLimits { changes_max: 1000, bytes_max: 1 << 20 };

#[derive(Clone, Debug)]
pub(super) enum Step {
    Submit(usize),
    Send(usize),
    Connect(usize),
    Disconnect(usize),
    Crash(usize),
    ServerReads(prop::sample::Index),
    ClientReads(usize),
    ClientReadsTwice(usize),
    Handle(usize),
}

#[derive(Clone, Copy, Debug)]
enum Up {
    Hello { after: u64 },
    Submit { place: Place, id: ChangeId },
}

#[derive(Clone, Copy, Debug)]
enum Down {
    Change { sequence: u64, id: ChangeId },
    Accepted { place: Place },
    CaughtUp { sequence: u64 },
}

#[derive(Debug, Default)]
struct Connection {
    up: VecDeque<Up>,
    down: VecDeque<Down>,
    joined: bool,
    broken: bool,
}

struct Client {
    machine: Machine,
    connection: Option<usize>,
    starts: u8,
    number: u8,
    /// What the device keeps over a crash.
    kept: Kept,
    /// Deliveries that the application has not handled yet, in this run.
    open: VecDeque<(Ticket, ChangeId)>,
    /// How often the application saw each change.
    saw: BTreeMap<ChangeId, u32>,
    /// Deliveries that a crash may repeat.
    may_repeat: BTreeMap<ChangeId, u32>,
    made: Vec<ChangeId>,
    waiting: BTreeSet<ChangeId>,
}

pub(super) struct World {
    habits: Habits,
    log: Vec<ChangeId>,
    connections: Vec<Connection>,
    clients: Vec<Client>,
}

fn origin(client: u8, start: u8) -> Origin {
    let mut bytes = [0; Origin::BYTES];
    bytes[..2].copy_from_slice(&[client, start]);
    Origin::new(bytes)
}

impl World {
    pub(super) fn new(clients: u8, habits: Habits) -> Self {
        let client = |number| Client {
            machine: Machine::new(habits, LIMITS, origin(number, 0), Kept::default()),
            connection: None,
            starts: 0,
            number,
            kept: Kept::default(),
            open: VecDeque::new(),
            saw: BTreeMap::new(),
            may_repeat: BTreeMap::new(),
            made: Vec::new(),
            waiting: BTreeSet::new(),
        };
        Self {
            habits,
            log: Vec::new(),
            connections: Vec::new(),
            clients: (0..clients).map(client).collect(),
        }
    }

    pub(super) fn apply(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Submit(client) => self.clients[client].submit(),
            Step::Send(client) => self.send(client),
            Step::Connect(client) => self.connect(client),
            Step::Disconnect(client) => self.disconnect(client),
            Step::Crash(client) => self.crash(client),
            Step::ServerReads(any) if !self.connections.is_empty() => {
                self.server_reads(any.index(self.connections.len()));
            }
            Step::ServerReads(_) => {}
            Step::ClientReads(client) => self.client_reads(client, 1)?,
            Step::ClientReadsTwice(client) => self.client_reads(client, 2)?,
            Step::Handle(client) => self.clients[client].handle_one(),
        }
        Ok(())
    }

    fn connect(&mut self, client: usize) {
        let client = &mut self.clients[client];
        if client.connection.is_none() {
            client.connection = Some(self.connections.len());
            let after = client.machine.connected();
            let up = VecDeque::from([Up::Hello { after }]);
            self.connections.push(Connection { up, ..Connection::default() });
        }
    }

    fn disconnect(&mut self, client: usize) {
        let client = &mut self.clients[client];
        client.machine.disconnected();
        if let Some(connection) = client.connection.take() {
            self.connections[connection].broken = true;
        }
    }

    fn crash(&mut self, client: usize) {
        self.disconnect(client);
        let habits = self.habits;
        let client = &mut self.clients[client];
        client.starts += 1;
        for (_, id) in client.open.drain(..) {
            *client.may_repeat.entry(id).or_default() += 1;
        }
        let origin = origin(client.number, client.starts);
        client.machine = Machine::new(habits, LIMITS, origin, client.kept.clone());
        client.waiting = client.kept.outbox.iter().map(|(id, _)| *id).collect();
    }

    fn send(&mut self, client: usize) {
        let client = &mut self.clients[client];
        let Some(connection) = client.connection else {
            assert_eq!(client.machine.send_next(), None, "sent without a connection");
            return;
        };
        if let Some((place, payload)) = client.machine.send_next() {
            let (id, _) = ChangeId::split(payload).unwrap();
            self.connections[connection].up.push_back(Up::Submit { place, id });
        }
    }

    fn server_reads(&mut self, at: usize) {
        match self.connections[at].up.pop_front() {
            None => {}
            Some(Up::Hello { after }) => {
                let history = (1..).zip(self.log.iter().copied()).skip(after as usize);
                let connection = &mut self.connections[at];
                connection.down.extend(history.map(|(sequence, id)| Down::Change { sequence, id }));
                if self.habits.caught_up {
                    let sequence = self.log.len() as u64;
                    connection.down.push_back(Down::CaughtUp { sequence });
                }
                connection.joined = true;
            }
            Some(Up::Submit { place, id }) => self.store(at, place, id),
        }
    }

    fn store(&mut self, from: usize, place: Place, id: ChangeId) {
        self.log.push(id);
        let sequence = self.log.len() as u64;
        for (at, connection) in self.connections.iter_mut().enumerate() {
            if at != from && connection.joined && !connection.broken {
                connection.down.push_back(Down::Change { sequence, id });
            }
        }
        let down = &mut self.connections[from].down;
        // One acknowledgement may stand for several, where the wire allows it.
        if self.habits.caught_up && matches!(down.back(), Some(Down::Accepted { .. })) {
            down.pop_back();
        }
        down.push_back(Down::Accepted { place });
    }

    fn client_reads(&mut self, client: usize, times: usize) -> Result<(), TestCaseError> {
        let client = &mut self.clients[client];
        let Some(connection) = client.connection else { return Ok(()) };
        let Some(message) = self.connections[connection].down.pop_front() else { return Ok(()) };
        match message {
            Down::Change { sequence, id } => {
                for _ in 0..times {
                    client.change(sequence, id);
                }
            }
            Down::Accepted { place } => {
                let up_to = self.habits.caught_up.then_some(place);
                let saved = client.machine.accepted(up_to).expect("it was sent");
                client.saved(&saved, &self.log)?;
            }
            Down::CaughtUp { sequence } => assert!(client.machine.caught_up(sequence)),
        }
        Ok(())
    }

    /// Everyone connects anew and everything that is under way arrives.
    pub(super) fn settle(&mut self) -> Result<(), TestCaseError> {
        for client in 0..self.clients.len() {
            self.disconnect(client);
            self.connect(client);
        }
        let mut quiet_rounds = 0;
        while quiet_rounds < 2 {
            let mut quiet = true;
            for client in 0..self.clients.len() {
                self.send(client);
                self.client_reads(client, 1)?;
                self.clients[client].handle_one();
            }
            for connection in 0..self.connections.len() {
                quiet &= self.connections[connection].up.is_empty();
                self.server_reads(connection);
            }
            let read = |client: &Client| {
                client.connection.is_none_or(|at| self.connections[at].down.is_empty())
            };
            // What was read last may have set free something to send.
            let quiet = quiet && self.clients.iter().all(read);
            quiet_rounds = if quiet { quiet_rounds + 1 } else { 0 };
        }
        Ok(())
    }

    pub(super) fn check(&self) -> Result<(), TestCaseError> {
        for client in &self.clients {
            prop_assert_eq!(client.machine.unsaved(), 0, "everything is saved in the end");
            prop_assert!(client.waiting.is_empty(), "and the application was told");
            for id in &client.made {
                prop_assert!(self.log.contains(id), "the server has every change");
                prop_assert_eq!(client.saw.get(id), None, "nobody gets back what he made");
            }
            let others = self.clients.iter().filter(|other| other.number != client.number);
            for id in others.flat_map(|other| &other.made) {
                let saw = client.saw.get(id).copied().unwrap_or(0);
                let repeats = client.may_repeat.get(id).copied().unwrap_or(0);
                prop_assert!(saw >= 1, "{id:?} was lost");
                prop_assert!(saw <= 1 + repeats, "{id:?} was delivered {saw} times");
            }
        }
        Ok(())
    }
}

impl Client {
    fn submit(&mut self) {
        let id = self.machine.next_id();
        let payload = Bytes::copy_from_slice(&id.to_bytes());
        self.machine.submit(id, payload.clone());
        self.kept.outbox.push((id, payload));
        self.kept.seen.insert(id, 0);
        self.made.push(id);
        self.waiting.insert(id);
    }

    fn change(&mut self, sequence: u64, id: ChangeId) {
        match self.machine.change(sequence, Some(id)) {
            Verdict::Deliver(ticket) => {
                *self.saw.entry(id).or_default() += 1;
                self.open.push_back((ticket, id));
            }
            Verdict::Skip => {}
            Verdict::Saved => {
                assert!(self.waiting.remove(&id), "saved what was not waiting");
                self.kept.outbox.retain(|(kept, _)| *kept != id);
            }
            Verdict::Rewound => panic!("the server never lost anything"),
        }
    }

    fn saved(&mut self, ids: &[ChangeId], log: &[ChangeId]) -> Result<(), TestCaseError> {
        for id in ids {
            prop_assert!(self.waiting.remove(id), "saved what was not waiting");
            prop_assert!(log.contains(id), "saved is a promise");
            self.kept.outbox.retain(|(kept, _)| kept != id);
        }
        Ok(())
    }

    fn handle_one(&mut self) {
        if let Some((ticket, _)) = self.open.pop_front() {
            self.machine.handled(ticket);
        }
        if let Some(handled) = self.machine.report() {
            self.kept.cursor = handled.cursor;
            for (id, sequence) in handled.changes {
                self.kept.seen.insert(id, sequence);
            }
        }
    }
}
