//! A map is replaced by what the server has.

use super::*;

fn device() -> (Device, Hands) {
    let (mut device, hands) = Device::new();
    let theirs = ["same", "newer", "older", "deleted"].map(|key| put(key, "1", "10:0:laptop"));
    device.local.merge(MAP, theirs.into(), mark(Some("old"), None)).unwrap();
    device.put("pending", "1");
    device.told();
    (device, hands)
}

fn pages(device: &mut Device) {
    device.merge(vec![put("same", "1", "10:0:laptop"), put("newer", "2", "20:0:laptop")]);
    device.merge(vec![put("older", "0", "5:0:laptop"), put("new", "1", "1:0:laptop")]);
}

#[test]
fn what_the_server_has_not_goes_and_what_waits_stays() {
    let (mut device, hands) = device();
    device.local.begin_replace(MAP).unwrap();
    assert!(device.local.replacing(MAP) && device.local.cursor(MAP).is_none());
    assert_eq!(device.keys().len(), 5, "it shows meanwhile");
    pages(&mut device);
    device.put("meanwhile", "1");
    device.local.end_replace(MAP, mark(Some("new"), None)).unwrap();
    assert_eq!(device.keys(), ["meanwhile", "new", "newer", "older", "pending", "same"]);
    assert_eq!(device.get("older").as_deref(), Some("1"), "the newer one wins all the same");
    let told = device.told();
    assert!(told.contains(&"deleted: 1 > - Remote".to_owned()), "{told:?}");
    assert_eq!(told.len(), 4, "{told:?}");
    let device = device.reopened(&hands);
    assert!(!device.local.replacing(MAP));
    assert_eq!(device.local.cursor(MAP).as_deref(), Some(&b"new"[..]));
    device.check();
}

#[test]
fn a_kill_in_the_midst_leaves_it_going_on() {
    let (mut device, hands) = device();
    device.local.begin_replace(MAP).unwrap();
    pages(&mut device);
    let mut device = device.reopened(&hands);
    assert!(device.local.replacing(MAP) && device.local.cursor(MAP).is_none());
    assert!(device.keys().contains(&"deleted".to_owned()));
    device.local.begin_replace(MAP).unwrap();
    device.merge(vec![put("same", "1", "10:0:laptop")]);
    device.local.end_replace(MAP, Mark::default()).unwrap();
    assert_eq!(device.keys(), ["pending", "same"], "what came before is forgotten");
    device.check();
}

#[test]
fn an_end_without_a_beginning_changes_nothing() {
    let (mut device, _) = device();
    device.local.end_replace(MAP, mark(Some("new"), None)).unwrap();
    assert_eq!(device.keys().len(), 5);
    assert_eq!(device.local.cursor(MAP).as_deref(), Some(&b"old"[..]));
}
