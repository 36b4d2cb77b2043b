//! The state in an engine store, call by call and over restarts and kills.

use std::sync::{
    Arc, Mutex,
    mpsc::{Receiver, channel},
};

use syncline_client::workspace::{Durable, Json, Kept, Known, Own, StateError, StoreState, Update};
use syncline_engine::{Options, Store, storage::sim::SimDisk};

use super::*;

fn options() -> Options {
    let mut options = Options::default();
    options.segment_bytes = 64 << 10;
    options.reserve_bytes = 0;
    options
}

/// The state on a disk, as a program finds it that starts there.
pub(crate) fn open(disk: &SimDisk) -> (Store, StoreState) {
    let store = Store::open_on(Arc::new(disk.clone()), options()).unwrap();
    let state = StoreState::open(&store, "workspace").unwrap();
    (store, state)
}

fn json(text: &str) -> Json {
    Json::from_text(text).unwrap()
}

fn own(text: &str, stamp: i64, blind: bool) -> Own {
    Own { value: json(text), stamp, blind }
}

fn sorted(mut kept: Kept) -> Kept {
    kept.own.sort_by(|a, b| a.0.cmp(&b.0));
    kept.known.sort_by(|a, b| a.0.cmp(&b.0));
    kept
}

#[test]
fn what_is_kept_comes_back() {
    let disk = SimDisk::new(1);
    let (store, mut state) = open(&disk);
    assert_eq!(state.load().unwrap(), Kept::default());
    let known = |text| Known { value: json(text), stamp: -7 };
    let update = Update {
        stamp: Some(42),
        own: vec![
            ("a".into(), Some(own("1", 41, true))),
            ("b".into(), Some(own("{\"x\": 1.50}", 42, false))),
            ("é\u{0}".into(), Some(own("null", 40, false))),
        ],
        known: vec![("a".into(), Some(known("0"))), ("c".into(), Some(known("[]")))],
    };
    state.keep(&update).unwrap();
    let later =
        Update { stamp: None, own: vec![("a".into(), None)], known: vec![("c".into(), None)] };
    state.keep(&later).unwrap();
    state.durable().expect("there is something to wait for")().unwrap();
    assert!(state.durable().is_none(), "and then no more");
    drop((state, store));

    let (_store, mut state) = open(&disk.after_power_cut(2));
    let kept = Kept {
        stamp: 42,
        own: vec![
            ("b".into(), own("{\"x\": 1.50}", 42, false)),
            ("é\u{0}".into(), own("null", 40, false)),
        ],
        known: vec![("a".into(), known("0"))],
    };
    assert_eq!(sorted(state.load().unwrap()), kept);
}

#[test]
fn workspaces_in_one_store_know_nothing_of_each_other() {
    let (store, mut state) = open(&SimDisk::new(1));
    let update = Update { own: vec![("a".into(), Some(own("1", 41, true)))], ..Update::default() };
    state.keep(&update).unwrap();
    let mut other = StoreState::open(&store, "other").unwrap();
    assert_eq!(other.load().unwrap(), Kept::default());
}

#[test]
fn the_state_of_a_newer_client_is_refused() {
    for (key, value) in
        [(&b"s"[..], &b"short"[..]), (b"oa", b"\x07123456781"), (b"z", b"\x00123456781")]
    {
        let (store, mut state) = open(&SimDisk::new(1));
        let map = store.map("workspace-client/workspace").unwrap();
        let mut batch = syncline_engine::Batch::new();
        batch.put(&map, key, value);
        store.commit(batch).unwrap();
        let error = state.load().unwrap_err();
        assert!(error.to_string().contains("newer"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_restarted_client_shows_what_it_had_before_there_is_a_connection() {
    let (server, disk) = (FakeServer::default(), SimDisk::new(1));
    server.set("theirs", "1", 1);
    let (store, state) = open(&disk);
    let (alice, _) = start_with(&server, settings(), state);
    synced(&alice).await;
    alice.set("mine", &2).await.unwrap();
    alice.saved().await.unwrap();
    alice.shutdown().await;
    store.close().unwrap();

    let (_store, state) = open(&disk);
    let link = server.link();
    link.refuse(Some(ConnectionError::TimedOut));
    let alice = Client::start(link, settings(), state).unwrap();
    assert_eq!(values(&alice), server.values());
    assert_eq!(alice.status().borrow().pending, 0);
}

#[tokio::test(start_paused = true)]
async fn what_set_has_taken_survives_a_power_cut_and_stamps_do_not_go_back() {
    let (server, disk) = (FakeServer::default(), SimDisk::new(1));
    let (_store, state) = open(&disk);
    let link = server.link();
    link.refuse(Some(ConnectionError::TimedOut));
    let alice = Client::start(link, settings(), state).unwrap();
    alice.set("a", &1).await.unwrap();
    let last = alice.set("a", &2).await.unwrap();
    let after = disk.after_power_cut(7);
    drop(alice);

    let (_store, state) = open(&after);
    let mut early = settings();
    early.clock = Hands::at(3).clock();
    let (alice, _) = start_with(&server, early, state);
    assert_eq!(alice.get::<i32>("a").unwrap(), Some(2));
    assert!(alice.set("b", &1).await.unwrap() > last);
    alice.saved().await.unwrap();
    assert_eq!(server.values(), values(&alice));
    assert_eq!(server.entries()["a"], ("2".into(), last));
}

/// A state whose disk a test holds up.
struct HeldUp(Arc<Mutex<Receiver<()>>>);

impl State for HeldUp {
    fn load(&mut self) -> Result<Kept, StateError> {
        Ok(Kept::default())
    }

    fn keep(&mut self, _: &Update) -> Result<(), StateError> {
        Ok(())
    }

    fn durable(&mut self) -> Option<Durable> {
        let held = Arc::clone(&self.0);
        Some(Box::new(move || {
            // Until the other end is gone, which it also is when the test fails.
            let _ = held.lock().unwrap().recv();
            Ok(())
        }))
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_does_not_leave_before_it_is_durable() {
    let server = FakeServer::default();
    let (let_go, held) = channel();
    let state = HeldUp(Arc::new(Mutex::new(held)));
    let (alice, _) = start_with(&server, settings(), state);
    synced(&alice).await;
    let setting = tokio::spawn({
        let alice = alice.clone();
        async move { alice.set("a", &1).await }
    });
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(alice.get::<i32>("a").unwrap(), Some(1), "it shows");
    assert!(!setting.is_finished());
    assert_eq!(server.operations(), 0);
    drop(let_go);
    setting.await.unwrap().unwrap();
    while server.operations() == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_that_fails_is_told_and_sets_nothing() {
    let (server, disk) = (FakeServer::default(), SimDisk::new(1));
    let (_store, state) = open(&disk);
    let (alice, _) = start_with(&server, settings(), state);
    synced(&alice).await;
    let mut watch = alice.watch();
    disk.stop_after(0);
    assert!(alice.set("a", &1).await.is_err());
    assert!(alice.set("a", &2).await.is_err());
    server.set("b", "1", 1);
    let mut told = false;
    while !told || alice.get::<i32>("b").unwrap().is_none() {
        told |= matches!(watch.next().await, Some(Event::StateFailed(_)));
    }
}
