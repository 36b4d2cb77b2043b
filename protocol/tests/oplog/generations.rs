//! Keys: where a dataset begins, what a reset does, who is told to begin anew.

use syncline_protocol::dialects::oplog::{Answer, Limits, Request};

use crate::double::{Dataset, NO_SNAPSHOT, clocks, key_of, op, pushed, stale};

#[test]
fn the_first_question_begins_a_generation_and_the_key_stays() {
    let (mut dataset, key) = Dataset::begun();
    let answer = dataset.bootstrap();
    assert_eq!(key_of(&answer), key);
    let body =
        format!(r#"{{"datasetGenerationKey":"{key}","snapshot":"","serverSeq":0,"ops":[]}}"#);
    assert_eq!(dataset.shown(answer.into_reply()), (200, body));
    dataset.restart();
    assert_eq!(key_of(&dataset.bootstrap()), key);
}

#[test]
fn any_first_question_begins_a_generation() {
    let fresh = || Dataset::new(Limits::default());
    let mut dataset = fresh();
    let (key, snapshot) = stale(dataset.pull("a", "unknown", 5));
    assert_eq!(snapshot, NO_SNAPSHOT);
    dataset.restart();
    assert_eq!(key_of(&dataset.bootstrap()), key);

    let mut dataset = fresh();
    let (key, _) = stale(dataset.push("a", "unknown", &[op("a", 1)]));
    dataset.restart();
    assert_eq!(dataset.pulled(&key, 0).len(), 0, "nothing of a stale push is stored");

    let mut dataset = fresh();
    assert_eq!(key_of(&dataset.reset("chosen", "s")), "chosen");
    dataset.restart();
    assert_eq!(key_of(&dataset.bootstrap()), "chosen");
}

#[test]
fn a_reset_that_begins_a_dataset_retires_nothing() {
    let mut dataset = Dataset::new(Limits::default());
    // The key that the reset came with, and that nobody was told.
    assert_eq!(key_of(&dataset.reset("made-1", "")), "made-1");
    assert_eq!(dataset.pulled("made-1", 0).len(), 0);
}

#[test]
fn a_reset_replaces_everything() {
    let (mut dataset, old) = Dataset::begun();
    dataset.push("a", &old, &[op("a", 1), op("a", 2)]);
    let answer = dataset.reset("new", "state");
    let body = r#"{"serverSeq":0,"datasetGenerationKey":"new"}"#.to_owned();
    assert_eq!(dataset.shown(answer.into_reply()), (200, body));
    for _ in 0..2 {
        let answer = dataset.bootstrap();
        let body = r#"{"datasetGenerationKey":"new","snapshot":"state","serverSeq":0,"ops":[]}"#;
        assert_eq!(dataset.shown(answer.into_reply()), (200, body.to_owned()));
        dataset.restart();
    }
    assert!(dataset.memory.log.is_empty(), "the old operations are gone");
    // The same operation is new in the new generation, and counted from 1.
    assert_eq!(pushed(dataset.push("a", "new", &[op("a", 2)])), (1, 1));
    assert_eq!(clocks(&dataset.pulled("new", 0)), [(1, 2)]);
}

#[test]
fn the_maps_of_an_old_generation_are_dropped() {
    let (mut dataset, mut key) = Dataset::begun();
    for round in 0..5 {
        dataset.push("a", &key, &[op("a", 1), op("b", 1)]);
        dataset.pull("a", &key, 1);
        key = format!("key-{round}");
        dataset.reset(&key, "");
    }
    // The meta entry and the retired keys.
    let entries: Vec<_> = dataset.memory.maps.iter().map(|(map, of)| (*map, of.len())).collect();
    assert_eq!(entries, [(0, 1), (1, 5)]);
}

#[test]
fn whoever_comes_with_another_key_begins_anew_and_nothing_is_stored() {
    let (mut dataset, old) = Dataset::begun();
    dataset.reset("new", "the state");
    for key in [&*old, "never seen"] {
        let answers = [
            dataset.pull("a", key, 0),
            dataset.pull("a", key, 7),
            dataset.push("a", key, &[op("a", 1)]),
            dataset.push("a", key, &[]),
            dataset.checkpoint("a", key, 0, "s"),
        ];
        for answer in answers {
            assert!(!answer.is_news());
            let body = r#"{"datasetGenerationKey":"new","snapshot":"the state"}"#.to_owned();
            assert_eq!(dataset.shown(answer.into_reply()), (409, body), "no serverSeq");
        }
    }
    assert_eq!(dataset.memory.log.len(), 0);
}

#[test]
fn a_key_is_good_for_one_reset() {
    let (mut dataset, first) = Dataset::begun();
    dataset.reset("second", "2");
    dataset.push("a", "second", &[op("a", 1)]);
    for _ in 0..2 {
        for taken in [&*first, "second"] {
            let before = dataset.memory.clone();
            let answer = dataset.reset(taken, "again");
            assert_eq!(answer, Answer::GenerationExists);
            let body = r#"{"error":"datasetGenerationKey already exists"}"#.to_owned();
            assert_eq!(dataset.shown(answer.into_reply()), (409, body));
            assert_eq!(dataset.memory, before);
        }
        dataset.restart();
    }
}

#[test]
fn of_two_resets_the_last_one_wins() {
    let (mut dataset, _) = Dataset::begun();
    dataset.reset("one", "1");
    dataset.reset("two", "2");
    assert_eq!(stale(dataset.pull("a", "one", 0)), ("two".into(), "\"2\"".into()));
}

#[test]
fn a_snapshot_comes_back_as_it_was_written() {
    let (mut dataset, _) = Dataset::begun();
    for (n, token) in [
        r#""""#,
        r#""not { json\u0000\/\u00e9é😀\ud83d\ude00""#,
        r#""\ud800 alone""#,
        "\"{\\\"a\\\":1.0}\"",
    ]
    .into_iter()
    .enumerate()
    {
        let body =
            format!(r#"{{"clientId":"a","datasetGenerationKey":"g{n}" , "snapshot" :  {token} }}"#);
        let reset = syncline_protocol::dialects::oplog::Reset::decode(body.as_bytes()).unwrap();
        dataset.answer(Request::Reset(reset));
        dataset.restart();
        let Answer::Bootstrap { snapshot, .. } = dataset.bootstrap() else { panic!() };
        assert_eq!(snapshot, token);
        assert_eq!(stale(dataset.pull("a", "old", 0)).1, token);
    }
}

#[test]
fn a_pull_without_a_key_is_told_to_begin() {
    let (mut dataset, key) = Dataset::begun();
    assert_eq!(stale(dataset.pull("a", "", 0)), (key, NO_SNAPSHOT.into()));
    dataset.reset("new", "s");
    assert_eq!(stale(dataset.pull("a", "", 9)), ("new".into(), "\"s\"".into()));
}

#[test]
fn a_push_without_a_key_is_stored_and_bound_to_a_dataset_without_a_snapshot() {
    let mut dataset = Dataset::new(Limits::default());
    let answer = dataset.push("a", "", &[op("a", 1), op("a", 2)]);
    let key = key_of(&answer);
    assert_eq!(pushed(answer), (2, 2));
    dataset.restart();
    assert_eq!(clocks(&dataset.pulled(&key, 0)), [(1, 1), (2, 2)]);
    // Again, since its answer was lost.
    assert_eq!(pushed(dataset.push("a", "", &[op("a", 1), op("a", 2)])), (2, 0));
}

#[test]
fn a_push_without_a_key_is_stored_and_told_to_begin_with_the_snapshot() {
    let (mut dataset, _) = Dataset::begun();
    dataset.reset("new", "state");
    let answer = dataset.push("a", "", &[op("a", 1)]);
    assert!(answer.is_news());
    assert_eq!(stale(answer), ("new".into(), "\"state\"".into()));
    assert_eq!(clocks(&dataset.pulled("new", 0)), [(1, 1)]);
    let again = dataset.push("a", "", &[op("a", 1)]);
    assert!(!again.is_news());
    assert_eq!(dataset.pulled("new", 0).len(), 1);
}

#[test]
fn a_rotation_keeps_everything_under_a_new_key() {
    let (mut dataset, old) = Dataset::begun();
    dataset.push("a", &old, &[op("a", 1), op("a", 2)]);
    let answer = dataset.answer(Request::Rotate);
    assert!(answer.is_news());
    let key = key_of(&answer);
    assert_ne!(key, old);
    dataset.restart();
    assert_eq!(stale(dataset.pull("a", &old, 2)).0, key);
    assert_eq!(clocks(&dataset.pulled(&key, 0)), [(1, 1), (2, 2)]);
    assert_eq!(pushed(dataset.push("a", &key, &[op("a", 2), op("a", 3)])), (3, 1));
    assert_eq!(dataset.reset(&old, ""), Answer::GenerationExists);
}

#[test]
fn answers_under_way_share_one_snapshot() {
    let mut dataset = Dataset::new(Limits::default());
    let snapshot = |answer| match answer {
        Answer::Bootstrap { snapshot, .. } | Answer::Stale { snapshot, .. } => snapshot,
        other => panic!("no snapshot in {other:?}"),
    };
    let _ = dataset.reset("one", "first");
    let (a, b) = (snapshot(dataset.bootstrap()), snapshot(dataset.pull("c", "strange", 0)));
    assert_eq!((&a[..], a.as_ptr()), (&b"\"first\""[..], b.as_ptr()));
    let _ = dataset.reset("two", "second");
    assert_eq!(&snapshot(dataset.bootstrap())[..], b"\"second\"");
    assert_eq!(&a[..], b"\"first\"");
    drop((a, b));
    dataset.restart();
    assert_eq!(&snapshot(dataset.pull("c", "strange", 0))[..], b"\"second\"");
    let _ = dataset.checkpoint("c", "two", 0, "third");
    assert_eq!(&snapshot(dataset.bootstrap())[..], b"\"second\"", "it stands for no more");
    let _ = dataset.push("c", "two", &[op("c", 1)]);
    let held = snapshot(dataset.bootstrap());
    let _ = dataset.checkpoint("c", "two", 1, "third");
    assert_eq!(&snapshot(dataset.bootstrap())[..], b"\"third\"");
    assert_eq!(&held[..], b"\"second\"");
}
