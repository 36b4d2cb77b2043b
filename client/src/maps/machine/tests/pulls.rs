//! What is read, and what follows from it.

use super::*;
use crate::maps::replica::Replica;
use syncline_protocol::dialects::maps::proto::OperationBatch;

fn batch(ops: &[OperationMessage], from: &'static [u8], to: &'static [u8]) -> Payload {
    let (prev_cursor, cursor) = (Bytes::from_static(from), Bytes::from_static(to));
    Payload::Batch(OperationBatch { ops: ops.to_vec(), cursor, prev_cursor })
}

fn is_pull(request: &SyncRequest) -> bool {
    request.r#type == Type::PullSince as i32
}

#[test]
fn equal_maps_are_proved_in_one_round_trip() {
    let mut talk = Talk::online(&[MAP]);
    talk.live();
    assert_eq!(talk.events(), [Event::Online, Event::Equal(MAP.into())]);
}

#[test]
fn pages_follow_each_other_and_each_is_kept_with_its_cursor() {
    let mut talk = Talk::online(&[MAP]);
    let (number, request) = talk.one(is_pull);
    assert!(request.cursor.is_empty());
    talk.answer(&number, page(&[op("a", "1", WALL, "b")], b"1", None)).unwrap();
    assert_eq!(talk.replica.cursor(MAP), Some(Bytes::from_static(b"1")));
    let (number, request) = talk.one(is_pull);
    assert_eq!(&*request.cursor, b"1");
    talk.replica.plant(MAP, record(op("b", "2", WALL, "b")));
    let root = talk.replica.root(MAP);
    talk.answer(&number, page(&[op("b", "2", WALL, "b")], b"2", Some(root))).unwrap();
    assert!(talk.machine.is_equal(MAP));
    assert_eq!(talk.replica.values(MAP).len(), 2);
}

fn record(op: OperationMessage) -> syncline_protocol::dialects::maps::Record {
    syncline_protocol::dialects::maps::Record::from_op(op, &Rules::default().message).unwrap()
}

#[test]
fn writes_go_first_and_nothing_is_compared_while_they_are_on_their_way() {
    let mut talk = Talk::new(&[MAP]);
    talk.write("mine", "1");
    talk.connect(&["cursor"], 1);
    let pushed = talk.pushed();
    assert_eq!(pushed.len(), 1);
    talk.ack(&pushed[0].0, durable()).unwrap();
    let (number, _) = talk.one(is_pull);
    talk.later(20);
    talk.write("meanwhile", "1");
    let second = talk.pushed();
    talk.ack(&second[0].0, durable()).unwrap();
    talk.answer(&number, page(&[], b"1", Some([7; 16]))).unwrap();
    assert!(!talk.machine.is_equal(MAP), "acknowledged in between");
    assert_eq!(talk.hear(), [], "and no repair");
    talk.sleep();
    let (number, _) = talk.one(is_pull);
    let root = talk.replica.root(MAP);
    talk.answer(&number, page(&[], b"2", Some(root))).unwrap();
    assert!(talk.machine.is_equal(MAP));
}

#[test]
fn changes_that_follow_are_kept_with_their_cursor_and_a_gap_is_pulled() {
    let mut talk = Talk::online(&[MAP]);
    talk.live();
    talk.say("", batch(&[op("a", "1", WALL, "b")], b"1", b"2")).unwrap();
    assert_eq!(talk.replica.cursor(MAP), Some(Bytes::from_static(b"2")));
    assert_eq!(talk.hear(), []);
    talk.say("", batch(&[op("c", "1", WALL, "b")], b"3", b"4")).unwrap();
    assert!(!talk.machine.is_equal(MAP));
    assert_eq!(talk.replica.values(MAP).len(), 2, "what came behind the gap counts");
    let (number, request) = talk.one(is_pull);
    assert_eq!(&*request.cursor, b"2");
    talk.replica.plant(MAP, record(op("b", "1", WALL, "b")));
    let root = talk.replica.root(MAP);
    talk.answer(&number, page(&[op("b", "1", WALL, "b")], b"4", Some(root))).unwrap();
    assert!(talk.machine.is_equal(MAP));
    assert_eq!(talk.replica.values(MAP).len(), 3);
}

