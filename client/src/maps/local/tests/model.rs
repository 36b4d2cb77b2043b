//! Random calls against a plain model: a map of records, and the set of those that wait.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{prelude::*, sample::select};
use syncline_protocol::dialects::maps::proto::ErrorCode;

use super::*;

#[derive(Clone, Debug)]
enum Call {
    Write { key: &'static str, value: Option<u8> },
    Merge { key: &'static str, millis: u64, value: Option<u8> },
    Settle { key: &'static str, how: u8 },
    Revert { key: &'static str },
    Watermark(u64),
    Confirm,
    Doubt,
    Reopen,
}

fn call() -> impl Strategy<Value = Call> {
    let key = || select(&["a", "b", "c", "d"][..]);
    let value = || proptest::option::of(any::<u8>());
    prop_oneof![
        4 => (key(), value()).prop_map(|(key, value)| Call::Write { key, value }),
        4 => (key(), 900_u64..1100, value())
            .prop_map(|(key, millis, value)| Call::Merge { key, millis, value }),
        3 => (key(), 0_u8..3).prop_map(|(key, how)| Call::Settle { key, how }),
        1 => key().prop_map(|key| Call::Revert { key }),
        1 => (900_u64..1100).prop_map(Call::Watermark),
        1 => Just(Call::Confirm),
        1 => Just(Call::Doubt),
        1 => Just(Call::Reopen),
    ]
}

#[derive(Default)]
struct Model {
    records: BTreeMap<&'static str, Record>,
    waiting: BTreeSet<&'static str>,
    in_memory: BTreeSet<&'static str>,
    rejected: BTreeSet<&'static str>,
    watermark: u64,
}

impl Model {
    fn done(&mut self, key: &str) -> bool {
        self.waiting.remove(key) | self.in_memory.remove(key) | self.rejected.remove(key)
    }

    fn is_own(&self, key: &str) -> bool {
        [&self.waiting, &self.in_memory, &self.rejected].iter().any(|set| set.contains(key))
    }

    fn is_below(&self, record: &Record) -> bool {
        record.kind == Kind::Remove && record.hlc.millis < self.watermark
    }

    fn wrote(&mut self, key: &'static str, record: Record) {
        self.done(key);
        self.waiting.insert(key);
        self.records.insert(key, record);
    }

    fn merged(&mut self, key: &'static str, record: Record) {
        let order = self.records.get(key).map(|there| record.compare(there));
        if order.is_some_and(std::cmp::Ordering::is_lt) {
            return;
        }
        self.done(key);
        if self.is_below(&record) {
            self.records.remove(key);
        } else {
            self.records.insert(key, record);
        }
    }

    fn settled(&mut self, key: &'static str, how: u8) {
        if !self.is_own(key) || (how != 0 && self.rejected.contains(key)) {
            return;
        }
        self.done(key);
        match how {
            0 => {}
            1 => drop(self.in_memory.insert(key)),
            _ => drop(self.rejected.insert(key)),
        }
    }

    fn raised(&mut self, millis: u64) {
        if millis <= self.watermark {
            return;
        }
        self.watermark = millis;
        let records = std::mem::take(&mut self.records);
        let stays = |(key, record): &(&str, Record)| self.is_own(key) || !self.is_below(record);
        self.records = records.into_iter().filter(stays).collect();
    }
}

fn value_of(value: Option<u8>) -> (Kind, Bytes) {
    match value {
        Some(value) => (Kind::Put, vec![value].into()),
        None => (Kind::Remove, Bytes::new()),
    }
}

struct Pair {
    device: Device,
    hands: Hands,
    model: Model,
}

impl Pair {
    fn new() -> Self {
        let (device, hands) = Device::new();
        Self { device, hands, model: Model::default() }
    }

    fn call(mut self, call: Call) -> Self {
        let Self { device, model, .. } = &mut self;
        match call {
            Call::Write { key, value } => {
                let (kind, value) = value_of(value);
                let write = match kind {
                    Kind::Put => Write::Put { value: value.clone(), ttl_ms: 0 },
                    Kind::Remove => Write::Remove,
                };
                let hlc = device.write(key, write);
                let before = model.records.get(key);
                assert!(before.is_none_or(|before| before.hlc < hlc), "who writes wins");
                model.wrote(key, Record { key: key.into(), kind, hlc, ttl_ms: 0, value });
            }
            Call::Merge { key, millis, value } => {
                let (kind, value) = value_of(value);
                let hlc = hlc(&format!("{millis}:0:laptop"));
                let record = Record { key: key.into(), kind, hlc, ttl_ms: 0, value };
                model.merged(key, record.clone());
                device.merge(vec![record]);
            }
            Call::Settle { key, how } => {
                if let Some(record) = model.records.get(key) {
                    let hlc = record.hlc.clone();
                    let hows =
                        [How::Durable, How::InMemory, How::Rejected(ErrorCode::CursorInvalid)];
                    device.settle(key, &hlc, hows[usize::from(how)]);
                    model.settled(key, how);
                }
            }
            Call::Revert { key } => {
                device.local.revert(MAP, key, None).unwrap();
                if model.rejected.remove(key) {
                    model.records.remove(key);
                }
            }
            Call::Watermark(millis) => {
                let watermark = Some(hlc(&format!("{millis}:0:-")));
                let mark = Mark { cursor: None, watermark };
                device.local.merge(MAP, vec![], mark).unwrap();
                model.raised(millis);
            }
            Call::Confirm => {
                device.local.confirm(MAP).unwrap();
                model.in_memory.clear();
            }
            Call::Doubt => {
                device.local.doubt();
                model.waiting.append(&mut model.in_memory);
            }
            Call::Reopen => {
                model.waiting.append(&mut model.in_memory);
                self.device = self.device.reopened(&self.hands);
            }
        }
        self
    }

    fn compare(&self) {
        let Self { device, model, .. } = self;
        device.check();
        let map = &device.local.maps[MAP];
        for key in ["a", "b", "c", "d"] {
            let found = device.local.record(MAP, Path::of(key)).unwrap();
            assert_eq!(found.as_ref(), model.records.get(key), "{key}");
        }
        assert_eq!(map.index.len(), model.records.len());
        device.sync();
        let pending: BTreeSet<_> = device.pending_keys().into_iter().collect();
        assert!(pending.iter().eq(model.waiting.iter()), "{pending:?} {:?}", model.waiting);
        let rejected: BTreeSet<_> = device.local.rejected(MAP, 9).into_iter().collect();
        assert!(rejected.iter().map(|key| &**key).eq(model.rejected.iter().copied()));
        assert_eq!(device.local.unanswered(), model.waiting.len() + model.rejected.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("SYNCLINE_TEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(100),
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_call_does_what_the_model_does(calls in proptest::collection::vec(call(), 1..40)) {
        let mut pair = Pair::new();
        for call in calls {
            pair = pair.call(call);
            pair.compare();
        }
    }
}
