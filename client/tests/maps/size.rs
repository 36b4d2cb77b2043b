//! What a large map takes: to be written, opened, and in memory. Asked for by hand.

use std::time::Instant;

use super::*;

/// `cargo test --release -p syncline-client --test maps size -- --ignored --nocapture`
#[tokio::test]
#[ignore = "a measurement"]
async fn a_million_keys() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Client::open(dir.path(), "ws://127.0.0.1:9", "token", settings()).unwrap();
    let client = open();
    let map = client.map(MAP).await.unwrap();
    let began = Instant::now();
    let mut last = None;
    for at in 0..1_000_000 {
        last = Some(map.put(&format!("key/{at:016}"), vec![7; 200]).unwrap());
    }
    println!("a million puts of 200 bytes: {:?}", began.elapsed());
    last.unwrap().durable().await.unwrap();
    println!("durable: {:?}", began.elapsed());
    client.shutdown().await.unwrap();
    drop(map);
    let before = resident();
    let began = Instant::now();
    let client = open();
    println!("store opened: {:?}, {} MiB", began.elapsed(), resident() - before);
    let began = Instant::now();
    let map = client.map(MAP).await.unwrap();
    println!("map opened: {:?}, {} MiB", began.elapsed(), resident() - before);
    let began = Instant::now();
    for at in (0..1_000_000).step_by(10) {
        assert!(map.get(&format!("key/{at:016}")).unwrap().is_some());
    }
    println!("100,000 gets: {:?}", began.elapsed());
    client.shutdown().await.unwrap();
}

/// Memory of this process in MiB that no file backs.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}
