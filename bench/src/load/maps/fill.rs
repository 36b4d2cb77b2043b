//! Filling a map before something else is measured.

use syncline_protocol::dialects::maps::proto::{
    Envelope, SyncRequest, envelope::Payload, sync_request::Type,
};

use super::{
    records::Records,
    wire::{self, Connections, Coordinator, Place, envelope, unexpected},
};
use crate::{
    error::Error,
    load::{drive::WAIT_MAX, sockets::Handler},
};

const BATCH_OPS: usize = 1000;
/// Pushes on their way at once.
const WINDOW: u64 = 8;
/// Nothing taken for so long means that something was lost.
const STALL_NANOS: u64 = 20_000_000_000;

struct Fill {
    link: usize,
    /// Operations of each push that waits for its acknowledgement.
    taken: u64,
    pushed: u64,
    ops_taken: u64,
}

impl Handler<Coordinator> for Fill {
    fn message(
        &mut self,
        _: &mut Connections,
        link: usize,
        message: Envelope,
        _now: u64,
    ) -> Result<(), Error> {
        match &message.payload {
            Some(Payload::Ack(ack)) if link == self.link && ack.results.is_empty() => {
                self.taken += 1;
                self.ops_taken += u64::from(ack.applied);
                Ok(())
            }
            _ => Err(unexpected(link, &message)),
        }
    }
}

/// Writes records, each with its version, on a connection of its own; all are applied when this returns.
pub(super) fn fill(
    sockets: &mut Connections,
    records: &mut Records,
    what: impl IntoIterator<Item = (u64, u64)>,
) -> Result<(), Error> {
    let link = wire::open(sockets, [Place::writer(records.node())])?[0];
    let mut fill = Fill { link, taken: 0, pushed: 0, ops_taken: 0 };
    let (mut what, mut ops_pushed) = (what.into_iter().peekable(), 0);
    let mut progress = (0, sockets.now());
    while what.peek().is_some() || fill.taken < fill.pushed {
        while fill.pushed - fill.taken < WINDOW && what.peek().is_some() {
            let numbers = what.by_ref().take(BATCH_OPS);
            let ops: Vec<_> =
                numbers.map(|(number, version)| records.op(number, version)).collect();
            ops_pushed += ops.len() as u64;
            let push = SyncRequest { r#type: Type::Push.into(), ops, ..SyncRequest::default() };
            sockets.say(link, &envelope(Payload::SyncReq(push)));
            fill.pushed += 1;
        }
        sockets.turn(WAIT_MAX, &mut fill)?;
        if progress.0 != fill.taken {
            progress = (fill.taken, sockets.now());
        } else if sockets.now() - progress.1 > STALL_NANOS {
            let (taken, pushed) = (fill.ops_taken, ops_pushed);
            return Err(Error::Server(format!("{taken} of {pushed} records are written")));
        }
    }
    sockets.close(link);
    if fill.ops_taken != ops_pushed {
        let taken = fill.ops_taken;
        return Err(Error::Violation(format!("{taken} of {ops_pushed} records were applied")));
    }
    Ok(())
}
