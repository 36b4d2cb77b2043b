//! Messages that never end: all connections together keep only so much of them.

use syncline_tests::{
    relay::{Hello, PATH, Peer},
    server::TestServer,
    ws::{BINARY, FIN, Socket, head},
};

const MESSAGE_BYTES_MAX: usize = 256 << 10;
const CONNECTIONS: usize = 48;

#[test]
fn unfinished_messages_fill_no_more_than_their_share() {
    let server = TestServer::start(|c| c.limits.message_bytes_max = MESSAGE_BYTES_MAX);
    let mut begun = head(FIN | BINARY, 0x80, MESSAGE_BYTES_MAX as u64);
    begun.resize(begun.len() + 4 + MESSAGE_BYTES_MAX - 1, 0);
    let mut sockets: Vec<Socket> = (0..CONNECTIONS)
        .map(|_| {
            let mut socket = Socket::open(server.address(), PATH);
            socket.raw().send(&begun);
            socket
        })
        .collect();
    let (mut kept, mut refused) = (0, 0);
    for socket in &mut sockets {
        // Those that were taken get their pong when the message has its end.
        socket.raw().send(&[0, 0x89, 0x80, 0, 0, 0, 0]);
        match socket.frame() {
            frame if frame.close_code() == Some(1013) => refused += 1,
            frame => {
                assert_eq!(frame.first, 0x8a, "a pong");
                kept += 1;
            }
        }
    }
    assert!(kept >= 15 && refused > 0, "{kept} kept, {refused} refused");
    let mut peer = Peer::json(server.address(), &Hello::new("a", "K").with_ack());
    peer.submit(b"x");
    peer.message();
}
