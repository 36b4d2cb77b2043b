//! Cursors in bytes: of one map, whole, cut and damaged.

use proptest::{collection::vec, prelude::*};
use syncline_protocol::dialects::maps::{CURSOR_BYTES_MAX, Cursor, CursorFault};

const MAP: &str = "todos";

fn number() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..64_u32).prop_map(|(number, shift)| number >> shift)
}

proptest! {
    #[test]
    fn a_cursor_reads_back_for_its_map_alone(generation: u64, seq in number(), base in number()) {
        let cursor = Cursor::new(generation, seq, base);
        prop_assert_eq!(cursor.base, if base > seq { base } else { 0 });
        let bytes = cursor.to_bytes(MAP);
        prop_assert!(bytes.len() <= CURSOR_BYTES_MAX);
        prop_assert_eq!(Cursor::parse(MAP, &bytes), Ok(cursor));
        prop_assert_eq!(Cursor::parse("others", &bytes), Err(CursorFault::Foreign));
        // The same position has the same bytes, also when made by hand.
        prop_assert_eq!(Cursor { generation, seq, base }.to_bytes(MAP), bytes);
    }

    #[test]
    fn a_damaged_cursor_is_none(
        generation: u64, seq in number(), base in number(), at: prop::sample::Index, bit in 0..8_u8
    ) {
        let mut bytes = Cursor::new(generation, seq, base).to_bytes(MAP);
        for cut in 0..bytes.len() {
            prop_assert_eq!(Cursor::parse(MAP, &bytes[..cut]), Err(CursorFault::Invalid));
        }
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        prop_assert_eq!(Cursor::parse(MAP, &bytes), Err(CursorFault::Invalid));
    }

    #[test]
    fn any_bytes_are_none(bytes in vec(any::<u8>(), 0..60)) {
        prop_assert_eq!(Cursor::parse(MAP, &bytes), Err(CursorFault::Invalid));
    }
}

#[test]
fn no_bytes_are_no_cursor() {
    assert_eq!(Cursor::parse(MAP, b""), Err(CursorFault::Invalid));
}
