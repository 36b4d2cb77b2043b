//! Changesets in pieces, and what is wrong with some: checks 33 and 34.

use syncline_protocol::dialects::peer::{
    packet::Kind,
    participant::{Edit, Event, Why},
};

use super::{
    rogue::{Rogue, hlc, row},
    world::{Seeded, World},
};

fn world() -> (World, Rogue) {
    let mut world = World::new(80);
    let alice = world.enter("alice");
    let mut bob = Rogue::new("bob", 81);
    let announcement = bob.announcement(&world);
    world.inject(alice, announcement);
    (world, bob)
}

/// A changeset of about 5 MB that does not become much smaller.
fn large(world: &World) -> String {
    let mut dice = Seeded(82);
    let at = hlc(world, 0, "b");
    let rows: Vec<String> = (0..600)
        .map(|n| {
            let value: String = (0..512).map(|_| format!("{:016x}", dice.next())).collect();
            row(&n.to_string(), &value, &at)
        })
        .collect();
    format!(r#"{{"tasks":[{}]}}"#, rows.join(","))
}

#[test]
fn check_33_pieces_in_any_order_and_twice_are_one_merge() {
    let (mut world, mut bob) = world();
    let json = large(&world);
    assert!(json.len() > 4 << 20);
    let (id, keys) = (world.members[0].id.clone(), world.members[0].keys());
    let mut frames = bob.changes_for(&world, (&id, &keys), &json);
    assert!(frames.len() > 20 && frames.iter().all(|frame| frame.len() <= 64 << 10));
    frames.extend(frames.clone());
    let mut dice = Seeded(83);
    for at in (1..frames.len()).rev() {
        frames.swap(at, dice.below(at as u64 + 1) as usize);
    }
    for frame in frames {
        world.inject(0, frame);
        let rows = world.members[0].rows("tasks").unwrap().len();
        assert!(rows == 0 || rows == 600, "{rows} rows");
    }
    assert_eq!(world.members[0].rows("tasks").unwrap().len(), 600);
    let changed = |event: &Event| matches!(event, Event::Changed { .. });
    assert_eq!(world.members[0].saw(changed), 600);
}

#[test]
fn check_33_a_piece_that_is_missing_merges_nothing() {
    let (mut world, mut bob) = world();
    let json = large(&world);
    let (id, keys) = (world.members[0].id.clone(), world.members[0].keys());
    let frames = bob.changes_for(&world, (&id, &keys), &json);
    for frame in &frames[1..] {
        world.inject(0, frame.clone());
    }
    world.run_secs(29);
    assert_eq!(world.members[0].drops(Why::Incomplete), 0);
    world.run_secs(2);
    assert_eq!(world.members[0].drops(Why::Incomplete), 1);
    world.inject(0, frames[0].clone());
    world.run_secs(40);
    assert_eq!(world.members[0].rows("tasks").unwrap().len(), 0);
}

#[test]
fn check_34_sizes_that_are_wrong_are_refused() {
    let (mut world, mut bob) = world();
    let (id, keys) = (world.members[0].id.clone(), world.members[0].keys());
    let json = format!(r#"{{"tasks":[{}]}}"#, row("1", &"x".repeat(4000), &hlc(&world, 0, "b")));
    let zipped = zstd::bulk::compress(json.as_bytes(), 3).unwrap();
    let bomb = zstd::bulk::compress(&vec![b' '; 256 << 20], 3).unwrap();
    let size = i32::try_from(json.len()).unwrap();
    let cases = [
        (&zipped, size - 1),
        (&zipped, size + 1),
        (&zipped, -1),
        (&zipped, 65 << 20),
        (&zipped, i32::MAX),
        (&bomb, 1 << 20),
    ];
    for (bad, (payload, size)) in (1..).zip(cases) {
        let mut packet = bob.packet(Kind::DataChunk, &world);
        packet.uncompressed_size = size;
        let sealed = bob.seal_for(packet, (&id, &keys), payload);
        let frame = bob.sign(sealed);
        world.inject(0, frame);
        assert_eq!(world.members[0].drops(Why::BadPieces), bad, "{size}");
    }
    assert_eq!(world.members[0].value("tasks", "1"), None);
    let mut packet = bob.packet(Kind::DataChunk, &world);
    packet.uncompressed_size = size;
    let sealed = bob.seal_for(packet, (&id, &keys), &zipped);
    let frame = bob.sign(sealed);
    world.inject(0, frame);
    assert!(world.members[0].value("tasks", "1").is_some());
}

#[test]
fn a_large_room_is_answered_in_parts() {
    let mut world = World::new(84);
    let alice = world.enter("alice");
    let mut dice = Seeded(85);
    for block in 0..10 {
        let edits = (0..100).map(|n| Edit {
            table: "tasks".into(),
            id: format!("{block}-{n}"),
            value: Some((0..300).map(|_| format!("{:016x}", dice.next())).collect()),
        });
        let now = world.now(alice);
        world.members[alice].write(edits.collect(), now).unwrap();
        world.flush();
    }
    let since = world.sent.len();
    let bob = world.enter("bob");
    world.run_secs(10);
    assert_eq!(world.members[bob].rows("tasks").unwrap().len(), 1000);
    assert!(world.members[bob].is_synced());
    let answers = world.sent_since(since, Kind::DataChunk);
    let mut names: Vec<&str> = answers.iter().map(|sent| sent.packet.request.as_str()).collect();
    names.dedup();
    assert!(names.len() > 2, "{names:?}");
    let asked = world.sent_since(since, Kind::SyncReq).len();
    assert!((2..=3).contains(&asked), "asked {asked} times");
    world.assert_same();
}

#[test]
fn values_of_one_class_of_lengths_make_packets_of_one_length() {
    let lengths = |pads_rows: bool, value: String| {
        let mut world = World::new(88);
        let mut opening = world.opening("alice");
        (opening.is_host, opening.settings.pads_rows) = (true, pads_rows);
        let alice = world.add(opening);
        world.connect(alice);
        let bob = world.enter("bob");
        world.run_secs(10);
        let since = world.sent.len();
        world.write(alice, "tasks", "1", Some(&value));
        world.run_secs(1);
        assert_eq!(world.members[bob].value("tasks", "1"), Some(value), "and is read by all");
        let sent = world.sent_since(since, Kind::DataChunk);
        sent.iter().map(|sent| sent.frame.len()).collect::<Vec<_>>()
    };
    let mut dice = Seeded(89);
    let mut noise = |bytes: usize| -> String {
        (0..bytes).map(|_| char::from(b'a' + dice.below(26) as u8)).collect()
    };
    for (short, long) in [(10, 11), (1000, 1003), (100_000, 100_010)] {
        // The row around a value has some 200 bytes, so the two are of one class.
        let (short, long) = (noise(short), noise(long));
        assert_ne!(lengths(false, short.clone()), lengths(false, long.clone()));
        let padded = lengths(true, short.clone());
        assert_eq!(padded, lengths(true, long), "{}", short.len());
        // How well it would be compressed is not seen.
        assert_eq!(padded, lengths(true, "a".repeat(short.len())));
    }
}
