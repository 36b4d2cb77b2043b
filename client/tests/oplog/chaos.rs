//! Any run of bad luck: lost requests and answers, answers that break off, doubled requests, kills,
//! power cuts and resets. Every device ends with the same state as the server, and no operation
//! is lost or comes twice.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::json;
use syncline_client::oplog::OnReplaced;
use syncline_engine::Batch;

use super::*;

const DEVICES: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    Record(usize),
    Unlucky(usize, Luck),
    Offline(usize, bool),
    Kill(usize),
    CutPower(usize, u64),
    /// The application replaces everybody's dataset by what it has.
    Reset(usize),
    Wait(u64),
}

fn luck() -> impl Strategy<Value = Luck> {
    prop_oneof![
        Just(Luck::RequestLost),
        Just(Luck::AnswerLost),
        Just(Luck::Twice),
        (0..600_usize).prop_map(Luck::Cut),
        Just(Luck::Refused(503)),
    ]
}

fn step(resets: u32) -> impl Strategy<Value = Step> {
    let device = 0..DEVICES;
    prop_oneof![
        8 => device.clone().prop_map(Step::Record),
        5 => (device.clone(), luck()).prop_map(|(at, luck)| Step::Unlucky(at, luck)),
        1 => (device.clone(), any::<bool>()).prop_map(|(at, on)| Step::Offline(at, on)),
        1 => device.clone().prop_map(Step::Kill),
        1 => (device.clone(), any::<u64>()).prop_map(|(at, seed)| Step::CutPower(at, seed)),
        resets => device.prop_map(Step::Reset),
        5 => (0..4000_u64).prop_map(Step::Wait),
    ]
}

/// A device whose application keeps a set of texts in the client's store. Its snapshot is the set;
/// an operation adds a text. The set is a map of texts to how often each was added.
struct Run {
    disk: SimDisk,
    link: Link,
    settings: Settings,
    device: Option<Device>,
    /// Texts that came back as dropped or were replaced: they may be missing.
    dropped: BTreeSet<String>,
}

impl Run {
    fn start(server: &FakeServer, number: u64, on_replaced: OnReplaced) -> Self {
        let mut settings = settings();
        settings.on_replaced = on_replaced;
        (settings.push_ops_max, settings.event_ops_max) = (3, 2);
        settings.actor = Some(format!("actor-{number}"));
        let (disk, link) = (SimDisk::new(number), server.link());
        let mut run = Self { disk, link, settings, device: None, dropped: BTreeSet::new() };
        run.boot();
        run
    }

    fn boot(&mut self) {
        let settings = self.settings.clone();
        self.device = Some(Device::start_on(&self.disk, self.link.clone(), settings));
    }

    fn device(&mut self) -> &mut Device {
        self.device.as_mut().expect("it runs")
    }

    /// Ends the run; the next one finds what `image` makes of the disk.
    async fn crash(&mut self, image: impl FnOnce(&SimDisk) -> SimDisk) {
        let disk = image(&self.disk);
        let device = self.device.take().expect("it runs");
        device.client.close().await;
        self.disk = disk;
        self.boot();
    }

    /// Local first: recorded and then added, as one application does. A crash in between would
    /// be the application's to mend, so there is none.
    async fn record(&mut self, text: &str) {
        let device = self.device();
        device.record(text).await;
        let set = device.store.map("set").unwrap();
        let mut batch = Batch::new();
        add(&set, text, &mut batch);
        device.store.commit(batch).unwrap().wait().unwrap();
    }

    fn set(&mut self) -> BTreeMap<String, u64> {
        let set = self.device().store.map("set").unwrap();
        set.iter().map(|entry| read(&entry.unwrap())).collect()
    }

