//! The oplog dialect over real sockets. Knows the wire; nothing of the server's insides.

mod app;
mod bodies;
mod death;
mod errors;
mod pages;
mod streaming;
mod tenants;
mod waiting;
mod wire;

use syncline_tests::{oplog::Client, server::TestServer};

/// A server with default limits, and a client of it.
fn served() -> (TestServer, Client) {
    let server = TestServer::start(|_| ());
    let client = Client::new(server.address(), "client-a");
    (server, client)
}
