//! Servers that stop, or are killed, while devices write.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use syncline_tests::{process::Serving, server::TestServer};
use tempfile::TempDir;

use crate::device::{Device, blocking};

const CHANGES: usize = 300;

fn bodies_of(maker: &str) -> Vec<String> {
    (0..CHANGES).map(|number| format!("{maker} {number}")).collect()
}

/// Two devices write while `disturb` does what it does; in the end everything is saved, each has
/// seen the other's changes once and in order, and so does a device that comes later.
async fn write_through<S>(address: SocketAddr, disturb: impl AsyncFnOnce() -> S) -> S {
    let alice = Arc::new(Device::start(address));
    let bob = Arc::new(Device::start(address));
    let write = |device: Arc<Device>, maker: &'static str| {
        tokio::spawn(async move {
            for body in bodies_of(maker) {
                device.submit(&body).await;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
    };
    let writing = [write(Arc::clone(&alice), "alice"), write(Arc::clone(&bob), "bob")];
    let server = disturb().await;
    for writer in writing {
        writer.await.unwrap();
    }
    alice.saved().await;
    bob.saved().await;
    assert_eq!(alice.brought(CHANGES).await, bodies_of("bob"));
    assert_eq!(bob.brought(CHANGES).await, bodies_of("alice"));

    let late = Device::start(address);
    let all = late.brought(2 * CHANGES).await;
    late.live().await;
    assert_eq!(late.bodies().len(), 2 * CHANGES, "and nothing twice");
    let distinct: BTreeSet<_> = all.into_iter().collect();
    let expected: BTreeSet<_> =
        [bodies_of("alice"), bodies_of("bob")].concat().into_iter().collect();
    assert_eq!(distinct, expected);
    server
}

#[tokio::test]
async fn orderly_restarts_lose_nothing_and_repeat_nothing() {
    let mut server = TestServer::start(|_| {});
    let address = server.address();
    let server = write_through(address, async move || {
        for _ in 0..3 {
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
async fn kills_lose_nothing_and_repeat_nothing() {
    let dir = TempDir::with_prefix("syncline-").unwrap();
    let mut server = Serving::start(dir.path(), &[]);
    let address = server.address();
    let (path, listen) = (dir.path().to_owned(), address.to_string());
    let server = write_through(address, async move || {
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
async fn a_device_that_waits_for_a_server_finds_it_when_it_comes() {
    let server = TestServer::start(|_| {});
    let address = server.address();
    let dir = server.stop();
    let early = Device::start(address);
    early.submit("early").await;
    let server = TestServer::start_in(dir, |config| config.http.listen = address);
    early.saved().await;
    let late = Device::start(address);
    assert_eq!(late.brought(1).await, ["early"]);
    blocking(|| drop(server)).await;
}