    /// Takes in what waits, each event in one batch with its being settled.
    async fn take_in(&mut self) {
        loop {
            let device = self.device.as_mut().expect("it runs");
            let next = tokio::time::timeout(Duration::from_millis(1), device.events.next()).await;
            let Ok(event) = next else { return };
            let event = event.unwrap().expect("the client runs");
            let set = device.store.map("set").unwrap();
            let mut batch = Batch::new();
            match event {
                Event::Ops(ops) => ops.iter().for_each(|op| {
                    // Two of one event would both read what was there before it.
                    add(&set, &text(op), &mut batch);
                }),
                Event::Dataset { snapshot, pending, .. } => {
                    for entry in &set {
                        batch.remove(&set, &entry.unwrap().0);
                    }
                    let snapshot: BTreeMap<String, u64> = match &*snapshot {
                        "" => BTreeMap::new(),
                        json => serde_json::from_str(json).unwrap(),
                    };
                    for (text, times) in &snapshot {
                        batch.put(&set, text.as_bytes(), &times.to_le_bytes());
                    }
                    for op in &pending {
                        let times = snapshot.get(&text(op)).copied().unwrap_or(0) + 1;
                        batch.put(&set, text(op).as_bytes(), &times.to_le_bytes());
                    }
                }
                Event::Dropped(op) => {
                    self.dropped.insert(text(&op));
                }
                other => panic!("{other:?}"),
            }
            device.events.settle(batch).unwrap();
        }
    }
}

fn read((text, times): &(bytes::Bytes, bytes::Bytes)) -> (String, u64) {
    let text = String::from_utf8(text.to_vec()).unwrap();
    (text, u64::from_le_bytes(times[..].try_into().unwrap()))
}

fn add(set: &syncline_engine::Map, text: &str, batch: &mut Batch) {
    let times =
        set.get(text.as_bytes()).unwrap().map_or(0, |times| read(&(times.clone(), times)).1);
    batch.put(set, text.as_bytes(), &(times + 1).to_le_bytes());
}

async fn live_through(steps: Vec<Step>, on_replaced: OnReplaced) {
    let server = FakeServer::new();
    let mut runs: Vec<_> =
        (0..DEVICES as u64).map(|number| Run::start(&server, number, on_replaced)).collect();
    let (mut made, mut resets) = (Vec::new(), false);
    for step in steps {
        match step {
            Step::Record(at) => {
                let text = format!("{at}: {}", made.len());
                runs[at].record(&text).await;
                made.push(text);
            }
            Step::Unlucky(at, luck) => runs[at].link.next([Some(luck)]),
            Step::Offline(at, on) => runs[at].link.always(on.then_some(Luck::RequestLost)),
            Step::Kill(at) => runs[at].crash(SimDisk::after_kill).await,
            Step::CutPower(at, seed) => {
                // What the application took in last may be lost together with its event.
                runs[at].crash(|disk| disk.after_power_cut(seed)).await;
            }
            Step::Reset(at) => {
                resets = true;
                let set = json!(runs[at].set()).to_string();
                runs[at].device().client.reset(&set).await.unwrap();
            }
            Step::Wait(ms) => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                for run in &mut runs {
                    run.take_in().await;
                }
            }
        }
    }
    for run in &mut runs {
        run.link.heal();
        run.device().client.retry_now();
    }
    for _ in 0..40 {
        tokio::time::sleep(Duration::from_secs(5)).await;
        for run in &mut runs {
            run.take_in().await;
        }
    }
    check(&server, &mut runs, &made, resets);
}

fn check(server: &FakeServer, runs: &mut [Run], made: &[String], resets: bool) {
    let snapshot = match &*server.snapshot() {
        "" => BTreeMap::new(),
        json => serde_json::from_str(json).unwrap(),
    };
    let mut expected: BTreeMap<String, u64> = snapshot;
    for op in server.ops() {
        *expected.entry(op["payload"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let keeps = runs[0].settings.on_replaced == OnReplaced::Keep;
    if !resets {
        let all: BTreeMap<_, _> = made.iter().map(|text| (text.clone(), 1)).collect();
        assert_eq!(expected, all, "the server has each operation once");
    }
    for run in runs {
        assert_eq!(run.device().client.unsaved(), 0, "everything is confirmed");
        let set = run.set();
        assert_eq!(set, expected, "the device has what the server has");
        assert!(!keeps || run.dropped.is_empty(), "nothing was to be dropped");
    }
}

fn run(steps: Vec<Step>, on_replaced: OnReplaced) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(live_through(steps, on_replaced));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn everything_arrives_once(steps in prop::collection::vec(step(0), 0..60)) {
        run(steps, OnReplaced::Drop);
    }

    #[test]
    fn over_resets_all_end_with_what_the_server_has(
        steps in prop::collection::vec(step(1), 0..60),
        keeps in any::<bool>(),
    ) {
        run(steps, if keeps { OnReplaced::Keep } else { OnReplaced::Drop });
    }
}
