//! Sessions of the test dialect: those that open one room, and those that speak with many.

use syncline_protocol::dialect::{
    self, Act, Framing, Incoming, Moment, Notices, Step, Unanswered, UnixMillis, Violation,
};

use super::probe::{Command, When};

/// Why a session is closed that has been here for too long.
pub(super) const EXPIRED: Violation = Violation { code: 4001, reason: "expired" };
/// Why a session is closed that asked for it.
const AS_YOU_WISH: Violation = Violation { code: 4002, reason: "as you wish" };

/// A session that opens its room before its peer says anything; one without a room speaks with many.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) room: String,
    pub(super) expires: Option<UnixMillis>,
    /// What it does after each answer, once.
    pub(super) then: Vec<String>,
    /// It tells its peer when time goes by.
    pub(super) ticks: bool,
    /// What it was noticed of since its peer does not keep up.
    pub(super) missed: u64,
}

impl Session {
    pub(super) fn of(room: &str) -> Self {
        Self { room: room.into(), expires: None, then: Vec::new(), ticks: false, missed: 0 }
    }

    /// One that speaks with many rooms. Its peer says what it is to do, separated by semicolons.
    pub(super) fn many() -> Self {
        Self::of("")
    }

    fn acts(&mut self, text: &str) -> Vec<Act<Command>> {
        text.split(';').filter_map(|text| self.act(text)).collect()
    }

    fn act(&mut self, text: &str) -> Option<Act<Command>> {
        let words: Vec<&str> = text.split(' ').collect();
        Some(match words[..] {
            ["send", word] => Act::Send(word.to_owned().into()),
            ["ask", ticket, room, ref command @ ..] => ask(ticket, room, command, When::Durable),
            ["early", ticket, room, ref command @ ..] => ask(ticket, room, command, When::Early),
            ["watch", room] => Act::Watch(room.into()),
            ["unwatch", room] => Act::Unwatch(room.into()),
            ["close"] => Act::Close(AS_YOU_WISH),
            ["then", ..] => {
                self.then.push(text["then ".len()..].into());
                return None;
            }
            _ => panic!("the test says nonsense: {text}"),
        })
    }
}

fn ask(ticket: &str, room: &str, command: &[&str], when: When) -> Act<Command> {
    let map = 0;
    let command = match *command {
        ["put", key, value] => Command::Put { key: key.into(), value: value.into(), echo: true },
        ["get", key] => Command::Get { map, key: key.into() },
        ["all"] => Command::All { map },
        ["fill", count] => Command::Fill(count.parse().unwrap()),
        ["count"] => Command::Count,
        ["append", record] => Command::Append(record.into()),
        ["fail"] => Command::Fail,
        ["panic"] => Command::Panic,
        _ => panic!("the test asks nonsense: {command:?}"),
    };
    let (ticket, command) = (ticket.parse().unwrap(), Box::new(command));
    Act::Ask { ticket, room: room.into(), command: Command::Asked(command, when) }
}

impl dialect::Session for Session {
    type Command = Command;
    type Answer = String;
    type Window = String;

    fn framing(&self) -> Framing {
        Framing::Text
    }

    fn start(&mut self) -> Step<Command> {
        if self.room.is_empty() {
            return Step::Acts(Vec::new());
        }
        Step::Open { room: self.room.clone(), opening: Command::Open }
    }

    fn receive(
        &mut self,
        message: Incoming<'_>,
        moment: Moment,
    ) -> Result<Step<Command>, Violation> {
        let Incoming::Text(text) = message else { return Ok(Step::Ignored("binary")) };
        if self.room.is_empty() {
            return Ok(Step::Acts(self.acts(text)));
        }
        let words: Vec<&str> = text.split(' ').collect();
        Ok(match words[..] {
            ["put", key, value] => put(key, value, true),
            ["quiet", key, value] => put(key, value, false),
            ["resend", key] => Step::Command(Command::Resend { key: key.into() }),
            ["marks"] => Step::Command(Command::Marks(moment)),
            ["fail"] => Step::Command(Command::Fail),
            _ => Step::Answered { reason: "unknown", message: b"what?".to_vec() },
        })
    }

    fn answered(
        &mut self,
        ticket: u64,
        outcome: Result<String, Unanswered>,
        _moment: Moment,
    ) -> Vec<Act<Command>> {
        let answer = match outcome {
            Ok(answer) if answer == "panic!" => panic!("the test wants it"),
            Ok(answer) => format!("{ticket} {answer}"),
            Err(why) => format!("{ticket} {why:?}"),
        };
        let mut acts = vec![Act::Send(answer.into())];
        if !self.then.is_empty() {
            let then = self.then.remove(0);
            acts.extend(self.acts(&then));
        }
        acts
    }

    fn noticed(&mut self, notices: &Notices<String>, keeps_up: bool) -> Vec<Act<Command>> {
        assert!(!notices.window.contains("notice!"), "the test wants it");
        if !keeps_up {
            self.missed += 1;
            return Vec::new();
        }
        vec![Act::Send(format!("{}: {}", notices.room, notices.window).into())]
    }

    fn drained(&mut self, _moment: Moment) -> Vec<Act<Command>> {
        let missed = std::mem::take(&mut self.missed);
        vec![Act::Send(format!("drained {missed}").into())]
    }

    fn ticked(&mut self, moment: Moment) -> Vec<Act<Command>> {
        if !self.ticks || moment.now.0 == 0 {
            return Vec::new();
        }
        vec![Act::Send("tick".into())]
    }

    fn expires(&self) -> Option<(UnixMillis, Violation)> {
        self.expires.map(|until| (until, EXPIRED))
    }
}

fn put(key: &str, value: &str, echo: bool) -> Step<Command> {
    Step::Command(Command::Put { key: key.into(), value: value.into(), echo })
}
