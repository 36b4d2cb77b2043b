//! Many clients, much traffic, slow and dying ones: nothing lost, nothing twice, nothing mixed up.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use syncline::Config;
use syncline_tests::{
    relay::{Framing, Hello, Message, Peer},
    server::TestServer,
    until,
};

use crate::{server, settled};

/// Two servers that differ in where a room's followers live: all on the shard that owns the room,
/// or spread over the shards.
fn servers(adapt: impl Fn(&mut Config)) -> [TestServer; 2] {
    [1024, 0].map(|moved_max| {
        TestServer::start(|config| {
            config.limits.followers_moved_max = moved_max;
            adapt(config);
        })
    })
}

/// The changes `first..=last` of a lone writer who numbers them from 1, each once and in order.
fn expect_run(peer: &mut Peer, first: u64, last: u64) {
    for n in first..=last {
        let (seq, payload) = peer.change();
        assert_eq!((seq, payload.get(..8)), (n, Some(&n.to_be_bytes()[..])));
    }
}

/// Submits the numbers `range`, each followed by `padding` bytes.
fn submit_run(peer: &mut Peer, range: std::ops::RangeInclusive<u64>, padding: usize) {
    for n in range {
        let mut payload = n.to_be_bytes().to_vec();
        payload.resize(8 + padding, 0);
        peer.submit(&payload).expect("the server reads on");
    }
}

#[test]
fn check_12_a_burst_arrives_whole_and_in_order() {
    for server in servers(|_| ()) {
        burst(&server);
    }
}

fn burst(server: &TestServer) {
    let mut receivers: Vec<Peer> = [Framing::Json, Framing::Binary]
        .map(|framing| Peer::join(server.address(), framing, &Hello::new("r", "K")))
        .into();
    assert_eq!(receivers[1].message(), Message::CaughtUp(0));
    settled(&mut receivers[0]);
    let mut sender = Peer::json(server.address(), &Hello::new("s", "K"));
    submit_run(&mut sender, 1..=1500, 0);
    for receiver in &mut receivers {
        expect_run(receiver, 1, 1500);
        receiver.hears_nothing();
    }
}

#[test]
fn check_13_whoever_joins_under_load_gets_every_change_once() {
    for server in servers(|_| ()) {
        join_under_load(server.address());
    }
}

fn join_under_load(address: SocketAddr) {
    const CHANGES: u64 = 1500;
    let sent = AtomicU64::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut sender = Peer::binary(address, &Hello::new("s", "K").with_ack());
            for n in 1..=CHANGES {
                submit_run(&mut sender, n..=n, 100);
                sent.store(n, Ordering::Relaxed);
                if n % 8 == 0 {
                    sender.message(); // keeps step with the server, so that joins fall in between
                }
            }
            until_accepted(&mut sender, CHANGES);
        });
        for joiner in 0..20_u64 {
            let sent = &sent;
            scope.spawn(move || {
                let from = joiner * CHANGES / 20;
                until("the sender gets there", || {
                    (sent.load(Ordering::Relaxed) >= from).then_some(())
                });
                join_and_follow(address, joiner, CHANGES);
            });
        }
    });
}

fn until_accepted(sender: &mut Peer, last: u64) {
    while !matches!(sender.message(), Message::Accepted { id, .. } if id == last) {}
}

fn join_and_follow(address: SocketAddr, joiner: u64, last: u64) {
    if joiner.is_multiple_of(2) {
        let mut peer = Peer::json(address, &Hello::new("j", "K"));
        expect_run(&mut peer, 1, last);
        return peer.hears_nothing();
    }
    let mut peer = Peer::binary(address, &Hello::new("b", "K"));
    let (mut next, mut caught_up) = (1, 0);
    while next <= last || caught_up == 0 {
        match peer.message() {
            Message::CaughtUp(seq) => {
                assert_eq!(seq, next - 1, "said when the history has come");
                caught_up += 1;
            }
            change => {
                assert_eq!(change.into_change().0, next);
                next += 1;
            }
        }
    }
    assert_eq!(caught_up, 1);
    peer.hears_nothing();
}

#[test]
fn check_14_a_slow_reader_gets_everything_in_the_end() {
    for server in servers(|c| c.limits.queue_bytes_max = 64 << 10) {
        read_late(server.address());
    }
}

fn read_late(address: SocketAddr) {
    let mut slow: Vec<Peer> = vec![
        Peer::json(address, &Hello::new("slow", "K")),
        Peer::binary(address, &Hello::new("slow", "K")),
    ];
    settled(&mut slow[0]);
    assert_eq!(slow[1].message(), Message::CaughtUp(0));
    let mut sender = Peer::binary(address, &Hello::new("s", "K").with_ack());
    submit_run(&mut sender, 1..=3000, 4096);
    assert_eq!(sender.message(), Message::CaughtUp(0));
    until_accepted(&mut sender, 3000);
    for peer in &mut slow {
        follow_through(address, peer, 3000);
    }
}

/// Reads up to change `last`; when the connection is cut, goes on from there on a new one.
fn follow_through(address: SocketAddr, peer: &mut Peer, last: u64) {
    let mut next = 1;
    while next <= last {
        match peer.try_message() {
            Some(message) => {
                assert_eq!(message.into_change().0, next);
                next += 1;
            }
            None => {
                let after = i64::try_from(next - 1).expect("small");
                *peer = Peer::json(address, &Hello::new("slow", "K").after(after));
            }
        }
    }
}

#[test]
fn check_15_traffic_on_one_key_does_not_hold_up_another() {
    let server = server();
    let address = server.address();
    let (flooding, flooded) = (AtomicBool::new(true), AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut sender = Peer::binary(address, &Hello::new("s", "loud").with_ack());
            let mut n = 0;
            while flooding.load(Ordering::Relaxed) {
                submit_run(&mut sender, n + 1..=n + 100, 1000);
                n += 100;
                flooded.store(n, Ordering::Relaxed);
            }
        });
        let mut a = Peer::json(address, &Hello::new("a", "quiet"));
        let mut b = Peer::json(address, &Hello::new("b", "quiet"));
        settled(&mut b);
        settled(&mut a);
        for turn in 0..20_u64 {
            let before = flooded.load(Ordering::Relaxed);
            a.submit(b"ping");
            assert_eq!(b.change(), (2 * turn + 1, b"ping".to_vec()));
            b.submit(b"pong");
            assert_eq!(a.change(), (2 * turn + 2, b"pong".to_vec()));
            until("the flood goes on", || (flooded.load(Ordering::Relaxed) > before).then_some(()));
        }
        flooding.store(false, Ordering::Relaxed);
    });
}

#[test]
fn check_18_the_living_hear_on_when_others_die_without_a_word() {
    let server = server();
    let mut peers: Vec<Peer> =
        (0..20).map(|_| Peer::json(server.address(), &Hello::new("p", "K"))).collect();
    for peer in &mut peers {
        settled(peer);
    }
    let mut dying = peers.split_off(10);
    for peer in &mut dying {
        // Dropped so, a socket sends a reset and no close.
        let stream = peer.socket().raw().stream();
        socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO)).expect("TCP takes it");
    }
    drop(dying);
    let mut sender = Peer::json(server.address(), &Hello::new("s", "K"));
    submit_run(&mut sender, 1..=50, 0);
    for peer in &mut peers {
        expect_run(peer, 1, 50);
    }
}
