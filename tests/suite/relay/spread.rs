//! Rooms whose followers live on several shards: the same promises, whoever hears of a change by
//! mail from another shard.

use std::{collections::BTreeMap, net::SocketAddr, thread};

use syncline_tests::{
    relay::{Framing, Hello, Message, Peer},
    server::TestServer,
    ws::{FIN, PING, PONG},
};

/// Members of the room that write and read at once.
const MEMBERS: u64 = 12;
/// Changes that each of them makes.
const CHANGES: u64 = 60;

/// Four shards, and a room that keeps two followers on its own.
fn spread() -> TestServer {
    TestServer::start(|config| {
        config.http.shards = 4;
        config.limits.followers_moved_max = 2;
    })
}

fn framing(member: u64) -> Framing {
    if member.is_multiple_of(2) { Framing::Json } else { Framing::Binary }
}

fn payload(member: u64, n: u64) -> Vec<u8> {
    format!("{member}/{n}").into_bytes()
}

/// What a member was told: changes by number, acknowledged numbers, the last acknowledged id.
#[derive(Default)]
struct Told {
    changes: BTreeMap<u64, Vec<u8>>,
    last_seq: u64,
    accepted: Vec<u64>,
    last_id: u64,
}

impl Told {
    fn take(&mut self, message: Message) {
        match message {
            Message::Change { seq, payload, .. } => {
                assert!(seq > self.last_seq, "change {seq} after {}", self.last_seq);
                self.last_seq = seq;
                self.changes.insert(seq, payload);
            }
            Message::Accepted { id, seq } => {
                assert!(self.accepted.last() < Some(&seq), "acknowledged in order");
                self.accepted.push(seq);
                self.last_id = id;
            }
            Message::CaughtUp(_) => {}
        }
    }

    /// Whether a member has been told of all changes of the others and that its own are kept.
    fn is_complete(&self, framing: Framing, others: u64) -> bool {
        let kept = match framing {
            Framing::Json => self.accepted.len() as u64,
            Framing::Binary => self.last_id,
        };
        self.changes.len() as u64 >= others && kept >= CHANGES
    }
}

/// Submits all changes of a member, then reads until it has been told everything.
fn take_part(mut peer: Peer, member: u64, others: u64) -> Told {
    let mut told = Told::default();
    for n in 1..=CHANGES {
        peer.submit(&payload(member, n)).expect("the server reads on");
    }
    while !told.is_complete(framing(member), others) {
        told.take(peer.message());
    }
    peer.hears_nothing();
    told
}

/// The whole history, as one who joins late gets it.
fn history(address: SocketAddr, key: &str, last: u64) -> Vec<Vec<u8>> {
    let mut late = Peer::json(address, &Hello::new("late", key));
    let changes = (1..=last).map(|n| {
        let (seq, payload) = late.change();
        assert_eq!(seq, n);
        payload
    });
    let changes = changes.collect();
    late.hears_nothing();
    changes
}

#[test]
fn all_members_of_a_spread_room_are_told_of_every_change_of_the_others_once() {
    let server = spread();
    let address = server.address();
    for key in ["a", "b", "c"] {
        // All have joined before the first one writes: nothing of the others is history.
        let peers: Vec<Peer> = (0..MEMBERS)
            .map(|member| {
                let hello = Hello::new("one name for all", key).with_ack();
                let mut peer = Peer::join(address, framing(member), &hello);
                match framing(member) {
                    Framing::Json => crate::settled(&mut peer),
                    Framing::Binary => assert_eq!(peer.message(), Message::CaughtUp(0)),
                }
                peer
            })
            .collect();
        let others = (MEMBERS - 1) * CHANGES;
        let members: Vec<_> = (0..MEMBERS)
            .zip(peers)
            .map(|(member, peer)| thread::spawn(move || take_part(peer, member, others)))
            .collect();
        let told: Vec<Told> = members.into_iter().map(|m| m.join().unwrap()).collect();
        let history = history(address, key, MEMBERS * CHANGES);
        for (member, told) in (0..MEMBERS).zip(&told) {
            agrees(told, member, &history);
        }
    }
}

