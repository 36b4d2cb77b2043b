//! Servers and devices that stop, or are killed, while devices record.

use std::collections::BTreeSet;

use syncline_tests::{process::Serving, server::TestServer};
use tempfile::TempDir;

use super::*;
use crate::device::blocking;

const OPS: u64 = 200;

fn texts_of(maker: &str) -> Vec<String> {
    (0..OPS).map(|number| format!("{maker} {number}")).collect()
}

async fn write(peer: &Peer, maker: &str) {
    for text in texts_of(maker) {
        peer.record(&text).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Two devices record while `disturb` does what it does; in the end everything is saved, each has
/// the other's operations once and in order, and so has a device that comes later.
async fn record_through<S>(address: SocketAddr, disturb: impl Future<Output = S>) -> S {
    let mut alice = Peer::start(address);
    let mut bob = Peer::start(address);
    let ((), (), server) = tokio::join!(write(&alice, "alice"), write(&bob, "bob"), disturb);
    alice.saved().await;
    bob.saved().await;
    assert_eq!(alice.take_in(OPS).await, texts_of("bob"));
    assert_eq!(bob.take_in(OPS).await, texts_of("alice"));
    let mut late = Peer::start(address);
    let all: BTreeSet<_> = late.take_in(2 * OPS).await.into_iter().collect();
    let expected: BTreeSet<_> = [texts_of("alice"), texts_of("bob")].concat().into_iter().collect();
    assert_eq!(all, expected);
    server
}

#[tokio::test]
async fn orderly_restarts_lose_nothing_and_repeat_nothing() {
    let mut server = TestServer::start(|_| {});
    let address = server.address();
    let server = record_through(address, async move {
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_millis(150)).await;
            server = blocking(move || {
                let dir = server.stop();
                TestServer::start_in(dir, |config| config.http.listen = address)
            })
            .await;
        }
        server
    })
    .await;
    blocking(|| drop(server)).await;
}

#[tokio::test]
async fn kills_of_the_server_lose_nothing_and_repeat_nothing() {
    let dir = TempDir::with_prefix("syncline-").unwrap();
    let mut server = Serving::start(dir.path(), &[]);
    let address = server.address();
    let (path, listen) = (dir.path().to_owned(), address.to_string());
    let server = record_through(address, async move {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(150)).await;
            let (dir, listen) = (path.clone(), listen.clone());
            server = blocking(move || {
                server.kill();
                Serving::start(&dir, &[("SYNCLINE_HTTP_LISTEN", &listen)])
            })
            .await;
        }
        server
    })
    .await;
    blocking(|| drop(server)).await;
}

#[tokio::test]
async fn power_cuts_of_a_device_lose_nothing_and_repeat_nothing() {
    let server = TestServer::start(|_| {});
    let mut bob = Peer::start(server.address());
    let mut disk = SimDisk::new(3);
    let mut alice = Peer::start_on(&disk, http(server.address()), settings());
    let mut made = Vec::new();
    for seed in 0..12 {
        bob.record(&format!("bob {seed}")).await;
        for number in 0..5 {
            made.push(format!("alice {seed} {number}"));
            alice.record(&made[made.len() - 1]).await;
        }
        tokio::time::sleep(Duration::from_millis(5 * (seed % 5))).await;
        if seed % 2 == 0 {
            bob.saved().await;
            let so_far = alice.taken.len();
            alice.take_in(so_far + 1).await;
        }
        let image = disk.after_power_cut(seed);
        let Peer { client, events, store, taken: _ } = alice;
        client.close().await;
        drop((events, store));
        disk = image;
        alice = Peer::start_on(&disk, http(server.address()), settings());
    }
    alice.saved().await;
    bob.saved().await;
    let expected: Vec<_> = (0..12).map(|seed| format!("bob {seed}")).collect();
    assert_eq!(alice.take_in(12).await, expected);
    assert_eq!(bob.take_in(60).await, made);
    blocking(|| drop(server)).await;
}
