//! Requests of the oplog: what is read of a body is what a plain reading of it says, what is stored is
//! told again as it is, and a second push of it brings nothing.

use serde::de::IgnoredAny;
use serde_json::Value;
use syncline_protocol::{
    dialect::{
        Dialect as _, Member, Room as _, UnixMillis,
        memory::{Effect, Memory, Seen},
    },
    dialects::oplog::{
        Answer, Checkpoint, Command, Oplog, Pull, Push, Records, Request, Reset, Room, Scopes,
    },
};

use crate::input::Input;

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    match input.byte() % 4 {
        0 => push(input.0),
        1 => snapshot(input.0, |body| Reset::decode(body).map(Request::Reset).ok()),
        2 => snapshot(input.0, |body| Checkpoint::decode(body).map(Request::Checkpoint).ok()),
        _ => pull(input.0),
    }
}

/// A dataset in memory.
struct Dataset {
    room: Room,
    memory: Memory,
}

impl Dataset {
    fn new() -> Self {
        Self { room: Oplog::default().room("default"), memory: Memory::default() }
    }

    fn ask(&mut self, request: Request, candidate: &str) -> Answer {
        let mut seen = Seen::default();
        let command = Command::new(request, candidate);
        self.room
            .apply(Member::CALLER, command, UnixMillis(1), &mut self.memory, &mut seen)
            .expect("memory can be read");
        match seen.0.pop() {
            Some(Effect::Answer(answer)) => answer,
            other => panic!("no limit, and an answer to everything: {other:?}"),
        }
    }

    /// The body of an answer, which must be JSON.
    fn body(&self, answer: Answer) -> String {
        let reply = answer.into_reply();
        let records = reply.records.map_or(&[][..], |Records { after, last }| {
            &self.memory.log[after as usize..last as usize]
        });
        let mut body = reply.head.concat();
        body.extend(records.join(&b","[..]));
        body.extend(reply.tail.as_bytes());
        let body = String::from_utf8(body).expect("JSON is UTF-8");
        serde_json::from_str::<IgnoredAny>(&body).expect("a body is JSON");
        body
    }
}

fn push(body: &[u8]) {
    let decoded = Push::decode(body, Scopes::Any);
    if let Ok(value) = serde_json::from_slice::<Value>(body) {
        // What serde cannot hold as a value, as a number of many digits, is told nothing of here.
        assert_eq!(decoded.is_ok(), is_push(&value), "{value}");
    }
    let strict = Push::decode(body, Scopes::Strict).is_ok();
    let Ok(push) = decoded else { return assert!(!strict, "strict takes what is not taken") };
    let count = push.ops();
    assert!(count <= body.len());

    let mut dataset = Dataset::new();
    dataset.ask(Request::Bootstrap, "key");
    let mut first = dataset.ask(Request::Push(push.clone()), "");
    if let Answer::Stale { .. } = first {
        // A client with a key that is none. Its operations under the right one:
        dataset = Dataset::new();
        let key = serde_json::from_slice::<Value>(body).ok();
        let key = key.and_then(|body| Some(body["datasetGenerationKey"].as_str()?.to_owned()));
        let Some(key) = key else { return };
        dataset.ask(Request::Bootstrap, &key);
        first = dataset.ask(Request::Push(push.clone()), "");
    }
    let Answer::Pushed { stored, server_seq, .. } = first else { panic!("{first:?}") };
    assert_eq!((stored, server_seq), (dataset.memory.log.len() as u64, stored));
    assert!(stored <= count as u64 && (stored > 0) == (count > 0));
    let again = dataset.ask(Request::Push(push), "");
    assert!(matches!(again, Answer::Pushed { stored: 0, .. }), "{again:?}");
    pushed_again(&mut dataset);
}

/// What a dataset tells, pushed to another one, becomes the same there.
fn pushed_again(dataset: &mut Dataset) {
    let answer = dataset.ask(Request::Bootstrap, "");
    let told = dataset.body(answer);
    let (_, ops) = told.split_once("\"ops\":").expect("operations");
    let body = format!(r#"{{"clientId":"another","datasetGenerationKey":"","ops":{ops}"#);
    let push = Push::decode(body.as_bytes(), Scopes::Any).expect("what is told can be pushed");
    let mut other = Dataset::new();
    other.ask(Request::Push(push), "key");
    assert_eq!(other.memory.log, dataset.memory.log);
}

/// A plain reading of the rules for a push.
fn is_push(body: &Value) -> bool {
    let text = |value: &Value, lengths: std::ops::RangeInclusive<usize>| {
        value.as_str().is_some_and(|text| lengths.contains(&text.len()))
    };
    let is_op = |op: &Value| {
        let clock = op["clock"].as_u64();
        op.is_object()
            && text(&op["scope"], 1..=64)
            && text(&op["resourceId"], 1..=256)
            && text(&op["actor"], 1..=256)
            && clock.is_some_and(|clock| clock >= 1 && i64::try_from(clock).is_ok())
            && op.get("payload").is_some()
    };
    body.is_object()
        && text(&body["clientId"], 1..=256)
        && text(&body["datasetGenerationKey"], 0..=256)
        && body["ops"].as_array().is_some_and(|ops| ops.iter().all(is_op))
}

/// A request that brings a snapshot: its token stands in the body, and is told as it stands there.
fn snapshot(body: &[u8], decode: fn(&[u8]) -> Option<Request>) {
    let Some(request) = decode(body) else { return };
    let mut dataset = Dataset::new();
    let begin = br#"{"clientId":"a","datasetGenerationKey":"","ops":[{"scope":"s","resourceId":"r","actor":"a","clock":1,"payload":0}]}"#;
    let begin = Push::decode(begin, Scopes::Any).expect("a push");
    // So that a checkpoint comes with the active key, if it is text at all.
    let key = serde_json::from_slice::<Value>(body).ok();
    let key = key.and_then(|body| Some(body["datasetGenerationKey"].as_str()?.to_owned()));
    let is_checkpoint = matches!(request, Request::Checkpoint(_));
    let key = key.filter(|_| is_checkpoint).unwrap_or("key".to_owned());
    dataset.ask(Request::Push(begin), &key);
    let done = dataset.ask(request, "a new key");
    let Answer::Bootstrap { snapshot, .. } = dataset.ask(Request::Bootstrap, "") else {
        panic!("a bootstrap is answered");
    };
    if let Answer::Reset { .. } = done {
        assert!(body.windows(snapshot.len()).any(|part| part == snapshot));
    }
    dataset.room = Oplog::default().room("default");
    let Answer::Bootstrap { snapshot: again, .. } = dataset.ask(Request::Bootstrap, "") else {
        panic!("a bootstrap is answered");
    };
    assert_eq!(snapshot, again);
}

fn pull(query: &[u8]) {
    let Ok(query) = std::str::from_utf8(query) else { return };
    let mut parts = query.splitn(3, '\0');
    let (since, client, key) = (parts.next(), parts.next(), parts.next());
    let Ok(pull) = Pull::new(since, client, key) else { return };
    let mut dataset = Dataset::new();
    let again = pull.clone();
    let answer = dataset.ask(Request::Pull(pull), "key");
    assert!(matches!(answer, Answer::Stale { .. }), "nobody was told the key yet: {answer:?}");
    dataset.body(answer);
    let answer = dataset.ask(Request::Pull(again), "");
    assert_eq!(matches!(answer, Answer::Pulled { .. }), key == Some("key"), "{answer:?}");
    dataset.body(answer);
}
