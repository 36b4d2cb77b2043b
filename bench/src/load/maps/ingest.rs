//! `ingest`: writers that push operations and keep several pushes waiting for their acknowledgement.

use std::{collections::VecDeque, fmt::Write as _, time::Duration};

use bytes::Bytes;
use syncline_protocol::dialects::maps::proto::{
    Ack, Envelope, OperationMessage, SyncRequest, envelope::Payload, sync_request::Type,
};

use super::{
    asker::{Asker, root_question},
    records::{new_map, now_ms},
    wire::{self, Connections, Coordinator, Endpoint, Place, unexpected},
};
use crate::{
    error::Error,
    load::{
        drive::{Load, WAIT_MAX, drive},
        measured::Measured,
        meter::{Meter, MeterOptions},
        payload::{BYTES_MIN, Payloads, Stamp},
        probe::Probe,
        sockets::Handler,
    },
};

/// The numbers of `ingest`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct IngestOptions {
    /// Writers
    #[arg(long, default_value_t = Self::default().connections)]
    pub(crate) connections: usize,
    /// Operations of each push; a single one is sent as such
    #[arg(long, default_value_t = Self::default().ops)]
    pub(crate) ops: u64,
    /// Pushes of each writer that may wait for their acknowledgement
    #[arg(long, default_value_t = Self::default().window)]
    pub(crate) window: u64,
    /// Keys of each writer, set in turn
    #[arg(long, default_value_t = Self::default().keys)]
    pub(crate) keys: u64,
    /// Maps; writers are spread over them
    #[arg(long, default_value_t = Self::default().maps)]
    pub(crate) maps: usize,
    /// Bytes of each value
    #[arg(long, default_value_t = Self::default().bytes)]
    pub(crate) bytes: usize,
}

impl Default for IngestOptions {
    fn default() -> Self {
        Self { connections: 64, ops: 10, window: 8, keys: 1_000, maps: 1, bytes: 128 }
    }
}

impl IngestOptions {
    fn check(&self) -> Result<(), Error> {
        let least = [self.connections, self.maps].into_iter().min();
        if least == Some(0) || self.ops == 0 || self.window == 0 || self.keys < self.ops {
            let words =
                "--connections, --ops, --window and --maps must not be 0, --keys at least --ops";
            return Err(Error::Usage(words.into()));
        }
        if self.bytes < BYTES_MIN {
            return Err(Error::Usage(format!("--bytes must be at least {BYTES_MIN}")));
        }
        Ok(())
    }
}

#[derive(Default)]
struct Writer {
    /// Operations.
    sent: u64,
    taken: u64,
    /// When each push that waits was sent.
    waiting: VecDeque<u64>,
}

struct Ingest {
    options: IngestOptions,
    /// The maps' names begin with this.
    run: String,
    started_ms: u64,
    durable: bool,
    /// By link.
    writers: Vec<Writer>,
    /// Links whose window is not full.
    due: Vec<usize>,
    payloads: Payloads,
    /// The push that is being written, kept for its memory.
    push: SyncRequest,
    meter: Meter,
}

