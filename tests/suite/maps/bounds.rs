//! Timestamps, names and numbers at their bounds.

use syncline_protocol::dialects::maps::proto::{ErrorCode, OperationMessage, op_result::Outcome};
use syncline_tests::{
    maps::{Client, get, payload, push, put, tree},
    server::TestServer,
    workspace::{SECRET, server},
};

use crate::{
    at, each, each_with,
    writes::{found, rejected, told, with_nodes},
};

#[test]
fn check_09_timestamps_are_read_and_refused() {
    each(|server| {
        let mut ann = with_nodes(server, &["A"]);
        let bad = [
            "invalid",
            "123:456",
            "1:2:",
            "1:2:a:b",
            "-1:0:a",
            "+1:0:a",
            "1:-1:a",
            " 1:0:a",
            "1:0:a ",
            "1:0:\u{e4}",
            "1:0:a/b",
            "9007199254740992:0:a",
            "1:4294967296:a",
            "1e3:0:a",
            "0x1:0:a",
            "99999999999999999999:0:a",
            "::",
            "1:0:a\0",
        ];
        let long = format!("1:0:{}", "n".repeat(65));
        for timestamp in bad.into_iter().chain([&*long]) {
            let ack = ann.write(put("m", "k", b"v", timestamp));
            assert_eq!(rejected(&ack), ErrorCode::BadTimestamp, "{timestamp:?}");
        }
        assert_eq!(rejected(&ann.write(put("m", "k", b"v", ""))), ErrorCode::BadRequest);
        assert_eq!(rejected(&ann.write(OperationMessage::default())), ErrorCode::BadRequest);
        // Zeros in front are taken, and left out from then on.
        ann.write(put("m", "zeros", b"v", "0001:0042:ann-node"));
        assert_eq!(found(&mut ann, "m", "zeros").unwrap().timestamp, "1:42:ann-node");
        assert_eq!(
            told(&ann.write(put("m", "zeros", b"v", "1:42:ann-node")))[0].1,
            Outcome::Duplicate
        );
        // They are compared as numbers: each of these wins over the one before.
        for timestamp in ["9:0:A", "10:0:A", "10:2:A", "10:10:A"] {
            assert_eq!(ann.write(put("m", "up", timestamp.as_bytes(), timestamp)).applied, 1);
        }
    });
}

#[test]
fn hole_20_the_time_of_the_server_never_repeats() {
    let mut times: Vec<(u64, u32)> = Vec::new();
    let mut running = server(|_| ());
    for _ in 0..2 {
        let mut ann = Client::join(&running, "ann");
        for n in 0..50 {
            let time = ann.write(put("m", "k", b"v", &at(n, "ann-node"))).server_time;
            let (millis, counter, _) = tree::parts(&time);
            times.push((millis, counter));
        }
        drop(ann);
        let secret = SECRET;
        running =
            TestServer::start_in(running.stop(), |config| config.auth.secret = Some(secret.into()));
    }
    assert!(times.is_sorted_by(|a, b| a < b), "each is above the one before, over restarts too");
}

#[test]
fn hole_21_a_user_begins_so_many_maps_and_a_map_has_so_many_keys() {
    let adapt = |config: &mut syncline::Config| {
        config.maps.maps_per_user_max = 3;
        config.maps.keys_max = 5;
    };
    each_with(adapt, |server| {
        let mut ann = Client::join(server, "ann");
        for n in 0..3 {
            assert_eq!(ann.write(put(&format!("m{n}"), "k", b"v", &at(0, "ann-node"))).applied, 1);
        }
        let one_more = ann.write(put("m3", "k", b"v", &at(0, "ann-node")));
        assert_eq!(rejected(&one_more), ErrorCode::TooLarge);
        let mut bob = Client::join(server, "bob");
        assert_eq!(bob.write(put("m3", "k", b"v", &at(0, "bob-node"))).applied, 1, "his own");
        let six = (0..6).map(|n| put("m0", &format!("key {n}"), b"v", &at(n, "ann-node")));
        let ack = ann.acked(payload(push(six.collect())));
        assert_eq!(
            (ack.applied, told(&ack).iter().map(|t| t.2).collect::<Vec<_>>()),
            (4, vec![ErrorCode::TooLarge; 2])
        );
        assert_eq!(
            ann.write(put("m0", "k", b"changed", &at(9, "ann-node"))).applied,
            1,
            "what is there changes"
        );
        let names = ["", "no name", "\u{e4}", "a*", "~", &"m".repeat(129)];
        for name in names {
            assert_eq!(
                rejected(&ann.write(put(name, "k", b"v", &at(0, "ann-node")))),
                ErrorCode::BadRequest,
                "{name}"
            );
            assert_eq!(
                ann.refused(payload(get(name, &["k"]))).code(),
                ErrorCode::BadRequest,
                "{name}"
            );
        }
    });
}
