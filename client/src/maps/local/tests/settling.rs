//! What the server makes of own writes.

use syncline_protocol::dialects::maps::proto::ErrorCode;

use super::*;

const DENIED: How = How::Rejected(ErrorCode::PermissionDenied);

#[test]
fn an_answer_to_an_older_write_of_the_key_settles_nothing() {
    let (mut device, _) = Device::new();
    let first = device.put("a", "1");
    let second = device.put("a", "2");
    device.settle("a", &first, How::Durable);
    device.settle("a", &first, DENIED);
    device.settle("other", &first, How::Durable);
    device.sync();
    assert_eq!(device.pending_keys(), ["a"]);
    device.settle("a", &second, How::Durable);
    assert_eq!((device.pending_keys().len(), device.local.unanswered()), (0, 0));
    device.check();
}

#[test]
fn what_is_in_the_servers_memory_is_kept_until_it_is_confirmed() {
    let (mut device, hands) = Device::new();
    let (a, _) = (device.put("a", "1"), device.put("b", "1"));
    device.settle("a", &a, How::InMemory);
    device.sync();
    assert_eq!(device.pending_keys(), ["b"]);
    assert_eq!(device.local.unanswered(), 1);
    device.local.doubt();
    assert_eq!(device.pending_keys(), ["a", "b"], "another connection sends it again");
    device.settle("a", &a, How::InMemory);
    let mut device = device.reopened(&hands);
    assert_eq!(device.pending_keys(), ["a", "b"], "and so does another run");
    device.settle("a", &a, How::InMemory);
    device.local.confirm(MAP).unwrap();
    device.local.doubt();
    assert_eq!(device.reopened(&hands).pending_keys(), ["b"]);
}

#[test]
fn what_was_refused_is_told_and_put_back_also_after_a_restart() {
    let (mut device, hands) = Device::new();
    device.merge(vec![put("a", "theirs", "10:0:laptop")]);
    let a = device.put("a", "mine");
    let b = device.put("b", "mine");
    device.told();
    device.settle("a", &a, DENIED);
    device.settle("b", &b, DENIED);
    device.sync();
    assert_eq!(device.pending().len(), 0, "it is not sent again");
    assert_eq!(device.local.unanswered(), 2, "but not done either");
    let mut device = device.reopened(&hands);
    assert_eq!(device.local.rejected(MAP, 9), ["a".into(), "b".into()]);
    assert_eq!(device.local.rejected(MAP, 1), ["a".into()]);

    device.local.revert(MAP, "a", Some(put("a", "theirs", "10:0:laptop"))).unwrap();
    device.local.revert(MAP, "b", None).unwrap();
    assert_eq!(
        device.told(),
        [
            "a: mine refused PermissionDenied",
            "a: mine > theirs Reverted",
            "b: mine refused PermissionDenied",
            "b: mine > - Reverted",
        ]
    );
    assert_eq!((device.get("a").as_deref(), device.keys().len()), (Some("theirs"), 1));
    assert_eq!(device.local.unanswered(), 0);
    assert!(device.put("a", "again") > a, "its timestamp is not given again");
    device.check();
}

#[test]
fn a_later_write_is_not_put_back() {
    let (mut device, _) = Device::new();
    let first = device.put("a", "1");
    device.settle("a", &first, DENIED);
    device.put("a", "2");
    device.local.revert(MAP, "a", None).unwrap();
    device.sync();
    assert_eq!(device.pending_keys(), ["a"]);
    assert_eq!(device.get("a").as_deref(), Some("2"));
}

#[test]
fn a_clock_that_runs_ahead_is_taken_back_and_the_writes_stamped_anew() {
    let (mut device, hands) = Device::new();
    let seen = device.put("seen", "1");
    device.settle("seen", &seen, How::Durable);
    hands.set(900_000);
    let refused: Vec<_> = ["b", "a"]
        .map(|key| (MAP.into(), Path::of(key), device.put(key, key)))
        .into_iter()
        .rev()
        .collect();
    let before = device.local.index(MAP).unwrap().root();
    device.local.correct_wall(895_000);
    let server = hlc("5000:0:~server");
    let wall = UnixMillis(900_000);
    device.local.restamp(&refused, &server, 65_000, wall).unwrap();
    device.sync();
    let stamps: Vec<_> = device.pending().into_iter().map(|p| (p.op.key, p.op.timestamp)).collect();
    let expected = [("b", "5000:1:phone"), ("a", "5000:2:phone")];
    assert_eq!(stamps, expected.map(|(key, at)| (key.to_owned(), at.to_owned())));
    assert_ne!(device.local.index(MAP).unwrap().root(), before, "the records too");
    assert_eq!(device.put("c", "1").to_string(), "5000:3:phone");
    device.local.restamp(&refused, &server, 65_000, wall).unwrap();
    assert_eq!(device.pending()[0].op.timestamp, "5000:1:phone", "once is enough");
    device.check();

    hands.set(10);
    let mut device = device.reopened(&hands);
    let after = device.put("d", "1");
    assert!(after.millis > 5000 && after.millis < 65_000, "{after}");
}

#[test]
fn the_clock_is_not_taken_back_below_what_others_may_have_seen() {
    let (mut device, hands) = Device::new();
    hands.set(30_000);
    let known = device.put("known", "1");
    device.settle("known", &known, How::Durable);
    hands.set(40_000);
    device.put("perhaps", "1");
    hands.set(900_000);
    let refused = [(MAP.into(), Path::of("a"), device.put("a", "1"))];
    let restamp = |device: &mut Device, above| {
        let server = hlc("5000:0:~server");
        device.local.correct_wall(895_000);
        device.local.restamp(&refused, &server, above, UnixMillis(900_000)).unwrap();
        device.sync();
        device.pending().iter().find(|p| p.op.key == "a").unwrap().hlc.to_string()
    };
    assert_eq!(restamp(&mut device, 65_000), "40000:1:phone");

    let (mut device, _) = Device::new();
    let known = device.put("known", "1");
    device.settle("known", &known, How::Durable);
    let mut device = device.reopened(&hands);
    let first = device.put("a", "1");
    let refused = [(MAP.into(), Path::of("a"), first)];
    let server = hlc("1000:0:~server");
    device.local.correct_wall(899_000);
    device.local.restamp(&refused, &server, 0, UnixMillis(900_000)).unwrap();
    device.sync();
    assert!(device.pending()[0].hlc > known, "also after a restart");
}
