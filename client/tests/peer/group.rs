//! A group of peers: what one writes the others see, also late, and not for ever.

use std::time::Duration;

use syncline_client::peer::{
    CanonicalId, Group, Permission, Room, StartError, Switchboard, WriteError,
};
use tokio::time::sleep;

use super::world::{Device, GROUP, MEMBER, ROOM, found, in_time, invited, reaches, same, sees};

#[tokio::test(start_paused = true)]
async fn members_see_what_each_other_writes() {
    let board = Switchboard::default();
    let [alice, bob] = ["alice", "bob"].map(|name| Device::new(&board, name).peers());
    let hers = found(&alice, &["bob"]).await;
    let his = bob.enter(ROOM, "").unwrap();
    hers.put("tasks", "1", "milk").unwrap();
    sees(&his, "tasks", "1", Some("milk")).await;
    his.put("tasks", "2", "bread").unwrap();
    sees(&hers, "tasks", "2", Some("bread")).await;
    hers.remove("tasks", "1").unwrap();
    sees(&his, "tasks", "1", None).await;
    same(&hers, &his).await;
}

#[tokio::test(start_paused = true)]
async fn edits_without_a_network_come_later() {
    let board = Switchboard::default();
    let (a, b) = (Device::new(&board, "alice"), Device::new(&board, "bob"));
    let (alice, bob) = (a.peers(), b.peers());
    let hers = found(&alice, &["bob"]).await;
    let his = bob.enter(ROOM, "").unwrap();
    hers.put("tasks", "1", "milk").unwrap();
    sees(&his, "tasks", "1", Some("milk")).await;
    b.offline(true, &his).await;
    his.put("tasks", "2", "bread").unwrap();
    his.remove("tasks", "1").unwrap();
    hers.put("tasks", "3", "eggs").unwrap();
    in_time(his.durable()).await.unwrap();
    assert_eq!(hers.get("tasks", "2").unwrap(), None, "it cannot have come");
    b.offline(false, &his).await;
    sees(&hers, "tasks", "2", Some("bread")).await;
    sees(&hers, "tasks", "1", None).await;
    sees(&his, "tasks", "3", Some("eggs")).await;
    same(&hers, &his).await;
}

#[tokio::test(start_paused = true)]
async fn who_is_taken_out_reads_and_writes_nothing_more() {
    let board = Switchboard::default();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| Device::new(&board, name));
    let (alice, bob, carol) = (alice.peers(), bob.peers(), carol.peers());
    let hers = found(&alice, &[]).await;
    let door = alice.host_invites(GROUP, "").unwrap();
    let his = invited(&hers, &bob).await;
    let carols = invited(&hers, &carol).await;
    hers.put("tasks", "1", "milk").unwrap();
    sees(&his, "tasks", "1", Some("milk")).await;
    sees(&carols, "tasks", "1", Some("milk")).await;
    let before = hers.status().borrow().epoch.unwrap();

    hers.revoke("carol").unwrap();
    assert!(matches!(hers.revoke("carol"), Err(WriteError::UnknownPeer)));
    reaches(&his, |status| status.epoch > Some(before)).await;
    hers.put("tasks", "2", "secret").unwrap();
    sees(&his, "tasks", "2", Some("secret")).await;
    // Whether she has heard of it or not.
    let _ = carols.put("tasks", "3", "noise");
    // Anything that would come comes within this time.
    sleep(Duration::from_secs(180)).await;
    assert_eq!(carols.get("tasks", "2").unwrap(), None);
    assert_eq!(carols.status().borrow().epoch, Some(before), "no newer key");
    assert_eq!(hers.get("tasks", "3").unwrap(), None);
    assert_eq!(his.get("tasks", "3").unwrap(), None);
    let members = ["alice", "bob"].map(CanonicalId::of);
    assert_eq!(hers.members().unwrap(), members.into());
    same(&hers, &his).await;
    door.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_plain_member_cannot_rule() {
    let board = Switchboard::default();
    let [alice, bob] = ["alice", "bob"].map(|name| Device::new(&board, name).peers());
    let hers = found(&alice, &["bob"]).await;
    let his = bob.enter(ROOM, "").unwrap();
    sees(&his, "members", "bob", Some(MEMBER)).await;
    assert!(matches!(his.revoke("alice"), Err(WriteError::Forbidden { .. })));
    assert!(his.put("members", "mallory", MEMBER).is_err());
    assert!(matches!(his.rotate_group_key(), Err(WriteError::NotPermitted)));
    assert!(his.invite(&Default::default()).is_err());
    assert!(matches!(his.put("unheard_of", "1", "x"), Err(WriteError::UnknownTable(_))));
    same(&hers, &his).await;
}

