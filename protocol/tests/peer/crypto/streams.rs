//! Streams of pieces that are not whole: their order, their faults, their limits and their end.

use std::time::Duration;

use syncline_protocol::dialects::peer::chunks::{
    ChunkFault, IDLE_MAX, PIECE_BYTES_MAX, PIECES_MAX, Place, ROOM_BYTES_MAX, Reassembly,
    SENDER_BYTES_MAX, STREAMS_MAX, STREAMS_PER_SENDER_MAX, split,
};

use super::samples::{request, second};
use crate::dice::Dice;

fn place(index: i32, count: u32) -> Place {
    Place { index, count, is_last: index + 1 == count as i32, uncompressed_size: 0, epoch: 1 }
}

fn take(
    all: &mut Reassembly,
    (sender, name): (u8, &str),
    place: Place,
    piece: &[u8],
    at: u64,
) -> Result<Option<Vec<u8>>, ChunkFault> {
    all.take(&[sender; 32], &request(name), place, piece, second(at))
}

#[test]
fn five_megabytes_shuffled_and_doubled_are_one_whole() {
    let mut dice = Dice::new(5);
    let json: Vec<u8> = (0..5_000_000).map(|_| dice.roll() as u8 & 0x7f).collect();
    let cut = split(json.clone(), PIECE_BYTES_MAX).unwrap();
    let count = cut.pieces.len() as u32;
    let mut numbers: Vec<u32> = (0..count).chain(0..count).collect();
    (1..numbers.len()).for_each(|at| numbers.swap(at, dice.below(at as u64 + 1) as usize));
    let (mut all, mut wholes) = (Reassembly::default(), Vec::new());
    for number in numbers {
        let place =
            Place { uncompressed_size: cut.uncompressed_size, ..place(number as i32, count) };
        let piece = &cut.pieces[number as usize];
        wholes.extend(take(&mut all, (1, "r"), place, piece, 0).unwrap());
    }
    assert!(count > 80 && wholes == [json]);
    assert_eq!((all.streams(), all.bytes(), all.deadline()), (0, 0, None));
}

#[test]
fn streams_of_other_senders_and_requests_are_others() {
    let mut all = Reassembly::default();
    for name in [(1, "r"), (2, "r"), (1, "s")] {
        assert_eq!(take(&mut all, name, place(0, 2), b"a", 0), Ok(None));
    }
    assert_eq!(take(&mut all, (2, "r"), place(1, 2), b"b", 0), Ok(Some(b"ab".to_vec())));
    assert_eq!(all.streams(), 2);
    all.forget(&[1; 32]);
    assert_eq!((all.streams(), all.bytes()), (0, 0));
}

#[test]
fn the_first_copy_of_a_piece_counts() {
    let mut all = Reassembly::default();
    take(&mut all, (1, "r"), place(0, 2), b"first", 0).unwrap();
    let bytes = all.bytes();
    assert_eq!(take(&mut all, (1, "r"), place(0, 2), b"second", 1), Ok(None));
    assert_eq!(all.bytes(), bytes);
    assert_eq!(take(&mut all, (1, "r"), place(1, 2), b"!", 1), Ok(Some(b"first!".to_vec())));
}

#[test]
fn a_stream_that_contradicts_itself_is_gone() {
    let contradictions = [
        place(1, 3),
        Place { uncompressed_size: 7, ..place(1, 2) },
        Place { epoch: 2, ..place(1, 2) },
        place(0, 3),
    ];
    for other in contradictions {
        let mut all = Reassembly::default();
        take(&mut all, (1, "r"), place(0, 2), b"a", 0).unwrap();
        assert_eq!(take(&mut all, (1, "r"), other, b"b", 0), Err(ChunkFault::Mismatch));
        assert_eq!((all.streams(), all.bytes()), (0, 0));
    }
}

#[test]
fn places_that_cannot_be() {
    let mut all = Reassembly::default();
    let bad = [
        place(0, 0),
        place(2, 2),
        Place { index: -1, is_last: false, ..place(0, 2) },
        Place { is_last: true, ..place(0, 2) },
        Place { is_last: false, ..place(1, 2) },
        Place { is_last: false, ..place(0, 1) },
        place(0, PIECES_MAX + 1),
        place(0, u32::MAX),
    ];
    for place in bad {
        assert_eq!(
            take(&mut all, (1, "r"), place, b"a", 0),
            Err(ChunkFault::BadPlace),
            "{place:?}"
        );
    }
    let huge = Place { uncompressed_size: 65 << 20, ..place(0, 2) };
    assert_eq!(take(&mut all, (1, "r"), huge, b"a", 0), Err(ChunkFault::BadSize));
    assert_eq!((all.streams(), all.bytes()), (0, 0));
    assert_eq!(take(&mut all, (1, "r"), place(0, PIECES_MAX), b"a", 0), Ok(None));
}

#[test]
fn a_stream_without_progress_ends() {
    let mut all = Reassembly::default();
    take(&mut all, (1, "r"), place(0, 3), b"a", 10).unwrap();
    take(&mut all, (1, "s"), place(0, 3), b"a", 25).unwrap();
    assert_eq!(all.deadline(), Some(Duration::from_secs(40)));
    take(&mut all, (1, "r"), place(1, 3), b"b", 20).unwrap();
    take(&mut all, (1, "r"), place(1, 3), b"b", 39).unwrap();
    assert_eq!(all.deadline(), Some(Duration::from_secs(50)), "a copy is no progress");
    assert_eq!(all.expire(second(49)), 0);
    assert_eq!(all.expire(second(50)), 1);
    assert_eq!(all.expire(second(50)), 0);
    assert_eq!(take(&mut all, (1, "r"), place(2, 3), b"c", 51), Ok(None), "it begins anew");
    assert_eq!(all.expire(second(100)), 2);
    assert_eq!((all.bytes(), all.deadline()), (0, None));
}

