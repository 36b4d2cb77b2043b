//! Peers that set keys and read, and one who PUTs, until their connections end.
//!
//! Knows the wire, and tells what it was told; judges nothing.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicI64, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use syncline_tests::{
    dice::Dice,
    http::{Raw, request},
    workspace::{op, token},
    ws::{CLOSE, Event, FIN, PING, PONG, Socket, TEXT},
};

use super::known::{Known, NAME, bearer};

const PEERS: u64 = 3;
const KEYS: u64 = 6;
/// Timestamps of one life; the next one goes on behind them.
const LIFE: i64 = 1_000_000_000;

/// Load on one server.
pub(super) struct Load<'a> {
    address: SocketAddr,
    known: &'a Mutex<Known>,
    seed: u64,
    clock: AtomicI64,
}

impl<'a> Load<'a> {
    pub(super) fn new(address: SocketAddr, known: &'a Mutex<Known>, seed: u64) -> Self {
        Self { address, known, seed, clock: AtomicI64::new((seed as i64 + 1) * LIFE) }
    }

    /// Until the server ends; `meanwhile` happens beside it. The close codes of the peers.
    pub(super) fn run(&self, meanwhile: impl FnOnce()) -> Vec<Option<u16>> {
        thread::scope(|scope| {
            let peers: Vec<_> =
                (0..PEERS).map(|number| scope.spawn(move || self.peer(number))).collect();
            scope.spawn(|| self.put());
            meanwhile();
            peers.into_iter().map(|peer| peer.join().expect("a peer ends well")).collect()
        })
    }

    /// A change that nobody has made yet; one in four is older than others.
    fn change(&self, dice: &mut Dice) -> (String, Value, i64) {
        let now = self.clock.fetch_add(1_000, Ordering::Relaxed);
        let back = if dice.below(4) == 0 { 1 + dice.below(50) as i64 * 1_000 } else { 0 };
        let timestamp = now - back - dice.below(9) as i64 * 2;
        let key = format!("k{}", dice.below(KEYS));
        let value = json!({ "at": timestamp, "text": "t".repeat(dice.below(600) as usize) });
        (key, value, timestamp)
    }

    /// As [`Load::change`], known to be sent.
    fn next(&self, dice: &mut Dice) -> (String, Value, i64) {
        loop {
            let (key, value, timestamp) = self.change(dice);
            let mut known = self.known.lock().unwrap();
            if !known.is_sent(timestamp) {
                known.send(&key, &value, timestamp);
                return (key, value, timestamp);
            }
        }
    }

    fn peer(&self, number: u64) -> Option<u16> {
        let mut dice = Dice::new(self.seed * 10 + number);
        let target = format!("/v1/sync/{NAME}?token={}", token(&json!({ "sub": "peer" })));
        let newest = self.known.lock().unwrap().newest();
        let mut socket = Socket::try_dial(self.address, &target)?;
        let mut alive = true;
        loop {
            for _ in 0..dice.below(4) {
                let (key, value, timestamp) = self.next(&mut dice);
                alive = alive && socket.send_text(&op(&key, &value.to_string(), timestamp));
            }
            let mut wait = Duration::from_millis(1);
            loop {
                let frame = match socket.event(wait) {
                    Event::Frame(frame) => frame,
                    Event::Nothing => break,
                    Event::End => return None,
                };
                match frame.opcode() {
                    TEXT => self.tell(&frame.payload, &newest),
                    PING => drop(socket.send(FIN | PONG, &frame.payload)),
                    CLOSE => return frame.close_code(),
                    opcode => panic!("a frame of opcode {opcode}"),
                }
                wait = Duration::ZERO;
            }
        }
    }

    fn tell(&self, text: &[u8], newest: &BTreeMap<String, i64>) {
        let message: Value = serde_json::from_slice(text).expect("JSON");
        let mut known = self.known.lock().unwrap();
        if message["type"] == "init" {
            return known.opened(&message["data"], newest);
        }
        assert_eq!(message["type"], "op", "{message}");
        let op = &message["payload"];
        let (key, timestamp) = (op["key"].as_str(), op["timestamp"].as_i64());
        known.shown(key.expect("a key"), &op["value"], timestamp.expect("a timestamp"));
    }

    fn put(&self) -> Option<()> {
        let mut dice = Dice::new(self.seed * 10 + 9);
        let mut raw = Raw::try_connect(self.address)?;
        let bearer = bearer();
        let headers = [("Authorization", &*bearer), ("Content-Type", "application/json")];
        loop {
            let (key, value, timestamp) = self.next(&mut dice);
            let target = format!("/v1/workspaces/{NAME}/keys/{key}?timestamp={timestamp}");
            raw.send(&request("PUT", &target, &headers, value.to_string().as_bytes()));
            let answer = raw.answer().filter(|answer| !answer.is_cut)?;
            if [500, 503].contains(&answer.status) {
                return None;
            }
            assert_eq!(answer.status, 200, "{}", answer.text());
            let told: Value = serde_json::from_slice(&answer.body).expect("JSON");
            let kept = told["timestamp"].as_i64().expect("a timestamp");
            assert!(kept == timestamp || kept > timestamp && told["stored"] == false, "{told}");
            self.known.lock().unwrap().kept(&key, kept);
        }
    }
}
