//! Servers that break the protocol, or never have enough.

use super::*;

fn is_pull(request: &SyncRequest) -> bool {
    request.r#type == Type::PullSince as i32
}

#[test]
fn a_server_must_let_us_in_in_time_and_say_so() {
    let mut talk = Talk::new(&[MAP]);
    talk.machine.connected(&mut talk.replica, "token", talk.now);
    talk.hear();
    let empty = talk.say("1", Payload::AuthResp(AuthResponse::default()));
    assert!(matches!(empty, Err(Ended::Denied { .. })), "{empty:?}");
    let mut talk = Talk::new(&[MAP]);
    talk.machine.connected(&mut talk.replica, "token", talk.now);
    talk.hear();
    assert_eq!(talk.sleep(), 10_000);
    assert!(matches!(talk.try_hear(), Err(Ended::TimedOut)));
}

#[test]
fn nothing_is_believed_before_we_are_let_in() {
    let mut talk = Talk::new(&[MAP]);
    talk.machine.connected(&mut talk.replica, "token", talk.now);
    talk.hear();
    talk.say("1", Payload::Op(op("a", "1", WALL, "b"))).unwrap();
    talk.ack("1", durable()).unwrap();
    assert!(talk.replica.values(MAP).is_empty());
    let refused = talk.say("1", error(ErrorCode::Unauthenticated, 0));
    assert!(matches!(refused, Err(Ended::Refused { code: ErrorCode::Unauthenticated, .. })));
}

#[test]
fn what_answers_nothing_is_passed_over() {
    let mut talk = Talk::online(&[MAP]);
    talk.live();
    for number in ["", "1", "77", "x", "18446744073709551616"] {
        talk.ack(number, durable()).unwrap();
        talk.answer(number, page(&[op("a", "1", WALL, "b")], b"9", Some([0; 16]))).unwrap();
        talk.say(number, error(ErrorCode::Internal, 0)).unwrap();
    }
    let unset = Envelope { correlation_id: "5".into(), payload: None };
    talk.machine.receive(&mut talk.replica, encode(&unset), talk.now).unwrap();
    assert!(talk.replica.values(MAP).is_empty());
    assert_eq!(talk.hear(), []);
    let noise = Bytes::from_static(b"\xff\xff\xff");
    assert!(talk.machine.receive(&mut talk.replica, noise, talk.now).is_err());
}

#[test]
fn operations_of_another_map_end_the_connection_and_unreadable_ones_are_told() {
    let mut talk = Talk::online(&[MAP]);
    let (number, _) = talk.one(is_pull);
    talk.events();
    let bad = OperationMessage { timestamp: "soon".into(), ..op("a", "1", WALL, "b") };
    talk.answer(&number, page(&[bad, op("b", "1", WALL, "b")], b"1", None)).unwrap();
    assert_eq!(talk.events(), [Event::Skipped { map: MAP.into(), ops: 1 }]);
    let (number, _) = talk.one(is_pull);
    let other = OperationMessage { map_name: "other".into(), ..op("a", "1", WALL, "b") };
    let ended = talk.answer(&number, page(&[other], b"2", None));
    assert!(matches!(ended, Err(Ended::Violation(_))), "{ended:?}");
}

#[test]
fn pages_of_nothing_come_to_an_end() {
    let mut talk = Talk::online(&[MAP]);
    let mut ended = Ok(());
    for turn in 0..2000 {
        let (number, _) = talk.one(is_pull);
        let cursor = [b"1", b"2"][turn % 2];
        ended = talk.answer(&number, page(&[], cursor, None));
        if ended.is_err() {
            assert!(turn >= 1000);
            break;
        }
    }
    assert!(matches!(ended, Err(Ended::Violation(_))));
    let mut talk = Talk::online(&[MAP]);
    let (number, _) = talk.one(is_pull);
    let nowhere = talk.answer(&number, page(&[op("a", "1", WALL, "b")], b"", None));
    assert!(matches!(nowhere, Err(Ended::Violation(_))));
}

/// Plays a server of bad will for an hour: how often it is asked.
fn asked_in_an_hour(
    talk: &mut Talk,
    mut answer: impl FnMut(&mut Talk, &str, SyncRequest) -> Result<(), Ended>,
) -> usize {
    let (mut asked, end) = (0, talk.now.at + Duration::from_secs(3600));
    while talk.now.at < end {
        let said = talk.hear();
        if said.is_empty() {
            talk.sleep();
        }
        for (number, payload) in said {
            if let Payload::SyncReq(request) = payload {
                asked += 1;
                answer(talk, &number, request).unwrap();
            }
        }
    }
    asked
}

#[test]
fn a_server_that_always_wants_to_be_read_anew_is_asked_ever_less_often() {
    let mut talk = Talk::online(&[MAP]);
    let asked = asked_in_an_hour(&mut talk, |talk, number, _| {
        let status = Status::ResetRequired as i32;
        talk.answer(number, SyncResponse { status, ..page(&[], b"", None) })
    });
    assert!(asked < 40, "{asked}");
}