#[test]
fn late_copies_begin_nothing_for_a_while() {
    let mut all = Reassembly::default();
    take(&mut all, (1, "r"), place(0, 2), b"a", 0).unwrap();
    assert!(take(&mut all, (1, "r"), place(1, 2), b"b", 0).unwrap().is_some());
    let late = IDLE_MAX.as_secs() - 1;
    assert_eq!(take(&mut all, (1, "r"), place(0, 2), b"a", late), Ok(None));
    assert_eq!(all.streams(), 0);
    take(&mut all, (1, "r"), place(0, 2), b"a", late + 1).unwrap();
    assert_eq!(all.streams(), 1);
}

#[test]
fn memory_of_finished_streams_is_bounded() {
    let mut all = Reassembly::default();
    for number in 0..1100 {
        let name = number.to_string();
        take(&mut all, (1, &name), place(0, 2), b"a", 0).unwrap();
        assert!(take(&mut all, (1, &name), place(1, 2), b"b", number / 100).unwrap().is_some());
    }
    take(&mut all, (1, "1099"), place(0, 2), b"a", 11).unwrap();
    assert_eq!(all.streams(), 0);
    take(&mut all, (1, "0"), place(0, 2), b"a", 11).unwrap();
    assert_eq!(all.streams(), 1, "the oldest is forgotten");
}

#[test]
fn a_sender_has_a_share() {
    let (mut all, piece) = (Reassembly::default(), vec![0; PIECE_BYTES_MAX]);
    let fits = SENDER_BYTES_MAX / PIECE_BYTES_MAX - 1;
    for index in 0..fits {
        assert_eq!(take(&mut all, (1, "r"), place(index as i32, 4000), &piece, 0), Ok(None));
    }
    take(&mut all, (2, "r"), place(0, 2), b"a", 0).unwrap();
    let more =
        (0..3).map(|at| take(&mut all, (1, "r"), place((fits + at) as i32, 4000), &piece, 0));
    let faults: Vec<_> = more.filter_map(Result::err).collect();
    assert_eq!(faults[0], ChunkFault::SenderFull);
    assert!(all.bytes() < SENDER_BYTES_MAX);
    assert!(take(&mut all, (2, "r"), place(1, 2), b"b", 0).unwrap().is_some(), "others go on");
}

#[test]
fn a_sender_has_so_many_streams() {
    let mut all = Reassembly::default();
    for number in 0..STREAMS_PER_SENDER_MAX {
        take(&mut all, (1, &number.to_string()), place(0, 2), b"", 0).unwrap();
    }
    let more = take(&mut all, (1, "more"), place(0, 2), b"", 0);
    assert_eq!(more, Err(ChunkFault::SenderFull));
    assert!(take(&mut all, (1, "7"), place(1, 2), b"", 0).unwrap().is_some());
}

#[test]
fn a_full_room_takes_from_who_has_most() {
    let (mut all, piece) = (Reassembly::default(), vec![0; PIECE_BYTES_MAX]);
    let each = ROOM_BYTES_MAX / PIECE_BYTES_MAX / 6;
    // Five senders fill five sixths with two streams each, the sixth most of the rest.
    for sender in 1..=6 {
        let pieces = if sender == 3 { each + 20 } else { each - 20 };
        for number in 0..pieces {
            let name = if number < 100 { "old" } else { "new" };
            let at = u64::from(name == "new");
            take(&mut all, (sender, name), place(number as i32, 4000), &piece, at).unwrap();
        }
    }
    take(&mut all, (7, "r"), place(0, 4000), &piece, 2).unwrap();
    let (streams, mut number) = (all.streams(), 0);
    while all.streams() >= streams {
        number += 1;
        take(&mut all, (7, "r"), place(number, 4000), &piece, 2).unwrap();
        assert!(all.bytes() <= ROOM_BYTES_MAX && number < 200);
    }
    // Its stream that waited longest went: a piece of it is a beginning, not a copy.
    let before = all.bytes();
    assert_eq!(take(&mut all, (3, "old"), place(0, 4000), b"", 2), Ok(None));
    assert!(all.bytes() > before);
    assert_eq!(all.expire(second(2)), 1, "it is told");
}

#[test]
fn a_room_has_so_many_streams() {
    let mut all = Reassembly::default();
    let senders = (STREAMS_MAX / STREAMS_PER_SENDER_MAX) as u8;
    for sender in 1..=senders {
        for number in 0..STREAMS_PER_SENDER_MAX {
            take(&mut all, (sender, &number.to_string()), place(0, 2), b"", 0).unwrap();
        }
    }
    assert_eq!(all.streams(), STREAMS_MAX);
    take(&mut all, (200, "r"), place(0, 2), b"", 1).unwrap();
    assert_eq!(all.streams(), STREAMS_MAX);
    assert!(take(&mut all, (200, "r"), place(1, 2), b"", 1).unwrap().is_some());
}
