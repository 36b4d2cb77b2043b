//! A client that leaves a map and comes back while something it asked before is under way. The session is
//! driven by hand, so that what was gathered in between is lost, as it may be.

use std::{collections::HashMap, sync::Arc};

use syncline_protocol::{
    dialect::{
        Act, Dialect as _, Incoming, Member, Moment, Notices, Room as _, Session as _, Step,
        UnixMillis,
        memory::{Effect, Memory, Seen},
    },
    dialects::maps::{
        Answer, Change, Command, Handshake, Maps, Record, Room, Session, Settings, Write,
        memory::Tokens,
        proto::{Envelope, envelope::Payload},
        wire,
    },
};

use super::world::{NOW, auth, op, pull, roomy, subscribe, sync, unsubscribe};

struct Hand {
    maps: Maps,
    session: Session,
    room: Room,
    memory: Memory,
    /// What was asked of the map and not answered.
    asked: HashMap<u64, Command>,
    /// What the client heard.
    heard: Vec<Payload>,
}

impl Hand {
    fn new() -> Self {
        let maps = Maps::new(Settings::default());
        let tokens = Tokens::default();
        tokens.allow("anna", "anna", UnixMillis(NOW + 3_600_000));
        let host = Arc::new(tokens);
        let connected = UnixMillis(NOW);
        let session = maps.accept(Handshake { number: 1, connected, host, principal: None });
        let (room, memory) = (maps.room("m"), Memory::default());
        let (asked, heard) = (HashMap::new(), Vec::new());
        let mut hand = Self { maps, session, room, memory, asked, heard };
        hand.say(Payload::Auth(auth("anna", "", 1)));
        hand
    }

    fn take(&mut self, acts: Vec<Act<Command>>) {
        for act in acts {
            match act {
                Act::Ask { ticket, room, command } => {
                    assert_eq!(room, "m");
                    self.asked.insert(ticket, command);
                }
                Act::Send(message) => {
                    self.heard.extend(wire::decode(message, &roomy()).unwrap().payload);
                }
                Act::Watch(_) | Act::Unwatch(_) => {}
                Act::Close(why) => panic!("{why}"),
            }
        }
    }

    fn say(&mut self, payload: Payload) {
        let message =
            wire::encode(&Envelope { correlation_id: "1".into(), payload: Some(payload) });
        match self.session.receive(Incoming::Binary(message), moment()) {
            Ok(Step::Acts(acts)) => self.take(acts),
            other => panic!("{other:?}"),
        }
    }

    fn apply(&mut self, command: Command) -> (Answer, Vec<Change>) {
        let (mut seen, mut answer, mut changes) = (Seen::default(), None, Vec::new());
        let now = UnixMillis(NOW);
        self.room.apply(Member(9), command, now, &mut self.memory, &mut seen).unwrap();
        for effect in seen.0 {
            match effect {
                Effect::Answer(said) => answer = Some(said),
                Effect::Notify(change) => changes.push(change),
                other => panic!("{other:?}"),
            }
        }
        (answer.unwrap(), changes)
    }

    /// The map comes to the oldest question that was not put to it; its answer.
    fn apply_oldest(&mut self) -> (u64, Answer) {
        let ticket = *self.asked.keys().min().unwrap();
        let command = self.asked.remove(&ticket).unwrap();
        (ticket, self.apply(command).0)
    }

    fn answer(&mut self, (ticket, answer): (u64, Answer)) {
        let acts = self.session.answered(ticket, Ok(answer), moment());
        self.take(acts);
    }

    /// Somebody else writes; what those who watch would be told.
    fn write(&mut self, key: &str) -> Vec<Change> {
        let record = Record::from_op(op("m", key, "v", 0, "bens"), &roomy()).unwrap();
        self.apply(Command::Write(Write { origin: 2, ops: vec![(0, record)] })).1
    }

    fn notice(&mut self, changes: Vec<Change>) {
        let window = self.maps.gather("m", changes).unwrap();
        let notices = Notices { room: "m".into(), window };
        let acts = self.session.noticed(&notices, true);
        self.take(acts);
    }
}

fn moment() -> Moment {
    Moment { now: UnixMillis(NOW), ..Moment::default() }
}

#[test]
fn what_is_missed_between_leaving_a_map_and_coming_back_is_seen_as_a_gap() {
    let mut hand = Hand::new();
    hand.write("before");
    hand.say(sync(pull("m", &bytes::Bytes::new())));
    let pulled = hand.apply_oldest();
    hand.say(unsubscribe("m", ""));
    // Nobody is told of this one: nobody watches.
    hand.write("between");
    hand.say(subscribe("m", "", &bytes::Bytes::new()));
    let subscribed = hand.apply_oldest();
    hand.answer(pulled);
    hand.answer(subscribed);
    let changes = hand.write("after");
    hand.notice(changes);
    let pulled = hand.heard.iter().find_map(|payload| match payload {
        Payload::SyncResp(response) => Some(response.cursor.clone()),
        _ => None,
    });
    let Some(Payload::Batch(batch)) = hand.heard.last() else { panic!("{:?}", hand.heard) };
    assert_eq!(batch.ops[0].key, "after");
    assert_ne!(Some(&batch.prev_cursor), pulled.as_ref(), "the client must see that it missed one");
}
