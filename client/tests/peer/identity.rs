//! One identity in two places, and keys that are not those that were known.

use std::time::Duration;

use syncline_client::peer::{
    Connection, ConnectionError, Event, Events, Happened, KeysError, PeerId, PublicKeys, Room,
    Status, Switchboard, TakeKeysError,
};
use tokio::time::sleep;

use super::world::{Device, ROOM, found, in_time, reaches, same, sees};

fn is_replaced(connection: &Connection) -> bool {
    let error = ConnectionError::Closed { code: Some(4409) };
    *connection == Connection::Offline { retry_in: None, error }
}

#[tokio::test(start_paused = true)]
async fn the_newest_connection_of_an_identity_wins_until_the_other_asks_again() {
    let board = Switchboard::default();
    let [alice, bob] = ["alice", "bob"].map(|name| Device::new(&board, name).peers());
    let other = Device::new(&board, "alice").peers();
    let hers = found(&alice, &["bob"]).await;
    let his = bob.enter(ROOM, "").unwrap();
    hers.put("tasks", "0", "he knows her keys").unwrap();
    sees(&his, "tasks", "0", Some("he knows her keys")).await;
    let elsewhere = other.enter(ROOM, "").unwrap();
    reaches(&hers, |status| is_replaced(&status.connection)).await;
    reaches(&elsewhere, Status::is_online).await;
    // It does not fight for its place. The clock of the wall stands still here: longer than two minutes,
    // and it would seem to have been set.
    sleep(Duration::from_secs(100)).await;
    assert!(is_replaced(&hers.status().borrow().connection));
    assert!(elsewhere.status().borrow().is_online());
    // Written meanwhile, it comes when the place is taken back.
    hers.put("tasks", "1", "milk").unwrap();
    hers.retry_now();
    reaches(&elsewhere, |status| is_replaced(&status.connection)).await;
    reaches(&hers, Status::is_online).await;
    sees(&his, "tasks", "1", Some("milk")).await;
    same(&hers, &his).await;
}

async fn conflict(mut events: Events) -> (PeerId, PublicKeys) {
    let conflict = async {
        loop {
            let happened = events.next().await.expect("the room is open");
            if let Happened::Event(Event::KeyConflict { peer, offered }) = happened {
                break (peer, offered);
            }
        }
    };
    in_time(conflict).await
}

#[tokio::test(start_paused = true)]
async fn other_keys_are_not_believed_before_they_are_approved() {
    let board = Switchboard::default();
    let (alice, b) = (Device::new(&board, "alice").peers(), Device::new(&board, "bob"));
    let hers = found(&alice, &["bob"]).await;
    let bob = b.peers();
    let his = bob.enter(ROOM, "").unwrap();
    his.put("tasks", "1", "milk").unwrap();
    sees(&hers, "tasks", "1", Some("milk")).await;
    let known = his.keys();
    assert_eq!(hers.keys_of(his.me()), Some(known));
    in_time(bob.close()).await;
    drop((his, bob));

    // He lost his device, or is somebody else.
    let bob = Device::new(&board, "bob").peers();
    let events = hers.events();
    let his = bob.enter(ROOM, "").unwrap();
    let (peer, offered) = conflict(events).await;
    assert_eq!((&peer, offered), (his.me(), his.keys()));
    assert_eq!(hers.keys_of(&peer), Some(known), "the old keys are in force");
    hers.put("tasks", "2", "secret").unwrap();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(his.get("tasks", "2").unwrap(), None);
    assert_eq!(his.status().borrow().epoch, None, "it was given no key");

    // It was told once; the application may have missed that.
    let waiting = hers.key_conflicts();
    assert!(
        waiting.iter().map(|(of, keys)| (of.canonical(), *keys)).eq([(peer.canonical(), offered)])
    );
    assert!(hers.approve_key(&peer, &known).is_err(), "nobody offered these");
    hers.approve_key(&peer, &offered).unwrap();
    assert_eq!((hers.keys_of(&peer), hers.key_conflicts()), (Some(offered), vec![]));
    sees(&his, "tasks", "2", Some("secret")).await;
    sees(&his, "tasks", "1", Some("milk")).await;
    his.put("tasks", "3", "bread").unwrap();
    sees(&hers, "tasks", "3", Some("bread")).await;
}

#[tokio::test(start_paused = true)]
async fn new_keys_that_the_old_ones_prove_are_believed() {
    let board = Switchboard::default();
    let [alice, bob] = ["alice", "bob"].map(|name| Device::new(&board, name).peers());
    let hers = found(&alice, &["bob"]).await;
    let his = bob.enter(ROOM, "").unwrap();
    his.put("tasks", "1", "milk").unwrap();
    sees(&hers, "tasks", "1", Some("milk")).await;
    let before = his.keys();
    his.rotate_keys().unwrap();
    assert_ne!(his.keys(), before);
    let are_known = |room: &Room| (room.keys_of(his.me()) == Some(his.keys())).then_some(());
    in_time(hers.wait_for(are_known)).await.unwrap();
    his.put("tasks", "2", "bread").unwrap();
    sees(&hers, "tasks", "2", Some("bread")).await;
    hers.put("tasks", "3", "eggs").unwrap();
    sees(&his, "tasks", "3", Some("eggs")).await;
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_carried_to_a_new_device_are_known_there() {
    let board = Switchboard::default();
    let [alice, bob, new] = ["alice", "bob", "bob"].map(|name| Device::new(&board, name));
    let (alices, bobs, news) = (alice.peers(), bob.peers(), new.peers());
    let hers = found(&alices, &["bob"]).await;
    let his = bobs.enter(ROOM, "").unwrap();
    hers.put("tasks", "1", "milk").unwrap();
    sees(&his, "tasks", "1", Some("milk")).await;
    let keys = his.keys();
    let text = his.export_keys("a long passphrase").unwrap();
    assert_ne!(text, his.export_keys("a long passphrase").unwrap(), "another salt");
    assert!(matches!(bobs.import_keys(&text, "a long passphrase"), Err(KeysError::Open(_))));
    his.close().await;
    drop(his);
    assert!(matches!(news.import_keys(&text, "a short one"), Err(KeysError::Passphrase)));
    let others = alices.import_keys(&text, "a long passphrase");
    assert!(matches!(others, Err(KeysError::OtherIdentity(of)) if of.as_str() == "bob"));
    assert_eq!(news.import_keys(&text, "a long passphrase").unwrap(), ROOM);
    assert_eq!(news.import_keys(&text, "a long passphrase").unwrap(), ROOM, "the same again");
    let again = news.enter(ROOM, "").unwrap();
    assert_eq!(again.keys(), keys);
    sees(&again, "tasks", "1", Some("milk")).await;
    again.put("tasks", "2", "bread").unwrap();
    sees(&hers, "tasks", "2", Some("bread")).await;
    // A device that has keys of its own keeps them.
    let other = Device::new(&board, "bob").peers();
    let room = other.enter(ROOM, "").unwrap();
    let own = room.keys();
    room.close().await;
    drop(room);
    let refused = other.import_keys(&text, "a long passphrase");
    assert!(matches!(refused, Err(KeysError::Take(TakeKeysError::OtherKeys))), "{refused:?}");
    assert_eq!(other.enter(ROOM, "").unwrap().keys(), own);
}