#[tokio::test(start_paused = true)]
async fn rooms_of_one_store_do_not_mix() {
    let board = Switchboard::default();
    let (a, b) = (Device::new(&board, "alice"), Device::new(&board, "bob"));
    let (alice, bob) = (a.peers(), b.peers());
    let hers = found(&alice, &["bob"]).await;
    let work = alice.found("work-data", "", &Group::named("work")).unwrap();
    in_time(work.synced()).await.unwrap();
    work.put("members", "bob", MEMBER).unwrap();
    let (his, at_work) = (bob.enter(ROOM, "").unwrap(), bob.enter("work-data", "").unwrap());
    hers.put("tasks", "1", "at home").unwrap();
    work.put("tasks", "1", "at work").unwrap();
    sees(&his, "tasks", "1", Some("at home")).await;
    sees(&at_work, "tasks", "1", Some("at work")).await;
    assert_ne!(his.keys(), at_work.keys(), "each room has its own keys");
    assert!(matches!(bob.enter(ROOM, ""), Err(StartError::Open(_))));
    in_time(bob.close()).await;
    assert!(matches!(his.put("tasks", "2", "too late"), Err(WriteError::Store(_))));
    drop((his, at_work, bob));

    let bob = b.peers();
    let (his, at_work) = (bob.enter(ROOM, "").unwrap(), bob.enter("work-data", "").unwrap());
    assert_eq!(his.get("tasks", "1").unwrap().as_deref(), Some("at home"));
    assert_eq!(at_work.get("tasks", "1").unwrap().as_deref(), Some("at work"));
    at_work.put("tasks", "2", "more").unwrap();
    sees(&work, "tasks", "2", Some("more")).await;
    assert_eq!(hers.get("tasks", "2").unwrap(), None);
    same(&hers, &his).await;
}

#[tokio::test(start_paused = true)]
async fn a_room_that_is_let_go_can_be_opened_again_at_once() {
    let board = Switchboard::default();
    let alice = Device::new(&board, "alice").peers();
    for turn in 0..5 {
        let room = alice.found(ROOM, "", &Group::named(GROUP)).unwrap();
        room.put("tasks", turn.to_string(), "x").unwrap();
        let mut events = room.events();
        assert_eq!(room.rows("tasks").unwrap().len(), turn + 1);
        drop(room);
        while in_time(events.next()).await.is_some() {}
    }
    in_time(alice.close()).await;
}

#[tokio::test(start_paused = true)]
async fn the_key_of_the_vault_comes_to_who_may_see_it() {
    let board = Switchboard::default();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| Device::new(&board, name));
    let (alices, bobs, carols) = (alice.peers(), bob.peers(), carol.peers());
    let hers = found(&alices, &["carol"]).await;
    let keeper = format!(r#"{{"name":"keeper","permissions":{}}}"#, Permission::ViewVault.bits());
    hers.put("roles", "keeper", keeper).unwrap();
    hers.put("members", "bob", r#"{"roleIds":["keeper"]}"#).unwrap();
    let made = in_time(hers.wait_for(Room::vault_key)).await.unwrap();
    let his = bobs.enter(ROOM, "").unwrap();
    let carols = carols.enter(ROOM, "").unwrap();
    let got = in_time(his.wait_for(Room::vault_key)).await.unwrap();
    assert_eq!(got, made);
    same(&hers, &carols).await;
    sleep(Duration::from_secs(180)).await;
    assert_eq!(carols.vault_key(), None);
    his.close().await;
    let his = bobs.enter(ROOM, "").unwrap();
    assert_eq!(his.vault_key(), Some(made), "kept");
}
