//! The maps dialect, from outside: over real sockets, against the whole server.

mod door;
mod follows;
mod forgets;
mod old;
mod pulls;
mod ranges;
mod smoke;
mod tokens;
mod trees;
mod writes;

use syncline::Config;
use syncline_tests::{maps::now_ms, server::TestServer, workspace};

/// Runs a check against a server of one shard and against one of two.
fn each(check: impl Fn(&TestServer)) {
    each_with(|_| (), check);
}

/// The same, with servers that `adapt` has changed.
fn each_with(adapt: impl Fn(&mut Config), check: impl Fn(&TestServer)) {
    for shards in [1, 2] {
        check(&workspace::server(|config| {
            config.http.shards = shards;
            adapt(config);
        }));
    }
}

/// A timestamp of `node`, so many milliseconds from now.
fn at(offset: i64, node: &str) -> String {
    format!("{}:0:{node}", now_ms().saturating_add_signed(offset))
}
