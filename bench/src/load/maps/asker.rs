//! A client that asks one question and waits for all of its answer, counting what both cost.

use prost::Message as _;
use syncline_protocol::dialects::maps::proto::{
    Envelope, SyncRequest, SyncResponse, envelope::Payload, sync_request::Type,
};

use super::wire::{self, Connections, Coordinator, Place, envelope, unexpected};
use crate::{
    error::Error,
    load::{drive::WAIT_MAX, sockets::Handler},
    wire::frame,
};

/// How long an answer may take: a map of many records may have to be read first.
const ANSWER_NANOS: u64 = 60_000_000_000;

/// A client that asks.
pub(super) struct Asker {
    link: usize,
    /// Questions asked.
    pub(super) questions: u64,
    /// Bytes of the frames sent, heads and all.
    pub(super) up: u64,
    /// Bytes of the frames received.
    pub(super) down: u64,
}

/// The parts of one answer.
struct Parts {
    link: usize,
    came: Vec<SyncResponse>,
    down: u64,
    whole: bool,
    /// Whether the next part must be asked for.
    paged: bool,
}

impl Handler<Coordinator> for Parts {
    fn message(
        &mut self,
        _: &mut Connections,
        link: usize,
        mut message: Envelope,
        _now: u64,
    ) -> Result<(), Error> {
        self.down += frame::frame_bytes(message.encoded_len(), false) as u64;
        match message.payload.take() {
            Some(Payload::SyncResp(part)) if link == self.link && !self.whole => {
                self.whole = self.paged || !part.more;
                self.came.push(part);
                Ok(())
            }
            payload => {
                message.payload = payload;
                Err(unexpected(link, &message))
            }
        }
    }
}

impl Asker {
    /// A client that was let in just now.
    pub(super) fn open(sockets: &mut Connections) -> Result<Self, Error> {
        let link = wire::open(sockets, [Place::default()])?[0];
        Ok(Self { link, questions: 0, up: 0, down: 0 })
    }

    /// Closes the connection.
    pub(super) fn close(self, sockets: &mut Connections) {
        sockets.close(self.link);
    }

    /// Asks, and waits for the whole answer: its parts, at least one.
    pub(super) fn ask(
        &mut self,
        sockets: &mut Connections,
        request: SyncRequest,
    ) -> Result<Vec<SyncResponse>, Error> {
        let paged = request.r#type() == Type::PullSince;
        let question = envelope(Payload::SyncReq(request));
        self.questions += 1;
        self.up += frame::frame_bytes(question.encoded_len(), true) as u64;
        sockets.say(self.link, &question);
        let mut parts = Parts { link: self.link, came: Vec::new(), down: 0, whole: false, paged };
        let deadline = sockets.now() + ANSWER_NANOS;
        while !parts.whole {
            sockets.turn(WAIT_MAX, &mut parts)?;
            if sockets.now() > deadline {
                return Err(Error::Server("a question was not answered".into()));
            }
        }
        self.down += parts.down;
        Ok(parts.came)
    }
}

/// A question for the hashes of a map, by somebody who may have this root.
pub(super) fn root_question(map: &str, root: Option<[u8; 16]>) -> SyncRequest {
    let mut request = wire::request(Type::MerkleHashReq, map);
    (request.depth, request.levels) = (1, 1);
    request.root_hash = root.map(Vec::from).unwrap_or_default().into();
    request
}