#[test]
fn changes_that_come_while_a_page_is_under_way_do_not_make_it_lead_nowhere() {
    let mut talk = Talk::online(&[MAP]);
    let (number, _) = talk.one(is_pull);
    talk.say("", batch(&[op("a", "1", WALL, "b")], b"", b"1")).unwrap();
    talk.answer(&number, page(&[op("a", "1", WALL, "b")], b"1", None)).unwrap();
    let (number, request) = talk.one(is_pull);
    assert_eq!(&*request.cursor, b"1");
    let nowhere = page(&[op("a", "1", WALL, "b")], b"1", None);
    assert!(talk.answer(&number, nowhere).is_err());
}

#[test]
fn a_server_that_forgot_the_cursor_gets_what_waits_and_is_then_read_anew() {
    let mut talk = Talk::new(&[MAP]);
    talk.replica.plant(MAP, record(op("deleted elsewhere", "1", WALL - 9, "b")));
    talk.replica.plant(MAP, record(op("kept", "1", WALL - 9, "b")));
    let mark = crate::maps::replica::Mark { cursor: Some("old".into()), watermark: None };
    talk.replica.merge(MAP, Vec::new(), mark).unwrap();
    talk.connect(&["cursor"], 1);
    let (number, _) = talk.one(is_pull);
    talk.replica.write(MAP, "mine", Some("1"), talk.now.wall.0);
    let reset = SyncResponse { status: Status::ResetRequired as i32, ..page(&[], b"", None) };
    talk.answer(&number, reset).unwrap();
    let pushed = talk.pushed();
    assert_eq!(pushed[0].1, ["mine"], "what waits goes first");
    talk.ack(&pushed[0].0, durable()).unwrap();
    let (number, request) = talk.one(is_pull);
    assert!(request.cursor.is_empty());
    assert_eq!(talk.replica.cursor(MAP), None);
    talk.replica.write(MAP, "meanwhile", Some("1"), talk.now.wall.0);
    talk.answer(&number, page(&[op("kept", "1", WALL - 9, "b")], b"1", None)).unwrap();
    assert_eq!(talk.replica.values(MAP).len(), 4, "until everything has come");
    // The connection breaks: the reading goes on where it was.
    talk.machine.disconnected(&mut talk.replica);
    talk.connect(&["cursor"], 1);
    let pushed = talk.pushed();
    assert_eq!(pushed[0].1, ["meanwhile"]);
    talk.say(&pushed[0].0, error(ErrorCode::Unavailable, 60_000)).unwrap();
    let (number, request) = talk.one(is_pull);
    assert_eq!(&*request.cursor, b"1");
    let mine = talk.replica.get(MAP, "mine").unwrap().to_op(MAP);
    talk.answer(&number, page(&[mine], b"2", Some([1; 16]))).unwrap();
    let values: Vec<String> = talk.replica.values(MAP).into_keys().collect();
    assert_eq!(values, ["kept", "meanwhile", "mine"]);
    assert_eq!(talk.replica.cursor(MAP), Some(Bytes::from_static(b"2")));
    assert!(!talk.replica.replacing(MAP));
}

