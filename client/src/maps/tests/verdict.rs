//! Whether all is as it must be in the end: every device and the server have what the writes come
//! to that survived, and the server's hash is that of these records. Knows no chance.

use std::collections::BTreeMap;

use syncline_protocol::dialects::maps::{
    Answer, Command, Kind, Record, Totals, fingerprint, hash_of,
};

use super::{
    ledger::{Ledger, OnDevice, Place, on_device},
    life::MAPS,
    world::World,
};

type Records = BTreeMap<String, Record>;

/// The records that count: removals below the watermark are none.
fn counted(mut records: Records, watermark_ms: u64) -> Records {
    records.retain(|_, record| record.kind == Kind::Put || record.hlc.millis >= watermark_ms);
    records
}

pub(super) fn judge(world: &mut World) {
    world.ledger.check_durable(&world.coordinator);
    for map in MAPS {
        let OnDevice { records: theirs, watermark_ms, .. } = on_device(&world.coordinator, map);
        for place in world.ledger.places().filter(|(other, _)| other == map) {
            check_winner(&world.ledger, place, theirs.get(&place.1), watermark_ms, world);
        }
        let written = |key: &String| world.ledger.places().any(|(m, k)| m == map && k == key);
        assert!(theirs.keys().all(written), "keys that nobody wrote");
        let theirs = counted(theirs, watermark_ms);
        check_root(world, map, &theirs);
        for (at, device) in world.devices.iter().enumerate() {
            let ours = counted(device.records(map), watermark_ms);
            assert_eq!(ours, theirs, "{map} of device {at}");
            assert_eq!(device.pending(map), 0, "{map} of device {at} waits for something");
        }
    }
}

/// At any moment at which nothing is under way: whoever shows that it is up to date is.
pub(super) fn judge_quiet(world: &World) {
    if !world.is_quiet() {
        return;
    }
    for map in MAPS {
        let theirs = on_device(&world.coordinator, map);
        let watermark_ms = theirs.watermark_ms;
        let records = counted(theirs.records.clone(), watermark_ms);
        for (at, device) in world.devices.iter().enumerate() {
            if world.is_up_to_date(device) {
                let ours = counted(device.records(map), watermark_ms);
                assert_eq!(ours, records, "{map} of device {at}, which shows that it is equal");
            }
            judge_cursor(world, &theirs, at, map);
        }
    }
}

/// Whatever was written waits at its device or is on the server's: also when that has just lost power.
pub(super) fn judge_kept(world: &World) {
    let maps: BTreeMap<_, _> =
        MAPS.iter().map(|map| (*map, on_device(&world.coordinator, map))).collect();
    for (at, (map, key), record) in world.ledger.newest() {
        let theirs = &maps[&**map];
        let is_kept = match theirs.records.get(key) {
            Some(found) => found.compare(record).is_ge(),
            None => record.hlc.millis < theirs.watermark_ms,
        };
        let waits = is_kept || world.devices[at].waits(map, key);
        assert!(waits, "{map}: {record:?} of device {at} is nowhere");
    }
}

/// What a device says that it has read it has.
pub(super) fn judge_cursors(world: &World, at: usize) {
    for map in MAPS {
        judge_cursor(world, &on_device(&world.coordinator, map), at, map);
    }
}

fn judge_cursor(world: &World, theirs: &OnDevice, at: usize, map: &str) {
    let device = &world.devices[at];
    let Some(cursor) = device.cursor(map) else { return };
    if cursor.generation != theirs.generation {
        return;
    }
    for (key, record) in &theirs.records {
        let forgotten = record.kind == Kind::Remove && record.hlc.millis < theirs.watermark_ms;
        let stamped_anew = world.ledger.was_ahead(at, &(map.to_owned(), key.clone()));
        if theirs.seqs[key] > cursor.seq || forgotten || stamped_anew {
            continue;
        }
        let ours = device.record(map, key);
        let has = ours.as_ref().is_some_and(|ours| ours.compare(record).is_ge());
        assert!(has, "{map} of device {at}, read up to {cursor:?}: {ours:?}, not {record:?}");
    }
}

/// Holds what the server has of a key against what all writes come to.
fn check_winner(
    ledger: &Ledger,
    place: &Place,
    found: Option<&Record>,
    watermark_ms: u64,
    world: &World,
) {
    // What was refused may have been taken before, when its acknowledgement was lost.
    let refused: Vec<&Record> = ledger.refused(place).collect();
    let Some(winner) = ledger.winner(place) else {
        let right = found.is_none_or(|found| refused.contains(&found));
        assert!(right, "{place:?}: nothing was written, is {found:?}");
        return;
    };
    let end = match winner.tombstone_of_expiry() {
        Some(end) if winner.is_expired(world.wall()) => end,
        _ => winner.clone(),
    };
    // Where a life ended before a later write came, its end wins by its own time.
    let taken = ledger.surviving(place).map(|op| &op.record).chain(refused.iter().copied());
    let ends =
        taken.filter_map(Record::tombstone_of_expiry).chain(refused.iter().copied().cloned());
    let mut may_be = ends.filter(|end| end.compare(winner).is_gt()).chain([end.clone()]);
    let forgotten = |end: &Record| end.kind == Kind::Remove && end.hlc.millis < watermark_ms;
    let right = match found {
        Some(found) => may_be.any(|record| record == *found),
        None => may_be.any(|record| forgotten(&record)),
    };
    assert!(right, "{place:?} must be {end:?} and is {found:?}");
}

fn check_root(world: &mut World, map: &str, theirs: &Records) {
    let mut totals = Totals::default();
    theirs.values().for_each(|record| totals.insert(&hash_of(record)));
    let (wall, told) = (world.wall(), fingerprint(&totals));
    match world.coordinator.ask(map, Command::Position, wall) {
        Ok(Answer::Position { root, count, .. }) => {
            assert_eq!((root, count), (told, theirs.len() as u64), "{map}");
        }
        other => panic!("{other:?}"),
    }
}
