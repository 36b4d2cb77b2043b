//! The last words of sessions: each room hears of every end once, however it came.

use std::{collections::BTreeMap, time::Duration};

use super::{
    lobby::{Guests, Lobby, Session},
    relaying::next,
    world::{Plan, World, until},
};

fn world(adapt: impl FnOnce(&mut Plan)) -> (World<Lobby>, Guests) {
    let (mut plan, dialect) = (Plan::default(), Lobby::default());
    adapt(&mut plan);
    (World::of(plan, &dialect), dialect.guests)
}

/// How often each guest entered and left; those that are not even.
fn uneven(guests: &Guests) -> Vec<String> {
    let mut counts = BTreeMap::<String, (u32, u32)>::new();
    for line in &*guests.lock().unwrap() {
        let words: Vec<&str> = line.split(' ').collect();
        let (entered, left) = counts.entry(words[1].into()).or_default();
        match words[0] {
            "enter" => *entered += 1,
            _ => *left += 1,
        }
        assert!(left <= entered && *entered == 1, "{line}");
    }
    let uneven = counts.into_iter().filter(|(_, (entered, left))| entered != left);
    uneven.map(|(name, _)| name).collect()
}

#[test]
fn every_end_is_heard_once_however_soon_it_comes() {
    for moved_max in [1_024, 2, 0] {
        let (world, guests) = world(|plan| {
            plan.shards = 3;
            plan.config.limits.followers_moved_max = moved_max;
        });
        let mut watch = world.enter(0, Session::of("r", "watch"));
        let mut kept = Vec::new();
        for n in 0..60 {
            let mut client = world.attach(n % 3, Session::of("r", &format!("g{n}")));
            match n % 4 {
                // It goes while it may still be on its way to the room.
                0 => drop(client),
                1 => client.close(),
                // It is closed for what it says, perhaps before it is told that it is in.
                2 => client.say("bad"),
                _ => {
                    assert!(client.text().starts_with("welcome"));
                    kept.push(client);
                }
            }
        }
        until("all others have left", || world.describe("r").split(',').count() > 44);
        until("they are all gone", || {
            let described = world.describe("r");
            described.split(';').next().unwrap().split(',').count() == kept.len() + 1
        });
        assert_eq!(uneven(&guests).len(), kept.len() + 1);
        kept[0].say("all still");
        while next(&mut watch) != "still" {}
        let metrics = world.metrics.clone();
        world.end();
        // A session that is asked twice panics.
        assert!(metrics.render().contains("syncline_panics_total{dialect=\"lobby\"} 0"));
        assert_eq!(uneven(&guests), [""; 0], "a shutdown ends them all");
    }
}

#[test]
fn who_is_not_heard_of_has_timed_out() {
    let (world, guests) = world(|plan| {
        plan.config.limits.ping_interval = Duration::from_millis(40);
    });
    let mut anna = world.enter(0, Session::of("r", "anna"));
    let _silent = world.enter(1, Session::of("r", "silent"));
    assert_eq!(next(&mut anna), "join silent");
    assert_eq!(next(&mut anna), "leave silent TimedOut");
    drop(anna);
    until("anna has left", || uneven(&guests).is_empty());
    assert!(guests.lock().unwrap().contains(&"leave anna Closed".into()));
}

#[test]
fn who_never_entered_a_room_leaves_none() {
    let (world, guests) = world(|_| ());
    drop(world.attach(0, Session::of("", "nobody")));
    until("it has ended", || world.connections() == 0);
    assert!(guests.lock().unwrap().is_empty());
}
