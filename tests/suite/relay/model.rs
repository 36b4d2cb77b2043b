//! Random lives of rooms against a plain model: whoever joins, lags, leaves and returns gets every
//! record behind its cursor once, in order, and none of its own.
//!
//! A failure names its seed. `SYNCLINE_TEST_SEEDS=100` lives so many lives.

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use syncline_tests::{
    dice::{self, Dice},
    relay::{Framing, Hello, Message, Peer},
    server::TestServer,
};

const KEYS: usize = 3;
const STEPS: usize = 120;
const CLIENTS_MAX: usize = 12;

/// A connection and what it has still to get.
struct Client {
    peer: Peer,
    framing: Framing,
    key: usize,
    /// The sequence numbers and payloads to come.
    due: VecDeque<(u64, Vec<u8>)>,
    /// Submissions not acknowledged yet, by sequence number.
    unacknowledged: VecDeque<u64>,
    caught_up: bool,
}

impl Client {
    /// Takes the next message and checks it.
    fn read(&mut self) {
        match self.peer.message() {
            Message::CaughtUp(_) => {
                assert!(!self.caught_up && self.framing == Framing::Binary);
                self.caught_up = true;
            }
            Message::Accepted { seq, .. } => {
                // Binary acknowledgements speak for all before them, JSON ones for themselves.
                while self.unacknowledged.front().is_some_and(|first| *first < seq) {
                    assert_eq!(self.framing, Framing::Binary, "a JSON acknowledgement is missing");
                    self.unacknowledged.pop_front();
                }
                assert_eq!(self.unacknowledged.pop_front(), Some(seq));
            }
            Message::Change { seq, payload, .. } => {
                let due = self.due.pop_front();
                assert!(due == Some((seq, payload)), "{seq} came, due was {:?}", due.map(|d| d.0));
            }
        }
    }

    fn is_owed(&self) -> bool {
        !self.due.is_empty()
            || !self.unacknowledged.is_empty()
            || (self.framing == Framing::Binary && !self.caught_up)
    }

    fn read_all(&mut self) {
        while self.is_owed() {
            self.read();
        }
    }
}

struct World {
    dice: Dice,
    address: SocketAddr,
    /// The payloads of each room, from sequence number 1.
    rooms: [Vec<Vec<u8>>; KEYS],
    /// The last sequence number of each room that is known to be visible.
    released: [usize; KEYS],
    clients: Vec<Client>,
}

impl World {
    fn step(&mut self) {
        match self.dice.below(10) {
            0..3 => self.join(),
            3 if !self.clients.is_empty() => {
                let gone = self.dice.below(self.clients.len());
                self.clients.swap_remove(gone);
            }
            4 | 5 if !self.clients.is_empty() => {
                let reader = self.dice.below(self.clients.len());
                self.clients[reader].read_all();
            }
            _ if !self.clients.is_empty() => self.burst(),
            _ => self.join(),
        }
    }

    fn join(&mut self) {
        if self.clients.len() == CLIENTS_MAX {
            return;
        }
        let key = self.dice.below(KEYS);
        let framing = [Framing::Json, Framing::Binary][self.dice.below(2)];
        // Nobody can have seen more than what was released.
        let after = self.dice.below(self.released[key] + 1);
        let hello =
            Hello::new("c", &format!("key {key}")).after(i64::try_from(after).unwrap()).with_ack();
        let peer = Peer::join(self.address, framing, &hello);
        let due = (after as u64 + 1..).zip(self.rooms[key].iter().skip(after).cloned()).collect();
        let unacknowledged = VecDeque::new();
        self.clients.push(Client { peer, framing, key, due, unacknowledged, caught_up: false });
    }

    /// One client submits some changes and waits for its acknowledgements: so the order of the
    /// room's records is known. Others may join meanwhile.
    fn burst(&mut self) {
        let writer = self.dice.below(self.clients.len());
        let (count, size) = (1 + self.dice.below(40), self.dice.below(3000));
        let key = self.clients[writer].key;
        for _ in 0..count {
            let seq = self.rooms[key].len() as u64 + 1;
            let mut payload = seq.to_be_bytes().to_vec();
            payload.resize(8 + size, u8::try_from(size % 251).unwrap());
            let client = &mut self.clients[writer];
            client.peer.submit(&payload).expect("the server reads on");
            client.unacknowledged.push_back(seq);
            for (at, other) in self.clients.iter_mut().enumerate() {
                if at != writer && other.key == key {
                    other.due.push_back((seq, payload.clone()));
                }
            }
            self.rooms[key].push(payload);
            if self.dice.below(30) == 0 {
                self.join();
            }
        }
        while !self.clients[writer].unacknowledged.is_empty() {
            self.clients[writer].read();
        }
        self.released[key] = self.rooms[key].len();
    }
}

fn live(seed: u64) {
    let mut dice = Dice::new(seed);
    let moved_max = [0, 1, 3, 1024][dice.below(4)];
    let queue_bytes_max = [4 << 10, 64 << 10, 1 << 20][dice.below(3)];
    let server = TestServer::start(|config| {
        config.http.shards = 1 + dice.below(3);
        config.limits.followers_moved_max = moved_max;
        config.limits.queue_bytes_max = queue_bytes_max;
        // However long a client reads nothing, it is neither pinged nor cut.
        config.limits.ping_interval = Duration::from_secs(3600);
        config.limits.write_timeout = Duration::from_secs(3600);
    });
    let rooms = std::array::from_fn(|_| Vec::new());
    let (address, released) = (server.address(), [0; KEYS]);
    let mut world = World { dice, address, rooms, released, clients: Vec::new() };
    for _ in 0..STEPS {
        world.step();
    }
    for client in &mut world.clients {
        client.read_all();
    }
    if let Some(client) = world.clients.first_mut() {
        client.peer.hears_nothing();
    }
    for client in &mut world.clients {
        crate::settled(&mut client.peer);
    }
}

#[test]
fn random_lives_of_rooms_are_as_the_model_says() {
    for seed in 0..dice::seeds(6) {
        println!("seed {seed}");
        live(seed);
    }
}
