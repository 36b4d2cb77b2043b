//! `snapshot`: newcomers that pull a map of many records from its beginning, again and again.

use std::time::Duration;

use bytes::Bytes;
use syncline_protocol::dialects::maps::proto::{
    Envelope, SyncResponse, envelope::Payload, sync_request::Type,
};

use super::{
    fill::fill,
    records::{KEY_BYTES, Records},
    wire::{self, Connections, Coordinator, Endpoint, Place, envelope, unexpected},
};
use crate::{
    error::Error,
    load::{
        drive::{Load, WAIT_MAX, drive},
        measured::Measured,
        meter::{Meter, MeterOptions},
        probe::Probe,
        sockets::Handler,
    },
};

/// The numbers of `snapshot`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SnapshotOptions {
    /// Records of the map
    #[arg(long, default_value_t = Self::default().keys)]
    pub(crate) keys: u64,
    /// Bytes of each value
    #[arg(long, default_value_t = Self::default().bytes)]
    pub(crate) bytes: usize,
    /// Newcomers that pull at the same time
    #[arg(long, default_value_t = Self::default().readers)]
    pub(crate) readers: usize,
}

impl Default for SnapshotOptions {
    fn default() -> Self {
        Self { keys: 100_000, bytes: 200, readers: 4 }
    }
}

#[derive(Default)]
struct Reader {
    cursor: Bytes,
    /// Records of this snapshot so far.
    got: u64,
    /// When it asked; 0 while it waits for nothing.
    asked: u64,
}

struct Snapshot {
    map: String,
    keys: u64,
    /// The link of the first reader.
    first: usize,
    readers: Vec<Reader>,
    idle: Vec<usize>,
    meter: Meter,
}

/// Runs the scenario. Each page is timed.
pub(super) fn run(
    options: &SnapshotOptions,
    endpoint: &Endpoint,
    meter: &MeterOptions,
    probe: Option<&Probe>,
) -> Result<Measured, Error> {
    if options.keys == 0 || options.readers == 0 {
        return Err(Error::Usage("--keys and --readers must not be 0".into()));
    }
    let mut sockets = wire::connections(endpoint)?;
    let mut records = Records::new(options.bytes)?;
    fill(&mut sockets, &mut records, (0..options.keys).map(|number| (number, 0)))?;
    let links = wire::open(&mut sockets, (0..options.readers).map(|_| Place::default()))?;
    let (mut measured, _) = drive(&mut sockets, meter, probe, "records", |meter| Snapshot {
        map: records.map.clone(),
        keys: options.keys,
        first: links[0],
        readers: links.iter().map(|_| Reader::default()).collect(),
        idle: (0..links.len()).collect(),
        meter,
    })?;
    let record_bytes = (KEY_BYTES + records.bytes) as f64;
    let rate = measured.per_second() * record_bytes / 1e6;
    measured.extra.push(("megabytes_per_second", rate));
    Ok(measured)
}

impl Snapshot {
    fn take(&mut self, number: usize, page: &SyncResponse) -> bool {
        let reader = &mut self.readers[number];
        reader.got += page.ops.len() as u64;
        if page.more {
            reader.cursor.clone_from(&page.cursor);
            return reader.got < self.keys;
        }
        let whole = reader.got == self.keys && page.count == self.keys;
        *reader = Reader { asked: reader.asked, ..Reader::default() };
        whole
    }
}

impl Load for Snapshot {
    type Links = Connections;

    fn refill(&mut self, sockets: &mut Connections) -> Duration {
        for number in self.idle.drain(..) {
            let reader = &mut self.readers[number];
            reader.asked = sockets.now();
            let mut request = wire::request(Type::PullSince, &self.map);
            request.cursor.clone_from(&reader.cursor);
            sockets.say(self.first + number, &envelope(Payload::SyncReq(request)));
        }
        WAIT_MAX
    }

    fn turn(&mut self, sockets: &mut Connections, wait: Duration) -> Result<(), Error> {
        sockets.turn(wait, self)
    }

    fn meter(&mut self) -> &mut Meter {
        &mut self.meter
    }

    fn pending(&self) -> u64 {
        self.readers.iter().filter(|reader| reader.asked > 0).count() as u64
    }
}

impl Handler<Coordinator> for Snapshot {
    fn message(
        &mut self,
        _: &mut Connections,
        link: usize,
        message: Envelope,
        now: u64,
    ) -> Result<(), Error> {
        let number = link - self.first;
        let Some(Payload::SyncResp(page)) = &message.payload else {
            return Err(unexpected(link, &message));
        };
        if !self.take(number, page) {
            let what = format!("connection {link} got another snapshot than was written");
            return Err(Error::Violation(what));
        }
        let asked = std::mem::take(&mut self.readers[number].asked);
        self.meter.record(now.saturating_sub(asked), page.ops.len() as u64);
        self.idle.push(number);
        Ok(())
    }
}
