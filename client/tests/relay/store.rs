//! The state in an engine store, call by call and over restarts.

use std::path::Path;

use bytes::Bytes;
use proptest::prelude::*;
use syncline_client::relay::{ChangeId, Handled, Kept, Origin, Secret, State, StoreState};
use syncline_engine::{Durability, Options, Store};

use super::*;

fn open(dir: &Path) -> (Store, StoreState) {
    let mut options = Options::default();
    options.segment_bytes = 1 << 20;
    // No test cuts the power, and many start often.
    options.durability = Durability::Os;
    let store = Store::open(dir, options).unwrap();
    let state = StoreState::open(&store, &secret()).unwrap();
    (store, state)
}

fn reopen((store, state): (Store, StoreState), dir: &Path) -> (Store, StoreState, Kept) {
    drop(state);
    store.close().unwrap();
    let (store, mut state) = open(dir);
    let kept = state.load().unwrap();
    (store, state, kept)
}

fn id(origin: u8, counter: u64) -> ChangeId {
    ChangeId { origin: Origin::new([origin; 16]), counter }
}

fn unsaved(kept: &Kept) -> Vec<u64> {
    kept.outbox.iter().map(|(id, _)| id.counter).collect()
}

#[test]
fn the_outbox_comes_back_without_what_is_saved() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut state) = open(dir.path());
    state.load().unwrap();
    for counter in 1..=4 {
        let payload = Bytes::from(format!("sealed {counter}"));
        let durable = state.submitted(id(1, counter), &payload).unwrap();
        durable.expect("a store makes things durable")().unwrap();
    }
    state.saved(id(1, 1)).unwrap();
    state.saved(id(1, 3)).unwrap();
    let (store, mut state, mut kept) = reopen((store, state), dir.path());
    assert_eq!(unsaved(&kept), [2, 3, 4], "behind an unsaved one, saved ones may come back");
    assert_eq!(kept.outbox[0].1, "sealed 2");
    assert!(!kept.seen.insert(id(1, 1), 0).new, "what we made, we have seen");
    state.saved(id(1, 3)).unwrap();
    state.saved(id(1, 2)).unwrap();
    let (_, _, kept) = reopen((store, state), dir.path());
    assert_eq!(unsaved(&kept), [4]);
}

#[test]
fn the_cursor_and_what_was_seen_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut state) = open(dir.path());
    assert_eq!(state.load().unwrap().cursor, 0);
    let changes = vec![(id(1, 1), 5), (id(2, 7), 6)];
    state.handled(&Handled { cursor: 6, changes }).unwrap();
    state.handled(&Handled { cursor: 9, changes: vec![(id(1, 2), 8)] }).unwrap();
    let (_, _, mut kept) = reopen((store, state), dir.path());
    assert_eq!(kept.cursor, 9);
    for (change, new) in [(id(1, 1), false), (id(1, 2), false), (id(2, 7), false), (id(2, 6), true)]
    {
        assert_eq!(kept.seen.insert(change, 9).new, new, "{change:?}");
    }
}

#[test]
fn documents_in_one_store_know_nothing_of_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut state) = open(dir.path());
    state.load().unwrap();
    state.submitted(id(1, 1), &Bytes::from("sealed")).unwrap();
    state.handled(&Handled { cursor: 3, changes: vec![] }).unwrap();
    let mut other = StoreState::open(&store, &Secret::new([9; 32])).unwrap();
    let kept = other.load().unwrap();
    assert_eq!((kept.cursor, kept.outbox.len()), (0, 0));
}

#[derive(Clone, Debug)]
enum Step {
    Submit,
    Theirs,
    Cut,
    Restart,
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Submit),
        4 => Just(Step::Theirs),
        1 => Just(Step::Cut),
        2 => Just(Step::Restart),
        3 => (0..1500_u64).prop_map(Step::Wait),
    ]
}

/// One run of a device: reads all the time until it is stopped, and hands back what it read.
struct Run {
    store: Store,
    client: Client,
    link: Link,
    reading: tokio::task::JoinHandle<Vec<String>>,
}

impl Run {
    fn start(relay: &FakeRelay, dir: &Path) -> Self {
        let (store, state) = open(dir);
        let (client, mut changes, link) = start_with(relay, settings(), state);
        let reading = tokio::spawn(async move {
            let mut bodies = Vec::new();
            while let Some(Event::Change(change)) = changes.next().await {
                bodies.push(String::from_utf8(change.body.to_vec()).unwrap());
            }
            bodies
        });
        Self { store, client, link, reading }
    }

    async fn stop(self) -> Vec<String> {
        self.client.shutdown().await;
        let bodies = self.reading.await.unwrap();
        self.store.close().unwrap();
        bodies
    }
}

async fn live_through(steps: Vec<Step>) {
    let (relay, dir) = (FakeRelay::default(), tempfile::tempdir().unwrap());
    let (bob, mut to_bob, _) = start(&relay, settings());
    let mut alice = Run::start(&relay, dir.path());
    let (mut mine, mut theirs, mut seen) = (Vec::new(), Vec::new(), Vec::new());
    for step in steps {
        match step {
            Step::Submit => {
                mine.push(format!("alice {}", mine.len()));
                alice.client.submit(mine.last().unwrap().as_bytes()).await.unwrap();
            }
            Step::Theirs => {
                theirs.push(format!("bob {}", theirs.len()));
                bob.submit(theirs.last().unwrap().as_bytes()).await.unwrap();
            }
            Step::Cut => alice.link.cut(),
            Step::Restart => {
                seen.extend(alice.stop().await);
                alice = Run::start(&relay, dir.path());
            }
            Step::Wait(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
        }
    }
    alice.client.saved().await.unwrap();
    bob.saved().await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    seen.extend(alice.stop().await);
    assert_eq!(seen, theirs, "alice saw each of bob's changes once, over all her runs");
    for body in mine {
        assert_eq!(next_body(&mut to_bob).await, body);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn over_restarts_everything_arrives_once(steps in prop::collection::vec(step(), 0..40)) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(live_through(steps));
    }
}
