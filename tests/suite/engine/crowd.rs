//! Many threads on a disk that is cut off at any moment: group commit promises nothing too early.

use std::sync::Arc;

use syncline_engine::{Batch, Durability, Error, Log, Seq, Store, storage::sim::SimDisk};

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
    std::thread::scope(|scope| {
        for (acknowledged, thread) in acknowledged.iter_mut().zip(0..) {
            let store = &store;
            scope.spawn(move || {
                let outcome = write(store, thread, seed, acknowledged);
                assert!(outcome.is_ok() || disk.is_stopped(), "{outcome:?}");
            });
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
        total += own.len();
    }
    assert_eq!(common.read(..).filter(Result::is_ok).count() as u64, total, "batches are whole");
}

fn cases(durability: Durability, look: impl Fn(&SimDisk, &[Acknowledged], u64) + Sync) {
    for_seeds(CASES, |seed| {
        let disk = SimDisk::new(seed);
        let mut dice = Dice::new(seed);
        disk.stop_within(dice.below(60) as u64, dice.below(2_000));
        let acknowledged = crowd(&disk, seed, durability);
        look(&disk, &acknowledged, dice.roll());
    });
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
