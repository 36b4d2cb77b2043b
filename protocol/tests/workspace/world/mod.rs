//! A world of original clients around one workspace, step by step: who moves is the test's choice.
//!
//! Links delay each direction by itself and keep its order; clocks are apart; what is committed is
//! released later; sockets lag; connections and the server die. Nothing here knows the rule that
//! is under test.

mod client;
mod connection;
mod server;

use std::collections::BTreeMap;

use syncline_protocol::dialects::workspace::Settings;

use self::{
    client::Client,
    connection::{Connection, Down, Up},
    server::Server,
};

/// One thing that happens. Numbers stand for whoever is there: they are taken modulo.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Time passes, in milliseconds.
    Wait(u16),
    /// A client sets a key.
    Set { client: u8, key: u8 },
    /// A client dials, if it is away.
    Dial(u8),
    /// A client loses its connection. The server may hear of it later.
    Lose(u8),
    /// The server hears that an abandoned connection is gone.
    Notice,
    /// The server gets the next message of a connection.
    Up(u8),
    /// The room applies the next command.
    Apply,
    /// What was applied is one batch.
    Commit,
    /// The oldest batch is durable.
    Release,
    /// A connection's shard takes the next thing released.
    Hear(u8),
    /// A socket takes the next frame.
    Write(u8),
    /// A client gets the next frame.
    Down(u8),
    /// The server dies; what was not durable is lost.
    Die,
}

/// Everything there is.
pub(crate) struct World {
    now_ms: u64,
    server: Server,
    clients: Vec<Client>,
    /// Every connection the server has; the number is its member's.
    connections: BTreeMap<u64, Connection>,
    next_member: u64,
    /// Operations that came back to the client that made them.
    pub(crate) given_back: u64,
}

/// Where the clock of every world begins: in 2023.
const START_MS: u64 = 1_700_000_000_000;

impl World {
    /// A world of clients whose clocks are that many milliseconds ahead, each away and with nothing.
    /// Those that are `hasty` pong at once and set whenever they like; the others set nothing from
    /// when they dial until they are opened.
    pub(crate) fn new(settings: Settings, clients: &[(bool, i32)]) -> Self {
        let clients = clients.iter().zip(0..);
        Self {
            now_ms: START_MS,
            server: Server::new(settings),
            clients: clients
                .map(|(&(hasty, ahead_ms), n)| Client::new(n, hasty, ahead_ms))
                .collect(),
            connections: BTreeMap::new(),
            next_member: 0,
            given_back: 0,
        }
    }

    pub(crate) fn step(&mut self, step: Step) {
        match step {
            Step::Wait(ms) => self.now_ms += u64::from(ms),
            Step::Set { client, key } => {
                let client = place(client, self.clients.len());
                self.clients[client].set(key, self.now_ms, &mut self.connections);
            }
            Step::Dial(client) => self.dial(place(client, self.clients.len())),
            Step::Lose(client) => {
                let client = place(client, self.clients.len());
                self.clients[client].lose(&mut self.connections);
            }
            Step::Notice => self.connections.retain(|_, connection| !connection.abandoned),
            Step::Up(which) => self.of(which, Self::up),
            Step::Apply => drop(self.server.apply(self.now_ms)),
            Step::Commit => self.server.commit(),
            Step::Release => drop(self.server.release(&mut self.connections)),
            Step::Hear(which) => self.of(which, Self::hear),
            Step::Write(which) => self.of(which, Self::write),
            Step::Down(client) => {
                let client = place(client, self.clients.len());
                self.down(client);
            }
            Step::Die => self.die(),
        }
    }

    /// Everyone comes back, and everything that is on its way arrives.
    pub(crate) fn settle(&mut self) {
        for client in 0..self.clients.len() {
            self.dial(client);
        }
        let busy = |world: &mut Self| {
            let members: Vec<u64> = world.connections.keys().copied().collect();
            let mut moved = world.server.apply(world.now_ms);
            world.server.commit();
            moved |= world.server.release(&mut world.connections);
            for member in members {
                moved |= world.up(member) | world.hear(member) | world.write(member);
            }
            (0..world.clients.len()).fold(moved, |moved, client| world.down(client) | moved)
        };
        let rounds = (0..100_000).take_while(|_| busy(self)).count();
        assert!(rounds < 100_000, "they talk for ever");
    }

    /// What every client has, in order, and what the room has.
    pub(crate) fn states(&self) -> (Vec<BTreeMap<String, String>>, BTreeMap<String, String>) {
        (self.clients.iter().map(|client| client.copy.clone()).collect(), self.server.state())
    }

    fn of(&mut self, which: u8, act: impl FnOnce(&mut Self, u64) -> bool) {
        if self.connections.is_empty() {
            return;
        }
        let nth = place(which, self.connections.len());
        let member = *self.connections.keys().nth(nth).expect("the number is below the count");
        act(self, member);
    }

    fn dial(&mut self, client: usize) {
        let client = &mut self.clients[client];
        if client.member.is_none() {
            let member = self.next_member;
            self.next_member += 1;
            let mut connection = self.server.accept(self.now_ms, client.hasty);
            connection.down.push_back(Down::Switching);
            self.server.ask(member, &mut connection);
            self.connections.insert(member, connection);
            client.dial(member);
        }
    }

    /// The server gets the next message of a connection.
    fn up(&mut self, member: u64) -> bool {
        let connection = self.connections.get_mut(&member).expect("a connection there is");
        match connection.up.pop_front() {
            None => return false,
            Some(Up::Pong(mark)) => connection.pong(mark),
            Some(Up::Text(text)) => self.server.receive(member, connection, &text, self.now_ms),
        }
        true
    }

    fn hear(&mut self, member: u64) -> bool {
        let connection = self.connections.get_mut(&member).expect("a connection there is");
        connection.hear(&self.server)
    }

    fn write(&mut self, member: u64) -> bool {
        let connection = self.connections.get_mut(&member).expect("a connection there is");
        connection.write(self.now_ms, &self.server)
    }

    fn down(&mut self, client: usize) -> bool {
        let client = &mut self.clients[client];
        let Some(connection) = client.member.and_then(|member| self.connections.get_mut(&member))
        else {
            return false;
        };
        let Some(frame) = connection.down.pop_front() else { return false };
        self.given_back += u64::from(client.take(frame, connection));
        true
    }

    fn die(&mut self) {
        self.server.die();
        for client in &mut self.clients {
            client.lose(&mut self.connections);
        }
        self.connections.clear();
        // Another run of the server counts its sessions from the start.
        self.next_member = 0;
    }
}

fn place(number: u8, count: usize) -> usize {
    usize::from(number) % count
}
