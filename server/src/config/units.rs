//! Sizes and durations as people write them: `64MiB`, `10s`. Pure text to number and back.

use std::time::Duration;

/// Units of a size, the largest first, in bytes.
const SIZES: &[(&str, u64)] =
    &[("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Units of a duration, the largest first, in milliseconds.
const DURATIONS: &[(&str, u64)] =
    &[("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Bytes; a number alone counts bytes. `None` when it is no size.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    parse_count(text).or_else(|| parse(text, SIZES))
}

/// Milliseconds. The unit is required. `None` when it is no duration.
pub(super) fn parse_duration_ms(text: &str) -> Option<u64> {
    parse(text, DURATIONS)
}

/// A duration as in a setting: `10s`, `24h`, `30d`. `None` when it is none.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    parse_duration_ms(text).map(Duration::from_millis)
}

/// A whole number, `_` allowed between its digits. `None` when it is none.
pub(super) fn parse_count(text: &str) -> Option<u64> {
    let digits = text.replace('_', "");
    let edges = text.starts_with('_') || text.ends_with('_');
    if edges || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// Bytes in the largest unit that says them exactly.
pub(super) fn format_size(bytes: u64) -> String {
    format(bytes, SIZES).unwrap_or_else(|| "0".into())
}

/// Milliseconds in the largest unit that says them exactly.
pub(super) fn format_duration_ms(ms: u64) -> String {
    format(ms, DURATIONS).unwrap_or_else(|| "0s".into())
}

fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '_')?;
    let (number, unit) = text.split_at(digits);
    let factor = units.iter().find(|(name, _)| *name == unit.trim_start())?.1;
    parse_count(number)?.checked_mul(factor)
}

fn format(number: u64, units: &[(&str, u64)]) -> Option<String> {
    let (name, factor) = units.iter().find(|(_, factor)| number.is_multiple_of(*factor))?;
    (number != 0).then(|| format!("{}{name}", number / factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        assert_eq!(parse_size("64MiB"), Some(64 << 20));
        assert_eq!(parse_size("64 MiB"), Some(64 << 20));
        assert_eq!(parse_size("1_048_576"), Some(1 << 20));
        assert_eq!(parse_size("0"), Some(0));
        assert_eq!(parse_duration_ms("10s"), Some(10_000));
        assert_eq!(parse_duration_ms("250ms"), Some(250));
        assert_eq!(parse_duration_ms("2h"), Some(7_200_000));
        assert_eq!(parse_duration_ms("30d"), Some(2_592_000_000));
    }

    #[test]
    fn refuses_what_could_mean_two_things() {
        for text in ["64MB", "64mib", "64M", "MiB", "", "-1B", "1.5GiB", "_1", "99999999999TiB"] {
            assert_eq!(parse_size(text), None, "{text:?}");
        }
        for text in ["10", "s", "", "10 minutes", "1m30s", "-5s", "99999999999999999999h"] {
            assert_eq!(parse_duration_ms(text), None, "{text:?}");
        }
        for text in ["", "_", "1_", "+1", "0x10", "1e3"] {
            assert_eq!(parse_count(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for number in [0, 1, 999, 1000, 1023, 1024, 1536, 60_000, 90_000, 64 << 20, u64::MAX] {
            assert_eq!(parse_size(&format_size(number)), Some(number));
            assert_eq!(parse_duration_ms(&format_duration_ms(number)), Some(number));
        }
        assert_eq!(format_size(64 << 20), "64MiB");
        assert_eq!(format_duration_ms(90_000), "90s");
    }
}
