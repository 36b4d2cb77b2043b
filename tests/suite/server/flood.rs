//! Peers that send without end: the server neither grows nor stops.

use std::time::Duration;

use syncline_tests::{
    http::get,
    process::Serving,
    relay::PATH,
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