/// Runs the scenario.
pub(super) fn run(
    options: &IngestOptions,
    endpoint: &Endpoint,
    meter: &MeterOptions,
    probe: Option<&Probe>,
) -> Result<Measured, Error> {
    options.check()?;
    let mut sockets = wire::connections(endpoint)?;
    let places = (0..options.connections).map(|link| Place::writer(node(link)));
    let links = wire::open(&mut sockets, places)?;
    let run = new_map();
    let (measured, load) = drive(&mut sockets, meter, probe, "operations", |meter| Ingest {
        run,
        started_ms: now_ms(),
        durable: endpoint.durable,
        writers: links.iter().map(|_| Writer::default()).collect(),
        due: links,
        payloads: Payloads::new(options.bytes),
        push: SyncRequest { r#type: Type::Push.into(), ..SyncRequest::default() },
        meter,
        options: options.clone(),
    })?;
    load.check_maps(&mut sockets)?;
    Ok(measured)
}

fn node(link: usize) -> String {
    format!("bench-{link}")
}

impl Ingest {
    fn map(&self, link: usize) -> String {
        format!("{}-{}", self.run, link % self.options.maps)
    }

    /// Writes the next operation of a writer over one that was sent.
    fn set(&mut self, link: usize, op: &mut OperationMessage, sent: u64) {
        let counter = self.writers[link].sent;
        self.writers[link].sent += 1;
        op.key.clear();
        op.timestamp.clear();
        // Writing to a string cannot fail.
        let _ = write!(op.key, "bench-{link:05}-{:09}", counter % self.options.keys);
        let _ = write!(op.timestamp, "{}:{counter}:bench-{link}", self.started_ms);
        op.value = Bytes::copy_from_slice(self.payloads.make(Stamp { sent, counter }));
    }

    fn say(&mut self, sockets: &mut Connections, link: usize, sent: u64) {
        let map = self.map(link);
        let mut ops = std::mem::take(&mut self.push.ops);
        ops.resize_with(self.options.ops as usize, OperationMessage::default);
        for op in &mut ops {
            if op.map_name != map {
                op.map_name.clone_from(&map);
            }
            self.set(link, op, sent);
        }
        let correlation_id = self.writers[link].sent.to_string();
        let single = ops.len() == 1;
        let payload = match ops.pop() {
            Some(op) if single => Payload::Op(op),
            last => {
                ops.extend(last);
                Payload::SyncReq(SyncRequest { ops, ..std::mem::take(&mut self.push) })
            }
        };
        let message = Envelope { correlation_id, payload: Some(payload) };
        sockets.say(link, &message);
        match message.payload {
            Some(Payload::SyncReq(push)) => self.push = push,
            Some(Payload::Op(op)) => self.push.ops = vec![op],
            _ => {}
        }
        self.writers[link].waiting.push_back(sent);
    }

    /// Every map must hold what was written to it, and nothing else.
    fn check_maps(&self, sockets: &mut Connections) -> Result<(), Error> {
        let mut asker = Asker::open(sockets)?;
        let maps = self.options.maps.min(self.writers.len());
        for first in 0..maps.min(16) {
            let writers = self.writers.iter().skip(first).step_by(self.options.maps);
            let wanted: u64 = writers.map(|writer| writer.sent.min(self.options.keys)).sum();
            let map = self.map(first);
            let found = asker.ask(sockets, root_question(&map, None))?[0].count;
            if found != wanted {
                let what = format!("{map} holds {found} records of {wanted}");
                return Err(Error::Violation(what));
            }
        }
        Ok(())
    }

    fn is_right(&self, link: usize, id: &str, ack: &Ack) -> bool {
        let Writer { sent, taken, .. } = self.writers[link];
        let now = taken + self.options.ops;
        let all = ack.results.is_empty() && u64::from(ack.applied) == self.options.ops;
        now <= sent && id.parse() == Ok(now) && all && ack.durable == self.durable
    }
}

impl Load for Ingest {
    type Links = Connections;

    fn refill(&mut self, sockets: &mut Connections) -> Duration {
        let sent = sockets.now();
        for link in std::mem::take(&mut self.due) {
            while (self.writers[link].waiting.len() as u64) < self.options.window {
                self.say(sockets, link, sent);
            }
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
        self.writers.iter().map(|writer| writer.sent - writer.taken).sum()
    }
}

impl Handler<Coordinator> for Ingest {
    fn message(
        &mut self,
        _: &mut Connections,
        link: usize,
        message: Envelope,
        now: u64,
    ) -> Result<(), Error> {
        match &message.payload {
            Some(Payload::Ack(ack)) if self.is_right(link, &message.correlation_id, ack) => {}
            _ => return Err(unexpected(link, &message)),
        }
        let writer = &mut self.writers[link];
        if writer.waiting.len() as u64 == self.options.window {
            self.due.push(link);
        }
        writer.taken += self.options.ops;
        let sent = writer.waiting.pop_front().unwrap_or(now);
        self.meter.record(now.saturating_sub(sent), self.options.ops);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One writer that sent two pushes of three operations.
    fn two_pushes() -> (Connections, Ingest) {
        let endpoint =
            Endpoint { address: ([127, 0, 0, 1], 1).into(), token: "t".into(), durable: true };
        let sockets = wire::connections(&endpoint).unwrap();
        let meter = MeterOptions { warmup: 0.0, seconds: 1.0 };
        let ingest = Ingest {
            options: IngestOptions { ops: 3, window: 2, ..IngestOptions::default() },
            run: "m".into(),
            started_ms: 1,
            durable: true,
            writers: vec![Writer { sent: 6, taken: 0, waiting: [1, 2].into() }],
            due: Vec::new(),
            payloads: Payloads::new(BYTES_MIN),
            push: SyncRequest::default(),
            meter: Meter::new(&meter, sockets.as_ref(), None),
        };
        (sockets, ingest)
    }

    fn ack(id: &str, applied: u32, durable: bool) -> Envelope {
        let ack = Ack { applied, durable, ..Ack::default() };
        Envelope { correlation_id: id.into(), payload: Some(Payload::Ack(ack)) }
    }

    #[test]
    fn acknowledgements_come_in_order_and_for_all() {
        let (mut sockets, mut ingest) = two_pushes();
        let mut got = |id, applied, durable| {
            ingest.message(&mut sockets, 0, ack(id, applied, durable), 7).is_ok()
        };
        assert!(!got("6", 3, true), "the second before the first");
        assert!(!got("3", 2, true), "one was not applied");
        assert!(!got("3", 3, false), "it is not durable");
        assert!(got("3", 3, true) && got("6", 3, true));
        assert!(!got("9", 3, true), "nothing of it was sent");
        assert_eq!((ingest.pending(), ingest.due.len()), (0, 1));
    }
}
