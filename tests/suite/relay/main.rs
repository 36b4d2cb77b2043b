//! The relay dialect over real sockets, check by check. Knows the wire; nothing of the server's
//! insides. `check_NN` are the numbered checks that every server of the dialect must pass.

mod binary;
mod bounds;
mod crowd;
mod damage;
mod deadlines;
mod hello;
mod many;
mod model;
mod payloads;
mod privacy;
mod replay;
mod routing;
mod spread;

use syncline_tests::{
    relay::{Hello, Peer},
    server::TestServer,
};

/// A server with default limits.
fn server() -> TestServer {
    TestServer::start(|_| ())
}

/// Stores changes, one payload each, and returns when they are durable.
fn store(server: &TestServer, client: &str, key: &str, payloads: &[&[u8]]) {
    let mut peer = Peer::json(server.address(), &Hello::new(client, key).with_ack());
    for payload in payloads {
        peer.submit(payload);
        peer.message();
    }
}

/// Makes sure that everything `peer` has sent so far has been acted on: what came before a ping of
/// the same connection has been read when its pong comes.
fn settled(peer: &mut Peer) {
    use syncline_tests::ws::{FIN, PING, PONG};
    peer.socket().send(FIN | PING, b"there?");
    assert_eq!(peer.socket().frame().opcode(), PONG);
}
