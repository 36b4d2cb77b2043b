//! Many threads on a disk that is cut off at any moment: group commit promises nothing too early.

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use syncline_engine::{
    Batch, Durability, Error, Log, Seq, Store,
    storage::sim::{Call, SimDisk},
};

use crate::world::{
    dice::{Dice, for_seeds},
    driver::options,
};

const CASES: u64 = 300;
const THREADS: u64 = 3;
const BATCHES: u64 = 25;

/// What one thread was told is durable: its n-th batch has this number in the common log.
type Acknowledged = Vec<(u64, Seq)>;

fn open(disk: &SimDisk, durability: Durability, committer_thread: bool) -> Result<Store, Error> {
    let mut options = options();
    options.durability = durability;
    options.committer_thread = committer_thread;
    Store::open_on(Arc::new(disk.clone()), options)
}

fn payload(thread: u64, n: u64) -> Vec<u8> {
    format!("{thread}/{n} ").into_bytes().repeat(1 + (thread * 7 + n * 5) as usize % 30)
}

fn own_log(store: &Store, thread: u64) -> Result<Log, Error> {
    store.log(&format!("own/{thread}"))
}

/// Of the records of its short log a thread keeps so many.
const SHORT_MAX: u64 = 4;
/// Every so many batches a thread drops its log of changing records.
const CHURN: u64 = 6;

fn name(what: &str, thread: u64) -> String {
    format!("{what}/{thread}")
}

/// What batch `n` changes beside the thread's own log and the common one.
fn others(store: &Store, batch: &mut Batch, thread: u64, n: u64) -> Result<(), Error> {
    let (short, latest) = (store.log(&name("short", thread))?, store.map("latest")?);
    batch.append(&short, &payload(thread, n));
    batch.trim(&short, Seq((n + 1).saturating_sub(SHORT_MAX).max(1)));
    batch.put(&latest, name("key", thread).as_bytes(), &payload(thread, n));
    let churn = store.log(&name("churn", thread))?;
    match n.is_multiple_of(CHURN) {
        true => batch.drop_log(&churn),
        false => batch.append(&churn, &payload(thread, n)),
    }
    Ok(())
}

/// Whether all that is as batch `n` of the thread, its last one, left it.
fn check_others(store: &Store, thread: u64, n: u64) {
    let payloads = |log: Option<Log>| {
        let records = log.iter().flat_map(|log| log.read(..));
        records.map(|record| record.expect("reads").payload.to_vec()).collect::<Vec<_>>()
    };
    let find = |what| store.find_log(&name(what, thread)).expect("finds");
    let last = |from: u64| (from..=n).map(|n| payload(thread, n)).collect::<Vec<_>>();
    assert_eq!(payloads(find("short")), last((n + 1).saturating_sub(SHORT_MAX).max(1)));
    assert_eq!(payloads(find("churn")), last(n - n % CHURN + 1), "thread {thread}, batch {n}");
    let latest = store.find_map("latest").expect("finds");
    let latest = latest.map(|map| map.get(name("key", thread).as_bytes()).expect("reads"));
    let expected = (n > 0).then(|| payload(thread, n));
    assert_eq!(latest.flatten().map(|value| value.to_vec()), expected);
}

/// Every batch goes to the thread's own log and to the common one; until the disk is gone.
fn write(
    store: &Store,
    thread: u64,
    seed: u64,
    acknowledged: &mut Acknowledged,
) -> Result<(), Error> {
    let mut dice = Dice::new(seed ^ thread << 32);
    let (own, common) = (own_log(store, thread)?, store.log("common")?);
    let mut waiting = Vec::new();
    for n in 1..=BATCHES {
        let mut batch = Batch::new();
        batch.append(&own, &payload(thread, n));
        batch.append(&common, &payload(thread, n));
        others(store, &mut batch, thread, n)?;
        let commit = store.commit(batch)?;
        assert_eq!(commit.seqs()[0], Seq(n));
        waiting.push((n, commit));
        if dice.one_in(2) {
            waiting[waiting.len() - 1].1.wait()?;
            let durable = store.durable();
            for (n, commit) in waiting.drain(..) {
                assert!(commit.position() <= durable, "earlier commits are durable too");
                acknowledged.push((n, commit.seqs()[1]));
            }
        }
    }
    Ok(())
}