#[test]
fn a_reading_of_everything_begins_again_after_a_kill() {
    let mut talk = Talk::online(&[MAP]);
    let (number, _) = talk.one(is_pull);
    talk.say(&number, error(ErrorCode::CursorInvalid, 0)).unwrap();
    let (number, _) = talk.one(is_pull);
    talk.answer(&number, page(&[op("a", "1", WALL, "b")], b"1", None)).unwrap();
    talk.replica.restart();
    talk.machine = Machine::new(Rules::default(), 8);
    talk.connect(&["cursor"], 1);
    let (number, request) = talk.one(is_pull);
    assert!(request.cursor.is_empty());
    let root = talk.replica.root(MAP);
    talk.answer(&number, page(&[op("a", "1", WALL, "b")], b"1", Some(root))).unwrap();
    assert_eq!(talk.replica.values(MAP).len(), 1);
    assert!(!talk.replica.replacing(MAP));
}

#[test]
fn tombstones_below_the_watermark_count_at_neither_end() {
    let mut talk = Talk::new(&[MAP]);
    let removed = OperationMessage { r#type: 1, ..op("gone", "", WALL - 9, "b") };
    talk.replica.plant(MAP, record(op("kept", "1", WALL, "b")));
    let root = talk.replica.root(MAP);
    talk.replica.plant(MAP, record(removed));
    talk.connect(&["cursor"], 1);
    let (number, _) = talk.one(is_pull);
    let gc_watermark = format!("{}:0:~s", WALL - 1);
    talk.answer(&number, SyncResponse { gc_watermark, ..page(&[], b"1", Some(root)) }).unwrap();
    assert!(talk.machine.is_equal(MAP));
}

#[test]
fn a_quiet_map_asks_by_itself_once_in_a_while() {
    let mut talk = Talk::online(&[MAP]);
    talk.live();
    let waited = talk.sleep();
    assert!((300_000..=375_001).contains(&waited), "{waited}");
    let (_, request) = talk.one(is_pull);
    assert_eq!(&*request.cursor, b"1");
}

#[test]
fn a_server_of_the_spec_alone_is_asked_by_its_tree() {
    let mut talk = Talk::new(&[MAP]);
    talk.replica.plant(MAP, record(op("a", "1", WALL, "b")));
    talk.connect(&[], 0);
    let (number, request) = talk.one(|r| r.r#type == Type::MerkleHashReq as i32);
    assert_eq!((request.depth, request.levels, request.paths.len()), (3, 0, 0));
    let root = Bytes::copy_from_slice(&talk.replica.root(MAP));
    let same = SyncResponse {
        r#type: Type::MerkleHashReq as i32,
        root_hash: root,
        more: false,
        ..page(&[], b"", None)
    };
    talk.answer(&number, same).unwrap();
    assert!(talk.machine.is_equal(MAP));
    talk.say("", Payload::Op(op("b", "1", WALL, "b"))).unwrap();
    assert_eq!(talk.replica.values(MAP).len(), 2, "changes come one at a time");
}

#[test]
fn a_map_that_may_not_be_read_is_told_and_the_others_go_on() {
    let mut talk = Talk::online(&["secret", MAP]);
    talk.events();
    let said = talk.hear();
    assert_eq!(said.len(), 2);
    talk.say(&said[0].0, error(ErrorCode::PermissionDenied, 0)).unwrap();
    let root = talk.replica.root(MAP);
    talk.answer(&said[1].0, page(&[], b"1", Some(root))).unwrap();
    assert_eq!(talk.events(), [Event::Unreadable("secret".into()), Event::Equal(MAP.into())]);
    // Another token may allow it.
    talk.machine.authenticate(&talk.replica, "new", talk.now);
    talk.hear();
    talk.say("9", Payload::AuthResp(welcome(&["cursor"], 1))).unwrap();
    let (_, request) = talk.one(is_pull);
    assert_eq!(request.map_name, "secret");
}

#[test]
fn a_server_that_is_asked_too_much_is_left_alone_for_as_long_as_it_wants() {
    let mut talk = Talk::online(&["other", MAP]);
    let said = talk.hear();
    talk.say(&said[0].0, error(ErrorCode::RateLimited, 2500)).unwrap();
    let root = talk.replica.root(MAP);
    let page = SyncResponse { map_name: String::new(), ..page(&[], b"1", Some(root)) };
    talk.answer(&said[1].0, page).unwrap();
    assert_eq!(talk.sleep(), 2500);
    let (_, request) = talk.one(is_pull);
    assert_eq!(request.map_name, "other");
}

#[test]
fn what_a_server_cannot_do_is_done_in_another_way() {
    let mut talk = Talk::online(&[MAP]);
    let (number, _) = talk.one(is_pull);
    talk.answer(&number, page(&[], b"1", Some([9; 16]))).unwrap();
    let (number, _) = talk.one(|request| request.r#type == Type::Range as i32);
    talk.say(&number, error(ErrorCode::Unsupported, 0)).unwrap();
    let (number, _) = talk.one(is_pull);
    talk.answer(&number, page(&[], b"1", Some([9; 16]))).unwrap();
    let (number, _) = talk.one(|request| request.r#type == Type::MerkleHashReq as i32);
    // And so does a server of the old kind say it.
    let results = vec![rejected(0, ErrorCode::Unavailable)];
    talk.ack(&number, Ack { results, ..Ack::default() }).unwrap();
    assert!(talk.sleep() <= 200);
    talk.one(is_pull);
}

#[test]
fn a_map_that_is_opened_later_begins_then_and_one_that_is_closed_says_nothing_more() {
    let mut talk = Talk::online(&[MAP]);
    talk.live();
    talk.replica.open("later");
    talk.replica.write("later", "a", Some("1"), WALL);
    talk.machine.opened(&"later".into());
    let pushed = talk.pushed();
    assert_eq!(pushed[0].1, ["a"]);
    talk.machine.closed(&"later".into());
    let said = talk.hear();
    assert!(
        matches!(&said[..], [(_, Payload::Unsubscribe(gone))] if gone.map_name == "later"),
        "{said:?}"
    );
    talk.ack(&pushed[0].0, durable()).unwrap();
    let other = OperationMessage { map_name: "later".into(), ..op("b", "1", WALL, "b") };
    talk.say("", batch(&[other], b"1", b"2")).unwrap();
    assert!(!talk.replica.values("later").contains_key("b"));
    assert_eq!(talk.hear(), []);
    assert!(talk.machine.is_equal(MAP));
    talk.machine.opened(&"later".into());
    let said = talk.hear();
    assert!(
        matches!(&said[..], [(_, Payload::Subscribe(again)), (_, Payload::SyncReq(pull))]
            if again.map_name == "later" && is_pull(pull)),
        "{said:?}"
    );
}

#[test]
fn who_asks_for_a_proof_gets_one_that_is_newer() {
    let mut talk = Talk::online(&[MAP]);
    talk.live();
    let first = talk.machine.ask_proof(&talk.replica);
    assert!(talk.machine.is_equal(MAP) && !talk.machine.is_proved(MAP, first));
    let (number, _) = talk.one(|request| request.r#type == Type::PullSince as i32);
    // Another one asks while the first one's question is under way.
    let second = talk.machine.ask_proof(&talk.replica);
    assert_eq!(talk.hear(), []);
    let root = talk.replica.root(MAP);
    talk.answer(&number, page(&[], b"1", Some(root))).unwrap();
    assert!(talk.machine.is_proved(MAP, first) && !talk.machine.is_proved(MAP, second));
    talk.live();
    assert!(talk.machine.is_proved(MAP, second));
}

#[test]
fn a_proof_that_is_asked_for_while_there_is_no_connection_comes_with_the_next_one() {
    let mut talk = Talk::online(&[MAP]);
    talk.live();
    talk.machine.disconnected(&mut talk.replica);
    let behind = talk.machine.ask_proof(&talk.replica);
    assert_eq!(talk.machine.wake_at(), None);
    talk.connect(&["cursor"], 1);
    talk.live();
    assert!(talk.machine.is_proved(MAP, behind));
}
