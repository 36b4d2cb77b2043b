//! The maps' index alone, with a million records: writes, loading, the questions that finding a
//! difference asks, and ranges answered.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::{hint::black_box, time::Duration};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use syncline_protocol::dialects::maps::{
    Entry, Index, Leaf, Path, Prefix, fingerprint,
    range::{Initiator, RANGE_BYTES, answer},
};

const RECORDS: u64 = 1_000_000;

/// Deterministic, and like a hash.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The record of a number, as it was changed with a seq.
fn entry(number: u64, seq: u64) -> Entry {
    let path = Path(u128::from(mixed(number)) << 64 | u128::from(mixed(!number)));
    let mut leaf = [0; 32];
    for (at, chunk) in (0..).zip(leaf.chunks_exact_mut(8)) {
        chunk.copy_from_slice(&mixed((number ^ seq << 32) * 4 + at).to_le_bytes());
    }
    Entry { path, leaf: Leaf(leaf), seq, counted: true }
}

fn entries() -> Vec<Entry> {
    (1..=RECORDS).map(|seq| entry(seq, seq)).collect()
}

fn writes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("maps index");
    let mut index = Index::from_entries(entries());
    let mut seq = RECORDS;
    group.throughput(Throughput::Elements(1));
    group.bench_function("update", |bencher| {
        bencher.iter(|| {
            seq += 1;
            index.insert(entry(mixed(seq) % RECORDS + 1, seq))
        });
    });
    group.bench_function("remove and insert", |bencher| {
        bencher.iter(|| {
            seq += 1;
            let entry = entry(mixed(seq) % RECORDS + 1, seq);
            index.remove(entry.path);
            index.insert(entry)
        });
    });
    group.finish();
}

fn load(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("maps index");
    let entries = entries();
    group.sample_size(10).throughput(Throughput::Elements(RECORDS));
    group.bench_function("bulk build", |bencher| {
        bencher.iter_batched(|| entries.clone(), Index::from_entries, BatchSize::PerIteration);
    });
    group.finish();
}

fn questions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("maps index");
    let index = Index::from_entries(entries());
    group.bench_function("root hash", |bencher| {
        bencher.iter(|| fingerprint(&black_box(&index).root()));
    });
    for levels in 1..=3 {
        group.bench_function(BenchmarkId::new("children of the root", levels), |bencher| {
            bencher.iter(|| index.children(&Prefix::ROOT, levels));
        });
    }
    let mut number = 0;
    group.bench_function("sums below a path", |bencher| {
        bencher.iter(|| {
            number += 1;
            index.totals_below(Path(u128::from(mixed(number)) << 64))
        });
    });
    group.throughput(Throughput::Elements(1000));
    group.bench_function("a thousand changes", |bencher| {
        bencher.iter(|| {
            number += 1;
            let after = mixed(number) % (RECORDS - 1000);
            index.changes(after).take(1000).map(|(seq, _)| seq).sum::<u64>()
        });
    });
    group.finish();
}

/// The messages of a client that missed some changes.
fn messages(server: &Index, differing: u64) -> Vec<Vec<u8>> {
    let mut client = server.clone();
    for number in 1..=differing {
        client.insert(entry(number, RECORDS + number));
    }
    let (mut initiator, first) = Initiator::start(&client, RANGE_BYTES);
    let mut messages = vec![first];
    loop {
        let last = messages.last().expect("the first at least");
        let answered = answer(server, last, RANGE_BYTES).expect("a message");
        match initiator.step(&client, &answered.message).expect("an answer").next {
            Some(next) => messages.push(next),
            None => return messages,
        }
    }
}

fn ranges(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("maps ranges");
    let index = Index::from_entries(entries());
    for differing in [1, 10, 100] {
        let messages = messages(&index, differing);
        group.bench_function(BenchmarkId::new("all answers, differing", differing), |bencher| {
            bencher.iter(|| {
                for message in &messages {
                    black_box(answer(&index, message, RANGE_BYTES)).expect("a message");
                }
            });
        });
    }
    group.finish();
}

fn short() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(500))
        .sample_size(20)
}

criterion_group! {
    name = maps;
    config = short();
    targets = writes, load, questions, ranges
}
criterion_main!(maps);
