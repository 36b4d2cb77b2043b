//! What a room and a connection may cost: over the bound nothing is taken, and all else goes on.

use syncline_tests::{
    relay::{Hello, Message, Peer},
    server::TestServer,
};

use crate::{settled, store};

#[test]
fn a_full_key_takes_no_more_changes_and_others_do() {
    let server = TestServer::start(|c| c.relay.key_changes_max = 3);
    store(&server, "w", "K", &[b"1", b"2", b"3"]);
    let mut reader = Peer::json(server.address(), &Hello::new("r", "K").after(3));
    settled(&mut reader);
    let mut writer = Peer::binary(server.address(), &Hello::new("w", "K").after(3).with_ack());
    assert_eq!(writer.message(), Message::CaughtUp(3));
    writer.submit(b"4");
    writer.hears_nothing();
    reader.hears_nothing();
    store(&server, "w", "another key", &[b"1"]);
    let mut late = Peer::json(server.address(), &Hello::new("late", "K"));
    assert_eq!(late.changes(3).len(), 3);
    late.hears_nothing();
}

#[test]
fn a_key_that_holds_its_bytes_takes_no_more() {
    let server = TestServer::start(|c| c.relay.key_bytes_max = 4096);
    let mut reader = Peer::json(server.address(), &Hello::new("r", "K"));
    let mut writer = Peer::json(server.address(), &Hello::new("w", "K"));
    settled(&mut reader);
    writer.submit(&[1; 3000]);
    writer.submit(&[2; 3000]);
    writer.submit(&[3; 100]);
    assert_eq!(reader.change(), (1, vec![1; 3000]));
    assert_eq!(reader.change(), (2, vec![3; 100]), "what still fits is taken");
    reader.hears_nothing();
}

#[test]
fn a_flood_over_the_message_rate_is_slowed_and_nothing_of_it_is_lost() {
    let server = TestServer::start(|c| c.limits.messages_per_second_max = 400);
    let mut reader = Peer::json(server.address(), &Hello::new("r", "K"));
    let mut flood = Peer::json(server.address(), &Hello::new("f", "K"));
    settled(&mut reader);
    for n in 0..600_u32 {
        flood.submit(&n.to_be_bytes());
    }
    // Others are served meanwhile.
    store(&server, "w", "quiet", &[b"1"]);
    for n in 0..600_u32 {
        assert_eq!(reader.change(), (u64::from(n) + 1, n.to_be_bytes().to_vec()));
    }
}
