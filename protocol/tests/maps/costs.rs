//! What it costs to find ten differences: round trips and bytes, by ranges and by buckets, each message
//! as it is on the wire. With `SYNCLINE_TEST_SEEDS` set, among a million records.

use bytes::Bytes;
use prost::Message;
use syncline_protocol::dialects::maps::{
    Entry, Index, Prefix, fingerprint,
    proto::{Bucket, OperationMessage, SyncRequest, SyncResponse},
    range::{Initiator, RANGE_BYTES, answer},
};

use crate::sample::entry;

const DIFFERING: u64 = 10;

/// How many records.
fn records() -> u64 {
    if std::env::var_os("SYNCLINE_TEST_SEEDS").is_some() { 1_000_000 } else { 100_000 }
}

/// A server's index, and one that missed the last change of some records.
fn replicas(records: u64, differing: u64) -> (Index, Index) {
    let server = Index::from_entries((1..=records).map(|seq| entry(seq, seq)).collect());
    let mut client = server.clone();
    for number in (1..=records).step_by((records / differing) as usize).take(differing as usize) {
        client.insert(entry(number, records + number));
    }
    (server, client)
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Cost {
    rounds: usize,
    up: usize,
    down: usize,
    /// Records sent.
    ops: usize,
}

impl Cost {
    fn exchanged(&mut self, request: &SyncRequest, response: &SyncResponse) {
        self.rounds += 1;
        self.up += request.encoded_len();
        self.down += response.encoded_len();
    }
}

/// A record as large as those of the dossier: a key of 21 bytes, a value of 200.
fn op() -> OperationMessage {
    OperationMessage {
        map_name: "todos".into(),
        key: "0123456789abcdef01234".into(),
        value: Bytes::from_static(&[7; 200]),
        timestamp: "1700000000000:0:client-a".into(),
        ..OperationMessage::default()
    }
}

fn request() -> SyncRequest {
    SyncRequest { map_name: "todos".into(), ..SyncRequest::default() }
}

fn response() -> SyncResponse {
    SyncResponse {
        map_name: "todos".into(),
        root_hash: Bytes::from_static(&[1; 16]),
        count: 1_000_000,
        server_time: "1700000000000:0:~server".into(),
        ..SyncResponse::default()
    }
}

fn by_ranges(server: &Index, client: &Index) -> Cost {
    let (mut cost, (mut initiator, mut message)) =
        (Cost::default(), Initiator::start(client, RANGE_BYTES));
    loop {
        let answered = answer(server, &message, RANGE_BYTES).expect("a message");
        cost.ops += answered.lacking.len();
        let mut response = response();
        response.range_message = answered.message.clone().into();
        response.ops = vec![op(); answered.lacking.len()];
        response.want_leaves = answered.wanted.iter().flat_map(|leaf| leaf.0).collect();
        cost.exchanged(&SyncRequest { range_message: message.into(), ..request() }, &response);
        match initiator.step(client, &answered.message).expect("an answer").next {
            Some(next) => message = next,
            None => return cost,
        }
    }
}

/// A walk down the tree: how many levels to ask for, and which buckets to list.
struct Walk {
    /// All buckets that differ are listed when they have so few records together.
    listed_max: u64,
}

impl Walk {
    /// A bucket with so few records is listed in any case.
    const LISTED_EACH: u64 = 64;
    /// Buckets in one answer.
    const BUCKETS_MAX: usize = 4096;

    fn levels(&self, open: usize, records: u64) -> u8 {
        let one_is_enough = records / 16 <= self.listed_max;
        if one_is_enough || open << 8 > Self::BUCKETS_MAX { 1 } else { 2 }
    }

    fn walk(&self, server: &Index, client: &Index) -> Cost {
        let (mut cost, mut listed) = (Cost::default(), Vec::new());
        let mut open = vec![(Prefix::ROOT, client.root().count)];
        while !open.is_empty() {
            let levels = self.levels(open.len(), open.iter().map(|(_, count)| count).sum());
            let differing = ask(server, client, &open, levels, &mut cost);
            let all = differing.iter().map(|(_, count)| count).sum::<u64>() <= self.listed_max;
            let (now, later): (Vec<_>, Vec<_>) =
                differing.into_iter().partition(|(_, count)| all || *count <= Self::LISTED_EACH);
            listed.extend(now.into_iter().map(|(prefix, _)| prefix));
            open = later;
        }
        let (request, response) = list(server, client, &listed);
        cost.ops = response.ops.len();
        cost.exchanged(&request, &response);
        cost
    }
}

/// Asks for the buckets so many levels below the open ones: those that differ, with their records.
fn ask(
    server: &Index,
    client: &Index,
    open: &[(Prefix, u64)],
    levels: u8,
    cost: &mut Cost,
) -> Vec<(Prefix, u64)> {
    let paths = open.iter().filter(|(prefix, _)| prefix.digits() > 0);
    let paths = paths.map(|(prefix, _)| prefix.to_string()).collect();
    let request = SyncRequest { paths, depth: 8, levels: levels.into(), ..request() };
    let (mut response, mut differing) = (response(), Vec::new());
    for (child, totals) in open.iter().flat_map(|(prefix, _)| server.children(prefix, levels)) {
        let (hash, count) = (fingerprint(&totals), totals.count);
        let (path, bytes) = (child.to_string(), Bytes::copy_from_slice(&hash));
        response.buckets.push(Bucket { path, hash: bytes, count });
        if hash != fingerprint(&client.totals(&child)) {
            differing.push((child, count));
        }
    }
    cost.exchanged(&request, &response);
    differing
}

fn list(server: &Index, client: &Index, listed: &[Prefix]) -> (SyncRequest, SyncResponse) {
    let leaves = |index: &Index, prefix: &Prefix| -> Vec<[u8; 8]> {
        index.entries(prefix).map(|entry: Entry| entry.leaf.short()).collect()
    };
    let (mut request, mut response) = (request(), response());
    let (mut have, mut want) = (Vec::new(), Vec::new());
    for prefix in listed {
        request.paths.push(prefix.to_string());
        let (ours, theirs) = (leaves(server, prefix), leaves(client, prefix));
        response.ops.extend(ours.iter().filter(|leaf| !theirs.contains(leaf)).map(|_| op()));
        want.extend(theirs.iter().filter(|leaf| !ours.contains(leaf)).flatten());
        have.extend(theirs.into_iter().flatten());
    }
    (request.have_leaves, response.want_leaves) = (Bytes::from(have), Bytes::from(want));
    (request, response)
}

#[test]
fn ten_differences_are_found_by_ranges() {
    let (server, client) = replicas(records(), DIFFERING);
    let cost = by_ranges(&server, &client);
    println!("{} records by ranges: {cost:?}", server.len());
    assert_eq!(cost.ops as u64, DIFFERING);
    assert!(cost.rounds <= 3 && cost.up + cost.down <= 32 << 10, "{cost:?}");
}

#[test]
fn one_difference_is_found_by_ranges_in_two_rounds() {
    let (server, client) = replicas(records(), 1);
    let cost = by_ranges(&server, &client);
    println!("{} records, one differs, by ranges: {cost:?}", server.len());
    assert!(cost.rounds <= 2 && cost.up + cost.down <= 16 << 10, "{cost:?}");
}

#[test]
fn ten_differences_are_found_by_buckets() {
    let (server, client) = replicas(records(), DIFFERING);
    for (listed_max, bytes_max) in [(0, 96 << 10), (4096, 40 << 10)] {
        let cost = Walk { listed_max }.walk(&server, &client);
        println!("{} records by buckets, {listed_max} listed: {cost:?}", server.len());
        assert_eq!(cost.ops as u64, DIFFERING);
        assert!(cost.rounds <= 3 && cost.up + cost.down <= bytes_max, "{cost:?}");
    }
}
