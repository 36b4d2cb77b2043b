//! What one run leaves the next one finds: after an orderly end, a kill, a power cut.

use serde_json::json;
use syncline_client::oplog::{Cause, OnReplaced};
use syncline_engine::Batch;

use super::*;

/// A device whose disk outlives its runs, and an application whose state is in the same store.
struct Machine {
    disk: SimDisk,
    link: Link,
    settings: Settings,
}

impl Machine {
    fn new(server: &FakeServer) -> Self {
        Self { disk: SimDisk::new(7), link: server.link(), settings: settings() }
    }

    fn boot(&self) -> Device {
        Device::start_on(&self.disk, self.link.clone(), self.settings.clone())
    }

    /// Ends a run as the plug does, and begins the next one.
    async fn cut_power(&mut self, device: Device, seed: u64) -> Device {
        let disk = self.disk.after_power_cut(seed);
        device.client.close().await;
        self.disk = disk;
        self.boot()
    }

    async fn kill(&mut self, device: Device) -> Device {
        let disk = self.disk.after_kill();
        device.client.close().await;
        self.disk = disk;
        self.boot()
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_recorded_survives_a_power_cut_and_no_clock_comes_twice() {
    let server = FakeServer::new();
    let mut machine = Machine::new(&server);
    machine.link.always(Some(Luck::RequestLost));
    let mut device = machine.boot();
    let actor = device.client.actor();
    let mut clocks = Vec::new();
    for seed in 0..10 {
        clocks.push(device.record(&seed.to_string()).await.clock);
        device = machine.cut_power(device, seed).await;
        assert_eq!(device.client.actor(), actor);
        assert_eq!(device.client.unsaved(), clocks.len());
    }
    assert_eq!(clocks, (1..=10).collect::<Vec<_>>());
    machine.link.heal();
    device.saved().await;
    assert_eq!(server.ops().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_push_that_a_kill_interrupted_is_stored_once() {
    let server = FakeServer::new();
    let mut machine = Machine::new(&server);
    let device = machine.boot();
    device.live().await;
    machine.link.next([Some(Luck::AnswerLost)]);
    device.record("once").await;
    while server.ops().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut device = machine.kill(device).await;
    assert_eq!(device.client.unsaved(), 1, "no answer came");
    device.saved().await;
    device.is_quiet().await;
    assert_eq!(server.ops().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_not_settled_comes_again_and_a_settled_one_does_not() {
    let server = FakeServer::new();
    let mut machine = Machine::new(&server);
    machine.settings.event_ops_max = 1;
    let mut device = machine.boot();
    for (text, clock) in ["one", "two", "three"].into_iter().zip(1..) {
        server.push("stranger", clock, json!(text));
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    assert_eq!(device.texts(2).await, ["one", "two"]);
    device.store.sync().unwrap();
    let mut device = machine.kill(device).await;
    assert_eq!(device.texts(1).await, ["two"], "it was open when the run ended");
    device.events.settle(Batch::new()).unwrap();
    device.store.sync().unwrap();
    let mut device = machine.kill(device).await;
    assert_eq!(device.texts(1).await, ["three"]);
}

#[tokio::test(start_paused = true)]
async fn what_an_application_made_of_an_event_and_the_event_are_one() {
    let server = FakeServer::new();
    let mut machine = Machine::new(&server);
    let mut device = machine.boot();
    let mut taken = 0;
    for seed in 0..20 {
        server.push("stranger", seed + 1, json!(seed.to_string()));
        let Event::Ops(ops) = device.next().await else { panic!("no operations") };
        let applied = device.store.log("application").unwrap();
        let mut batch = Batch::new();
        ops.iter().for_each(|op| batch.append(&applied, text(op).as_bytes()));
        device.events.settle(batch).unwrap();
        device = machine.cut_power(device, seed).await;
        let applied = device.store.log("application").unwrap();
        let texts: Vec<_> = applied.read(..).map(|record| record.unwrap().payload).collect();
        let expected: Vec<_> = (0..texts.len()).map(|number| number.to_string()).collect();
        assert_eq!(texts, expected, "each once, whatever the cut took");
        taken = texts.len();
    }
    while taken < 20 {
        let Event::Ops(ops) = device.next().await else { panic!("no operations") };
        assert_eq!(text(&ops[0]), taken.to_string());
        taken += ops.len();
    }
    device.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn a_reset_is_made_after_a_power_cut_too() {
    let server = FakeServer::new();
    let mut machine = Machine::new(&server);
    let device = machine.boot();
    device.live().await;
    machine.link.always(Some(Luck::RequestLost));
    device.client.reset("S").await.unwrap();
    device.record("behind it").await;
    let device = machine.cut_power(device, 3).await;
    machine.link.heal();
    device.saved().await;
    assert_eq!((server.snapshot().as_str(), server.ops().len()), ("S", 1));
}

#[tokio::test(start_paused = true)]
async fn a_replaced_dataset_is_told_in_the_next_run_if_not_in_this_one() {
    let server = FakeServer::new();
    let mut machine = Machine::new(&server);
    let device = machine.boot();
    device.live().await;
    machine.link.always(Some(Luck::RequestLost));
    device.record("overtaken").await;
    server.reset("g", "S");
    machine.link.heal();
    while device.client.generation().as_deref() != Some("g") {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    device.store.sync().unwrap();
    let mut device = machine.cut_power(device, 5).await;
    device.record("recorded without having looked").await;
    let Event::Dataset { cause, snapshot, .. } = device.next().await else { panic!("no dataset") };
    assert_eq!((cause, snapshot.as_str()), (Cause::Replaced, "S"));
    for expected in ["overtaken", "recorded without having looked"] {
        let Event::Dropped(op) = device.next().await else { panic!("not dropped") };
        assert_eq!(text(&op), expected);
    }
    device.is_quiet().await;
    assert_eq!((server.ops().len(), device.client.unsaved()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_server_hears_of_nothing_that_a_power_cut_takes_back() {
    let server = FakeServer::new();
    let mut machine = Machine::new(&server);
    machine.settings.on_replaced = OnReplaced::Keep;
    let mut device = machine.boot();
    for seed in 0..10 {
        server.push("stranger", 1000 + seed, json!(seed.to_string()));
        device.record(&seed.to_string()).await;
        tokio::time::sleep(Duration::from_secs(1 + seed % 3)).await;
        device = machine.cut_power(device, seed).await;
    }
    device.saved().await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let names: std::collections::BTreeSet<_> =
        server.ops().iter().map(|op| (op["actor"].to_string(), op["clock"].as_u64())).collect();
    assert_eq!((names.len(), server.ops().len()), (20, 20), "no clock was issued twice");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_was_restored_from_a_copy_gets_back_what_it_had_made_since() {
    let server = FakeServer::new();
    let machine = Machine::new(&server);
    let device = machine.boot();
    device.record("before the copy").await;
    device.saved().await;
    device.store.sync().unwrap();
    let copy = machine.disk.after_kill();
    device.record("behind the copy").await;
    device.saved().await;
    device.client.close().await;
    server.forget_what_clients_said();
    let mut restored = Device::start_on(&copy, server.link(), settings());
    assert_eq!(restored.texts(1).await, ["behind the copy"]);
    let op = restored.record("new").await;
    assert_eq!(op.clock, 3, "and its clock goes on behind it");
}

#[tokio::test(start_paused = true)]
async fn clients_of_one_store_know_nothing_of_each_other() {
    let (server, other) = (FakeServer::new(), FakeServer::new());
    let mut device = Device::start(&server);
    device.record("for the one").await;
    let (client, _events) =
        Client::start(other.link(), &device.store, "other", settings()).unwrap();
    assert_ne!(client.actor(), device.client.actor());
    client.record("list", "l", Payload::of("for the other").unwrap()).await.unwrap();
    client.saved().await.unwrap();
    device.saved().await;
    assert_eq!(server.ops()[0]["payload"], "for the one");
    assert_eq!((server.ops().len(), other.ops().len()), (1, 1));
    device.is_quiet().await;
}
