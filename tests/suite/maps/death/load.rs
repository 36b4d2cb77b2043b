//! Clients that push and follow until their connections end.
//!
//! Knows the wire, and tells what it was told; judges nothing.

use std::{net::SocketAddr, sync::Mutex, thread, time::Duration};

use bytes::Bytes;
use prost::Message as _;
use syncline_protocol::dialects::maps::proto::{
    Ack, AuthRequest, AuthStatus, Envelope, OperationMessage, SyncRequest, envelope::Payload,
    op_result::Outcome,
};
use syncline_tests::{
    PATIENCE,
    dice::Dice,
    maps::{PATH, claims, envelope, everything, now_ms, payload, pull, push},
    workspace::token,
    ws::{BINARY, Event, FIN, Socket},
};

use super::known::{Known, MAP, State, op};

const WRITERS: u64 = 3;
const FOLLOWERS: u64 = 2;
const KEYS: u64 = 25;

/// Load on one server.
pub(super) struct Load<'a> {
    address: SocketAddr,
    known: &'a Mutex<Known>,
    seed: u64,
}

/// A connection; every step is `None` when it has ended.
struct Link {
    socket: Socket,
    asked: u64,
}

impl Link {
    fn open(address: SocketAddr, node: &str) -> Option<Self> {
        let mut link = Self { socket: Socket::try_dial(address, PATH)?, asked: 0 };
        let request = AuthRequest {
            token: token(&claims("ann", &everything())),
            protocol_version: 1,
            node_id: node.into(),
            ..AuthRequest::default()
        };
        match link.ask(Payload::Auth(request))? {
            Payload::AuthResp(response) if response.status() == AuthStatus::Ok => Some(link),
            _ => None,
        }
    }

    fn begin(&mut self, payload: Payload) -> Option<String> {
        self.asked += 1;
        let id = self.asked.to_string();
        let sent = self.socket.send(FIN | BINARY, &envelope(&id, payload).encode_to_vec());
        sent.then_some(id)
    }

    fn receive(&mut self, wait: Duration) -> Option<Option<Envelope>> {
        match self.socket.event(wait) {
            Event::Frame(frame) if frame.first & 0x0f == BINARY => {
                Some(Some(Envelope::decode(&frame.payload[..]).expect("an Envelope")))
            }
            Event::Frame(_) | Event::Nothing => Some(None),
            Event::End => None,
        }
    }

    /// The answer; what is pushed meanwhile is passed over.
    fn ask(&mut self, payload: Payload) -> Option<Payload> {
        let id = self.begin(payload)?;
        loop {
            if let Some(said) = self.receive(PATIENCE)?.filter(|said| said.correlation_id == id) {
                return said.payload;
            }
        }
    }
}

impl<'a> Load<'a> {
    pub(super) fn new(address: SocketAddr, known: &'a Mutex<Known>, seed: u64) -> Self {
        Self { address, known, seed }
    }

    /// Until the server ends by itself.
    pub(super) fn run_until_end(&self) {
        self.run(|| ());
    }

    /// Until the server ends; `meanwhile` happens beside it.
    pub(super) fn run(&self, meanwhile: impl FnOnce()) {
        thread::scope(|scope| {
            for writer in 0..WRITERS {
                scope.spawn(move || self.write(writer));
            }
            for follower in 0..FOLLOWERS {
                scope.spawn(move || self.follow(follower));
            }
            meanwhile();
        });
    }

    fn write(&self, number: u64) -> Option<()> {
        let mut dice = Dice::new(self.seed * 10 + number);
        let node = format!("writer-{number}-of-{}", self.seed);
        let mut link = Link::open(self.address, &node)?;
        let (began_ms, mut written) = (now_ms(), 0);
        loop {
            let ops: Vec<OperationMessage> = (0..=dice.below(4))
                .map(|_| {
                    written += 1;
                    let timestamp = format!("{began_ms}:{written}:{node}");
                    op(&format!("key {}", dice.below(KEYS)), &timestamp, dice.roll())
                })
                .collect();
            self.known.lock().unwrap().send(&ops);
            match link.ask(payload(push(ops.clone())))? {
                Payload::Ack(ack) => self.acknowledged(&ops, &ack),
                // The disk has failed.
                _ => return None,
            }
        }
    }

    fn acknowledged(&self, ops: &[OperationMessage], ack: &Ack) {
        for (at, op) in ops.iter().enumerate() {
            let result = ack.results.iter().find(|result| result.index as usize == at);
            if result.is_none_or(|result| result.outcome() != Outcome::Rejected) {
                self.known.lock().unwrap().acknowledged(op, ack.durable);
            }
        }
    }

    /// Reads to the end, and is told of what comes then, as long as that follows.
    fn follow(&self, number: u64) -> Option<()> {
        let mut dice = Dice::new(self.seed * 10 + 7 + number);
        let mut link = Link::open(self.address, &format!("follower-{number}"))?;
        let (mut cursor, mut state) = (Bytes::new(), State::new());
        loop {
            let max_items = 1 + dice.below(9) as u32;
            let request = SyncRequest { max_items, ..pull(MAP, &cursor) };
            let Payload::SyncResp(page) = link.ask(payload(request))? else { return None };
            self.step(&mut dice, &mut cursor, &mut state, (&page.ops, page.cursor));
            let mut follows = !page.more;
            while follows && dice.below(10) > 0 {
                let Some(said) = link.receive(Duration::from_millis(20))? else { continue };
                let Some(Payload::Batch(batch)) = said.payload else { return None };
                follows = batch.prev_cursor == cursor;
                if follows {
                    self.step(&mut dice, &mut cursor, &mut state, (&batch.ops, batch.cursor));
                }
            }
        }
    }

    fn step(
        &self,
        dice: &mut Dice,
        cursor: &mut Bytes,
        state: &mut State,
        (ops, next): (&[OperationMessage], Bytes),
    ) {
        let mut known = self.known.lock().unwrap();
        *cursor = next;
        known.told_of(state, ops, cursor);
        if dice.below(5) == 0 {
            known.stands(cursor, state, dice.roll());
        }
    }
}
