//! Messages of a workspace, of clients and of servers: what is understood is written and understood
//! again, and whatever a client sends, the workspace can be told whole.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use syncline_protocol::{
    dialect::{
        Dialect as _, Framing, Incoming, Member, Moment, Room as _, Session as _, Step, UnixMillis,
        memory::{Effect, Memory, Seen},
    },
    dialects::workspace::{
        Change, ClientMessage, Command, Handshake, Room, ServerMessage, Session, Workspace,
        decode_client, decode_server, encode_op,
    },
};

use crate::input::Input;

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    let kind = input.byte() % 3;
    let Ok(text) = std::str::from_utf8(input.0) else { return };
    match kind {
        0 => client(text),
        1 => server(text),
        _ => session(text),
    }
}

fn client(text: &str) {
    let Ok(ClientMessage::Op(change)) = decode_client(text) else { return };
    let written = written(&change);
    let Ok(ClientMessage::Op(again)) = decode_client(&written) else { panic!("{written}") };
    assert!(is_same(&again, &change), "{text} and {written}");
    let Ok(ServerMessage::Op(told)) = decode_server(text) else { panic!("{text}") };
    assert!(is_same(&told, &change), "{text}");
}

fn server(text: &str) {
    match decode_server(text) {
        Ok(ServerMessage::Op(change)) => {
            let written = written(&change);
            let Ok(ServerMessage::Op(again)) = decode_server(&written) else { panic!("{written}") };
            assert!(is_same(&again, &change), "{text} and {written}");
        }
        Ok(ServerMessage::Init(all)) => {
            assert!(all.iter().all(|(_, value)| text.contains(value.get())));
        }
        _ => {}
    }
}

fn written(change: &Change<'_>) -> String {
    let mut out = Vec::new();
    encode_op(&change.key, change.value, change.timestamp, &mut out);
    String::from_utf8(out).expect("JSON is UTF-8")
}

fn is_same(a: &Change<'_>, b: &Change<'_>) -> bool {
    a.key == b.key && a.value.get() == b.value.get() && a.timestamp == b.timestamp
}

/// Lines, each a message of one client; then another one joins.
fn session(text: &str) {
    let workspace = Workspace::default();
    let mut client = workspace.accept(&handshake());
    let (mut room, mut memory) = (workspace.room("w"), Memory::default());
    open(&mut client, &mut room, &mut memory, &workspace);
    for line in text.lines() {
        match client.receive(Incoming::Text(line), Moment::default()) {
            Ok(Step::Command(command)) => apply(&mut room, &mut memory, command, &workspace),
            Ok(Step::Answered { message, .. }) => {
                let said = String::from_utf8(message).expect("JSON is UTF-8");
                assert!(matches!(decode_server(&said), Ok(ServerMessage::Error(_))), "{said}");
            }
            Ok(_) => {}
            Err(violation) => panic!("nothing closes a workspace's connection: {violation}"),
        }
    }
    open(&mut workspace.accept(&handshake()), &mut room, &mut memory, &workspace);
}

fn open(client: &mut Session, room: &mut Room, memory: &mut Memory, workspace: &Workspace) {
    let Step::Open { opening, .. } = client.start() else {
        panic!("a session begins with its opening");
    };
    apply(room, memory, opening, workspace);
}

fn handshake() -> Handshake<'static> {
    Handshake {
        workspace: "w",
        connected: UnixMillis(1),
        may_write: true,
        expires: None,
        pongs_at_once: false,
    }
}

/// Applies a command; whatever it makes a peer see must be a message.
fn apply(room: &mut Room, memory: &mut Memory, command: Command, workspace: &Workspace) {
    let mut seen = Seen::default();
    room.apply(Member(1), command, UnixMillis(2), memory, &mut seen).expect("memory can be read");
    for effect in seen.0 {
        let message = match effect {
            Effect::PublishEntry { version, record, .. } => {
                let mut out = Vec::new();
                workspace.deliver(Framing::Text, "w", version, &record, &mut out);
                out
            }
            Effect::Open { message, .. } => {
                let said = std::str::from_utf8(&message).expect("JSON is UTF-8");
                let Ok(ServerMessage::Init(all)) = decode_server(said) else { panic!("{said}") };
                assert_eq!(all.len(), memory.maps.get(&0).map_or(0, BTreeMap::len));
                message.to_vec()
            }
            Effect::Reply { message, .. } => message,
            _ => continue,
        };
        serde_json::from_slice::<IgnoredAny>(&message).expect("a message is JSON");
    }
}
