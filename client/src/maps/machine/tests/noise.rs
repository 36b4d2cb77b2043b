//! Servers that answer with anything at all: nothing panics, and nothing is asked without end.

use syncline_protocol::dialects::maps::proto::{
    Bucket, KeyDigest, OperationBatch, OperationMessage,
};

use super::*;
use crate::maps::machine::time::Chance;

struct Noise(Chance);

impl Noise {
    fn below(&mut self, bound: u32) -> u32 {
        self.0.next() % bound
    }

    fn bytes(&mut self, most: u32) -> Bytes {
        (0..self.below(most + 1)).map(|_| self.below(256) as u8).collect::<Vec<_>>().into()
    }

    fn some<T>(&mut self, most: u32, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| make(self)).collect()
    }

    fn key(&mut self) -> String {
        format!("key {}", self.below(20))
    }

    fn op(&mut self) -> OperationMessage {
        let millis = WALL - 500 + u64::from(self.below(1000));
        let mut op = op(&self.key(), "noise", millis, "b");
        match self.below(20) {
            0 => op.timestamp.clear(),
            1 => op.r#type = 9,
            2 => op.ttl_ms = u64::MAX,
            3 => op.timestamp = format!("{}:{}:b", u64::MAX >> 11, u32::MAX),
            _ => {}
        }
        op
    }

    fn response(&mut self, asked: &SyncRequest, root: [u8; 16]) -> SyncResponse {
        let root = [Bytes::copy_from_slice(&root), self.bytes(16), Bytes::from(vec![9; 16])];
        let path = |noise: &mut Self| format!("{:x}", noise.below(4096));
        SyncResponse {
            status: self.below(6) as i32,
            r#type: if self.below(5) > 0 { asked.r#type } else { self.below(8) as i32 },
            map_name: MAP.into(),
            root_hash: root[self.below(3) as usize].clone(),
            count: u64::from(self.below(100_000)),
            buckets: self.some(20, |noise| Bucket {
                path: path(noise),
                hash: noise.bytes(16),
                count: u64::from(noise.below(5000)),
            }),
            keys: self.some(5, |noise| KeyDigest {
                key: noise.key(),
                timestamp: noise.op().timestamp,
                hash: noise.bytes(8),
            }),
            ops: self.some(3, Self::op),
            missing_keys: self.some(3, Self::key),
            want_keys: self.some(3, Self::key),
            cursor: self.bytes(2),
            more: self.below(4) == 0,
            server_time: format!("{}:0:~s", WALL + u64::from(self.below(100_000))),
            gc_watermark: format!("{}:0:~s", u64::from(self.below(2)) * WALL),
            range_message: self.bytes(40),
            want_leaves: self.bytes(40),
        }
    }

    fn answer(&mut self, asked: &Payload, root: [u8; 16]) -> Payload {
        let request = match asked {
            Payload::SyncReq(request) if request.r#type != Type::Push as i32 => request,
            _ => return self.ack(),
        };
        match self.below(10) {
            0 => error(ErrorCode::try_from(self.below(14) as i32).unwrap(), self.below(9).into()),
            1 => self.ack(),
            2 => Payload::Batch(OperationBatch {
                ops: self.some(3, Self::op),
                cursor: self.bytes(2),
                prev_cursor: self.bytes(2),
            }),
            _ => Payload::SyncResp(self.response(request, root)),
        }
    }

    fn ack(&mut self) -> Payload {
        let results = self.some(2, |noise| OpResult {
            index: noise.below(4),
            outcome: noise.below(6) as i32,
            code: noise.below(15) as i32,
            ..OpResult::default()
        });
        let (applied, durable) = (self.below(4), self.below(2) > 0);
        Payload::Ack(Ack { results, applied, durable, ..Ack::default() })
    }
}

/// Ten minutes with such a server: how often it was asked.
fn run(seed: u64) -> usize {
    let mut noise = Noise(Chance::new(seed));
    let offers = [&["cursor", "negentropy1"][..], &["cursor"], &[]][noise.below(3) as usize];
    let mut talk = Talk::new(&[MAP]);
    (0..10).for_each(|n| talk.write(&format!("key {n}"), "mine"));
    let (mut asked, mut ended) = (0, true);
    while talk.now.at < Duration::from_secs(600) {
        if std::mem::take(&mut ended) {
            talk.later(1000);
            talk.machine.connected(&mut talk.replica, "token", talk.now);
            let number = talk.hear()[0].0.clone();
            talk.say(&number, Payload::AuthResp(welcome(offers, 1))).unwrap();
        }
        let Ok(said) = talk.try_hear() else {
            ended = true;
            continue;
        };
        if said.is_empty() {
            talk.sleep();
        }
        asked += said.len();
        for (number, payload) in said {
            let answer = noise.answer(&payload, talk.replica.root(MAP));
            ended |= talk.say(&number, answer).is_err();
        }
    }
    asked
}

#[test]
fn whatever_a_server_answers_it_is_not_asked_without_end() {
    for seed in 0..200 {
        let asked = run(seed);
        // A connection a second, each with a question or two, would be less.
        assert!(asked < 2000, "seed {seed}: {asked}");
    }
}
