//! `syncline peer` as an operator meets it: what is stored is seen, and who is in a room can be sent away.

use data_encoding::BASE64;
use serde_json::{Value, json};
use syncline_tests::{
    peer::{Client, SECRET},
    process::Serving,
    until,
};
use tempfile::TempDir;

use crate::{Ran, run};

/// Runs `syncline peer` on the directory of a server.
fn peer(dir: &TempDir, arguments: &[&str]) -> Ran {
    let data = dir.path().join("data");
    let more = ["--data-dir", data.to_str().expect("a path")];
    run(&[&["peer"], arguments, &more].concat(), &[])
}

fn lines(ran: &Ran) -> Vec<Value> {
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    ran.out.lines().map(|line| line.parse().expect("JSON")).collect()
}

#[test]
fn rooms_are_listed_their_packets_printed_and_their_participants_sent_away() {
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path(), &[("SYNCLINE_AUTH_SECRET", SECRET)]);
    let mut ann = Client::join(serving.address(), "team%2Fa", "user:Ann");
    let sent = ann.share("r1", b"sealed");
    let listed = until("the packet is stored", || {
        let listed = lines(&peer(&dir, &["ls", "--json"]));
        listed.first().filter(|room| room["packets"] == 1).cloned()
    });
    assert_eq!(
        (&listed["room"], &listed["last_seq"], &listed["bans"]),
        (&json!("team/a"), &json!(1), &json!(0))
    );
    assert!(peer(&dir, &["ls"]).out.starts_with("team/a\t1\t"));
    let attended = lines(&peer(&dir, &["ls", "--online", "--json"]));
    assert_eq!(attended, [json!({ "room": "team/a", "participants": 1 })]);
    let packets = lines(&peer(&dir, &["packets", "team/a"]));
    assert_eq!((packets.len(), &packets[0]["sender_id"]), (1, &json!("user:Ann")));
    assert_eq!(packets[0]["packet_base64"], BASE64.encode(&sent));
    assert_eq!(lines(&peer(&dir, &["packets", "team/a", "--after", "1"])), [Value::Null; 0]);
    assert!(peer(&dir, &["show", "team/a"]).out.contains("participant  user:Ann, since 20"));

    let ran = peer(&dir, &["ban", "team/a", "ann", "--for", "1h"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "closed: 1 connection\n"));
    assert_eq!(ann.closed(), 4403);
    assert!(peer(&dir, &["show", "team/a"]).out.contains("banned       ann, until 20"));
    assert_eq!(peer(&dir, &["unban", "team/a", "ann"]).out, "the ban is over\n");
    let mut ann = Client::join(serving.address(), "team%2Fa", "user:Ann");
    assert_eq!(
        lines(&peer(&dir, &["kick", "team/a", "ann", "--json"])),
        [json!({ "connections": 1 })]
    );
    assert_eq!(ann.closed(), 4403);
    assert_eq!(peer(&dir, &["forget", "team/a"]).out, "dropped: 1 packet\n");
    assert_eq!(peer(&dir, &["close", "team/a"]).out, "closed: 0 connections\n");
    let log = serving.output();
    assert!(log.contains("moderated") && log.contains("team/a"), "{log}");
    serving.kill();
}

#[test]
fn what_is_missing_or_wrong_has_an_exit_code_of_its_own() {
    let dir = TempDir::new().unwrap();
    assert_eq!(peer(&dir, &["ls"]).code, Some(4));
    assert_eq!(peer(&dir, &["kick", "a", "b"]).code, Some(4));
    let serving = Serving::start(dir.path(), &[("SYNCLINE_AUTH_SECRET", SECRET)]);
    let absent = peer(&dir, &["packets", "nowhere"]);
    assert!(absent.code == Some(4) && absent.err.contains("peer ls"), "{}", absent.err);
    for bad in [&["ban", "a", "b", "--for", "x"][..], &["kick", "a", ""], &["kick", "a"]] {
        assert_eq!(peer(&dir, bad).code, Some(2), "{bad:?}");
    }
    serving.kill();
    std::fs::remove_file(dir.path().join("data/ADMIN")).unwrap();
    let gone = peer(&dir, &["show", "a"]);
    assert!(gone.code == Some(6) && gone.err.contains("hint"), "{}", gone.err);
}
