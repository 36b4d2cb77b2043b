//! What the server has comes in.

use super::*;

#[test]
fn the_newer_record_wins_and_the_application_is_told() {
    let (mut device, _) = Device::new();
    device.put("mine", "1");
    device.put("gone", "1");
    device.told();
    device.merge(vec![
        put("new", "1", "5:0:laptop"),
        put("new", "2", "6:0:laptop"),
        put("mine", "old", "999:0:laptop"),
        removal("gone", "2000:0:laptop"),
        removal("unknown", "2000:0:laptop"),
    ]);
    let mut told = device.told();
    told.sort();
    assert_eq!(told, ["gone: 1 > - Remote!", "new: - > 2 Remote"]);
    assert_eq!(device.keys(), ["mine", "new"]);
    device.sync();
    assert_eq!(device.pending_keys(), ["mine"], "what has lost is not sent");
    device.merge(vec![put("mine", "theirs", "3000:0:laptop")]);
    assert_eq!(device.told(), ["mine: 1 > theirs Remote!"]);
    device.merge(vec![put("mine", "newer", "3001:0:laptop")]);
    assert_eq!(device.told(), ["mine: theirs > newer Remote"], "it was not ours any more");
    assert_eq!(device.local.unanswered(), 0);
    device.check();
}

#[test]
fn an_own_write_that_comes_back_is_settled() {
    let (mut device, hands) = Device::new();
    device.put("a", "1");
    device.told();
    device.merge(vec![put("a", "1", "1000:0:phone")]);
    assert_eq!((device.local.unanswered(), device.told().len()), (0, 0));
    assert_eq!(device.reopened(&hands).get("a").as_deref(), Some("1"));
}

#[test]
fn a_watermark_drops_tombstones_but_not_those_that_wait() {
    let (mut device, hands) = Device::new();
    device.merge(vec![removal("theirs", "500:0:laptop"), removal("young", "5000:0:laptop")]);
    device.remove("mine");
    device.merge(vec![put("put", "1", "400:0:laptop")]);
    let records = [put("revived", "1", "3:0:laptop"), removal("late", "4:0:laptop")];
    device.local.merge(MAP, records.into(), mark(Some("c"), Some("2000:0:~s"))).unwrap();
    let index = device.local.index(MAP).unwrap();
    assert_eq!(index.root().count, 3, "put, revived and young");
    assert_eq!(index.len(), 4, "and the own one, which does not count");
    device.check();
    let mut device = device.reopened(&hands);
    device.check();
    assert_eq!(device.local.watermark(MAP), Some(hlc("2000:0:~s")));
    device.local.merge(MAP, vec![], mark(None, Some("1000:0:~s"))).unwrap();
    assert_eq!(device.local.watermark(MAP), Some(hlc("2000:0:~s")), "it only rises");
    device.sync();
    assert_eq!(device.pending_keys(), ["mine"]);

    device.merge(vec![removal("put", "1500:0:laptop")]);
    assert_eq!(device.local.index(MAP).unwrap().get(Path::of("put")), None, "gone at once");
    device.check();
}

#[test]
fn keys_that_the_server_has_forgotten_go_except_pending_ones() {
    let (mut device, _) = Device::new();
    device.merge(vec![put("a", "1", "5:0:laptop")]);
    device.put("b", "1");
    device.told();
    let paths = ["a", "b", "c", "a"].map(Path::of);
    device.local.forget(MAP, &paths).unwrap();
    assert_eq!((device.keys(), device.told()), (vec!["b".into()], vec!["a: 1 > - Remote".into()]));
    device.check();
}

#[test]
fn nobody_is_told_who_does_not_listen() {
    let (mut device, _) = Device::new();
    device.local.listen(false);
    device.put("a", "1");
    device.merge(vec![put("a", "2", "5000:0:laptop")]);
    assert!(device.told().is_empty());
}

#[test]
fn maps_of_a_store_know_nothing_of_each_other() {
    let (mut device, _) = Device::new();
    let other = Mapped::load(&device.local.store, "other", device.local.node_id()).unwrap();
    device.local.open(other);
    device.put("a", "1");
    device.local.write("other", "a", Write::Remove, 9).unwrap();
    device.local.write("other", "b", Write::Remove, 9).unwrap();
    device.sync();
    assert_eq!(device.local.pending("other", 0, ALL).unwrap().len(), 2);
    assert_eq!(device.pending_keys(), ["a"]);
    assert_eq!(device.local.maps().len(), 2);
    assert!(device.local.merge("closed", vec![put("a", "1", "1:0:x")], Mark::default()).is_ok());
    assert!(device.local.write("closed", "a", Write::Remove, 9).is_err());
}
