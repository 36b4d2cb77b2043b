//! A disk that is full or fails, and the orderly end, under maps.

use std::time::Duration;

use rustix::process::Signal;
use syncline_engine::storage::sim::{Call, Charge, Fault, SimDisk};
use syncline_protocol::dialects::maps::proto::{ErrorCode, envelope::Payload};
use syncline_tests::{
    http::get as fetch,
    maps::{Client, everything, get, op, payload, pull, push, put},
    process::Serving,
    server::TestServer,
    until,
    workspace::SECRET,
};
use tempfile::TempDir;

use crate::at;

fn started(disk: &SimDisk) -> TestServer {
    TestServer::start_on(disk, |config| config.auth.secret = Some(SECRET.into()))
}

#[test]
fn a_full_disk_takes_no_write_serves_readers_and_goes_on_with_space() {
    let disk = SimDisk::new(1);
    let server = started(&disk);
    let mut ann = Client::join(&server, "ann");
    ann.write(put("m", "before", b"v", &at(0, "ann-node")));
    disk.limit_space(Some(0), Charge::Length);
    let value = vec![7; 100_000];
    let mut kept = Vec::new();
    let (mut n, mut refused) = (0, None);
    while refused.is_none() {
        n += 1;
        let key = format!("k{n}");
        match ann.ask(op(put("m", &key, &value, &at(n, "ann-node")))) {
            Payload::Ack(ack) => {
                assert_eq!((ack.applied, ack.durable), (1, true));
                kept.push(key);
            }
            Payload::Error(error) => refused = Some((key, error)),
            other => panic!("{other:?}"),
        }
    }
    let (key, error) = refused.unwrap();
    assert_eq!((error.code(), error.fatal), (ErrorCode::Unavailable, false), "{error:?}");
    assert!(error.retry_after_ms > 0);
    assert_eq!(
        ann.sync(get("m", &["before", &key])).missing_keys,
        std::slice::from_ref(&key),
        "reading goes on"
    );
    disk.limit_space(None, Charge::Length);
    let again = put("m", &key, &value, &at(n, "ann-node"));
    until("there is space again", || match ann.ask(op(again.clone())) {
        Payload::Ack(ack) => {
            assert_eq!(ack.applied, 1);
            Some(())
        }
        Payload::Error(_) => None,
        other => panic!("{other:?}"),
    });
    assert_eq!(ann.everything("m").ops.len(), kept.len() + 2, "nothing was lost");
}

#[test]
fn a_sync_that_fails_is_no_acknowledgement() {
    let disk = SimDisk::new(2);
    let server = started(&disk);
    let mut ann = Client::join(&server, "ann");
    ann.write(put("m", "before", b"v", &at(0, "ann-node")));
    disk.fail(Fault { call: Call::Sync, after: 0, times: 1, errno: Fault::EIO });
    ann.begin(payload(push(vec![put("m", "k", b"v", &at(1, "ann-node"))])));
    assert_eq!(ann.closed(), Some(1011));
    until("the server says that it is not ready", || {
        (fetch(server.address(), "/readyz").status == 503).then_some(())
    });
    drop(server);
    let server = started(&disk.after_power_cut(3));
    let found = Client::join(&server, "bob").sync(get("m", &["before"]));
    assert_eq!(found.ops[0].value, "v", "what was acknowledged");
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill() {
    let dir = TempDir::new().unwrap();
    let mut written = Vec::new();
    for life in 0..3 {
        let serving = Serving::start(dir.path(), &[("SYNCLINE_AUTH_SECRET", SECRET)]);
        let mut ann = Client::join_with(serving.address(), "ann", &everything());
        let mut found = ann.everything("m").ops;
        found.sort_by(|a, b| a.key.cmp(&b.key));
        assert_eq!(found, written);
        let ops = (0..50).map(|n| put("m", &format!("{life} {n:02}"), b"v", &at(n, "ann-node")));
        let ops: Vec<_> = ops.collect();
        let ack = ann.acked(payload(push(ops.clone())));
        assert_eq!((ack.applied, ack.durable), (50, true));
        serving.kill();
        written.extend(ops);
    }
}

#[test]
fn sigterm_under_load_tells_everyone_and_keeps_what_was_acknowledged() {
    let dir = TempDir::new().unwrap();
    let secret = [("SYNCLINE_AUTH_SECRET", SECRET)];
    let serving = Serving::start(dir.path(), &secret);
    let mut ann = Client::join_with(serving.address(), "ann", &everything());
    let mut idle = Client::join_with(serving.address(), "idle", &everything());
    idle.sync(pull("m", b""));
    let mut stranger = Client::open(serving.address());
    let ids: Vec<_> = (0..200)
        .map(|n| ann.begin(op(put("m", &n.to_string(), b"v", &at(n, "ann-node")))))
        .collect();
    ann.answer(&ids[0]);
    serving.signal(Signal::TERM);
    let mut acknowledged = vec!["0".to_owned()];
    loop {
        match ann.socket().frame() {
            frame if frame.close_code().is_some() => {
                assert_eq!(frame.close_code(), Some(1001));
                break;
            }
            frame => {
                let message: syncline_protocol::dialects::maps::proto::Envelope =
                    prost::Message::decode(&frame.payload[..]).unwrap();
                if matches!(message.payload, Some(Payload::Ack(_))) {
                    let at = ids.iter().position(|id| *id == message.correlation_id).unwrap();
                    acknowledged.push(at.to_string());
                }
            }
        }
    }
    assert_eq!(idle.closed(), Some(1001));
    assert_eq!(stranger.closed(), Some(1001));
    let (status, log) = serving.ended();
    assert_eq!(status.code(), Some(0), "{log}");
    let serving = Serving::start(dir.path(), &secret);
    let mut bob = Client::join_with(serving.address(), "bob", &everything());
    let keys: Vec<_> = acknowledged.iter().map(String::as_str).collect();
    assert_eq!(bob.sync(get("m", &keys)).missing_keys, Vec::<String>::new());
    bob.hears_nothing(Duration::from_millis(1));
}
