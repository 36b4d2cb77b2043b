//! `fanout`: one publisher per room, many subscribers, at a rate or as fast as they take it.
//!
//! The same for every dialect over WebSocket: what a message is, is said by [`Fans`].

use std::{marker::PhantomData, time::Duration};

use super::{
    drive::{Load, WAIT_MAX, drive},
    measured::Measured,
    meter::{Meter, MeterOptions},
    payload::{Payloads, Stamp},
    probe::Probe,
    sockets::{Handler, Sockets, Wire},
};
use crate::error::Error;

/// How a dialect publishes and is told.
pub(super) trait Fans: Wire + Sized {
    /// Publishes the payload with this stamp on a link.
    fn publish(sockets: &mut Sockets<Self>, link: usize, payloads: &mut Payloads, stamp: Stamp);

    /// Calls `each` with the stamps of what was published and this message carries to a subscriber, from its
    /// `counter`th on, counted from 0; false when it carries something else.
    fn carried(
        &self,
        message: &Self::In<'_>,
        payloads: &Payloads,
        counter: u64,
        each: impl FnMut(Stamp),
    ) -> bool;

    /// Whether a message tells a publisher that what it published was taken, and nothing else.
    fn accepts_publishing(&self, _message: &Self::In<'_>) -> bool {
        false
    }
}

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

struct Fanout<W> {
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
    wire: PhantomData<W>,
}

/// Checks the numbers.
pub(super) fn check(options: &FanoutOptions, bytes_min: usize) -> Result<(), Error> {
    if options.rooms == 0 || options.subscribers == 0 || options.window == 0 {
        return Err(Error::Usage("--rooms, --subscribers and --window must not be 0".into()));
    }
    if options.bytes < bytes_min {
        return Err(Error::Usage(format!("--bytes must be at least {bytes_min}")));
    }
    Ok(())
}

/// The room of each connection, in the order in which they are opened: the publisher of a room comes
/// first.
pub(super) fn plan(options: &FanoutOptions) -> impl Iterator<Item = usize> + use<> {
    let per_room = options.subscribers + 1;
    (0..options.rooms * per_room).map(move |link| link / per_room)
}

/// Runs the scenario on links that were opened as [`plan`] says.
pub(super) fn run<W: Fans>(
    options: &FanoutOptions,
    sockets: &mut Sockets<W>,
    links: &[usize],
    payloads: Payloads,
    (meter, probe): (&MeterOptions, Option<&Probe>),
) -> Result<Measured, Error> {
    let per_room = options.subscribers + 1;
    let start = sockets.now();
    let (measured, _) = drive(sockets, meter, probe, "deliveries", |meter| Fanout {
        rooms: links
            .iter()
            .step_by(per_room)
            .map(|&publisher| Room { publisher, published: 0, delivered: 0 })
            .collect(),
        subscribers: (0..links.len())
            .map(|i| {
                let subscriber = Subscriber { room: i / per_room, received: 0 };
                (i % per_room != 0).then_some(subscriber)
            })
            .collect(),
        per_room: options.subscribers as u64,
        window: options.window,
        payloads,
        interval: interval(options),
        due: start,
        next_room: 0,
        meter,
        wire: PhantomData,
    })?;
    Ok(measured)
}

fn interval(options: &FanoutOptions) -> u64 {
    if options.rate > 0.0 { (1e9 * options.subscribers as f64 / options.rate) as u64 } else { 0 }
}

impl<W: Fans> Fanout<W> {
    fn publish(&mut self, net: &mut Sockets<W>, room: usize, sent: u64) {
        let room = &mut self.rooms[room];
        let stamp = Stamp { sent, counter: room.published };
        room.published += 1;
        W::publish(net, room.publisher, &mut self.payloads, stamp);
    }

    /// Publishes what is due. A message that is late still carries the time at which it was due.
    fn keep_rate(&mut self, net: &mut Sockets<W>) -> Duration {
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

impl<W: Fans> Load for Fanout<W> {
    type Links = Sockets<W>;

    fn refill(&mut self, net: &mut Sockets<W>) -> Duration {
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

    fn turn(&mut self, net: &mut Sockets<W>, wait: Duration) -> Result<(), Error> {
        net.turn(wait, self)
    }

    fn meter(&mut self) -> &mut Meter {
        &mut self.meter
    }

    fn pending(&self) -> u64 {
        self.rooms.iter().map(|room| room.published * self.per_room - room.delivered).sum()
    }
}

impl<W: Fans> Handler<W> for Fanout<W> {
    fn message(
        &mut self,
        sockets: &mut Sockets<W>,
        link: usize,
        message: W::In<'_>,
        now: u64,
    ) -> Result<(), Error> {
        let Some(subscriber) = &mut self.subscribers[link] else {
            if sockets.wire().accepts_publishing(&message) {
                return Ok(());
            }
            return Err(Error::Violation(format!("connection {link} publishes and got a message")));
        };
        let (first, meter) = (subscriber.received, &mut self.meter);
        let mut in_order = true;
        let carried = sockets.wire().carried(&message, &self.payloads, first, |stamp| {
            in_order &= stamp.counter == subscriber.received;
            subscriber.received += 1;
            meter.record(now.saturating_sub(stamp.sent), 1);
        });
        if !carried || !in_order {
            let what = format!("connection {link} expected message {first} and got another");
            return Err(Error::Violation(what));
        }
        self.rooms[subscriber.room].delivered += subscriber.received - first;
        Ok(())
    }
}

/// A room with a publisher, link 0, that has published ten messages, and a subscriber, link 1.
#[cfg(test)]
pub(super) fn one_subscriber<W: Fans>(
    sockets: &Sockets<W>,
    payloads: Payloads,
) -> impl Load<Links = Sockets<W>> + Handler<W> + use<W> {
    let options = MeterOptions { warmup: 0.0, seconds: 1.0 };
    Fanout {
        rooms: vec![Room { publisher: 0, published: 10, delivered: 0 }],
        subscribers: vec![None, Some(Subscriber { room: 0, received: 0 })],
        per_room: 1,
        window: 1,
        payloads,
        interval: 0,
        due: 0,
        next_room: 0,
        meter: Meter::new(&options, sockets.as_ref(), None),
        wire: PhantomData,
    }
}
