//! The vault's key: made once, given to members who may see the vault, and to nobody else.

use data_encoding::BASE64;
use syncline_protocol::dialects::peer::{
    access::Permission,
    packet::Kind,
    participant::{Event, Why},
};

use super::{rogue::Rogue, world::World};

const KEEPER: &str = r#"{"roleIds":["keeper"]}"#;
const ADMIN: &str = r#"{"roleIds":["admin"]}"#;

/// A group of Alice's with a role that sees the vault.
fn found(world: &mut World, members: &[&str], keepers: &[&str]) -> usize {
    let alice = world.enter("alice");
    world.found_group(alice, members);
    let keeper = format!(r#"{{"name":"keeper","permissions":{}}}"#, Permission::ViewVault.bits());
    world.write(alice, "roles", "keeper", Some(&keeper));
    for keeper in keepers {
        world.write(alice, "members", keeper, Some(KEEPER));
    }
    alice
}

fn key_of(world: &World, at: usize) -> Option<[u8; 32]> {
    world.members[at].vault_key().map(|key| *key)
}

/// What was said of the vault's key: questions, for they say nothing else and are the shortest.
fn controls(world: &World, since: usize, from: usize) -> usize {
    let sent = world.sent_since(since, Kind::UnicastReq);
    let question = br#"{"type":"KEY_REQ"}"#.len() + 28;
    sent.iter().filter(|sent| sent.from == from && sent.packet.payload.len() == question).count()
}

fn room_key(key: [u8; 32]) -> String {
    format!(r#"{{"type":"ROOM_KEY","key":"{}"}}"#, BASE64.encode(&key))
}

#[test]
fn members_who_see_the_vault_have_its_key_and_nobody_else() {
    let mut world = World::new(200);
    let alice = found(&mut world, &["carol"], &["bob"]);
    let made = key_of(&world, alice).unwrap();
    assert_eq!(world.members[alice].saw(|event| *event == Event::VaultKey), 1);
    let bob = world.enter_invited("bob", alice);
    let carol = world.enter_invited("carol", alice);
    let eve = world.enter("eve");
    world.run_secs(30);
    assert_eq!(key_of(&world, bob), Some(made));
    assert_eq!(world.members[bob].saw(|event| *event == Event::VaultKey), 1);
    assert_eq!(world.members[carol].epoch(), Some(1));
    assert_eq!((key_of(&world, carol), key_of(&world, eve)), (None, None));
    // Who may not have it and asks all the same is not given it.
    let mut mallory = Rogue::new("mallory", 201);
    world.write(alice, "members", "mallory", Some(r#"{"roleIds":["member"]}"#));
    world.ghosts.push(mallory.id.clone());
    let (id, keys) = (world.members[alice].id.clone(), world.members[alice].keys());
    let (announcement, now) = (mallory.announcement(&world), world.now(alice));
    world.members[alice].joined(mallory.id.clone(), now);
    world.inject(alice, announcement);
    world.run_secs(5);
    let (since, before) = (world.sent.len(), world.members[alice].drops(Why::Forbidden));
    let packet = mallory.packet(Kind::UnicastReq, &world);
    let packet = mallory.seal_for(packet, (&id, &keys), br#"{"type":"KEY_REQ"}"#);
    let frame = mallory.sign(packet);
    world.inject(alice, frame);
    assert_eq!(world.members[alice].drops(Why::Forbidden), before + 1);
    assert!(world.sent_since(since, Kind::UnicastReq).is_empty());
    // No word of it is said in the open, or to more than one.
    let words = world.sent_since(0, Kind::UnicastReq);
    assert!(words.iter().all(|sent| sent.packet.encrypted && sent.packet.target.is_some()));
}

#[test]
fn it_stays_the_same_over_restarts_new_group_keys_and_removals() {
    let mut world = World::new(202);
    let alice = found(&mut world, &[], &["bob"]);
    let bob = world.enter_invited("bob", alice);
    world.run_secs(10);
    let made = key_of(&world, alice);
    assert!(made.is_some() && key_of(&world, bob) == made);
    for at in [alice, bob] {
        world.restart_kept(at);
        assert_eq!(key_of(&world, at), made, "read from the store");
    }
    world.connect(alice);
    world.run_secs(1);
    assert_eq!(key_of(&world, alice), made, "alone again, and none was made");
    world.connect(bob);
    world.run_secs(10);
    let (now, member) = (world.now(alice), world.members[bob].id.canonical());
    world.members[alice].remove_member(&member, now).unwrap();
    world.run_secs(10);
    assert_eq!(world.members[alice].epoch(), Some(2));
    assert_eq!((key_of(&world, alice), key_of(&world, bob)), (made, made));
}

#[test]
fn a_room_that_was_founded_before_there_were_such_keys_gets_one() {
    use syncline_protocol::dialects::peer::store::{Change, Space, Store};
    let mut world = World::new(203);
    let alice = found(&mut world, &[], &["bob"]);
    let old = key_of(&world, alice);
    world.disconnect(alice);
    let fresh = world.opening("alice");
    world.restart(alice, fresh);
    // As it was: everything but the key.
    let mut opening = world.opening("alice");
    let mut earlier = World::new(203);
    let at = found(&mut earlier, &[], &["bob"]);
    let mut store = take_store(&mut earlier, at);
    let key = b"vault".to_vec();
    store.apply(vec![Change { space: Space::Keys, key, value: None }]).unwrap();
    (opening.store, opening.is_host) = (store, true);
    world.restart(alice, opening);
    assert_eq!(key_of(&world, alice), None);
    world.connect(alice);
    let made = key_of(&world, alice);
    assert!(made.is_some() && made != old);
    let bob = world.enter_invited("bob", alice);
    world.run_secs(10);
    assert_eq!(key_of(&world, bob), made);
}

fn take_store(
    world: &mut World,
    at: usize,
) -> syncline_protocol::dialects::peer::store::MemoryStore {
    let (fresh, now) = (world.opening("nobody"), world.now(at));
    let fresh = syncline_protocol::dialects::peer::participant::Participant::open(fresh, now);
    std::mem::replace(&mut world.members[at].participant, fresh.unwrap()).into_store()
}

#[test]
fn a_host_that_meets_others_first_makes_none() {
    let mut world = World::new(204);
    let opening = world.opening("bob");
    let bob = world.add(opening);
    world.connect(bob);
    let mut opening = world.opening("alice");
    opening.is_host = true;
    let alice = world.add(opening);
    world.connect(alice);
    world.run_secs(10);
    assert_eq!((key_of(&world, alice), key_of(&world, bob)), (None, None));
}

#[test]
fn it_is_taken_only_sealed_for_one_and_only_from_who_may_give_it() {
    let mut world = World::new(205);
    let alice = found(&mut world, &["mallory"], &["bob"]);
    // Bob hears of the group, and of no key.
    let bob = world.enter_invited("bob", alice);
    let bobs = world.members[bob].id.clone();
    world.fate = Box::new(move |sent, _| {
        let is_for_bob = sent.packet.target.as_ref() == Some(&bobs);
        let is_control = sent.packet.kind == Kind::UnicastReq as i32;
        (!(is_for_bob && is_control)).then_some(std::time::Duration::ZERO)
    });
    world.run_secs(10);
    assert!(world.members[bob].value("members", "bob").is_some());
    let mut mallory = Rogue::new("mallory", 206);
    let announcement = mallory.announcement(&world);
    world.inject(bob, announcement);
    let (id, keys) = (world.members[bob].id.clone(), world.members[bob].keys());
    let share = room_key([9; 32]);
    let mut plain = mallory.packet(Kind::UnicastReq, &world);
    plain.payload = share.clone().into();
    let plain = mallory.sign(plain);
    world.inject(bob, plain);
    assert_eq!(world.members[bob].drops(Why::NotPairwise), 1);
    // Sealed for two, and sent to all.
    let packet = mallory.packet(Kind::UnicastReq, &world);
    let now = world.now(bob);
    world.members[bob].set_session_key(Some([7; 32]), now);
    let mut abroad = packet;
    abroad.encrypted = true;
    let key = syncline_protocol::dialects::peer::seal::session_key("room-1", &[7; 32], "mallory");
    let bound = abroad.bound("room-1");
    abroad.payload = key.seal(&mut super::world::Seeded(1), &bound, share.as_bytes()).into();
    let abroad = mallory.sign(abroad);
    world.inject(bob, abroad);
    assert_eq!(world.members[bob].drops(Why::NotPairwise), 2);
    let packet = mallory.packet(Kind::UnicastReq, &world);
    let sealed = mallory.seal_for(packet, (&id, &keys), share.as_bytes());
    let sealed = mallory.sign(sealed);
    world.inject(bob, sealed);
    assert_eq!(world.members[bob].drops(Why::Forbidden), 1);
    assert_eq!(key_of(&world, bob), None);
    world.fate = Box::new(|_, _| Some(std::time::Duration::ZERO));
    world.run_secs(70);
    assert_eq!(key_of(&world, bob), key_of(&world, alice));
}

#[test]
fn another_key_is_told_and_not_taken() {
    let mut world = World::new(207);
    let alice = found(&mut world, &[], &[]);
    world.write(alice, "members", "mallory", Some(ADMIN));
    let made = key_of(&world, alice);
    let mut mallory = Rogue::new("mallory", 208);
    let announcement = mallory.announcement(&world);
    world.inject(alice, announcement);
    let (id, keys) = (world.members[alice].id.clone(), world.members[alice].keys());
    for (key, conflicts) in [(made.unwrap(), 0), ([9; 32], 1)] {
        let packet = mallory.packet(Kind::UnicastReq, &world);
        let sealed = mallory.seal_for(packet, (&id, &keys), room_key(key).as_bytes());
        let sealed = mallory.sign(sealed);
        world.inject(alice, sealed);
        let told = Event::VaultKeyConflict { peer: mallory.id.clone() };
        assert_eq!(world.members[alice].saw(|event| *event == told), conflicts);
    }
    assert_eq!(key_of(&world, alice), made);
    assert_eq!(world.members[alice].drops(Why::KeyConflict), 1);
}

#[test]
fn nobody_has_it_before_there_is_a_group_and_who_gets_the_right_has_it_soon() {
    let mut world = World::new(209);
    let (alice, bob) = (world.enter("alice"), world.enter("bob"));
    world.run_secs(10);
    assert_eq!(world.members[bob].epoch(), Some(1), "the group's key is everybody's");
    assert!(key_of(&world, alice).is_some());
    assert_eq!(key_of(&world, bob), None);
    world.found_group(alice, &["bob"]);
    world.run_secs(30);
    assert_eq!(key_of(&world, bob), None, "a member like all others");
    let seer = format!(r#"{{"name":"member","permissions":{}}}"#, Permission::EditVault.bits());
    world.write(alice, "roles", "member", Some(&seer));
    world.run_secs(5);
    assert_eq!(key_of(&world, bob), key_of(&world, alice));
}

#[test]
fn who_is_not_answered_asks_seldom() {
    let mut world = World::new(210);
    let alice = found(&mut world, &[], &["bob"]);
    let bob = world.enter_invited("bob", alice);
    // Of what Alice says to Bob alone only what she does not seal in this length comes through.
    let answer = room_key([0; 32]).len() + 28;
    world.fate = Box::new(move |sent, _| {
        (sent.packet.payload.len() != answer).then_some(std::time::Duration::ZERO)
    });
    world.run_secs(10);
    let since = world.sent.len();
    world.run_secs(600);
    let asked = controls(&world, since, bob);
    assert!((10..=16).contains(&asked), "asked {asked} times in ten minutes");
    assert_eq!(key_of(&world, bob), None);
    world.fate = Box::new(|_, _| Some(std::time::Duration::ZERO));
    world.run_secs(61);
    assert_eq!(key_of(&world, bob), key_of(&world, alice));
    let since = world.sent.len();
    world.run_secs(300);
    assert_eq!(controls(&world, since, bob), 0, "it is there");
}