#[test]
fn a_server_whose_root_is_never_ours_is_repaired_ever_less_often_and_the_status_says_so() {
    for capabilities in [&["cursor", "negentropy1"][..], &["cursor"], &[]] {
        let mut talk = Talk::new(&[MAP]);
        talk.write("a", "1");
        talk.connect(capabilities, 1);
        for (number, _) in talk.pushed() {
            talk.ack(&number, durable()).unwrap();
        }
        let asked = asked_in_an_hour(&mut talk, |talk, number, request| {
            if request.r#type == Type::Push as i32 {
                return talk.ack(number, durable());
            }
            let r#type = request.r#type;
            let count = 5;
            talk.answer(number, SyncResponse { r#type, count, ..page(&[], b"1", Some([9; 16])) })
        });
        assert!(asked < 150, "{asked} with {capabilities:?}");
        assert!(talk.events().contains(&Event::Unequal(MAP.into())));
        assert!(!talk.machine.is_equal(MAP));
        assert_eq!(talk.replica.values(MAP)["a"], "1");
    }
}

#[test]
fn gaps_without_end_are_not_pulled_without_end() {
    let mut talk = Talk::online(&[MAP]);
    talk.live();
    let (mut asked, end) = (0, talk.now.at + Duration::from_secs(60));
    while talk.now.at < end {
        let ops = vec![op("a", "1", WALL, "b")];
        let gap = syncline_protocol::dialects::maps::proto::OperationBatch {
            ops,
            cursor: "b".into(),
            prev_cursor: "a".into(),
        };
        talk.say("", Payload::Batch(gap)).unwrap();
        for (number, payload) in talk.hear() {
            if matches!(payload, Payload::SyncReq(request) if is_pull(&request)) {
                asked += 1;
                let root = talk.replica.root(MAP);
                talk.answer(&number, page(&[], b"1", Some(root))).unwrap();
            }
        }
        talk.later(10);
    }
    assert!(asked < 100, "{asked}");
}

#[test]
fn a_token_is_asked_for_before_its_end_and_when_the_server_says_so() {
    let mut talk = Talk::new(&[MAP]);
    talk.machine.connected(&mut talk.replica, "token", talk.now);
    talk.hear();
    let token_expires_at_ms = WALL + 600_000;
    let welcome = AuthResponse { token_expires_at_ms, ..welcome(&["cursor"], 1) };
    talk.say("1", Payload::AuthResp(welcome.clone())).unwrap();
    talk.live();
    talk.events();
    while talk.now.at < Duration::from_secs(540) {
        assert_eq!(talk.events(), []);
        talk.sleep();
        for (number, _) in talk.hear() {
            let root = talk.replica.root(MAP);
            talk.answer(&number, page(&[], b"1", Some(root))).unwrap();
        }
    }
    assert_eq!(talk.events(), [Event::TokenWanted]);
    talk.machine.authenticate(&talk.replica, "new", talk.now);
    let said = talk.hear();
    assert!(matches!(&said[..], [(_, Payload::Auth(auth))] if auth.token == "new"));
    talk.say(&said[0].0, Payload::AuthResp(welcome)).unwrap();
    assert!(talk.machine.is_equal(MAP), "and nothing begins anew");
    talk.say("", error(ErrorCode::TokenExpired, 0)).unwrap();
    assert_eq!(talk.events(), [Event::TokenWanted]);
}

#[test]
fn short_and_endless_tokens_are_renewed_at_leisure() {
    for (lives_ms, wanted_ms) in [(0, 1000), (40_000, 30_000), (u64::MAX - WALL, 31_535_940_000)] {
        let mut talk = Talk::new(&[]);
        talk.machine.connected(&mut talk.replica, "token", talk.now);
        talk.hear();
        let token_expires_at_ms = WALL + lives_ms;
        let welcome = AuthResponse { token_expires_at_ms, ..welcome(&["cursor"], 1) };
        talk.say("1", Payload::AuthResp(welcome)).unwrap();
        assert_eq!(talk.sleep(), wanted_ms);
        talk.hear();
        assert_eq!(talk.events(), [Event::Online, Event::TokenWanted]);
        assert_eq!(talk.machine.wake_at(), None, "once");
    }
}

#[test]
fn a_server_that_owes_an_answer_and_says_nothing_is_given_up() {
    let mut talk = Talk::online(&[MAP]);
    let mut ended = Ok(Vec::new());
    while ended.is_ok() && talk.now.at < Duration::from_secs(600) {
        ended = talk.try_hear();
        if ended.is_ok() {
            talk.sleep();
        }
    }
    assert!(matches!(ended, Err(Ended::TimedOut)), "{ended:?}");
    assert!(talk.now.at <= Duration::from_secs(91), "{:?}", talk.now.at);
}
