//! Changesets cut into pieces, and what the pieces must be.

use proptest::prelude::*;
use syncline_protocol::dialects::peer::chunks::{
    ChunkFault, JSON_BYTES_MAX, PIECE_BYTES_MAX, PIECES_MAX, Place, Reassembly, TooLarge,
    ZSTD_BYTES_MIN, padded_len, split, split_padded,
};

use super::samples::{request, second};

/// Takes one piece that says it is the whole.
fn alone(piece: &[u8], uncompressed_size: i32) -> Result<Option<Vec<u8>>, ChunkFault> {
    let place = Place { index: 0, count: 1, is_last: true, uncompressed_size, epoch: 0 };
    Reassembly::default().take(&[1; 32], &request("r"), place, piece, second(0))
}

#[test]
fn what_is_small_or_does_not_shrink_is_not_compressed() {
    let small = vec![b'a'; ZSTD_BYTES_MIN - 1];
    let pieces = split(small.clone(), PIECE_BYTES_MAX).unwrap();
    assert_eq!((pieces.uncompressed_size, pieces.pieces), (0, vec![small]));
    let pieces = split(vec![b'a'; ZSTD_BYTES_MIN], PIECE_BYTES_MAX).unwrap();
    assert_eq!(pieces.uncompressed_size, ZSTD_BYTES_MIN as i32);
    assert!(pieces.pieces[0].len() < 100);
    let mut dice = crate::dice::Dice::new(1);
    let noise: Vec<u8> = (0..1000).map(|_| dice.roll() as u8).collect();
    assert_eq!(split(noise, PIECE_BYTES_MAX).unwrap().uncompressed_size, 0);
    assert_eq!(split(Vec::new(), PIECE_BYTES_MAX).unwrap().pieces, [Vec::<u8>::new()]);
}

#[test]
fn what_does_not_fit_into_one_stream() {
    assert_eq!(split(vec![b'a'; JSON_BYTES_MAX + 1], PIECE_BYTES_MAX), Err(TooLarge));
    let most = split(vec![b'a'; JSON_BYTES_MAX], PIECE_BYTES_MAX).unwrap();
    assert_eq!(most.uncompressed_size, 64 << 20);
    assert!(most.pieces.iter().all(|piece| piece.len() <= PIECE_BYTES_MAX));
    let mut dice = crate::dice::Dice::new(1);
    let mut noise: Vec<u8> = (0..PIECES_MAX).map(|_| dice.roll() as u8).collect();
    assert_eq!(split(noise.clone(), 0).unwrap().pieces.len(), PIECES_MAX as usize);
    noise.push(0);
    assert_eq!(split(noise, 1), Err(TooLarge));
}

#[test]
fn a_declared_size_is_exact() {
    let json = vec![b'x'; 100_000];
    let pieces = split(json.clone(), PIECE_BYTES_MAX).unwrap();
    let frame = &pieces.pieces[0];
    assert_eq!(alone(frame, 100_000), Ok(Some(json)));
    for wrong in [1, 99_999, 100_001, 64 << 20] {
        assert_eq!(alone(frame, wrong), Err(ChunkFault::BadZstd), "{wrong}");
    }
    for size in [-1, (64 << 20) + 1, 65 << 20, i32::MAX, i32::MIN] {
        assert_eq!(alone(frame, size), Err(ChunkFault::BadSize), "{size}");
    }
    // A frame that does not say its size.
    let silent = zstd::stream::encode_all(&vec![b'x'; 100_000][..], 3).unwrap();
    assert_eq!(alone(&silent, 100_000).unwrap().unwrap().len(), 100_000);
    for wrong in [1, 99_999, 100_001] {
        assert_eq!(alone(&silent, wrong), Err(ChunkFault::BadZstd), "{wrong}");
    }
}

/// A frame (RFC 8878) that does not say its size, of so many blocks that each repeat a byte 2^17 times.
fn repeats(blocks: usize) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x38];
    for block in 1..=blocks {
        let is_last = u8::from(block == blocks);
        frame.extend_from_slice(&[is_last | 0x02, 0, 0x10, 0]);
    }
    frame
}

#[test]
fn a_bomb_is_refused() {
    assert_eq!(alone(&repeats(8), 1 << 20).unwrap().unwrap().len(), 1 << 20);
    // A gibibyte, declared as a mebibyte and as the most there may be.
    let bomb = repeats(1 << 13);
    assert!(bomb.len() < 64 << 10);
    assert_eq!(alone(&bomb, 1 << 20), Err(ChunkFault::BadZstd));
    assert_eq!(alone(&bomb, 64 << 20), Err(ChunkFault::BadZstd));
}

