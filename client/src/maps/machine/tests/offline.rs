//! What a client finds when it comes back, against the real coordinator.

use syncline_protocol::dialects::maps::{Ack, Limits, Settings, memory::Delays};

use super::{
    world::{Network, World},
    *,
};
use crate::maps::replica::Replica;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

fn world(ack: Ack, names: &[&str]) -> World {
    let settings = Settings { ack, ..Settings::default() };
    let mut world = World::new(3, settings, Delays { sync_ms_max: 20, ..Delays::default() });
    for name in names {
        world.join(Memory::new(name, &[MAP]), Rules::default());
    }
    world
}

fn settle(world: &mut World) {
    assert!(world.run_until(3_600_000, |world| world.is_settled(&[MAP])));
}

fn is_push(payload: &Payload) -> bool {
    match payload {
        Payload::Op(_) => true,
        Payload::SyncReq(request) => request.r#type == Type::Push as i32,
        _ => false,
    }
}

#[test]
fn a_write_whose_acknowledgement_is_lost_is_sent_again_and_is_there_once() {
    let mut world = world(Ack::Durable, &["phone", "tablet"]);
    settle(&mut world);
    world.network = Network { delay_ms_max: 0, lost: 0 };
    world.heard.clear();
    world.write(0, MAP, "a", Some("1"));
    assert!(world.run_until(1000, |world| world.heard.iter().any(is_push)));
    // It is applied, and may be on its way to others.
    let cursor = world.devices[1].replica.cursor(MAP);
    world.cut(0, 500);
    settle(&mut world);
    assert_eq!(world.heard.iter().filter(|payload| is_push(payload)).count(), 2);
    assert_eq!(world.devices[1].replica.values(MAP)["a"], "1");
    let after = world.devices[1].replica.cursor(MAP);
    assert_ne!(cursor, after);
    world.run(1000);
    assert_eq!(world.devices[1].replica.cursor(MAP), after, "one change, not two");
}

#[test]
fn what_a_server_had_in_memory_alone_is_healed_after_a_power_cut() {
    let mut world = world(Ack::Memory, &["phone"]);
    settle(&mut world);
    world.heard.clear();
    world.write(0, MAP, "a", Some("1"));
    assert!(world.run_until(1000, |world| {
        world.heard.iter().any(is_push) && world.devices[0].replica.unanswered(MAP) == 0
    }));
    assert_eq!(world.devices[0].replica.pending_len(), 1, "it is kept");
    world.restart(true);
    settle(&mut world);
    world.join(Memory::new("tablet", &[MAP]), Rules::default());
    settle(&mut world);
    assert_eq!(world.devices[1].replica.values(MAP)["a"], "1");
}

#[test]
fn a_client_that_was_away_for_a_month_keeps_its_writes_and_nothing_comes_back() {
    let mut world = world(Ack::Durable, &["phone", "tablet"]);
    for key in ["removed", "kept", "both"] {
        world.write(0, MAP, key, Some("1"));
    }
    world.run(1000);
    settle(&mut world);
    world.cut(1, 40 * DAY_MS);
    world.write(1, MAP, "pending", Some("1"));
    world.run(1000);
    world.write(0, MAP, "removed", None);
    world.write(0, MAP, "both", None);
    world.run(1000);
    world.cut(0, 41 * DAY_MS);
    world.run(38 * DAY_MS);
    world.write(1, MAP, "both", Some("again"));
    world.run(DAY_MS);
    world.heard.clear();
    let back = |world: &World| world.devices[1].machine.is_equal(MAP);
    assert!(world.run_until(2 * DAY_MS, back));
    let anew = |payload: &Payload| {
        matches!(payload, Payload::SyncReq(request)
            if request.r#type == Type::PullSince as i32 && request.cursor.is_empty())
    };
    let read_anew = world.heard.iter().position(anew).expect("the cursor is too old");
    let pushed = world.heard.iter().rposition(is_push).expect("something waits");
    assert!(pushed < read_anew, "what waits goes first");
    world.run(2 * DAY_MS);
    settle(&mut world);
    for device in &world.devices {
        let values = device.replica.values(MAP);
        assert!(!values.contains_key("removed"), "{values:?}");
        assert_eq!(values["kept"], "1");
        assert_eq!(values["both"], "again");
    }
    assert_eq!(world.devices[0].replica.root(MAP), world.devices[1].replica.root(MAP));
}

#[test]
fn an_old_write_that_may_be_of_something_removed_is_refused_and_taken_anew() {
    let mut world = world(Ack::Durable, &["phone", "tablet"]);
    world.write(0, MAP, "a", Some("1"));
    world.write(0, MAP, "b", Some("1"));
    world.run(1000);
    settle(&mut world);
    world.cut(1, 40 * DAY_MS);
    world.write(1, MAP, "a", Some("old"));
    world.run(1000);
    world.write(0, MAP, "a", None);
    world.run(1000);
    world.cut(0, 39 * DAY_MS);
    world.run(41 * DAY_MS);
    settle(&mut world);
    let tablet = &world.devices[1];
    assert_eq!(tablet.replica.refused, [("a".to_owned(), ErrorCode::BeyondGc)]);
    assert!(!tablet.replica.values(MAP).contains_key("a"));
    // The application writes it anew.
    world.write(1, MAP, "a", Some("new"));
    world.run(1000);
    settle(&mut world);
    assert_eq!(world.devices[0].replica.values(MAP)["a"], "new");
}

#[test]
fn hundreds_of_maps_share_a_connection() {
    let names: Vec<String> = (0..200).map(|number| format!("map-{number}")).collect();
    let maps: Vec<&str> = names.iter().map(String::as_str).collect();
    let limits = Limits { requests_per_second: 32, requests_burst: 64, ..Limits::default() };
    let settings = Settings { limits, ..Settings::default() };
    let mut world = World::new(5, settings, Delays::default());
    let mut replica = Memory::new("phone", &maps);
    for map in &maps {
        replica.write(map, "key", Some("value"), WALL);
    }
    world.join(replica, Rules::default());
    assert!(world.run_until(60_000, |world| world.devices[0].replica.pending_len() == 0));
    assert!(world.now < 1000, "writes do not wait for questions: {}", world.now);
    assert!(world.run_until(60_000, |world| world.is_settled(&maps)));
    assert!(world.now < 30_000, "{}", world.now);
    world.join(Memory::new("tablet", &maps), Rules::default());
    assert!(world.run_until(60_000, |world| world.is_settled(&maps)));
    world.write(1, maps[150], "live", Some("1"));
    let came = |world: &World| world.devices[0].replica.get(maps[150], "live").is_some();
    assert!(world.run_until(50, came), "and hears of every one of them");
}

#[test]
fn a_map_that_was_closed_and_opened_again_is_live() {
    let mut world = world(Ack::Durable, &["phone", "tablet"]);
    settle(&mut world);
    world.devices[0].machine.closed(&MAP.into());
    world.run(1000);
    world.write(1, MAP, "meanwhile", Some("1"));
    world.run(1000);
    assert!(world.devices[0].replica.values(MAP).is_empty());
    world.devices[0].machine.opened(&MAP.into());
    settle(&mut world);
    world.write(1, MAP, "live", Some("1"));
    world.run(50);
    assert_eq!(world.devices[0].replica.values(MAP).len(), 2);
}
