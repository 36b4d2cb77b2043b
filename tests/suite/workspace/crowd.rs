//! Many in one workspace, some of them late, on one shard and spread over two.

use std::{collections::BTreeMap, thread};

use serde_json::Value;
use socket2::SockRef;
use syncline_tests::{
    server::TestServer,
    workspace::{Peer, op, server},
    ws::{CLOSE, Event, FIN, PING, PONG, TEXT},
};

/// A server whose rooms keep their followers together, and one that spreads them.
fn servers() -> [TestServer; 2] {
    [64, 1].map(|moved| server(|c| c.limits.followers_moved_max = moved))
}

#[test]
fn five_hundred_of_one_client_keep_their_order() {
    for server in servers() {
        let mut peers = ["a", "b", "c", "d"].map(|user| Peer::join(&server, "w", user));
        for n in 0..500 {
            peers[0].set(&format!("k{}", n % 7), &n.to_string(), n);
        }
        for peer in &mut peers[1..] {
            for n in 0..500 {
                assert_eq!(peer.text(), op(&format!("k{}", n % 7), &n.to_string(), n));
            }
        }
        peers[0].quiet();
    }
}

const JOINS: u64 = 15;
const WRITERS: u64 = 2;
const KEYS: u64 = 300;

#[test]
fn whoever_joins_under_load_has_everything_once() {
    for server in servers() {
        thread::scope(|scope| {
            for writer in 0..WRITERS {
                let mut peer = Peer::join(&server, "w", "writer");
                scope.spawn(move || {
                    for n in 0..KEYS {
                        peer.set(&format!("{writer}/{n}"), &n.to_string(), 1);
                        // The other's are read too, or it would be slow.
                        if n % 8 == 0 {
                            while peer.wait(std::time::Duration::from_millis(1)).is_some() {}
                        }
                    }
                    let _ = peer.drain();
                });
            }
            for join in 0..JOINS {
                let server = &server;
                scope.spawn(move || {
                    thread::sleep(std::time::Duration::from_millis(join * 3));
                    let mut peer = Peer::join(server, "w", &format!("late {join}"));
                    let mut all = peer.data().as_object().expect("an object").clone();
                    while all.len() < (WRITERS * KEYS) as usize {
                        let payload = peer.message()["payload"].take();
                        let key = payload["key"].as_str().expect("a key").to_owned();
                        let before = all.insert(key, payload["value"].clone());
                        assert_eq!(before, None, "once: {payload}");
                    }
                    peer.quiet();
                });
            }
        });
    }
}

/// More than kernel and queue hold for one who does not read.
const CHANGES: i64 = 6_000;

#[test]
fn who_reads_late_ends_with_the_newest_or_is_cut() {
    for server in servers() {
        let mut writer = Peer::join(&server, "w", "a");
        let mut late = Peer::join(&server, "w", "b");
        let socket = late.socket();
        SockRef::from(socket.raw().stream()).set_recv_buffer_size(64 << 10).expect("a size");
        let text = "t".repeat(2_000);
        for n in 1..=CHANGES {
            writer.set(&format!("k{}", n % 40), &format!("[{n},\"{text}\"]"), n);
        }
        writer.quiet();
        let newest: BTreeMap<String, i64> =
            (CHANGES - 39..=CHANGES).map(|n| (format!("k{}", n % 40), n)).collect();
        let mut copy = BTreeMap::new();
        let mut read = 0;
        while copy != newest {
            let Event::Frame(frame) = socket.event(syncline_tests::PATIENCE) else {
                panic!("it neither ends nor misses anything")
            };
            match frame.opcode() {
                TEXT => {
                    let message: Value = serde_json::from_slice(&frame.payload).expect("JSON");
                    let payload = &message["payload"];
                    let key = payload["key"].as_str().expect("a key").to_owned();
                    let timestamp = payload["timestamp"].as_i64().expect("a timestamp");
                    let before = copy.insert(key, timestamp);
                    assert!(before < Some(timestamp), "never back: {before:?}, {timestamp}");
                    read += 1;
                }
                PING => drop(socket.send(FIN | PONG, &frame.payload)),
                CLOSE => {
                    assert_eq!(frame.close_code(), Some(1013));
                    break;
                }
                opcode => panic!("a frame of opcode {opcode}"),
            }
        }
        assert!(read < CHANGES, "it was slow, and got {read}");
    }
}
