//! Collections and effects in plain memory: a server in a few lines, for tests, benches and
//! simulations. Nothing here is durable, and nothing here knows a dialect.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;

use super::{
    room::{Audience, Collections, Effects, Member, Refused, Reply, Unreadable},
    session::{Framing, Violation},
};

/// The collections of one room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The records of the log that are kept.
    pub log: Vec<Vec<u8>>,
    /// Records that were trimmed.
    pub trimmed: u64,
    /// The maps, by their number.
    pub maps: BTreeMap<u64, BTreeMap<Vec<u8>, Vec<u8>>>,
    /// The last version given.
    pub version: u64,
    /// How many of the last records a power cut could take back.
    pub undurable: u64,
}

impl Collections for Memory {
    fn last_seq(&self) -> u64 {
        self.trimmed + self.log.len() as u64
    }

    fn durable_seq(&self) -> u64 {
        self.last_seq() - self.undurable
    }

    fn log_records(&self) -> u64 {
        self.log.len() as u64
    }

    fn log_bytes(&self) -> u64 {
        self.log.iter().map(|record| record.len() as u64).sum()
    }

    fn append(&mut self, record: &[u8]) -> u64 {
        self.log.push(record.to_vec());
        self.last_seq()
    }

    fn trim(&mut self, seq: u64) {
        assert!(seq <= self.last_seq() + 1, "a log is trimmed to its end at most");
        let count = seq.saturating_sub(self.trimmed + 1);
        self.log.drain(..usize::try_from(count).expect("a log in memory"));
        self.trimmed += count;
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    fn get(&self, map: u64, key: &[u8]) -> Result<Option<Bytes>, Unreadable> {
        let value = self.maps.get(&map).and_then(|map| map.get(key));
        Ok(value.map(|value| Bytes::copy_from_slice(value)))
    }

    fn entries(&self, map: u64, mut each: impl FnMut(&[u8], &[u8])) -> Result<(), Unreadable> {
        for (key, value) in self.maps.get(&map).into_iter().flatten() {
            each(key, value);
        }
        Ok(())
    }

    fn put(&mut self, map: u64, key: &[u8], value: &[u8]) {
        self.maps.entry(map).or_default().insert(key.to_vec(), value.to_vec());
    }

    fn remove(&mut self, map: u64, key: &[u8]) {
        if let Some(map) = self.maps.get_mut(&map) {
            map.remove(key);
        }
    }

    fn drop_map(&mut self, map: u64) {
        self.maps.remove(&map);
    }
}

/// What a command made visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect<A, N = ()> {
    /// [`Effects::publish`].
    Publish {
        /// The record's place.
        seq: u64,
        /// The record.
        record: Vec<u8>,
        /// Who does not get it.
        except: Option<Member>,
    },
    /// [`Effects::publish_entry`].
    PublishEntry {
        /// The version given.
        version: u64,
        /// The key.
        key: Vec<u8>,
        /// What the message is made of.
        record: Vec<u8>,
        /// Who does not get it.
        except: Option<Member>,
    },
    /// [`Effects::open`].
    Open {
        /// Who gets it.
        to: Member,
        /// The opening message.
        message: Bytes,
    },
    /// [`Effects::resend`].
    Resend {
        /// Who gets it.
        to: Member,
        /// The key.
        key: Vec<u8>,
    },
    /// [`Effects::relay`].
    Relay {
        /// How it travels.
        framing: Framing,
        /// The message.
        message: Bytes,
        /// Who gets it.
        to: Audience,
    },
    /// [`Effects::dismiss`].
    Dismiss {
        /// Who is closed.
        member: Member,
        /// How.
        violation: Violation,
    },
    /// [`Effects::replay`].
    Replay {
        /// Who gets the records.
        to: Member,
        /// The last one it has.
        after: u64,
        /// As whom it reads them.
        reader: Arc<str>,
    },
    /// [`Effects::reply`].
    Reply {
        /// Who gets it.
        to: Member,
        /// The message.
        message: Vec<u8>,
        /// Whether it says all that an earlier one said.
        cumulative: bool,
    },
    /// [`Effects::answer`].
    Answer(A),
    /// [`Effects::answer_early`].
    AnswerEarly(A),
    /// [`Effects::notify`].
    Notify(N),
    /// [`Effects::refuse`].
    Refuse {
        /// Whose command it was.
        from: Member,
        /// Why.
        why: Refused,
    },
}

/// Effects that are only written down, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen<A, N = ()>(pub Vec<Effect<A, N>>);

impl<A, N> Default for Seen<A, N> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<A, N> Effects for Seen<A, N> {
    type Answer = A;
    type Notice = N;

    fn publish(&mut self, seq: u64, record: &[u8], except: Option<Member>) {
        self.0.push(Effect::Publish { seq, record: record.to_vec(), except });
    }

    fn publish_entry(&mut self, version: u64, key: &[u8], record: &[u8], except: Option<Member>) {
        let (key, record) = (key.to_vec(), record.to_vec());
        self.0.push(Effect::PublishEntry { version, key, record, except });
    }

    fn open(&mut self, to: Member, message: Bytes) {
        self.0.push(Effect::Open { to, message });
    }

    fn resend(&mut self, to: Member, key: &[u8]) {
        self.0.push(Effect::Resend { to, key: key.to_vec() });
    }

    fn relay(&mut self, framing: Framing, message: &Bytes, to: Audience) {
        self.0.push(Effect::Relay { framing, message: message.clone(), to });
    }

    fn dismiss(&mut self, member: Member, violation: Violation) {
        self.0.push(Effect::Dismiss { member, violation });
    }

    fn replay(&mut self, to: Member, after: u64, reader: &Arc<str>) {
        self.0.push(Effect::Replay { to, after, reader: reader.clone() });
    }

    fn reply(&mut self, to: Member, reply: Reply<'_>) {
        let Reply { message, cumulative } = reply;
        self.0.push(Effect::Reply { to, message: message.to_vec(), cumulative });
    }

    fn answer(&mut self, answer: A) {
        self.0.push(Effect::Answer(answer));
    }

    fn answer_early(&mut self, answer: A) {
        self.0.push(Effect::AnswerEarly(answer));
    }

    fn notify(&mut self, notice: N) {
        self.0.push(Effect::Notify(notice));
    }

    fn refuse(&mut self, from: Member, why: Refused) {
        self.0.push(Effect::Refuse { from, why });
    }
}
