//! Meeting, sharing a key, writing and reading: what everything else stands on.

use syncline_protocol::dialects::peer::{packet::Kind, participant::Event};

use super::world::{Sent, World};

#[test]
fn two_meet_share_a_key_and_a_write() {
    let mut world = World::new(1);
    let (a, b) = (world.enter("alice"), world.enter("bob"));
    world.run_secs(5);
    assert_eq!(world.members[a].epoch(), Some(1));
    assert_eq!(world.members[b].epoch(), Some(1));
    assert!(world.members[b].is_synced());
    let since = world.sent.len();
    world.write(a, "tasks", "1", Some("{\"title\":\"one\"}"));
    world.run_ms(1);
    assert_eq!(world.members[b].value("tasks", "1").as_deref(), Some("{\"title\":\"one\"}"));
    let live = world.sent_since(since, Kind::DataChunk);
    assert_eq!(live.len(), 1, "one packet for the whole group");
    assert!(live[0].packet.encrypted && live[0].packet.key_epoch == 1);
    assert_eq!(live[0].packet.target, None);
    assert_eq!(world.members[b].saw(|event| matches!(event, Event::Changed { .. })), 1);
    world.write(b, "tasks", "1", None);
    world.run_secs(10);
    assert_eq!(world.members[a].value("tasks", "1"), None);
    world.assert_same();
    for member in &world.members {
        assert_eq!(member.participant.drops().each().collect::<Vec<_>>(), [], "{}", member.id);
    }
}

#[test]
fn who_comes_later_gets_all_that_was_written() {
    let mut world = World::new(2);
    let a = world.enter("alice");
    for n in 0..50 {
        world.write(a, "tasks", &n.to_string(), Some("x"));
    }
    let b = world.enter("bob");
    world.run_secs(5);
    assert_eq!(world.members[b].rows("tasks").unwrap().len(), 50);
    assert!(world.members[b].is_synced());
    world.assert_same();
}

#[test]
fn what_is_written_offline_goes_to_all_when_the_transport_is_up() {
    let mut world = World::new(3);
    let (a, b) = (world.enter("alice"), world.enter("bob"));
    let c = world.enter("carol");
    world.run_secs(5);
    world.disconnect(b);
    world.write(b, "tasks", "1", Some("offline"));
    world.write(a, "tasks", "2", Some("online"));
    world.run_secs(2);
    world.connect(b);
    world.run_ms(10);
    assert_eq!(world.members[a].value("tasks", "1").as_deref(), Some("offline"));
    assert_eq!(world.members[c].value("tasks", "1").as_deref(), Some("offline"));
    world.run_secs(5);
    assert_eq!(world.members[b].value("tasks", "2").as_deref(), Some("online"));
    world.assert_same();
}

#[test]
fn what_is_written_alone_goes_out_once_when_somebody_can_read_it() {
    let mut world = World::new(4);
    let opening = world.opening("alice");
    let a = world.add(opening);
    world.connect(a);
    for n in 0..1_000 {
        world.write(a, "tasks", "1", Some(&n.to_string()));
    }
    world.run_secs(60);
    assert_eq!(world.sent_since(0, Kind::DataChunk).len(), 0, "nobody could read it");
    world.enter("bob");
    let c = world.enter("carol");
    world.run_secs(5);
    assert_eq!(world.members[c].value("tasks", "1").as_deref(), Some("999"));
    world.assert_same();
    let bytes = |sent: &Sent| sent.frame.len();
    let spent: usize = world.sent_since(0, Kind::DataChunk).into_iter().map(bytes).sum();
    assert!(spent < 16 << 10, "one row took {spent} bytes");
}
