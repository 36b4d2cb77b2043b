//! What a workspace stores, shows, corrects and refuses.

use syncline_protocol::{
    dialect::{Dialect, Member, Refused, Room as _},
    dialects::workspace::{Answer, Command, Heal, Limits, Opening, Settings, Stored},
};

use crate::double::{Effect, NOW, Seen, Space, op, text};

const ALICE: Member = Member(1);
const BOB: Member = Member(2);

fn space() -> Space {
    Space::new(Settings::default())
}

fn full(limits: Limits) -> Space {
    Space::new(Settings { limits, ..Settings::default() })
}

fn published(version: u64, key: &str, message: &str, except: Option<Member>) -> Effect {
    let (key, record) = (key.as_bytes().to_vec(), message.as_bytes().to_vec());
    Effect::PublishEntry { version, key, record, except }
}

fn resent(to: Member, key: &str) -> Effect {
    Effect::Resend { to, key: key.as_bytes().to_vec() }
}

#[test]
fn an_operation_is_stored_and_brought_to_all_but_its_maker() {
    let mut space = space();
    let mut alice = space.join();
    for version in 1..=3 {
        let message = op("k", "[1, 2]", 5);
        let effects = space.take(ALICE, &mut alice, &message);
        assert_eq!(effects, [published(version, "k", &message, Some(ALICE))]);
        assert_eq!(space.delivered("k"), (version, message));
    }
    assert_eq!(space.opening(), r#"{"type":"init","data":{"k":[1, 2]}}"#);
    assert_eq!(space.memory.log.len(), 0);
}

#[test]
fn values_come_out_byte_for_byte_on_every_way() {
    let long = format!("\"{}\"", "€".repeat(100_000));
    let deep = format!("{}{}", "[".repeat(120), "]".repeat(120));
    let values = [
        "null",
        "true",
        "0",
        "-0",
        "1.0e+2",
        "12345678901234567890123",
        "\"\"",
        r#""\u0000\ud83d\ude00\ud800 \/""#,
        "{}",
        "[]",
        r#"{"b":1,"a":{"b":[null , 2]},"b":3}"#,
        "\"\u{2028}\u{7f}😀\"",
        &long,
        &deep,
    ];
    let mut space = space();
    let mut alice = space.join();
    for value in values {
        let message = op("k", value, 7);
        let effects = space.take(ALICE, &mut alice, &message);
        assert_eq!(effects[0], published(space.memory.version, "k", &message, Some(ALICE)));
        assert_eq!(space.delivered("k").1, message);
        assert_eq!(space.opening(), format!(r#"{{"type":"init","data":{{"k":{value}}}}}"#));
        let stored = Stored { value: value.to_owned().into(), timestamp: 7 };
        assert_eq!(space.call(Command::read_key("k")), Answer::Key(Some(stored)));
        let state = Answer::State(format!(r#"{{"data":{{"k":{value}}}}}"#).into());
        assert_eq!(space.call(Command::read_state()), state);
    }
}

#[test]
fn white_space_and_order_of_a_message_do_not_reach_the_others() {
    let mut space = space();
    let mut alice = space.join();
    let said = r#" { "x" : 1, "payload" : { "timestamp" : 1.2e1, "value" : { "a" : 1 } ,
        "key" : "\u006b/\/\"" } , "type" : "\u006fp" } "#;
    let effects = space.take(ALICE, &mut alice, said);
    let written = r#"{"type":"op","payload":{"key":"k//\"","value":{ "a" : 1 },"timestamp":12}}"#;
    assert_eq!(effects, [published(1, "k//\"", written, Some(ALICE))]);
}

#[test]
fn the_higher_stamp_wins_and_of_equal_ones_the_later() {
    let mut space = space();
    let (mut alice, mut bob) = (space.join(), space.join());
    space.take(ALICE, &mut alice, &op("k", "1", 10));
    for (stamp, value, taken) in
        [(9, "2", false), (10, "3", true), (i64::MIN, "4", false), (11, "5", true), (11, "6", true)]
    {
        let before = space.memory.clone();
        let effects = space.take(BOB, &mut bob, &op("k", value, stamp));
        if taken {
            assert_eq!(space.delivered("k").1, op("k", value, stamp));
        } else {
            // The loser is stored nowhere and shown to nobody; its maker gets the winner.
            assert_eq!(effects, [resent(BOB, "k")]);
            assert_eq!(space.memory, before);
        }
    }
    space.take(ALICE, &mut alice, &op("k", "7", i64::MAX));
    assert_eq!(space.take(BOB, &mut bob, &op("k", "8", i64::MAX - 1)), [resent(BOB, "k")]);
}

#[test]
fn stamps_survive_a_new_room() {
    let mut space = space();
    let mut alice = space.join();
    space.take(ALICE, &mut alice, &op("k", "1", 10));
    space.room = space.workspace.room("plans/ü");
    let mut bob = space.join();
    assert_eq!(space.take(BOB, &mut bob, &op("k", "2", 9)), [resent(BOB, "k")]);
    assert_eq!(space.opening(), r#"{"type":"init","data":{"k":1}}"#);
}

#[test]
fn a_room_that_was_made_anew_counts_before_it_takes_more() {
    let mut space = full(Limits { keys_max: 2, ..Limits::default() });
    let mut alice = space.join();
    space.take(ALICE, &mut alice, &op("k", "1", 10));
    // As after a turn that could not be kept: nobody is opened again.
    space.room = space.workspace.room("plans/ü");
    let effects = space.take(ALICE, &mut alice, &op("l", "2", 10));
    assert_eq!(effects, [published(2, "l", &op("l", "2", 10), Some(ALICE))]);
    let refused = space.take(ALICE, &mut alice, &op("m", "3", 10));
    assert!(matches!(refused[..], [Effect::Refuse { from: ALICE, .. }, ..]), "{refused:?}");
    assert_eq!(space.memory.maps[&0].len(), 2);
}

#[test]
fn the_modes_of_healing() {
    for (heal, back) in [(Heal::Never, false), (Heal::WhenNeeded, true), (Heal::Always, true)] {
        let mut space = Space::new(Settings { heal, ..Settings::default() });
        let (mut alice, mut bob) = (space.join(), space.join());
        alice.moment.received.version = 0;
        space.take(BOB, &mut bob, &op("k", "1", 1));
        let effects = space.take(ALICE, &mut alice, &op("k", "2", 2));
        let except = (!back).then_some(ALICE);
        assert_eq!(effects, [published(2, "k", &op("k", "2", 2), except)], "{heal:?}");
        assert_eq!(space.workspace.tracks_receipt(), heal == Heal::WhenNeeded);
    }
}

#[test]
fn a_full_workspace_takes_no_new_key_but_changes_old_ones() {
    let mut space = full(Limits { keys_max: 2, ..Limits::default() });
    let mut alice = space.join();
    for key in ["a", "b"] {
        space.take(ALICE, &mut alice, &op(key, "1", 1));
    }
    let effects = space.take(ALICE, &mut alice, &op("c", "1", 1));
    assert_eq!(effects[0], Effect::Refuse { from: ALICE, why: Refused::RoomRecords });
    let Effect::Reply { to: ALICE, message, cumulative: false } = &effects[1] else {
        panic!("{effects:?}")
    };
    assert!(text(message).starts_with(r#"{"type":"error","payload":"workspace_full: "#));
    assert_eq!(effects.len(), 2);
    // Told once a second, refused each time.
    let refuse = Effect::Refuse { from: ALICE, why: Refused::RoomRecords };
    assert_eq!(space.take(ALICE, &mut alice, &op("c", "1", 1)), [refuse]);
    assert_eq!(space.take(ALICE, &mut alice, &op("a", "\"longer\"", 1)).len(), 1);
    let put = Command::put_key("c", b"1", None).unwrap();
    assert_eq!(space.call(put), Answer::Refused(Refused::RoomRecords));
    assert_eq!(space.memory.maps[&0].len(), 2);
}

#[test]
fn a_workspace_never_holds_more_bytes_than_it_may_and_loses_nothing() {
    let held = |space: &Space| -> usize {
        space.memory.maps[&0].iter().map(|(key, entry)| key.len() + entry.len()).sum()
    };
    let mut space = full(Limits { bytes_max: 200, ..Limits::default() });
    let mut alice = space.join();
    let (mut refused, mut last) = (0, String::new());
    for bytes in [10, 50, 300, 40, 100, 150, 190, 1, 180] {
        for key in ["a", "b"] {
            let value = format!("\"{}\"", "x".repeat(bytes));
            let effects = space.take(ALICE, &mut alice, &op(key, &value, bytes as i64));
            let late = effects == [resent(ALICE, key)];
            if effects.contains(&Effect::Refuse { from: ALICE, why: Refused::RoomBytes }) {
                refused += 1;
                // Its maker shows something that is not there: it gets what is.
                assert_eq!(effects.last(), Some(&resent(ALICE, key)));
            } else if !late {
                last = value;
                assert!(space.delivered(key).1.contains(&last));
            }
            assert!(held(&space) <= 200);
        }
    }
    assert!(refused > 3 && !last.is_empty());
    // A room made anew counts the same.
    space.room = space.workspace.room("plans/ü");
    let put = |bytes: usize| {
        let value = format!("\"{}\"", "y".repeat(bytes));
        Command::put_key("c", value.as_bytes(), None).unwrap()
    };
    let left = 200 - held(&space);
    let around = 1 + 1 + 1 + 1 + 8 + 2;
    assert!(left > around, "{left}");
    assert_eq!(space.call(put(left - around + 1)), Answer::Refused(Refused::RoomBytes));
    assert!(matches!(space.call(put(left - around)), Answer::Stored { stored: true, .. }));
    assert_eq!(held(&space), 200);
}

#[test]
fn callers_read_and_set_keys() {
    let mut space = space();
    let mut alice = space.join();
    assert_eq!(space.call(Command::read_key("k")), Answer::Key(None));
    space.take(ALICE, &mut alice, &op("k", "1", 50));
    let put = |value: &str, timestamp| Command::put_key("k", value.as_bytes(), timestamp).unwrap();
    let late = Answer::Stored { timestamp: 50, stored: false };
    assert_eq!(space.call(put("2", Some(49))), late);
    let effects = space.apply(Member::CALLER, put(" [3] ", Some(50)));
    let stored = Answer::Stored { timestamp: 50, stored: true };
    assert_eq!(effects, [published(2, "k", &op("k", "[3]", 50), None), Effect::Answer(stored)]);
    // Without a stamp it is now, and wins over a clock that is ahead.
    let now = NOW.0 as i64 * 1000;
    assert_eq!(space.call(put("4", None)), Answer::Stored { timestamp: now, stored: true });
    space.take(ALICE, &mut alice, &op("k", "5", now + 1));
    assert_eq!(space.call(put("6", None)), Answer::Stored { timestamp: now + 1, stored: true });
    assert_eq!(space.delivered("k").1, op("k", "6", now + 1));
}

#[test]
fn a_caller_may_be_the_first_in_a_room() {
    let mut space = full(Limits { keys_max: 1, ..Limits::default() });
    let put = |key: &str| Command::put_key(key, b"1", None).unwrap();
    assert!(space.workspace.reads_entries(&put("a")));
    assert!(matches!(space.call(put("a")), Answer::Stored { stored: true, .. }));
    assert_eq!(space.call(put("b")), Answer::Refused(Refused::RoomRecords));
}

#[test]
fn openings_at_one_version_are_one_message() {
    let mut space = space();
    let mut alice = space.join();
    space.take(ALICE, &mut alice, &op("k", "1", 1));
    let opening = |space: &mut Space| {
        let mut joins = crate::double::Client::connect(space.workspace);
        let step = syncline_protocol::dialect::Session::start(&mut joins.session);
        let syncline_protocol::dialect::Step::Open { opening, .. } = step else { panic!() };
        match space.apply(BOB, opening).pop() {
            Some(Effect::Open { message, .. }) => message,
            other => panic!("{other:?}"),
        }
    };
    let (first, second) = (opening(&mut space), opening(&mut space));
    assert_eq!(first.as_ptr(), second.as_ptr());
    let state = |space: &mut Space| match space.call(Command::read_state()) {
        Answer::State(state) => state,
        other => panic!("{other:?}"),
    };
    let (read, again) = (state(&mut space), state(&mut space));
    assert_eq!(read.as_ptr(), again.as_ptr());
    space.take(ALICE, &mut alice, &op("k", "2", 1));
    assert_eq!(text(&opening(&mut space)), r#"{"type":"init","data":{"k":2}}"#);
    assert_eq!(text(&state(&mut space)), r#"{"data":{"k":2}}"#);
}

#[test]
fn what_is_none_of_ours_is_unreadable_and_changes_nothing() {
    let mut space = space();
    let mut alice = space.join();
    space.memory.put_raw("k", b"junk");
    for command in [
        Command::read_state(),
        Command::read_key("k"),
        Command::put_key("k", b"1", None).unwrap(),
        command(&mut alice, &op("k", "1", 1)),
    ] {
        let (before, mut seen) = (space.memory.clone(), Seen::default());
        let applied = space.room.apply(ALICE, command, NOW, &mut space.memory, &mut seen);
        assert!(applied.is_err());
        assert_eq!(seen.0, []);
        assert_eq!(space.memory, before);
    }
}

#[test]
fn an_opening_with_entries_names_the_workspace() {
    let mut space = Space::new(Settings { opening: Opening::Entries, ..Settings::default() });
    let mut alice = space.join();
    space.take(ALICE, &mut alice, &op("k", "{}", -5));
    let entry = r#"{"workspace_id":"plans/ü","key":"k","value":{},"timestamp":-5}"#;
    assert_eq!(space.opening(), format!(r#"{{"type":"init","data":{{"k":{entry}}}}}"#));
}

fn command(client: &mut crate::double::Client, text: &str) -> Command {
    match client.text(text) {
        Ok(syncline_protocol::dialect::Step::Command(command)) => command,
        other => panic!("{other:?}"),
    }
}

trait PutRaw {
    fn put_raw(&mut self, key: &str, entry: &[u8]);
}

impl PutRaw for crate::double::Memory {
    fn put_raw(&mut self, key: &str, entry: &[u8]) {
        self.maps.entry(0).or_default().insert(key.into(), entry.into());
    }
}
