//! A disk that is full, or fails, under a server that serves.

use serde_json::json;
use syncline_engine::storage::sim::{Call, Charge, Fault, SimDisk};
use syncline_tests::{
    http::get,
    oplog::{Client, ok, op},
    server::TestServer,
    until,
};

#[test]
fn a_full_disk_is_told_and_what_was_refused_can_be_pushed_again() {
    let disk = SimDisk::new(1);
    let server = TestServer::start_on(&disk, |_| ());
    let mut client = Client::new(server.address(), "a");
    let key = client.key();
    let _ = ok(&client.push(&key, &[op("a", 1, &json!("there"))]));
    disk.limit_space(Some(0), Charge::Length);
    let payload = json!("x".repeat(40_000));
    let (mut clock, mut kept) = (1, 1);
    let refused = until("the disk is full", || {
        clock += 1;
        let answer = client.push(&key, &[op("a", clock, &payload)]);
        kept += u64::from(answer.status == 200);
        (answer.status != 200).then_some(answer)
    });
    assert_eq!(refused.status, 507, "{}", refused.text());
    assert_eq!(ok(&client.pull(&key, 0, ""))["serverSeq"], kept, "who reads is served");
    disk.limit_space(None, Charge::Length);
    until("there is space again", || {
        (client.push(&key, &[op("a", clock, &payload)]).status == 200).then_some(())
    });
    assert_eq!(ok(&client.pull(&key, 0, ""))["serverSeq"], kept + 1, "once, and none before it");
}

#[test]
fn a_push_is_not_answered_200_when_its_sync_fails() {
    let disk = SimDisk::new(2);
    let server = TestServer::start_on(&disk, |_| ());
    let mut client = Client::new(server.address(), "a");
    let key = client.key();
    let before = ok(&client.push(&key, &[op("a", 1, &json!("there"))]));
    disk.fail(Fault { call: Call::Sync, after: 0, times: 1, errno: Fault::EIO });
    for clock in 2..4 {
        let answer = Client::new(server.address(), "a").push(&key, &[op("a", clock, &json!(2))]);
        assert!([500, 503].contains(&answer.status), "{}", answer.status);
    }
    until("the server says that it is not ready", || {
        (get(server.address(), "/readyz").status == 503).then_some(())
    });
    drop(server);
    let server = TestServer::start_on(&disk.after_power_cut(3), |_| ());
    let mut client = Client::new(server.address(), "a");
    let found = ok(&client.pull(&key, 0, ""));
    assert!(found["serverSeq"].as_u64() >= before["serverSeq"].as_u64());
    assert_eq!(found["ops"][0]["payload"], "there");
}