#[test]
fn the_pieces_are_one_frame_and_nothing_else() {
    let frame = zstd::bulk::compress(&[b'x'; 1000], 3).unwrap();
    let two = [&frame[..], &frame[..]].concat();
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9][..], &frame].concat();
    let trailing = [&frame[..], &[0]].concat();
    let cases = [
        ("two frames", two, 2000),
        ("a skippable frame before it", skippable.clone(), 1000),
        ("a skippable frame", skippable[..9].to_vec(), 1000),
        ("a byte behind it", trailing, 1000),
        ("a byte less", frame[..frame.len() - 1].to_vec(), 1000),
        ("nothing", Vec::new(), 1000),
        ("no frame", vec![b'x'; 1000], 1000),
    ];
    for (name, bytes, size) in cases {
        assert_eq!(alone(&bytes, size), Err(ChunkFault::BadZstd), "{name}");
    }
}

proptest! {
    #[test]
    fn a_changeset_comes_out_as_it_went_in(
        json in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..3000),
            "[ab]{0,3000}".prop_map(String::into_bytes),
        ],
        piece_bytes_max in 1..600usize,
        order: u64,
    ) {
        let pieces = split(json.clone(), piece_bytes_max).unwrap();
        prop_assert!(pieces.pieces.iter().all(|piece| piece.len() <= piece_bytes_max));
        let count = pieces.pieces.len() as u32;
        let mut numbers: Vec<u32> = (0..count).chain(0..count).collect();
        let mut dice = crate::dice::Dice::new(order);
        (1..numbers.len()).for_each(|at| numbers.swap(at, dice.below(at as u64 + 1) as usize));
        let mut reassembly = Reassembly::default();
        let mut wholes = Vec::new();
        for number in numbers {
            let place = Place {
                index: number as i32,
                count,
                is_last: number + 1 == count,
                uncompressed_size: pieces.uncompressed_size,
                epoch: 4,
            };
            let piece = &pieces.pieces[number as usize];
            wholes.extend(reassembly.take(&[1; 32], &request("r"), place, piece, second(0)).unwrap());
        }
        // A stream of one piece has no memory: twice the piece is twice the whole.
        let expected = if count == 1 { 2 } else { 1 };
        prop_assert_eq!(wholes, vec![json; expected]);
        prop_assert_eq!((reassembly.streams(), reassembly.bytes()), (0, 0));
    }

    #[test]
    fn foreign_frames_are_refused_or_exact(bytes in prop::collection::vec(any::<u8>(), 0..100), size in 1..10_000i32) {
        let bytes = [&[0x28, 0xb5, 0x2f, 0xfd][..], &bytes].concat();
        if let Ok(Some(json)) = alone(&bytes, size) {
            prop_assert_eq!(json.len(), size as usize);
        }
    }
}

#[test]
fn padded_lengths_are_those_of_the_paper() {
    for (bytes, padded) in [
        (0, 0),
        (1, 1),
        (2, 2),
        (3, 3),
        (7, 7),
        (8, 8),
        (9, 10),
        (15, 16),
        (1000, 1024),
        (1025, 1088),
        (10_000, 10_240),
        (1 << 20, 1 << 20),
        ((1 << 20) + 1, (1 << 20) + (1 << 15)),
        (usize::MAX, usize::MAX),
    ] {
        assert_eq!(padded_len(bytes), padded, "{bytes}");
    }
}

proptest! {
    #[test]
    fn padding_costs_an_eighth_at_most_and_leaves_few_lengths(bytes in 0_usize..1 << 40, more in 0_usize..1 << 40) {
        let padded = padded_len(bytes);
        prop_assert!(padded >= bytes && (padded - bytes) * 100 <= bytes * 12);
        prop_assert_eq!(padded_len(padded), padded, "a length of a class is its own");
        prop_assert!(padded_len(bytes + more) >= padded, "longer is never padded to less");
        // Whatever lies between two lengths of one class is of that class.
        for between in [bytes, bytes + (padded - bytes) / 2, padded] {
            prop_assert_eq!(padded_len(between), padded);
        }
        // As many digits as the paper leaves: the exponent, and about as many digits as it has.
        let digits = bytes.max(2).ilog2();
        prop_assert!(padded == 0 || padded.trailing_zeros() + digits.max(1).ilog2() + 1 >= digits);
    }

    #[test]
    fn padded_json_is_the_same_json(rows in proptest::collection::vec(".{0,200}", 0..20)) {
        let json = serde_json::to_vec(&rows).unwrap();
        let pieces = split_padded(json.clone(), 100).unwrap();
        prop_assert_eq!(pieces.uncompressed_size, 0);
        let whole = pieces.pieces.concat();
        prop_assert_eq!(whole.len(), padded_len(json.len()));
        prop_assert_eq!(serde_json::from_slice::<Vec<String>>(&whole).unwrap(), rows);
    }
}
