//! Writers under way when something happens, and what they were promised.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use syncline_tests::{
    relay::{Framing, Hello, Message, Peer},
    until,
};

/// A writer's submissions that may wait for their acknowledgement.
const WINDOW: u64 = 16;

/// What one writer learned until its connection ended.
#[derive(Debug)]
pub(crate) struct Promised {
    pub(crate) key: String,
    pub(crate) writer: u64,
    /// Every submission up to this id was acknowledged.
    pub(crate) last_id: u64,
    /// The acknowledged ids whose place was told.
    pub(crate) places: Vec<(u64, u64)>,
    /// How the connection ended.
    pub(crate) close_code: Option<u16>,
}

/// Starts writers that submit until their connections end; when they have been promised `before`
/// submissions together, does something to the server.
pub(crate) fn under_load<T>(
    address: SocketAddr,
    round: u64,
    before: u64,
    happens: impl FnOnce() -> T,
) -> (Vec<Promised>, T) {
    let promised = &AtomicU64::new(0);
    thread::scope(|scope| {
        // All are connected before the first one writes.
        let peers: Vec<_> = (0..4).map(|n| joined(address, n % 2, round * 100 + n)).collect();
        let writers: Vec<_> = peers
            .into_iter()
            .map(|(peer, new)| scope.spawn(move || write_until_end(peer, new, promised)))
            .collect();
        until("the load is under way", || {
            (promised.load(Ordering::Relaxed) >= before).then_some(())
        });
        let happened = happens();
        (writers.into_iter().map(|w| w.join().expect("a writer ends well")).collect(), happened)
    })
}

/// A writer that has joined and was promised nothing yet.
fn joined(address: SocketAddr, key: u64, writer: u64) -> (Peer, Promised) {
    let key = format!("load {key}");
    let hello = Hello::new(&format!("w{writer}"), &key).after(i64::MAX).with_ack();
    let peer = Peer::binary(address, &hello);
    (peer, Promised { key, writer, last_id: 0, places: Vec::new(), close_code: None })
}

fn write_until_end(mut peer: Peer, mut promised: Promised, all: &AtomicU64) -> Promised {
    let mut sent = 0;
    loop {
        while sent < promised.last_id + WINDOW {
            // When the server has gone, what it said before still lies in the socket.
            sent = peer.submit(&payload(promised.writer, sent + 1)).unwrap_or(u64::MAX - WINDOW);
        }
        match peer.try_message() {
            Some(Message::Accepted { id, seq }) => {
                all.fetch_add(id - promised.last_id, Ordering::Relaxed);
                promised.last_id = id;
                promised.places.push((id, seq));
            }
            Some(_) => {}
            None => break,
        }
    }
    promised.close_code = peer.close_code();
    promised
}

fn payload(writer: u64, id: u64) -> Vec<u8> {
    format!("writer {writer} submission {id}").into_bytes()
}

/// Holds a room's history against what a writer was promised.
pub(crate) fn keeps(history: &HashMap<u64, Vec<u8>>, promised: &Promised) {
    let writer = promised.writer;
    let mut places: HashMap<&[u8], u64> = HashMap::new();
    for (seq, payload) in history {
        assert!(places.insert(payload, *seq).is_none(), "{payload:?} is there twice");
    }
    let place = |id: u64| places.get(&payload(writer, id)[..]).copied();
    let mut last = 0;
    for id in 1..=promised.last_id {
        let seq = place(id);
        assert!(seq > Some(last), "submission {id} of writer {writer} was acknowledged: {seq:?}");
        last = seq.unwrap_or(last);
    }
    for (id, seq) in &promised.places {
        assert_eq!(place(*id), Some(*seq), "the place of submission {id} of writer {writer}");
    }
}

/// The whole history of a room, by sequence number; the numbers have no gap.
pub(crate) fn history(address: SocketAddr, key: &str) -> HashMap<u64, Vec<u8>> {
    let mut peer = Peer::join(address, Framing::Binary, &Hello::new("history", key));
    let mut found = HashMap::new();
    loop {
        match peer.message() {
            Message::CaughtUp(last) => {
                assert_eq!(last, found.len() as u64);
                return found;
            }
            change => {
                let (seq, payload) = change.into_change();
                assert_eq!(seq, found.len() as u64 + 1, "no gap and no repetition");
                found.insert(seq, payload);
            }
        }
    }
}
