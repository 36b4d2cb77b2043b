//! Writes of the application, what shows of them, and the clock that stamps them.

use super::*;

#[test]
fn what_is_written_shows_at_once_and_is_sent_once_it_is_durable() {
    let (mut device, _) = Device::new();
    device.put("milk", "2 l");
    device.put("bread", "1");
    device.remove("bread");
    assert_eq!((device.get("milk").as_deref(), device.get("bread")), (Some("2 l"), None));
    assert_eq!(device.keys(), ["milk"]);
    assert_eq!(device.pending_keys(), [""; 0], "a power cut could take it");
    assert_eq!(device.local.unanswered(), 2);
    device.sync();
    assert_eq!(device.pending_keys(), ["milk", "bread"]);
    assert_eq!(device.pending()[0].op.timestamp, "1000:0:phone");
    device.check();
}

#[test]
fn a_map_that_is_closed_and_opened_again_sends_nothing_that_is_not_durable() {
    let (mut device, _) = Device::new();
    device.put("a", "1");
    device.local.close(MAP);
    let store = device.local.store.clone();
    device.local.open(Mapped::load(&store, MAP, device.local.node_id()).unwrap());
    assert!(device.local.has_fresh());
    assert_eq!((device.pending().len(), device.local.unanswered()), (0, 1));
    device.sync();
    assert_eq!(device.local.became_durable().len(), 1);
    assert_eq!((device.pending_keys(), device.local.has_fresh()), (vec!["a".to_owned()], false));
}

#[test]
fn two_writes_of_a_key_are_one_and_go_to_the_end() {
    let (mut device, _) = Device::new();
    for (key, value) in [("a", "1"), ("b", "1"), ("a", "2")] {
        device.put(key, value);
    }
    device.sync();
    assert_eq!(device.pending_keys(), ["b", "a"]);
    let last = device.pending()[1].order;
    assert!(device.local.pending(MAP, last, ALL).unwrap().is_empty());
    let one = Bounds { ops_max: 1, bytes_max: usize::MAX };
    assert_eq!(device.local.pending(MAP, 0, one).unwrap().len(), 1);
    let small = Bounds { ops_max: 9, bytes_max: 1 };
    assert_eq!(device.local.pending(MAP, 0, small).unwrap().len(), 1, "one of any size");
}

#[test]
fn an_end_and_a_new_start_lose_nothing() {
    let (mut device, hands) = Device::new();
    device.put("a", "1");
    let b = device.put("b", "1");
    device.remove("c");
    device.settle("b", &b, How::Durable);
    device.local.merge(MAP, vec![], mark(Some("cursor"), None)).unwrap();
    let device = device.reopened(&hands);
    assert_eq!(device.keys(), ["a", "b"]);
    assert_eq!(device.pending_keys(), ["a", "c"]);
    assert_eq!(device.local.cursor(MAP).as_deref(), Some(&b"cursor"[..]));
    assert_eq!(device.local.node_id().as_str(), "phone", "the name stays");
    device.check();
}

#[test]
fn a_timestamp_is_never_given_again_whatever_the_wall_clock_says() {
    let (mut device, hands) = Device::new();
    let mut last = device.put("a", "0");
    for (at, round) in [(999_999, "1"), (5, "2"), (1_000_100, "3"), (0, "4")] {
        hands.set(at);
        device = device.reopened(&hands);
        for _ in 0..3 {
            let hlc = device.put("a", round);
            assert!(hlc > last, "{hlc} after {last}");
            last = hlc;
        }
    }
}

#[test]
fn who_writes_has_seen_what_is_there() {
    let (mut device, _) = Device::new();
    device.merge(vec![put("a", "theirs", "50000:7:laptop")]);
    let hlc = device.put("a", "mine");
    assert_eq!(device.get("a").as_deref(), Some("mine"));
    assert!((hlc.millis, hlc.counter) > (50_000, 7), "{hlc}");
}

#[test]
fn no_more_keys_wait_than_may() {
    let (mut device, _) = Device::new();
    let mut write = |key: &str| device.local.write(MAP, key, Write::Remove, 2);
    assert!(write("a").is_ok() && write("b").is_ok());
    assert!(matches!(write("c"), Err(NotWritten::Full)));
    assert!(write("a").is_ok(), "it waits already");
}

#[test]
fn a_life_ends_for_readers_and_is_told_but_the_record_stays() {
    let (mut device, hands) = Device::new();
    let value = Bytes::from_static(b"1");
    device.write("a", Write::Put { value: value.clone(), ttl_ms: 500 });
    device.write("b", Write::Put { value, ttl_ms: 700 });
    device.put("b", "2");
    assert_eq!(device.local.next_end(), Some(1500), "the other one's life is replaced");
    device.told();
    hands.set(1500);
    device.local.expire();
    assert_eq!((device.keys(), device.told()), (vec!["a".into(), "b".into()], vec![]));
    hands.set(1501);
    device.local.expire();
    assert_eq!(device.told(), ["a: 1 > - Expired"]);
    assert_eq!((device.keys(), device.get("a")), (vec!["b".to_owned()], None));
    assert_eq!(device.local.index(MAP).unwrap().root().count, 2, "the server takes it away");
    device.sync();
    assert_eq!(device.pending().len(), 2);
    assert_eq!(device.local.next_end(), None);
}

#[test]
fn a_write_that_cannot_be_kept_changes_nothing() {
    let (mut device, _) = Device::new();
    device.put("a", "1");
    device.sync();
    device.disk.stop_after(0);
    device.put("a", "2");
    let position = device.local.unsynced().unwrap();
    assert!(device.local.store.wait(position).is_err());
    let before = device.local.index(MAP).unwrap().root();
    assert!(device.local.write(MAP, "b", Write::Remove, 9).is_err());
    assert_eq!(device.local.index(MAP).unwrap().root(), before);
    assert_eq!(device.local.unanswered(), 1);
}

#[test]
fn the_state_of_a_newer_client_is_refused() {
    for (map, key, value) in [
        ("maps/meta", &b"clock"[..], &b"short"[..]),
        ("maps/meta", b"node", b"not a node"),
        ("maps/meta", b"m/todos", b"\x09"),
        ("maps/todos/records", &[0; 16], b"\x09"),
        ("maps/todos/records", b"short", b""),
        ("maps/todos/pending", &[0; 16], b"\x09"),
        // An own write whose record is gone.
        ("maps/todos/pending", &[0; 16], &[1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    ] {
        let hands = Hands::at(1);
        let Device { disk, local } = Device::open(SimDisk::new(1), &hands);
        let mut batch = syncline_engine::Batch::new();
        batch.put(&local.store.map(map).unwrap(), key, value);
        local.store.commit(batch).unwrap().wait().unwrap();
        local.store.clone().close().unwrap();
        drop(local);
        let error = Device::try_open(disk, &hands).err().expect("it is foreign");
        assert!(error.to_string().contains("newer"), "{map}: {error}");
    }
}

#[test]
fn nothing_of_a_write_is_shown_before_it_is_durable() {
    let (mut device, _) = Device::new();
    device.put("a", "1");
    device.sync();
    let shown = |device: &Device, key| device.local.durable(MAP, Path::of(key)).unwrap().is_some();
    assert!(shown(&device, "a"));
    device.put("a", "2");
    device.put("b", "1");
    assert!(!shown(&device, "a") && !shown(&device, "b"));
    device.merge(vec![put("c", "1", "5:0:laptop")]);
    assert!(shown(&device, "c"), "who wrote it has it");
    device.sync();
    assert!(shown(&device, "a") && shown(&device, "b"));
}
