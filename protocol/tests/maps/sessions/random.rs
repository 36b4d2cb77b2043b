//! Random clients before random delays: each request is answered once and in its turn, no client misses
//! anything, and all that was acknowledged is there.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;
use syncline_protocol::{
    dialect::Collections as _,
    dialects::maps::{
        Ack as AckWhen, Cursor, Settings,
        memory::Delays,
        proto::{
            Envelope, OperationMessage, SyncRequest, SyncResponse, envelope::Payload,
            op_result::Outcome, sync_request::Type, sync_response::Status,
        },
    },
};

use super::world::{World, auth, op, pull, push, request, sync};

const MAPS: [&str; 3] = ["a", "b", "c"];
const CLIENTS: usize = 4;

fn seeds() -> u64 {
    let asked = std::env::var("SYNCLINE_TEST_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    asked.unwrap_or(20)
}

/// The same numbers for the same seed (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// What a client sent and has no answer to.
enum Open {
    Push(Vec<OperationMessage>),
    Pull(usize),
    Other,
}

/// A map as a client has it: the cursor, and the newest operation of each key.
#[derive(Default)]
struct Copy {
    cursor: Bytes,
    pulled: bool,
    newest: BTreeMap<String, OperationMessage>,
}

impl Copy {
    fn take(&mut self, ops: Vec<OperationMessage>) {
        for op in ops {
            merge(&mut self.newest, op);
        }
    }
}

/// The times of these tests have the same number of digits, so that their texts compare as they do.
fn merge(newest: &mut BTreeMap<String, OperationMessage>, op: OperationMessage) {
    match newest.get(&op.key) {
        Some(known) if (&known.timestamp, &known.value) >= (&op.timestamp, &op.value) => {}
        _ => {
            newest.insert(op.key.clone(), op);
        }
    }
}

struct Client {
    session: u64,
    asked: u64,
    open: VecDeque<(String, Open)>,
    copies: [Copy; 3],
    /// Maps of which it has asked for a page, one at a time.
    pulling: [bool; 3],
    slow: bool,
}

struct Run {
    world: World,
    dice: Dice,
    clients: Vec<Client>,
    /// All that was acknowledged.
    written: HashMap<&'static str, BTreeMap<String, OperationMessage>>,
    clock: u64,
    seed: u64,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let (ask_ms_max, sync_ms_max) = (dice.below(40), dice.below(30));
        let mut settings = Settings::default();
        // Few pages suffice, and what is too much is met.
        (settings.limits.page_ops_max, settings.limits.in_flight_max) = (7, 4);
        (settings.limits.requests_per_second, settings.limits.batch_ops_max) = (0, 20);
        if seed.is_multiple_of(3) {
            settings.ack = AckWhen::Memory;
        }
        let mut world = World::new(settings, Delays { seed, ask_ms_max, sync_ms_max });
        let clients = (0..CLIENTS)
            .map(|n| {
                let session = world.connect();
                world.send(session, "", Payload::Auth(auth("anna", &format!("node{n}"), 1)));
                let (open, copies) = (VecDeque::new(), Default::default());
                Client { session, asked: 0, open, copies, pulling: [false; 3], slow: false }
            })
            .collect();
        let mut run = Self { world, dice, clients, written: HashMap::new(), clock: 0, seed };
        run.world.pass(500);
        for client in &run.clients {
            assert_eq!(run.world.heard(client.session).len(), 1);
        }
        run
    }

    fn ask(&mut self, client: usize, open: Open, payload: Payload) {
        let Client { session, asked, open: waiting, .. } = &mut self.clients[client];
        *asked += 1;
        let id = asked.to_string();
        waiting.push_back((id.clone(), open));
        self.world.send(*session, &id, payload);
    }

    fn pull(&mut self, client: usize, map: usize) {
        if std::mem::replace(&mut self.clients[client].pulling[map], true) {
            return;
        }
        let cursor = self.clients[client].copies[map].cursor.clone();
        self.ask(client, Open::Pull(map), sync(pull(MAPS[map], &cursor)));
    }

    fn step(&mut self) {
        let client = self.dice.below(CLIENTS as u64) as usize;
        let map = self.dice.below(3) as usize;
        match self.dice.below(20) {
            0..=8 => {
                let ops: Vec<_> = (0..=self.dice.below(6))
                    .map(|_| {
                        self.clock += 1;
                        let (map, key) = (self.dice.below(3) as usize, self.dice.below(40));
                        // Some are older than what is there.
                        let back = self.dice.below(2) * self.dice.below(30);
                        let ms = 1000 + self.clock - back.min(self.clock);
                        let value = self.clock.to_string();
                        op(MAPS[map], &key.to_string(), &value, ms, &format!("node{client}"))
                    })
                    .collect();
                self.ask(client, Open::Push(ops.clone()), push(ops));
            }
            9..=12 => self.pull(client, map),
            13 => self.ask(
                client,
                Open::Other,
                sync(SyncRequest { keys: vec!["1".into()], ..request(Type::Get, MAPS[map]) }),
            ),
            14 => self.ask(client, Open::Other, sync(request(Type::MerkleHashReq, ""))),
            15 => self.ask(client, Open::Other, sync(request(Type::Unspecified, ""))),
            16 => {
                let Client { slow, session, .. } = &mut self.clients[client];
                *slow = !*slow;
                self.world.set_slow(*session, *slow);
            }
            _ => {
                let ms = self.dice.below(60);
                self.world.pass(ms);
            }
        }
        self.hear();
    }

    fn hear(&mut self) {
        for client in 0..CLIENTS {
            for envelope in self.world.heard(self.clients[client].session) {
                self.take(client, envelope);
            }
        }
    }

    fn take(&mut self, client: usize, envelope: Envelope) {
        let Envelope { correlation_id, payload } = envelope;
        let payload = payload.expect("a payload");
        if let Payload::Batch(batch) = payload {
            assert_eq!(correlation_id, "");
            let map = MAPS.iter().position(|map| *map == batch.ops[0].map_name).unwrap();
            let copy = &mut self.clients[client].copies[map];
            if !copy.pulled {
                // It follows since it got one key. What was before it does not know.
                return;
            }
            assert_eq!(batch.prev_cursor, copy.cursor, "no gap, seed {}", self.seed);
            copy.cursor = batch.cursor;
            copy.take(batch.ops);
            return;
        }
        let (id, open) = self.clients[client].open.pop_front().expect("it was asked for");
        assert_eq!(id, correlation_id, "in its turn, seed {}", self.seed);
        match (open, payload) {
            (Open::Push(ops), Payload::Ack(ack)) => self.acknowledged(client, ops, &ack),
            (Open::Pull(map), Payload::SyncResp(response)) => self.pulled(client, map, response),
            (Open::Push(_), Payload::Error(_)) => {}
            (Open::Pull(map), Payload::Error(_)) => self.clients[client].pulling[map] = false,
            (Open::Other, Payload::SyncResp(_) | Payload::Error(_)) => {}
            (_, other) => panic!("{other:?}"),
        }
    }

    fn acknowledged(
        &mut self,
        client: usize,
        ops: Vec<OperationMessage>,
        ack: &syncline_protocol::dialects::maps::proto::Ack,
    ) {
        assert_eq!(ops.len(), ack.results.len() + ack.applied as usize);
        for result in &ack.results {
            assert!(matches!(result.outcome(), Outcome::Stale | Outcome::Duplicate), "{result:?}");
        }
        for op in ops {
            let map = MAPS.iter().position(|map| *map == op.map_name).unwrap();
            merge(self.written.entry(MAPS[map]).or_default(), op.clone());
            merge(&mut self.clients[client].copies[map].newest, op);
        }
    }

    fn pulled(&mut self, client: usize, map: usize, response: SyncResponse) {
        let Client { copies, pulling, .. } = &mut self.clients[client];
        assert_eq!(response.status(), Status::Ok);
        pulling[map] = false;
        copies[map].pulled = true;
        let seq = |cursor: &Bytes| Cursor::parse(MAPS[map], cursor).map_or(0, |cursor| cursor.seq);
        // A page may be one of what it was told meanwhile; the last is not.
        let goes_on = response.more || seq(&response.cursor) >= seq(&copies[map].cursor);
        assert!(goes_on, "seed {}", self.seed);
        copies[map].cursor = response.cursor;
        copies[map].take(response.ops);
        if response.more {
            self.pull(client, map);
        }
    }

    fn finish(mut self) {
        for client in 0..CLIENTS {
            self.clients[client].slow = false;
            self.world.set_slow(self.clients[client].session, false);
        }
        for _ in 0..30 {
            self.world.pass(500);
            self.hear();
        }
        for client in &self.clients {
            assert!(client.open.is_empty(), "all is answered, seed {}", self.seed);
            for (copy, map) in client.copies.iter().zip(MAPS).filter(|(copy, _)| copy.pulled) {
                let written = self.written.get(map).cloned().unwrap_or_default();
                assert_eq!(copy.newest, written, "map {map}, seed {}", self.seed);
            }
        }
        for map in MAPS {
            let kept = self.written.get(map).map_or(0, BTreeMap::len);
            let mut stored = 0;
            if let Some(device) = self.world.coordinator.device(map) {
                device.entries(0, |_, _| stored += 1).unwrap();
            }
            assert_eq!(stored, kept, "map {map}, seed {}", self.seed);
        }
    }
}

#[test]
fn clients_of_a_coordinator_with_delays_miss_nothing() {
    for seed in 0..seeds() {
        let mut run = Run::new(seed);
        for _ in 0..250 {
            run.step();
        }
        run.finish();
    }
}
