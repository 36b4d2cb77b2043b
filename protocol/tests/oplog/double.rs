//! A server in a few lines: a dataset in memory, asked with bodies and answering with bodies.

use serde_json::{Value, json};
use syncline_protocol::{
    dialect::{
        Dialect, Member, Refused, Room, UnixMillis,
        memory::{Effect, Memory, Seen},
    },
    dialects::oplog::{
        self, Answer, BadRequest, Checkpoint, Command, Limits, Oplog, Pull, Push, Records, Reply,
        Request, Reset, Scopes,
    },
};

/// The JSON string of the empty snapshot.
pub(crate) const NO_SNAPSHOT: &str = "\"\"";

/// One dataset.
pub(crate) struct Dataset {
    oplog: Oplog,
    room: oplog::Room,
    pub(crate) memory: Memory,
    pub(crate) now: u64,
    /// How many keys were made.
    made: u64,
}

impl Dataset {
    pub(crate) fn new(limits: Limits) -> Self {
        let oplog = Oplog::new(limits);
        let room = oplog.room("default");
        Self { oplog, room, memory: Memory::default(), now: 1_000, made: 0 }
    }

    /// One without a limit that was asked once, and its key.
    pub(crate) fn begun() -> (Self, String) {
        let mut dataset = Self::new(Limits::default());
        let key = key_of(&dataset.bootstrap());
        (dataset, key)
    }

    /// The room goes; its collections stay.
    pub(crate) fn restart(&mut self) {
        self.room = self.oplog.room("default");
    }

    pub(crate) fn ask(&mut self, request: Request) -> Result<Answer, Refused> {
        self.made += 1;
        self.command(Command::new(request, self.candidate()))
    }

    pub(crate) fn command(&mut self, command: Command) -> Result<Answer, Refused> {
        let mut seen = Seen::default();
        let now = UnixMillis(self.now);
        let applied = self.room.apply(Member::CALLER, command, now, &mut self.memory, &mut seen);
        applied.expect("memory can be read");
        match <[_; 1]>::try_from(seen.0) {
            Ok([Effect::Answer(answer)]) => Ok(answer),
            Ok([Effect::Refuse { from: Member::CALLER, why }]) => Err(why),
            other => panic!("one answer to each command: {other:?}"),
        }
    }

    /// The key that came with the last command.
    pub(crate) fn candidate(&self) -> String {
        format!("made-{}", self.made)
    }

    pub(crate) fn answer(&mut self, request: Request) -> Answer {
        self.ask(request).expect("no limit is in the way")
    }

    pub(crate) fn bootstrap(&mut self) -> Answer {
        self.answer(Request::Bootstrap)
    }

    /// Pushes operations that are JSON texts.
    pub(crate) fn push(&mut self, client: &str, key: &str, ops: &[String]) -> Answer {
        self.answer(push(client, key, ops))
    }

    pub(crate) fn pull(&mut self, client: &str, key: &str, since: u64) -> Answer {
        self.answer(pull(client, key, since))
    }

    pub(crate) fn reset(&mut self, key: &str, snapshot: &str) -> Answer {
        self.answer(reset(key, snapshot))
    }

    pub(crate) fn checkpoint(
        &mut self,
        client: &str,
        key: &str,
        server_seq: u64,
        snapshot: &str,
    ) -> Answer {
        self.answer(checkpoint(client, key, server_seq, snapshot))
    }

    /// The records of an answer, as the log has them.
    pub(crate) fn records(&self, records: Records) -> Vec<String> {
        let Records { after, last } = records;
        let index = |seq: u64| usize::try_from(seq - self.memory.trimmed).unwrap();
        let kept = &self.memory.log[index(after)..index(last)];
        kept.iter().map(|record| String::from_utf8(record.clone()).unwrap()).collect()
    }

