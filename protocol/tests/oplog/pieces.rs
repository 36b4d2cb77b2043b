//! A push that is asked in pieces ends as if it had been asked whole.

use syncline_protocol::dialects::oplog::{Answer, Push, Request, Scopes};

use crate::double::{Dataset, clocks, key_of, op, stale};

/// What a piece may hold, as the protocol promises it.
const OPS_MAX: usize = 16_384;
const BYTES_MAX: usize = 16 << 20;

fn decoded(key: &str, ops: &[String]) -> Push {
    let ops = ops.join(",");
    let body = format!(r#"{{"clientId":"a","datasetGenerationKey":"{key}","ops":[{ops}]}}"#);
    Push::decode(body.as_bytes(), Scopes::Any).unwrap()
}

fn ops(clocks: std::ops::RangeInclusive<u64>) -> Vec<String> {
    clocks.map(|clock| op("a", clock)).collect()
}

/// Asks all pieces, with `between` before each but the first; the last answer and the pieces' sizes.
fn ask(
    dataset: &mut Dataset,
    push: Push,
    mut between: impl FnMut(&mut Dataset),
) -> (Answer, Vec<usize>) {
    let (mut pieces, mut sizes) = (push.into_pieces(), Vec::new());
    while let Some(piece) = pieces.next_piece() {
        assert!(piece.ops() <= OPS_MAX && (piece.bytes() <= BYTES_MAX || piece.ops() == 1));
        if !sizes.is_empty() {
            between(dataset);
        }
        sizes.push(piece.ops());
        pieces.answered(dataset.answer(Request::Push(piece)));
    }
    (pieces.into_answer().unwrap(), sizes)
}

#[test]
fn pieces_bring_everything_once_and_in_order() {
    let (mut dataset, key) = Dataset::begun();
    let (answer, sizes) = ask(&mut dataset, decoded(&key, &ops(1..=20_000)), |_| ());
    assert_eq!(sizes, [OPS_MAX, 3_616]);
    assert!(matches!(&answer, Answer::Pushed { server_seq: 20_000, .. }) && key_of(&answer) == key);
    let all: Vec<(u64, u64)> = (1..=20_000).map(|n| (n, n)).collect();
    assert_eq!(clocks(&dataset.pulled(&key, 0)), all);
    // Broken off after its first piece, and repeated.
    let mut pieces = decoded(&key, &ops(20_001..=40_000)).into_pieces();
    let first = pieces.next_piece().unwrap();
    let _ = dataset.answer(Request::Push(first));
    let (answer, _) = ask(&mut dataset, decoded(&key, &ops(20_001..=40_000)), |_| ());
    assert!(matches!(answer, Answer::Pushed { server_seq: 40_000, .. }));
    let all: Vec<(u64, u64)> = (1..=40_000).map(|n| (n, n)).collect();
    assert_eq!(clocks(&dataset.pulled(&key, 0)), all);
}

#[test]
fn a_small_push_is_one_piece_and_so_is_an_empty_one() {
    let (mut dataset, key) = Dataset::begun();
    for (count, size) in [(0, 0), (1, 1), (OPS_MAX as u64, OPS_MAX)] {
        let (answer, sizes) = ask(&mut dataset, decoded(&key, &ops(1..=count)), |_| ());
        assert_eq!(sizes, [size]);
        assert!(matches!(answer, Answer::Pushed { server_seq, .. } if server_seq == count));
    }
}

#[test]
fn a_large_operation_is_a_piece_of_its_own() {
    let (mut dataset, key) = Dataset::begun();
    let large = |clock: u64, bytes: usize| {
        let text = "x".repeat(bytes);
        format!(
            r#"{{"scope":"s","resourceId":"r","actor":"a","clock":{clock},"payload":"{text}"}}"#
        )
    };
    let all = [large(1, 10), large(2, BYTES_MAX), large(3, BYTES_MAX / 2), large(4, 10)];
    let (answer, sizes) = ask(&mut dataset, decoded(&key, &all), |_| ());
    assert_eq!(sizes, [1, 1, 2]);
    assert!(matches!(answer, Answer::Pushed { server_seq: 4, .. }));
}

#[test]
fn a_generation_that_ends_between_two_pieces_takes_no_more() {
    for key in ["", "own"] {
        let mut dataset = Dataset::new(Default::default());
        let _ = dataset.reset("own", "");
        let push = decoded(key, &ops(1..=20_000));
        let (answer, sizes) = ask(&mut dataset, push, |dataset| {
            let _ = dataset.reset("another", "s");
        });
        assert_eq!(sizes.len(), 2);
        assert_eq!(stale(answer), ("another".into(), "\"s\"".into()));
        assert_eq!(dataset.pulled("another", 0).len(), 0);
    }
}

#[test]
fn a_client_without_a_key_is_told_the_snapshot_and_all_is_stored() {
    let mut dataset = Dataset::new(Default::default());
    let _ = dataset.reset("own", "s");
    let (answer, sizes) = ask(&mut dataset, decoded("", &ops(1..=20_000)), |_| ());
    assert_eq!(sizes.len(), 2);
    assert!(matches!(&answer, Answer::Stale { snapshot, .. } if &snapshot[..] == b"\"s\""));
    assert_eq!(dataset.pulled("own", 0).len(), 20_000);

    let mut fresh = Dataset::new(Default::default());
    let (answer, _) = ask(&mut fresh, decoded("", &ops(1..=20_000)), |_| ());
    let key = key_of(&answer);
    assert!(matches!(answer, Answer::Pushed { server_seq: 20_000, .. }));
    assert_eq!(fresh.pulled(&key, 0).len(), 20_000);
}

#[test]
fn a_checkpoint_between_two_pieces_stops_nobody() {
    let (mut dataset, key) = Dataset::begun();
    let mut checkpoints = 0;
    let (answer, _) = ask(&mut dataset, decoded(&key, &ops(1..=20_000)), |dataset| {
        let made = dataset.checkpoint("b", &key, 10, "s");
        checkpoints += usize::from(matches!(made, Answer::Checkpointed { .. }));
    });
    assert_eq!(checkpoints, 1, "the second has an earlier key");
    assert!(matches!(answer, Answer::Pushed { server_seq: 20_000, .. }));
}
