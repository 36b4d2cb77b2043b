//! The machines that ask, answer, compare and keep time: each alone, and those that ask and answer
//! together, in virtual time.

mod consistency;
mod election;
mod forms;
mod requester;
mod round;
mod time;

use std::time::Duration;

use syncline_protocol::dialects::peer::{
    id::{PeerId, RequestId},
    now::Now,
};

/// The moment so many milliseconds after the beginning.
fn at(ms: u64) -> Now {
    let wall_micros = 1_700_000_000_000_000 + i64::try_from(ms).unwrap() * 1000;
    Now { elapsed: Duration::from_millis(ms), wall_micros }
}

fn peer(name: &str) -> PeerId {
    PeerId::new(name).unwrap()
}

fn request(name: &str) -> RequestId {
    RequestId::new(name).unwrap()
}
