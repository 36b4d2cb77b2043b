//! What the black-box suites share: servers to talk to, raw sockets, the house rules' measures.
//!
//! Nothing here knows the insides of a part: servers are reached over sockets, sources as text.

pub mod browser;
pub mod dice;
pub mod house;
pub mod http;
pub mod maps;
pub mod oplog;
pub mod peer;
pub mod process;
pub mod receiver;
pub mod relay;
pub mod server;
pub mod workspace;
pub mod ws;

use std::time::{Duration, Instant};

/// How long a suite waits for something that must happen before it calls the test failed. Long,
/// because machines are shared and slow; nothing is measured with it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Asks again and again until there is an answer.
///
/// # Panics
/// When there is none within [`PATIENCE`].
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "waited too long: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