/// Holds what a member was told against the history.
fn agrees(told: &Told, member: u64, history: &[Vec<u8>]) {
    let own = format!("{member}/").into_bytes();
    let mut next_own = 1;
    for (seq, stored) in (1..).zip(history) {
        if stored.starts_with(&own) {
            assert_eq!(*stored, payload(member, next_own), "own changes keep their order");
            next_own += 1;
            assert!(!told.changes.contains_key(&seq), "its own change {seq} was sent back");
        } else {
            assert_eq!(told.changes.get(&seq), Some(stored), "change {seq} for member {member}");
        }
    }
    for seq in &told.accepted {
        let index = usize::try_from(seq - 1).unwrap();
        assert!(history[index].starts_with(&own), "{seq} was acknowledged to a stranger");
    }
}

#[test]
fn members_that_come_and_go_leave_the_others_whole() {
    let server = spread();
    let address = server.address();
    let mut steady: Vec<Peer> = (0..4).map(|n| Peer::join(address, framing(n), &hello())).collect();
    for peer in steady.iter_mut().skip(1).step_by(2) {
        assert_eq!(peer.message(), Message::CaughtUp(0));
    }
    let mut seq = 0;
    for round in 0..30 {
        let mut guests: Vec<Peer> =
            (0..6).map(|n| Peer::join(address, framing(n), &hello().after(seq))).collect();
        for guest in &mut guests {
            guest.submit(b"from a guest").expect("the server reads on");
        }
        seq += 6;
        for (n, guest) in (0..).zip(&mut guests) {
            leave_when_told(guest, framing(n), round);
        }
        drop(guests);
        for peer in &mut steady {
            let until = u64::try_from(seq).unwrap();
            for expected in until - 5..=until {
                assert_eq!(peer.change(), (expected, b"from a guest".to_vec()));
            }
        }
    }
    steady.iter_mut().for_each(Peer::hears_nothing);
}

fn hello() -> Hello {
    Hello::new("m", "comes and goes")
}

/// Reads the five changes of the other guests, or leaves as soon as its own was read: who goes with
/// something unread resets the connection, and what is still on its way to the server is lost then.
fn leave_when_told(guest: &mut Peer, framing: Framing, round: u64) {
    let patient = round.is_multiple_of(2);
    if !patient {
        guest.socket().send(FIN | PING, b"there?");
        while guest.socket().frame().opcode() != PONG {}
        return;
    }
    let mut left = 5;
    while left > 0 {
        match guest.message() {
            Message::CaughtUp(_) => assert_eq!(framing, Framing::Binary),
            change => {
                assert_eq!(change.into_change().1, b"from a guest");
                left -= 1;
            }
        }
    }
}

/// Changes that the one who goes from shard to shard follows.
const FOLLOWED: u64 = 1_500;

#[test]
fn who_comes_back_on_another_shard_gets_nothing_again() {
    let server = spread();
    let address = server.address();
    thread::scope(|scope| {
        // These keep the room present on every shard.
        for member in 0..8 {
            scope.spawn(move || {
                let mut peer = Peer::join(address, framing(member), &hello());
                follow(&mut peer, 0, FOLLOWED);
            });
        }
        for member in 0..4 {
            scope.spawn(move || {
                let mut last = 0;
                while last < FOLLOWED {
                    let after = i64::try_from(last).unwrap();
                    let mut peer = Peer::join(address, framing(member), &hello().after(after));
                    last = follow(&mut peer, last, FOLLOWED.min(last + 5));
                }
            });
        }
        scope.spawn(move || {
            let mut writer = Peer::binary(address, &hello().after(0).with_ack());
            for n in 1..=FOLLOWED {
                writer.submit(&n.to_be_bytes()).expect("the server reads on");
                if n.is_multiple_of(8) {
                    writer.message();
                }
            }
            follow_own(&mut writer);
        });
    });
}

/// Reads the changes behind `after` up to `last`, with no word of an earlier one.
fn follow(peer: &mut Peer, after: u64, last: u64) -> u64 {
    let mut seen = after;
    while seen < last {
        match peer.message() {
            Message::CaughtUp(seq) => assert!(seq >= seen, "caught up to {seq} behind {seen}"),
            change => {
                seen += 1;
                assert_eq!(change.into_change(), (seen, seen.to_be_bytes().to_vec()));
            }
        }
    }
    seen
}

/// Stays until all is acknowledged.
fn follow_own(writer: &mut Peer) {
    while !matches!(writer.message(), Message::Accepted { id: FOLLOWED, .. }) {}
}
