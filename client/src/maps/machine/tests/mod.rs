//! The machine over a replica in memory: against scripts, and against the real coordinator.

mod bounds;
mod chaos;
mod memory;
mod noise;
mod offline;
mod pulls;
mod pushes;
mod repairs;
mod world;

use std::time::Duration;

use bytes::Bytes;
use syncline_protocol::{
    dialect::UnixMillis,
    dialects::maps::{
        proto::{
            Ack, AuthResponse, AuthStatus, Envelope, ErrorCode, ErrorMessage, OpResult,
            OperationMessage, SyncRequest, SyncResponse, envelope::Payload, op_result::Outcome,
            sync_request::Type, sync_response::Status,
        },
        wire::{decode, encode},
    },
};

use super::{Ended, Event, Machine, Now, Rules};
use memory::Memory;

/// The wall clock at which every test begins.
const WALL: u64 = 1_700_000_000_000;
const MAP: &str = "todos";

/// A machine, its replica, and a server that a test plays.
struct Talk {
    machine: Machine,
    replica: Memory,
    now: Now,
}

/// What the machine said, with its number.
type Said = (String, Payload);

impl Talk {
    fn new(maps: &[&str]) -> Self {
        let now = Now { at: Duration::ZERO, wall: UnixMillis(WALL) };
        let machine = Machine::new(Rules::default(), 7);
        Self { machine, replica: Memory::new("phone", maps), now }
    }

    /// One that the server has let in, with all that ours offers.
    fn online(maps: &[&str]) -> Self {
        let mut talk = Self::new(maps);
        talk.connect(&["cursor", "negentropy1"], 1);
        talk
    }

    fn connect(&mut self, capabilities: &[&str], version: u32) {
        self.machine.connected(&mut self.replica, "token", self.now);
        let said = self.hear();
        assert!(matches!(&said[..], [(_, Payload::Auth(auth))] if auth.node_id == "phone"));
        self.say("1", Payload::AuthResp(welcome(capabilities, version))).unwrap();
    }

    /// A map that is proved equal and hears of changes.
    fn live(&mut self) {
        let number = self.one(|request| request.r#type == Type::PullSince as i32).0;
        let root = self.replica.root(MAP);
        self.answer(&number, page(&[], b"1", Some(root))).unwrap();
        assert!(self.machine.is_equal(MAP));
        assert_eq!(self.hear(), []);
    }

    fn later(&mut self, ms: u64) {
        self.now.at += Duration::from_millis(ms);
        self.now.wall.0 += ms;
    }

    /// Lets time pass up to when the machine wants to be woken, and says how long that was.
    fn sleep(&mut self) -> u64 {
        let wake = self.machine.wake_at().expect("it waits for something");
        let ms = wake.saturating_sub(self.now.at).as_micros().div_ceil(1000) as u64;
        self.later(ms);
        ms
    }

    /// A write that is durable at once.
    fn write(&mut self, key: &str, value: &str) {
        self.replica.write(MAP, key, Some(value), self.now.wall.0);
        self.machine.wrote(&MAP.into(), 1, key.len() + value.len(), self.now);
    }

    fn say(&mut self, number: &str, payload: Payload) -> Result<(), Ended> {
        let envelope = Envelope { correlation_id: number.into(), payload: Some(payload) };
        self.machine.receive(&mut self.replica, encode(&envelope), self.now)
    }

    fn answer(&mut self, number: &str, response: SyncResponse) -> Result<(), Ended> {
        self.say(number, Payload::SyncResp(response))
    }

    fn ack(&mut self, number: &str, ack: Ack) -> Result<(), Ended> {
        self.say(number, Payload::Ack(ack))
    }

    /// Everything that the machine says now.
    fn hear(&mut self) -> Vec<Said> {
        self.try_hear().unwrap()
    }

    fn try_hear(&mut self) -> Result<Vec<Said>, Ended> {
        let mut said = Vec::new();
        while let Some(message) = self.machine.poll(&mut self.replica, self.now)? {
            let envelope = decode(message, &Rules::default().message).unwrap();
            said.push((envelope.correlation_id, envelope.payload.unwrap()));
        }
        Ok(said)
    }

    /// The one request that the machine makes now.
    fn one(&mut self, is: impl Fn(&SyncRequest) -> bool) -> (String, SyncRequest) {
        let said = self.hear();
        match &said[..] {
            [(number, Payload::SyncReq(request))] if is(request) => {
                (number.clone(), request.clone())
            }
            _ => panic!("{said:?}"),
        }
    }

    /// The operations that the machine sends now, and the numbers of their messages.
    fn pushed(&mut self) -> Vec<(String, Vec<String>)> {
        let keys = |ops: &[OperationMessage]| ops.iter().map(|op| op.key.clone()).collect();
        let pushed = self.hear().into_iter().filter_map(|(number, payload)| match payload {
            Payload::Op(op) => Some((number, keys(&[op]))),
            Payload::SyncReq(request) if request.r#type == Type::Push as i32 => {
                Some((number, keys(&request.ops)))
            }
            _ => None,
        });
        pushed.collect()
    }

    fn events(&mut self) -> Vec<Event> {
        self.machine.events().collect()
    }
}

impl Machine {
    fn is_equal(&self, map: &str) -> bool {
        self.is_proved(map, 0)
    }
}

fn welcome(capabilities: &[&str], version: u32) -> AuthResponse {
    AuthResponse {
        status: AuthStatus::Ok as i32,
        server_time: format!("{WALL}:0:~server"),
        user_id: "u".into(),
        protocol_version: version,
        capabilities: capabilities.iter().map(ToString::to_string).collect(),
        ..AuthResponse::default()
    }
}

fn durable() -> Ack {
    Ack { durable: true, ..Ack::default() }
}

fn rejected(index: u32, code: ErrorCode) -> OpResult {
    let (outcome, code) = (Outcome::Rejected as i32, code as i32);
    OpResult { index, outcome, code, ..OpResult::default() }
}

fn error(code: ErrorCode, retry_after_ms: u64) -> Payload {
    Payload::Error(ErrorMessage { code: code as i32, retry_after_ms, ..ErrorMessage::default() })
}

fn op(key: &str, value: &'static str, millis: u64, node: &str) -> OperationMessage {
    OperationMessage {
        map_name: MAP.into(),
        key: key.into(),
        value: Bytes::from_static(value.as_bytes()),
        timestamp: format!("{millis}:0:{node}"),
        ..OperationMessage::default()
    }
}

/// A page of changes; the last one with a root.
fn page(ops: &[OperationMessage], cursor: &'static [u8], root: Option<[u8; 16]>) -> SyncResponse {
    SyncResponse {
        status: Status::Ok as i32,
        r#type: Type::PullSince as i32,
        map_name: MAP.into(),
        ops: ops.to_vec(),
        cursor: Bytes::from_static(cursor),
        more: root.is_none(),
        root_hash: root.map(|root| Bytes::copy_from_slice(&root)).unwrap_or_default(),
        ..SyncResponse::default()
    }
}
