//! Very many connections, each on a key of its own.

use std::{net::SocketAddr, thread};

use rustix::process::{Resource, getrlimit};
use syncline_tests::{
    process::Serving,
    relay::{Hello, Peer},
};
use tempfile::TempDir;

use crate::settled;

/// What an idle connection may cost the server, in bytes, buffers of the kernel not counted. A
/// generous bound, for an unoptimised build.
const IDLE_BYTES_MAX: u64 = 48 << 10;

#[test]
fn check_23_ten_thousand_idle_connections_cost_little_and_the_relay_still_works() {
    // Each costs this process a descriptor and the server one.
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let count = (descriptors / 4).min(10_000);
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path(), &[]);
    let before = serving.resident_bytes();
    let mut idle = join_all(serving.address(), count);
    let after = serving.resident_bytes();
    let each = after.saturating_sub(before) / count;
    assert!(each <= IDLE_BYTES_MAX, "{each} bytes for each of {count} connections");

    let last = idle.last_mut().unwrap();
    let mut sender = Peer::json(serving.address(), &Hello::new("s", &format!("key {}", count - 1)));
    sender.submit(b"still here");
    assert_eq!(last.change(), (1, b"still here".to_vec()));
    idle[0].hears_nothing();
}

fn join_all(address: SocketAddr, count: u64) -> Vec<Peer> {
    let join = move |n: u64| Peer::json(address, &Hello::new("idle", &format!("key {n}")));
    let halves = [0..count / 2, count / 2..count].map(|half| {
        thread::spawn(move || {
            let mut peers: Vec<Peer> = half.map(join).collect();
            for peer in &mut peers {
                settled(peer);
            }
            peers
        })
    });
    halves.into_iter().flat_map(|half| half.join().expect("every connection is taken")).collect()
}
