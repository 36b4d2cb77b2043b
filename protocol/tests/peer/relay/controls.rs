//! Control messages, as both sides write and read them.

use proptest::{collection::vec, prelude::*};
use syncline_protocol::{
    dialect::UnixMillis,
    dialects::peer::{
        id::{PeerId, RequestId},
        kind::RoomKind,
        relay::{Ask, Code, Control, FrameLimits, Left, Welcome, is_room_name},
    },
};

fn any_peer() -> impl Strategy<Value = PeerId> {
    "[a-zA-Z0-9:é☃\"\\\\]{1,20}".prop_filter_map("a name", |name| PeerId::new(&name))
}

fn any_request() -> impl Strategy<Value = RequestId> {
    ".{0,20}".prop_map(|id| RequestId::new(&id).unwrap())
}

fn any_welcome() -> impl Strategy<Value = Control> {
    let kind = prop_oneof![Just(RoomKind::Data), Just(RoomKind::Invite)];
    (".{1,20}", kind, any_peer(), vec(any_peer(), 0..5), any::<[u64; 2]>(), any::<[usize; 3]>())
        .prop_map(|(room, kind, me, participants, [server_time, last_seq], limits)| {
            let [frame_bytes_max, queue_bytes_max, queue_frames_max] = limits;
            let limits = FrameLimits { frame_bytes_max, queue_bytes_max, queue_frames_max };
            let server_time = UnixMillis(server_time);
            Control::Welcome(Welcome {
                room,
                kind,
                me,
                participants,
                server_time,
                last_seq,
                limits,
            })
        })
}

fn any_control() -> impl Strategy<Value = Control> {
    let left = prop_oneof![
        Just(Left::Closed),
        Just(Left::Timeout),
        Just(Left::Replaced),
        Just(Left::Kicked)
    ];
    let codes =
        [Code::Malformed, Code::SenderMismatch, Code::TypeNotAllowed, Code::Rate, Code::Forbidden];
    let code = proptest::sample::select(codes.to_vec());
    let request =
        proptest::option::of(any_request().prop_filter("not empty", |id| !id.as_str().is_empty()));
    prop_oneof![
        any_welcome(),
        any_peer().prop_map(Control::Join),
        (any_peer(), left).prop_map(|(id, reason)| Control::Leave { id, reason }),
        (any_request(), ".{0,20}")
            .prop_map(|(request_id, target_id)| Control::Undeliverable { request_id, target_id }),
        (code, request).prop_map(|(code, request_id)| Control::Error { code, request_id }),
        Just(Control::Pong),
        any::<u64>().prop_map(|seq| Control::Replayed { seq }),
        Just(Control::CaughtUp),
    ]
}

fn text(message: Vec<u8>) -> String {
    String::from_utf8(message).unwrap()
}

proptest! {
    #[test]
    fn what_is_written_is_read(control in any_control()) {
        let text = text(control.encode());
        prop_assert_eq!(Control::decode(&text), Some(control));
        prop_assert_eq!(Ask::decode(&text), None);
    }

    #[test]
    fn no_text_is_too_strange(text in ".{0,80}", control in any_control(), cut: proptest::sample::Index) {
        drop((Control::decode(&text), Ask::decode(&text)));
        let whole = String::from_utf8(control.encode()).unwrap();
        let cut = whole.char_indices().map(|(at, _)| at).nth(cut.index(whole.chars().count())).unwrap();
        prop_assert_eq!(Control::decode(&whole[..cut]), None);
    }
}

#[test]
fn a_ping_is_read() {
    assert_eq!(Ask::decode(&text(Ask::Ping.encode())), Some(Ask::Ping));
}

#[test]
fn fields_and_words_of_a_later_server_are_passed_over() {
    let read = |text| Control::decode(text);
    let alice = PeerId::new("alice").unwrap();
    assert_eq!(
        read(r#"{"id":"alice","x":{"y":[1]},"t":"join"}"#),
        Some(Control::Join(alice.clone()))
    );
    let leave = Control::Leave { id: alice, reason: Left::Closed };
    assert_eq!(read(r#"{"t":"leave","id":"alice","reason":"bored"}"#), Some(leave));
    let error = Control::Error { code: Code::Unknown, request_id: None };
    assert_eq!(read(r#"{"t":"error","code":"too_blue"}"#), Some(error));
    assert_eq!(read(r#"{"t":"later"}"#), None);
}

#[test]
fn what_is_no_message_is_passed_over() {
    let long = format!(r#"{{"t":"join","id":"{}"}}"#, "x".repeat(129));
    let others = [
        "",
        "x",
        "[]",
        "{}",
        r#"{"t":1}"#,
        r#"{"t":"join"}"#,
        r#"{"t":"join","id":""}"#,
        r#"{"t":"join","id":7}"#,
        r#"{"t":"join","id":"a"}x"#,
        &long,
        r#"{"t":"ping"}"#,
        r#"{"t":"welcome","room":"r"}"#,
    ];
    for other in others {
        assert_eq!(Control::decode(other), None, "{other}");
    }
}

#[test]
fn names_of_rooms() {
    for name in ["a", "plans/ü", " ", "%2f", &"x".repeat(128)] {
        assert!(is_room_name(name), "{name}");
    }
    for name in ["", "a\n", "\u{85}", "\0", &"x".repeat(129), &"ü".repeat(65)] {
        assert!(!is_room_name(name), "{name}");
    }
}
