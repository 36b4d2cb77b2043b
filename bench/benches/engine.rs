//! The engine through its public API: appends buffered and durable, point reads, opening.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::{
    env,
    hint::black_box,
    thread,
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use syncline_engine::{Batch, Durability, Log, Map, Options, Seq, Store};
use tempfile::TempDir;

const PAYLOAD: [u8; 256] = [0x5A; 256];
const RECORDS: u64 = 100_000;

/// A new store on the disk that `SYNCLINE_BENCH_DIR` names, else where temporary files are made.
fn store(durability: Durability) -> (TempDir, Store) {
    let mut options = Options::default();
    options.durability = durability;
    store_with(options)
}

fn store_with(options: Options) -> (TempDir, Store) {
    let parent = env::var_os("SYNCLINE_BENCH_DIR").map_or_else(env::temp_dir, Into::into);
    let dir = TempDir::with_prefix_in("syncline-criterion-", parent).unwrap();
    let store = Store::open(dir.path().join("store"), options).unwrap();
    (dir, store)
}

fn append_all(store: &Store, log: &Log) {
    for _ in 0..RECORDS / 100 {
        append(store, log, 100);
    }
    store.sync().unwrap();
}

fn append(store: &Store, log: &Log, records: u64) {
    let mut batch = Batch::new();
    for _ in 0..records {
        batch.append(log, &PAYLOAD);
    }
    black_box(store.commit(batch).unwrap());
}

fn buffered(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append buffered 256 B");
    for records in [1, 100] {
        let (_dir, store) = store(Durability::Os);
        let log = store.log("log").unwrap();
        group.throughput(Throughput::Elements(records));
        group.bench_function(BenchmarkId::new("batch of", records), |bencher| {
            bencher.iter(|| append(&store, &log, records));
        });
    }
    group.finish();
}

/// Shares `appends` among the writers, each waiting for its own, and returns how long all took.
fn durable_appends(store: &Store, logs: &[Log], appends: u64) -> Duration {
    let each = appends.div_ceil(logs.len() as u64);
    let start = Instant::now();
    thread::scope(|scope| {
        for log in logs {
            scope.spawn(move || {
                for _ in 0..each {
                    let mut batch = Batch::new();
                    batch.append(log, &PAYLOAD);
                    store.commit(batch).unwrap().wait().unwrap();
                }
            });
        }
    });
    let asked = appends as f64 / (each * logs.len() as u64) as f64;
    start.elapsed().mul_f64(asked)
}

fn durable(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append durable 256 B");
    group.throughput(Throughput::Elements(1));
    for writers in [1, 8, 64] {
        let (_dir, store) = store(Durability::Device);
        let logs: Vec<Log> =
            (0..writers).map(|writer| store.log(&format!("log/{writer}")).unwrap()).collect();
        group.bench_function(BenchmarkId::new("writers", writers), |bencher| {
            bencher.iter_custom(|appends| durable_appends(&store, &logs, appends));
        });
    }
    group.finish();
}

/// Numbers from 1 to `bound` that jump about, every one once in `bound` steps when `bound` is a power of ten.
fn scattered(step: u64, bound: u64) -> u64 {
    step * 7_919 % bound + 1
}

fn point_read(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("point read 256 B");
    group.throughput(Throughput::Elements(1));
    // Small segments, so that nearly all are sealed and mapped; large ones, so that all is in the active one.
    for (name, segment_bytes) in [("sealed segments", 1 << 20), ("active segment", 128 << 20)] {
        let mut options = Options::default();
        options.durability = Durability::Os;
        options.segment_bytes = segment_bytes;
        let (_dir, store) = store_with(options);
        let (log, map) = (store.log("log").unwrap(), store.map("map").unwrap());
        append_all(&store, &log);
        put_all(&store, &map);
        let mut step = 0;
        group.bench_function(BenchmarkId::new("log", name), |bencher| {
            bencher.iter(|| {
                step += 1;
                log.get(Seq(scattered(step, RECORDS))).unwrap().unwrap()
            });
        });
        group.bench_function(BenchmarkId::new("map", name), |bencher| {
            bencher.iter(|| {
                step += 1;
                map.get(&scattered(step, RECORDS).to_be_bytes()).unwrap().unwrap()
            });
        });
    }
    group.finish();
}

fn put_all(store: &Store, map: &Map) {
    for first in (1..=RECORDS).step_by(100) {
        let mut batch = Batch::new();
        for number in first..first + 100 {
            batch.put(map, &number.to_be_bytes(), &PAYLOAD);
        }
        store.commit(batch).unwrap();
    }
    store.sync().unwrap();
}

fn opening(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("open");
    let (dir, store) = store(Durability::Os);
    let log = store.log("log").unwrap();
    append_all(&store, &log);
    drop(log);
    store.close().unwrap();
    group.throughput(Throughput::Elements(RECORDS));
    group.bench_function(BenchmarkId::new("records", RECORDS), |bencher| {
        bencher.iter_with_large_drop(|| {
            Store::open(dir.path().join("store"), Options::default()).unwrap()
        });
    });
    group.finish();
}

fn short() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(10)
}

criterion_group! {
    name = engine;
    config = short();
    targets = buffered, durable, point_read, opening
}
criterion_main!(engine);
