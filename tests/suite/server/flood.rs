//! Peers that send without end: the server neither grows nor stops.

use std::time::Duration;

use syncline_engine::{Options, Store};
use syncline_tests::{
    http::get,
    process::Serving,
    relay::{Hello, Message, PATH, Peer},
    server::TestServer,
    until,
    ws::{FIN, PING, Socket, masked},
};
use tempfile::TempDir;

#[test]
fn pings_without_end_do_not_fill_the_server() {
    const PINGS_PER_TURN: usize = 4_000;
    const TURNS: usize = 100;
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path(), &[]);
    let mut socket = Socket::open(serving.address(), PATH);
    // The server may read no further once its pongs are not taken: then sending stops.
    socket.raw().stream().set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let before = serving.resident_bytes();
    let pings = masked(FIN | PING, &[7; 125]).repeat(PINGS_PER_TURN);
    let sent = (0..TURNS).take_while(|_| socket.raw().send(&pings)).count();
    let grown = serving.resident_bytes().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes after {} pings", sent * PINGS_PER_TURN);
    assert_eq!(get(serving.address(), "/livez").status, 200);
}

#[test]
fn visitors_who_come_and_go_leave_nothing_behind() {
    let server = TestServer::start(|_| ());
    for round in 0..20 {
        let mut visitors: Vec<Peer> = (0..50)
            .map(|n| Hello::new("visitor", &format!("key {round} {n}")).after(7))
            .map(|hello| Peer::binary(server.address(), &hello))
            .collect();
        for visitor in &mut visitors {
            assert_eq!(visitor.message(), Message::CaughtUp(0));
        }
    }
    until("all have left", || {
        let metrics = get(server.address(), "/metrics").text();
        let none = |name: &str| metrics.lines().any(|line| line == format!("{name} 0"));
        (none("syncline_sessions") && none("syncline_rooms")).then_some(())
    });
    let dir = server.stop();
    let store = Store::open(dir.path().join("data"), Options::default()).unwrap();
    assert_eq!(store.report().records, 0, "asking for a key does not make it");
}
