//! A peer that was away finds again what it must not forget (check 38): keys that it has pinned, how far
//! it has come, the group's keys, and whom it has let in.

use std::{sync::Arc, time::Duration};

use syncline_engine::{Options, Store, storage::sim::SimDisk};
use syncline_protocol::dialects::peer::{
    id::RequestId,
    participant::{InviteAsk, Redeemed},
};
use tokio::time::{sleep, timeout};

use crate::peer::{Group, Invite, PeerId, Peers, Room, Settings, Switchboard};

const ROOM: &str = "family-data";

fn peers(board: &Switchboard, name: &str, disk: &SimDisk) -> Peers {
    let mut options = Options::default();
    options.segment_bytes = 256 << 10;
    options.reserve_bytes = 0;
    let store = Store::open_on(Arc::new(disk.clone()), options).unwrap();
    let mut settings = Settings::default();
    settings.machine.tables = vec!["tasks".into()];
    Peers::start(board.for_identity(name).unwrap(), &store, name, settings).unwrap()
}

async fn in_time<T>(wanted: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(60), wanted).await.expect("it comes in time")
}

async fn founded(alice: &Peers) -> Room {
    let room = alice.found(ROOM, "", &Group::named("family")).unwrap();
    in_time(room.synced()).await.unwrap();
    room
}

async fn sees(room: &Room, id: &str) {
    in_time(room.wait_for(|room| room.get("tasks", id).unwrap())).await.unwrap();
}

/// What a room knows that it must not forget.
fn knows(room: &Room, other: &PeerId) -> impl PartialEq + std::fmt::Debug + use<> {
    let (epoch, frontier) = room.0.shared.look(|core| {
        let machine = &core.machine;
        (machine.epoch(), machine.frontier().clone())
    });
    assert!(epoch.is_some() && room.keys_of(other).is_some() && !frontier.is_empty());
    (room.keys(), room.keys_of(other), epoch, frontier, room.digest())
}

#[tokio::test(start_paused = true)]
async fn whoever_was_told_how_far_a_replay_came_asks_for_the_rest() {
    let board = Switchboard::default();
    let alice = peers(&board, "alice", &SimDisk::new(3));
    let room = founded(&alice).await;
    let shared = &room.0.shared;
    for seq in [70, 90] {
        shared.step_if_open(|core, _| core.replayed(seq));
        let is_noted = || shared.look(|core| core.since() == seq);
        in_time(async {
            while !is_noted() {
                sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn keys_pins_and_the_frontier_survive_a_power_cut() {
    let board = Switchboard::default();
    let [alices, bobs] = [SimDisk::new(1), SimDisk::new(2)];
    let alice = peers(&board, "alice", &alices);
    let bob = peers(&board, "bob", &bobs);
    let hers = founded(&alice).await;
    hers.put("members", "bob", r#"{"roleIds":["member"]}"#).unwrap();
    let his = bob.enter(ROOM, "").unwrap();
    hers.put("tasks", "1", "milk").unwrap();
    sees(&his, "1").await;
    hers.rotate_group_key().unwrap();
    hers.put("tasks", "2", "bread").unwrap();
    sees(&his, "2").await;
    // The group's own rows are asked for once more, now that its owner is known.
    let is_whole = |room: &Room| (room.digest() == hers.digest()).then_some(());
    in_time(his.wait_for(is_whole)).await.unwrap();
    in_time(his.synced()).await.unwrap();
    in_time(his.durable()).await.unwrap();
    let known = knows(&his, hers.me());
    // Taken while it runs, as a power cut does. Nobody is there any more who could tell it again.
    let cut = bobs.after_power_cut(7);
    in_time(bob.close()).await;
    in_time(alice.close()).await;
    let away = Switchboard::default();
    let bob = peers(&away, "bob", &cut);
    let his = bob.enter(ROOM, "").unwrap();
    assert_eq!(knows(&his, hers.me()), known);
    in_time(bob.close()).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_was_let_in_is_let_in_again_by_the_same_request_after_a_power_cut() {
    let board = Switchboard::default();
    let disk = SimDisk::new(1);
    let alice = peers(&board, "alice", &disk);
    let hers = founded(&alice).await;
    let code = hers.invite(&Invite::default()).unwrap();
    let ask = InviteAsk {
        group: "family".into(),
        request: RequestId::new("request-1").unwrap(),
        joiner: PeerId::new("bob").unwrap(),
        keys: hers.keys(),
        code: code.into(),
    };
    let another = InviteAsk { request: RequestId::new("request-2").unwrap(), ..ask.clone() };
    let redeem = |room: &Room, ask: &InviteAsk| {
        room.step(|core, now| core.machine.redeem(ask, now)).unwrap()
    };
    let granted = redeem(&hers, &ask);
    assert!(matches!(&granted, Redeemed::Granted { data_room, .. } if data_room == ROOM));
    in_time(hers.durable()).await.unwrap();
    let cut = disk.after_power_cut(7);
    in_time(alice.close()).await;

    let alice = peers(&board, "alice", &cut);
    let hers = founded(&alice).await;
    assert_eq!(redeem(&hers, &ask), granted, "the answer may have been lost");
    assert_eq!(redeem(&hers, &another), Redeemed::Refused, "the code is used");
    assert_eq!(hers.members().unwrap().len(), 2);
    in_time(alice.close()).await;
}
