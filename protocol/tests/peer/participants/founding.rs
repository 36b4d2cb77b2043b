//! Newcomers that heard some rows of the group before all of them.

use syncline_protocol::dialects::peer::{packet::Kind, participant::Why, rows::Hlc};

use super::world::World;

/// Alice owns a group with Bob, who may manage it. Newcomers hear live what is written about them, and get no
/// answer to what they ask.
fn world(invited_by: usize, newcomers: &[&str]) -> (World, Vec<usize>) {
    let mut world = World::new(170);
    let alice = world.enter("alice");
    world.found_group(alice, &["bob"]);
    let bob = world.enter_invited("bob", alice);
    world.run_secs(5);
    world.write(alice, "members", "bob", Some(r#"{"roleIds":["admin"]}"#));
    world.run_secs(30);
    assert_eq!(bob, 1);
    world.fate = Box::new(|sent, to| {
        let is_answer = sent.packet.kind == Kind::DataChunk as i32 && sent.packet.target.is_some();
        (!is_answer || to <= 1).then_some(std::time::Duration::ZERO)
    });
    let mut entered = Vec::new();
    for name in newcomers {
        entered.push(world.enter_invited(name, invited_by));
        world.run_secs(1);
    }
    for name in newcomers {
        world.write(invited_by, "members", name, Some(r#"{"roleIds":["member"]}"#));
    }
    world.run_secs(20);
    for at in &entered {
        assert!(world.members[*at].value("members", newcomers[0]).is_some(), "{at}");
        assert_eq!(world.members[*at].value("roles", "admin"), None, "{at}");
    }
    (world, entered)
}

fn lose_nothing(world: &mut World) {
    world.fate = Box::new(|_, _| Some(std::time::Duration::ZERO));
}

#[test]
fn newcomers_who_know_each_other_alone_ask_all() {
    let (mut world, newcomers) = world(0, &["carol", "dave"]);
    lose_nothing(&mut world);
    for at in newcomers {
        world.disconnect(at);
        world.connect(at);
        // Long before anybody would compare.
        world.run_ms(1500);
        assert!(world.members[at].value("roles", "admin").is_some(), "{at} has all");
    }
    world.run_secs(30);
    world.assert_same();
}

#[test]
fn what_is_refused_before_the_founder_has_answered_is_not_called_known() {
    let (mut world, newcomers) = world(1, &["carol"]);
    let carol = newcomers[0];
    // Bob let her in, and is away: what Alice wrote cannot be taken from anybody yet.
    world.disconnect(1);
    lose_nothing(&mut world);
    world.run_secs(60);
    let member = &world.members[carol];
    assert!(member.drops(Why::Forbidden) > 0);
    assert_eq!(member.value("roles", "admin"), None);
    let alices = |known: &Hlc| known.node.as_str().starts_with("alice");
    assert!(!member.participant.frontier().iter().any(alices));
    world.connect(1);
    world.run_secs(5);
    assert!(world.members[carol].value("roles", "admin").is_some());
    world.run_secs(30);
    world.assert_same();
}