/// Runs the threads until the disk ends them.
fn crowd(disk: &SimDisk, seed: u64, durability: Durability) -> Vec<Acknowledged> {
    let mut acknowledged = vec![Acknowledged::new(); THREADS as usize];
    let Ok(store) = open(disk, durability, seed.is_multiple_of(3)) else { return acknowledged };
    let mut dice = Dice::new(!seed);
    thread::scope(|scope| {
        for (acknowledged, thread) in acknowledged.iter_mut().zip(0..) {
            let store = &store;
            scope.spawn(move || {
                let outcome = write(store, thread, seed, acknowledged);
                assert!(outcome.is_ok() || disk.is_stopped(), "{outcome:?}");
            });
        }
        for _ in 0..dice.below(6) {
            // While they write.
            let outcome = if dice.one_in(2) { store.snapshot() } else { store.compact() };
            assert!(outcome.is_ok() || disk.is_stopped(), "{outcome:?}");
            thread::yield_now();
        }
    });
    acknowledged
}

/// Acknowledged batches are there, each log is whole up to its end, and each batch is in both logs.
fn check(image: &SimDisk, acknowledged: &[Acknowledged]) {
    let store = open(image, Durability::Device, false).expect("opens");
    let common = store.log("common").expect("finds");
    let mut total = 0;
    for (acknowledged, thread) in acknowledged.iter().zip(0..) {
        let own = own_log(&store, thread).expect("finds");
        for (n, seq) in acknowledged {
            let expected = Some(payload(thread, *n));
            for found in [own.get(Seq(*n)), common.get(*seq)] {
                let found = found.expect("reads").map(|bytes| bytes.to_vec());
                assert_eq!(found, expected, "thread {thread}, batch {n}, acknowledged");
            }
        }
        for (record, n) in own.read(..).zip(1..) {
            assert_eq!(record.expect("reads").payload, payload(thread, n));
        }
        check_others(&store, thread, own.len());
        total += own.len();
    }
    assert_eq!(common.read(..).filter(Result::is_ok).count() as u64, total, "batches are whole");
}

fn cases(durability: Durability, look: impl Fn(&SimDisk, &[Acknowledged], u64) + Sync) {
    let snapshots = AtomicU64::new(0);
    for_seeds(CASES, |seed| {
        let disk = SimDisk::new(seed);
        let mut dice = Dice::new(seed);
        disk.stop_within(dice.below(90) as u64, dice.below(2_000));
        let acknowledged = crowd(&disk, seed, durability);
        snapshots.fetch_add(disk.calls(Call::Rename), Ordering::Relaxed);
        look(&disk, &acknowledged, dice.roll());
    });
    let snapshots = snapshots.into_inner();
    assert!(snapshots > 50 || env::var("SYNCLINE_TEST_SEED").is_ok(), "{snapshots} snapshots");
}

#[test]
fn no_thread_is_told_too_early() {
    cases(Durability::Device, |disk, acknowledged, salt| {
        check(&disk.after_kill(), acknowledged);
        for cut in 0..8 {
            check(&disk.after_power_cut(salt ^ cut), acknowledged);
        }
    });
}

/// With `Durability::Os` a kill loses nothing; a power cut may, but leaves a whole beginning.
#[test]
fn the_page_cache_is_enough_for_a_kill() {
    cases(Durability::Os, |disk, acknowledged, salt| {
        check(&disk.after_kill(), acknowledged);
        for cut in 0..8 {
            let nothing = vec![Acknowledged::new(); acknowledged.len()];
            check(&disk.after_power_cut(salt ^ cut), &nothing);
        }
    });
}
