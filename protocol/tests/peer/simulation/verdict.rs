//! What must hold in the end. Knows nothing of how it came about.

use syncline_protocol::dialects::peer::participant::{Participant, Why};

use super::{
    ledger::Seen,
    life::{Life, ROOM},
    seat::Seat,
    world::World,
};

/// What a participant never hears of others who keep to the rules.
const NEVER: [Why; 9] = [
    Why::TooLarge,
    Why::Malformed,
    Why::UnknownType,
    Why::WrongRoomKind,
    Why::VersionFloor,
    Why::LogicalJump,
    Why::NotEncrypted,
    Why::BadPieces,
    Why::BadPayload,
];
/// Nor these, when nobody goes over to other keys.
const CALM: [Why; 4] =
    [Why::HandshakeUnproven, Why::KeyConflict, Why::BadSignature, Why::Undecryptable];

/// A day more than deletions are compared and a group key is used.
const MONTH_MS: u64 = 31 * 24 * 3_600_000;

/// Whether all that run have the same.
pub(super) fn is_equal(world: &World) -> bool {
    are_equal(world, &[])
}

/// Whether all have the same, but for these: rows, counts, and up to where they know each other.
fn are_equal(world: &World, but: &[usize]) -> bool {
    let seats = world.seats.iter().enumerate().filter(|(_, seat)| seat.room == ROOM);
    let mut all = seats.filter(|(at, _)| !but.contains(at)).map(|(_, seat)| {
        let participant = seat.participant.as_ref().filter(|_| seat.connection.is_some())?;
        Some((participant.digest(), participant.counts(), participant.frontier()))
    });
    let first = all.next().flatten();
    first.is_some() && all.all(|other| other == first)
}

/// Whether all have the keys of all others that are in force, but for these.
fn know_each_other(world: &World, but: &[usize]) -> bool {
    let seats = world.seats.iter().enumerate().filter(|(_, seat)| seat.room == ROOM);
    let all: Vec<_> = seats.filter(|(at, _)| !but.contains(at)).map(|(_, seat)| seat).collect();
    let keys = |seat: &Seat| seat.participant.as_ref().map(Participant::keys);
    let knows = |one: &Seat, other: &Seat| {
        let known = one.participant.as_ref().and_then(|one| one.keys_of(&other.me));
        one.me == other.me || known == keys(other)
    };
    all.iter().all(|one| all.iter().all(|other| knows(one, other)))
}

/// Whether all were answered since they are connected, but for these.
fn are_synced(world: &World, but: &[usize]) -> bool {
    let seats = world.seats.iter().enumerate().filter(|(_, seat)| seat.room == ROOM);
    let mut all = seats.filter(|(at, _)| !but.contains(at)).map(|(_, seat)| seat);
    all.all(|seat| seat.participant.as_ref().is_some_and(Participant::is_synced))
}

fn describe(world: &World) -> String {
    let seats = world.seats.iter().map(|seat| format!("\n{}", seat.describe()));
    seats.collect()
}

/// All have the same in the end, and it is what the writes come to.
pub(super) fn judge(life: &mut Life) {
    let removed = life.removed.clone();
    let together = life.world.run_until(900_000, |world| are_equal(world, &removed));
    if !together {
        panic!("they do not come together, but for {removed:?}: {}", describe(&life.world));
    }
    let known = life.world.run_until(300_000, |world| know_each_other(world, &removed));
    assert!(known, "some do not know the keys of others: {}", describe(&life.world));
    let synced = life.world.run_until(300_000, |world| are_synced(world, &removed));
    assert!(synced, "some wait for an answer for ever: {}", describe(&life.world));
    let world = &life.world;
    let left = || {
        world
            .seats
            .iter()
            .enumerate()
            .filter(|(at, seat)| !removed.contains(at) && seat.room == ROOM)
    };
    for key in world.ledger.keys() {
        let mut values = left().map(|(at, seat)| {
            let participant = seat.participant.as_ref().expect("it runs");
            (at, participant.get(&key.0, &key.1).expect("its disk can be read"))
        });
        let (_, first) = values.next().expect("somebody is left");
        for (at, value) in values {
            assert_eq!(value, first, "{key:?} at {at}");
        }
        if let Some(objection) = world.ledger.objection(key, first.as_deref()) {
            panic!("{key:?}: {objection}");
        }
    }
    let calm = life.kind.rotations + life.kind.losses == 0;
    for (at, seat) in left() {
        let participant = seat.participant.as_ref().expect("it runs");
        let never = NEVER.iter().chain(CALM.iter().filter(|_| calm));
        for why in never {
            assert_eq!(participant.drops().of(*why), 0, "{at}: {why:?}");
        }
    }
    be_quiet(life);
    if life.kind.ends_old {
        grow_old(life);
    }
}

/// All are away for longer than deletions are compared: no row comes back or goes, and the owner makes a
/// new group key.
fn grow_old(life: &mut Life) {
    let removed = life.removed.clone();
    let of_host = |world: &World| {
        let host = world.seats[0].participant.as_ref().expect("it runs");
        (host.counts().0, host.epoch())
    };
    let before = of_host(&life.world);
    for at in 0..life.world.seats.len() {
        if !life.world.seats[at].is_closed {
            life.world.cut(at, MONTH_MS);
        }
    }
    life.world.run(MONTH_MS);
    let together = life.world.run_until(900_000, |world| are_equal(world, &removed));
    assert!(together, "a month later they differ: {}", describe(&life.world));
    life.world.run(120_000);
    let after = of_host(&life.world);
    assert_eq!(after.0, before.0, "rows that are not deleted");
    assert!(after.1 > before.1, "{:?} is a month old", after.1);
}

/// What waits goes, and who has the same sends nothing about it.
fn be_quiet(life: &mut Life) {
    for at in life.removed.clone() {
        life.world.close(at);
    }
    life.world.run(400_000);
    let before = life.world.ledger.seen;
    life.world.run(200_000);
    let after = life.world.ledger.seen;
    let talk = |seen: Seen| [seen.requests, seen.claims, seen.chunks, seen.checks];
    assert_eq!(talk(after), talk(before), "they talk although nothing is to be said");
    for seat in &life.world.seats {
        let waiting = seat.participant.as_ref().map(Participant::waiting);
        assert!(waiting.is_none_or(|waiting| waiting == [(0, 0); 2]), "{waiting:?} wait for ever");
    }
}
