//! Who reads too late is ended; nobody else notices.

use serde_json::json;
use syncline_tests::peer::{Client, presence};

use crate::each_with;

#[test]
fn check_15_a_slow_reader_is_ended_and_the_others_have_everything() {
    let adapt = |config: &mut syncline::Config| config.peer.queue_bytes_max = 256 << 10;
    each_with(adapt, |server| {
        let mut ann = Client::join(server.address(), "room", "ann");
        let mut slow = Client::join(server.address(), "room", "slow");
        let mut bob = Client::join(server.address(), "room", "bob");
        assert_eq!(ann.control(), presence("join", "slow", None));
        assert_eq!(ann.control(), presence("join", "bob", None));
        // More than the kernels on both sides and the queue hold together; bob reads each before the next.
        let payload = vec![7; 60_000];
        let mut sent = 0;
        let left = loop {
            sent += 1;
            assert!(sent < 2_000, "nobody was ended");
            let packet = ann.share(&sent.to_string(), &payload);
            match bob.said() {
                syncline_tests::peer::Said::Packet(came) => assert_eq!(came, packet),
                syncline_tests::peer::Said::Control(left) => break left,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(left, presence("leave", "slow", Some("closed")));
        assert_eq!(slow.closed(), 4408, "it is told when it reads at last");
        assert_eq!(ann.control(), presence("leave", "slow", Some("closed")));
        ann.say(r#"{"t":"ping"}"#);
        assert_eq!(ann.control(), json!({ "t": "pong" }));
    });
}
