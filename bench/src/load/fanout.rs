//! `fanout`: one publisher per room, many subscribers, at a rate or as fast as they take it.

use std::time::Duration;

use super::{
    drive::{Load, WAIT_MAX, drive},
    joining::{self, Names},
    measured::Measured,
    meter::{Meter, MeterOptions},
    net::{Endpoint, Handler, Net},
    payload::{BYTES_MIN, Payloads, Stamp},
    probe::Probe,
};
use crate::{
    error::Error,
    wire::message::{ClientMessage, ServerMessage},
};

/// The numbers of `fanout`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct FanoutOptions {
    /// Rooms
    #[arg(long, default_value_t = Self::default().rooms)]
    pub(crate) rooms: usize,
    /// Subscribers of each room, its publisher not counted
    #[arg(long, default_value_t = Self::default().subscribers)]
    pub(crate) subscribers: usize,
    /// Bytes of each payload
    #[arg(long, default_value_t = Self::default().bytes)]
    pub(crate) bytes: usize,
    /// Messages of a room that may be on their way at the same time
    #[arg(long, default_value_t = Self::default().window)]
    pub(crate) window: u64,
    /// Deliveries per second of all rooms together, evenly spaced; 0 for as many as the window allows
    #[arg(long, default_value_t = Self::default().rate)]
    pub(crate) rate: f64,
}

impl Default for FanoutOptions {
    fn default() -> Self {
        Self { rooms: 1, subscribers: 100, bytes: 128, window: 32, rate: 0.0 }
    }
}

struct Room {
    publisher: usize,
    published: u64,
    delivered: u64,
}

struct Subscriber {
    room: usize,
    received: u64,
}

struct Fanout {
    rooms: Vec<Room>,
    /// By link; publishers have none.
    subscribers: Vec<Option<Subscriber>>,
    per_room: u64,
    window: u64,
    payloads: Payloads,
    /// Nanoseconds between two messages; 0 for none.
    interval: u64,
    due: u64,
    next_room: usize,
    meter: Meter,
}

/// Runs the scenario.
pub(super) fn run(
    options: &FanoutOptions,
    endpoint: &Endpoint,
    meter: &MeterOptions,
    probe: Option<&Probe>,
) -> Result<Measured, Error> {
    if options.rooms == 0 || options.subscribers == 0 || options.window == 0 {
        return Err(Error::Usage("--rooms, --subscribers and --window must not be 0".into()));
    }
    if options.bytes < BYTES_MIN {
        return Err(Error::Usage(format!("--bytes must be at least {BYTES_MIN}")));
    }
    let mut net = Net::new(endpoint)?;
    // The publisher of each room comes first.
    let per_room = options.subscribers + 1;
    let plan = (0..options.rooms * per_room).map(|link| link / per_room);
    let links = joining::join(&mut net, Names::new(), plan, false)?;
    let start = net.now();
    drive(&mut net, meter, probe, "deliveries", |meter| Fanout {
        rooms: links
            .iter()
            .step_by(per_room)
            .map(|&publisher| Room { publisher, published: 0, delivered: 0 })
            .collect(),
        subscribers: links
            .iter()
            .enumerate()
            .map(|(i, _)| {
                let subscriber = Subscriber { room: i / per_room, received: 0 };
                (i % per_room != 0).then_some(subscriber)
            })
            .collect(),
        per_room: options.subscribers as u64,
        window: options.window,
        payloads: Payloads::new(options.bytes),
        interval: interval(options),
        due: start,
        next_room: 0,
        meter,
    })
}

fn interval(options: &FanoutOptions) -> u64 {
    if options.rate > 0.0 { (1e9 * options.subscribers as f64 / options.rate) as u64 } else { 0 }
}

impl Fanout {
    fn publish(&mut self, net: &mut Net, room: usize, sent: u64) {
        let room = &mut self.rooms[room];
        let payload = self.payloads.make(Stamp { sent, counter: room.published });
        room.published += 1;
        net.say(room.publisher, &ClientMessage::Submit { id: room.published, payload });
    }

