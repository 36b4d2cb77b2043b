//! Strangers at the door: who has a code is let in once, and nobody else.

use std::time::Duration;

use syncline_client::peer::{
    ConnectionError, Event, Group, Happened, HostPin, Invite, InviteError, JoinError, PeerId,
    Peers, Switchboard,
};

use super::world::{Device, GROUP, ROOM, found, in_time, invited, sees};

async fn refused(stranger: &Peers, code: &str) {
    let answer = in_time(stranger.redeem(GROUP, "", code)).await;
    assert!(matches!(answer, Err(JoinError::Refused(_))), "{answer:?}");
}

fn world() -> [Peers; 3] {
    let board = Switchboard::default();
    ["alice", "bob", "carol"].map(|name| Device::new(&board, name).peers())
}

#[tokio::test(start_paused = true)]
async fn a_code_lets_in_one() {
    let [alice, bob, carol] = world();
    let hers = found(&alice, &[]).await;
    let _door = alice.host_invites(GROUP, "").unwrap();
    let mut events = hers.events();
    let code = hers.invite(&Invite::default()).unwrap();
    let invitation = in_time(bob.redeem(GROUP, "", &code)).await.unwrap();
    assert_eq!(invitation.data_room, ROOM);
    assert_eq!(invitation.host.peer.as_str(), "alice");
    assert_eq!(invitation.host.keys, Some(hers.keys()), "her keys in the data room");
    let redeemed = async {
        loop {
            match events.next().await.unwrap() {
                Happened::Event(Event::InviteRedeemed { member }) => break member,
                _ => continue,
            }
        }
    };
    assert_eq!(in_time(redeemed).await.as_str(), "bob");
    refused(&carol, &code).await;
    let his = bob.enter_as_invited(&invitation, "").unwrap();
    hers.put("tasks", "1", "milk").unwrap();
    sees(&his, "tasks", "1", Some("milk")).await;
    his.put("tasks", "2", "bread").unwrap();
    sees(&hers, "tasks", "2", Some("bread")).await;
    assert_eq!(hers.members().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_code_for_a_known_host_is_for_nobody_else() {
    let [alice, bob, mallory] = world();
    let hers = found(&alice, &[]).await;
    let door = alice.host_invites(GROUP, "").unwrap();
    let code = hers.invite(&Invite::default()).unwrap();
    // Another who answers strangers, for a group of the same name.
    let _trap = mallory.found("trap", "", &Group::named(GROUP)).unwrap();
    let _other = mallory.host_invites(GROUP, "").unwrap();
    let pin = |name: &str, keys| HostPin { peer: PeerId::new(name).unwrap(), keys };
    let keys = Some(door.keys());
    let invitation = in_time(bob.redeem_from(pin("alice", keys), GROUP, "", &code)).await.unwrap();
    assert_eq!(invitation.data_room, ROOM);
    assert_eq!(invitation.host, pin("alice", Some(hers.keys())));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_code_or_an_old_one_does_not() {
    let [alice, bob, carol] = world();
    let hers = found(&alice, &[]).await;
    let _door = alice.host_invites(GROUP, "").unwrap();
    let mut ended = Invite::default();
    ended.lifetime = Some(Duration::ZERO);
    let ended = hers.invite(&ended).unwrap();
    refused(&carol, "0000-0000-0000-0000").await;
    refused(&carol, &ended).await;
    assert_eq!(hers.members().unwrap().len(), 1, "nobody was let in");
    let his = invited(&hers, &bob).await;
    hers.put("tasks", "1", "milk").unwrap();
    sees(&his, "tasks", "1", Some("milk")).await;
}

#[tokio::test(start_paused = true)]
async fn a_code_for_many_lets_in_many_with_their_role() {
    let [alice, bob, carol] = world();
    let hers = found(&alice, &[]).await;
    let _door = alice.host_invites(GROUP, "").unwrap();
    let mut many = Invite::default();
    many.is_single_use = false;
    many.role = Some("member".into());
    let code = hers.invite(&many).unwrap();
    for stranger in [&bob, &carol] {
        let invitation = in_time(stranger.redeem(GROUP, "", &code.to_lowercase())).await.unwrap();
        let room = stranger.enter_as_invited(&invitation, "").unwrap();
        hers.put("tasks", "1", room.me().as_str()).unwrap();
        sees(&room, "tasks", "1", Some(room.me().as_str())).await;
    }
    assert_eq!(hers.members().unwrap().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn without_a_host_nobody_answers() {
    let [alice, bob, _] = world();
    let hers = found(&alice, &[]).await;
    let code = hers.invite(&Invite::default()).unwrap();
    let answer = in_time(bob.redeem(GROUP, "", &code)).await;
    assert!(matches!(answer, Err(JoinError::Unanswered)), "{answer:?}");
    // The room of the group is no door.
    let answer = in_time(bob.redeem(ROOM, "", &code)).await;
    let forbidden = ConnectionError::Closed { code: Some(4403) };
    assert!(matches!(&answer, Err(JoinError::NotLetIn(e)) if *e == forbidden), "{answer:?}");
    // The code was shown to nobody, and is as good as before.
    let _door = alice.host_invites(GROUP, "").unwrap();
    in_time(bob.redeem(GROUP, "", &code)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn invites_that_expired_go_when_the_next_is_made() {
    let [alice, ..] = world();
    let hers = found(&alice, &[]).await;
    let old: Vec<_> = (0..1024).map(|n| format!(r#"{{"code":"{n}","expiresAt":{n}}}"#)).collect();
    let row = format!(r#"{{"name":"family","ownerId":"alice","invites":[{}]}}"#, old.join(","));
    hers.put("group_settings", "group", row).unwrap();
    let code = hers.invite(&Invite::default()).unwrap();
    let row = hers.get("group_settings", "group").unwrap().unwrap();
    assert!(row.contains(&code) && !row.contains("\"expiresAt\":7}"), "{row}");
    assert_eq!(row.matches("\"code\"").count(), 1, "{row}");
    // Those that are good are not taken away for another.
    let full = row.replace('[', &format!("[{}", r#"{"code":"x"},"#.repeat(1023)));
    hers.put("group_settings", "group", full).unwrap();
    assert!(matches!(hers.invite(&Invite::default()), Err(InviteError::TooMany)));
}
