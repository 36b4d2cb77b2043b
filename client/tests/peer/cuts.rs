//! Devices that lose their power or are killed in the midst: what was durable is there, and all converge.

use std::collections::BTreeMap;

use syncline_client::peer::{Room, Switchboard};
use syncline_engine::storage::sim::SimDisk;

use super::world::{Device, ROOM, found, in_time, same, sees};

/// Writes until the disk fails; says what was durable.
async fn writes(room: &Room) -> BTreeMap<String, String> {
    let mut durable = BTreeMap::new();
    for number in 0..20 {
        let (id, value) = (format!("b{}", number % 7), number.to_string());
        if room.put("tasks", &id, &value).is_err() || in_time(room.durable()).await.is_err() {
            break;
        }
        durable.insert(id, value);
    }
    durable
}

/// A member's device stops after so many steps of its disk, between its own writes and another's.
async fn cut(steps: u64, image: impl Fn(&SimDisk) -> SimDisk) {
    let board = Switchboard::default();
    let (alice, b) = (Device::new(&board, "alice").peers(), Device::new(&board, "bob"));
    let hers = found(&alice, &["bob"]).await;
    let bob = b.peers();
    let his = bob.enter(ROOM, "").unwrap();
    hers.put("tasks", "a", "0").unwrap();
    sees(&his, "tasks", "a", Some("0")).await;
    in_time(his.durable()).await.unwrap();
    let keys = his.keys();
    b.disk.stop_after(b.disk.steps() + steps);
    hers.put("tasks", "a", "1").unwrap();
    let durable = writes(&his).await;
    in_time(bob.close()).await;
    drop((his, bob));

    let b = b.after(image(&b.disk));
    let bob = b.peers();
    let his = bob.enter(ROOM, "").unwrap();
    assert_eq!(his.keys(), keys, "after {steps} steps");
    let found: BTreeMap<_, _> = his.rows("tasks").unwrap().into_iter().collect();
    for (id, value) in &durable {
        let found = found.get(id).and_then(|found| found.parse::<u32>().ok());
        assert!(found >= value.parse().ok(), "{id} after {steps} steps: {found:?} for {value}");
    }
    his.put("tasks", "after", "1").unwrap();
    hers.put("tasks", "a", "2").unwrap();
    sees(&his, "tasks", "a", Some("2")).await;
    sees(&hers, "tasks", "after", Some("1")).await;
    same(&hers, &his).await;
}

#[tokio::test(start_paused = true)]
async fn a_power_cut_loses_nothing_that_was_durable() {
    for steps in [0, 1, 2, 3, 5, 8, 13] {
        cut(steps, |disk| disk.after_power_cut(steps)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_kill_loses_nothing_that_was_durable() {
    for steps in [1, 4, 9] {
        cut(steps, SimDisk::after_kill).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_room_whose_disk_failed_says_so_and_stays_readable() {
    let board = Switchboard::default();
    let a = Device::new(&board, "alice");
    let alice = a.peers();
    let hers = found(&alice, &[]).await;
    hers.put("tasks", "1", "milk").unwrap();
    in_time(hers.durable()).await.unwrap();
    a.disk.stop_after(a.disk.steps());
    let refused = hers.put("tasks", "2", "bread").is_err();
    assert!(in_time(hers.durable()).await.is_err() || refused);
    let _ = hers.put("tasks", "3", "eggs");
    super::world::reaches(&hers, |status| status.failed.is_some()).await;
    assert_eq!(hers.get("tasks", "1").unwrap().as_deref(), Some("milk"));
    in_time(alice.close()).await;
}