    /// Publishes what is due. A message that is late still carries the time at which it was due.
    fn keep_rate(&mut self, net: &mut Net) -> Duration {
        let now = net.now();
        while self.due <= now {
            let room = self.next_room;
            self.next_room = (room + 1) % self.rooms.len();
            self.publish(net, room, self.due);
            self.due += self.interval;
        }
        Duration::from_nanos(self.due - now)
    }
}

impl Load for Fanout {
    fn refill(&mut self, net: &mut Net) -> Duration {
        if self.interval > 0 {
            return self.keep_rate(net);
        }
        let now = net.now();
        for index in 0..self.rooms.len() {
            let room = &self.rooms[index];
            let in_flight = room.published - room.delivered / self.per_room;
            for _ in in_flight..self.window {
                self.publish(net, index, now);
            }
        }
        WAIT_MAX
    }

    fn meter(&mut self) -> &mut Meter {
        &mut self.meter
    }

    fn pending(&self) -> u64 {
        self.rooms.iter().map(|room| room.published * self.per_room - room.delivered).sum()
    }
}

impl Handler for Fanout {
    fn opened(&mut self, _net: &mut Net, _link: usize) -> Result<(), Error> {
        Ok(())
    }

    fn message(
        &mut self,
        _net: &mut Net,
        link: usize,
        message: ServerMessage<'_>,
        now: u64,
    ) -> Result<(), Error> {
        let (ServerMessage::Change { sequence, payload }, Some(subscriber)) =
            (message, &mut self.subscribers[link])
        else {
            return Err(Error::Violation(format!("connection {link} got {message:?}")));
        };
        let counter = subscriber.received;
        subscriber.received += 1;
        match self.payloads.check(payload) {
            Some(stamp) if stamp.counter == counter && sequence == counter + 1 => {
                self.rooms[subscriber.room].delivered += 1;
                self.meter.record(now.saturating_sub(stamp.sent), 1);
                Ok(())
            }
            found => Err(Error::Violation(format!(
                "connection {link} expected change {} and got sequence {sequence}, {found:?}",
                counter + 1
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::net::Framing;

    /// One room with a publisher, link 0, that has sent ten messages, and a subscriber, link 1.
    fn one_subscriber() -> (Net, Fanout) {
        let address = ([127, 0, 0, 1], 1).into();
        let endpoint = Endpoint { address, path: "/sync".into(), framing: Framing::Binary };
        let net = Net::new(&endpoint).unwrap();
        let options = MeterOptions { warmup: 0.0, seconds: 1.0 };
        let meter = Meter::new(&options, &net, None);
        let fanout = Fanout {
            rooms: vec![Room { publisher: 0, published: 10, delivered: 0 }],
            subscribers: vec![None, Some(Subscriber { room: 0, received: 0 })],
            per_room: 1,
            window: 1,
            payloads: Payloads::new(BYTES_MIN),
            interval: 0,
            due: 0,
            next_room: 0,
            meter,
        };
        (net, fanout)
    }

    fn change(counter: u64) -> Vec<u8> {
        Payloads::new(BYTES_MIN).make(Stamp { sent: 0, counter }).to_vec()
    }

    #[test]
    fn changes_in_order_count_and_anything_else_is_a_violation() {
        let (mut net, mut fanout) = one_subscriber();
        let mut got = |link, sequence, counter| {
            let payload = change(counter);
            let message = ServerMessage::Change { sequence, payload: &payload };
            fanout.message(&mut net, link, message, 5).is_ok()
        };
        assert!(got(1, 1, 0));
        assert!(got(1, 2, 1));
        assert!(!got(0, 3, 2), "the publisher got its own");
        assert!(!got(1, 4, 3), "one was left out");
        assert_eq!(fanout.pending(), 8);
    }

    #[test]
    fn a_wrong_payload_is_a_violation() {
        let (mut net, mut fanout) = one_subscriber();
        let payload = &change(0)[1..];
        let message = ServerMessage::Change { sequence: 1, payload };
        assert!(fanout.message(&mut net, 1, message, 5).is_err());
    }
}