    /// An answer as its client sees it: status and body.
    pub(crate) fn shown(&self, reply: Reply) -> (u16, String) {
        let records = reply.records.map_or(Vec::new(), |records| self.records(records));
        let head: Vec<u8> = reply.head.concat();
        let body = String::from_utf8(head).unwrap() + &records.join(",") + reply.tail;
        serde_json::from_str::<Value>(&body).expect("a body is JSON");
        (reply.status, body)
    }

    /// The operations that a client gets of everything under `key` after `since`.
    pub(crate) fn pulled(&mut self, key: &str, since: u64) -> Vec<Value> {
        let answer = self.pull("a reader", key, since);
        let (200, body) = self.shown(answer.into_reply()) else {
            panic!("a pull that is answered")
        };
        let body: Value = serde_json::from_str(&body).unwrap();
        body["ops"].as_array().unwrap().clone()
    }
}

pub(crate) fn push(client: &str, key: &str, ops: &[String]) -> Request {
    let body = format!(
        r#"{{"clientId":"{client}","datasetGenerationKey":"{key}","ops":[{}]}}"#,
        ops.join(",")
    );
    Request::Push(Push::decode(body.as_bytes(), Scopes::Any).expect("a push"))
}

pub(crate) fn pull(client: &str, key: &str, since: u64) -> Request {
    let since = since.to_string();
    Request::Pull(Pull::new(Some(&since), Some(client), Some(key)).expect("a pull"))
}

pub(crate) fn reset(key: &str, snapshot: &str) -> Request {
    let body = json!({"clientId": "resetter", "datasetGenerationKey": key, "snapshot": snapshot});
    Request::Reset(Reset::decode(body.to_string().as_bytes()).expect("a reset"))
}

pub(crate) fn checkpoint(client: &str, key: &str, server_seq: u64, snapshot: &str) -> Request {
    let body = json!({
        "clientId": client,
        "datasetGenerationKey": key,
        "serverSeq": server_seq,
        "snapshot": snapshot,
    });
    Request::Checkpoint(Checkpoint::decode(body.to_string().as_bytes()).expect("a checkpoint"))
}

/// An operation of `actor` in one list.
pub(crate) fn op(actor: &str, clock: u64) -> String {
    op_with(actor, clock, &format!(r#"{{"of":"{actor}","n":{clock}}}"#))
}

pub(crate) fn op_with(actor: &str, clock: u64, payload: &str) -> String {
    let place = r#""scope":"list","resourceId":"list-1""#;
    format!(r#"{{{place},"actor":"{actor}","clock":{clock},"payload":{payload}}}"#)
}

/// The key that an answer names.
pub(crate) fn key_of(answer: &Answer) -> String {
    match answer {
        Answer::Bootstrap { generation, .. }
        | Answer::Pushed { generation, .. }
        | Answer::Pulled { generation, .. }
        | Answer::Reset { generation, .. }
        | Answer::Checkpointed { generation, .. }
        | Answer::Stale { generation, .. } => generation.to_string(),
        other => panic!("no key in {other:?}"),
    }
}

/// The key and the snapshot's JSON string of an answer that sends the client to a new beginning.
pub(crate) fn stale(answer: Answer) -> (String, String) {
    let Answer::Stale { generation, snapshot, .. } = answer else {
        panic!("not stale: {answer:?}")
    };
    (generation.to_string(), String::from_utf8(snapshot.to_vec()).unwrap())
}

/// The number of the last operation after a push that was taken, and how many were new.
pub(crate) fn pushed(answer: Answer) -> (u64, u64) {
    let Answer::Pushed { server_seq, stored, .. } = answer else { panic!("no push: {answer:?}") };
    (server_seq, stored)
}

/// The clocks of operations with their numbers.
pub(crate) fn clocks(ops: &[Value]) -> Vec<(u64, u64)> {
    let number = |op: &Value, field: &str| op[field].as_u64().unwrap();
    ops.iter().map(|op| (number(op, "serverSeq"), number(op, "clock"))).collect()
}

/// Reads the body of a push.
pub(crate) fn decoded(body: &str) -> Result<Push, BadRequest> {
    Push::decode(body.as_bytes(), Scopes::Any)
}
