//! Hybrid timestamps and their text: `2026-02-23T02:58:09.544865Z-0000-node`.
//!
//! Compared by their numbers and never as text. Reads no clock.

use std::{fmt, str::FromStr};

use super::node::NodeId;

/// The last microsecond of the year 9999, since the Unix epoch: the text has four digits for the year.
pub const MICROS_MAX: i64 = 253_402_300_799_999_999;

/// The first microsecond of the year 0.
const MICROS_MIN: i64 = -62_167_219_200_000_000;

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// A timestamp, ordered by time, then counter, then the bytes of the node.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hlc {
    /// Microseconds since the Unix epoch, at most [`MICROS_MAX`].
    pub micros: i64,
    /// Tells apart what happened within one microsecond.
    pub counter: u16,
    /// Who gave it.
    pub node: NodeId,
}

/// A text is no timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a timestamp is time, counter and node, such as 2026-02-23T02:58:09.544865Z-0000-phone")]
pub struct BadHlc;

impl Hlc {
    /// Reads a timestamp with no, three or six digits behind the second. The node's name is everything
    /// behind the counter, so that it may have any sign.
    ///
    /// # Errors
    /// [`BadHlc`] for anything else, also for a date that no calendar has.
    pub fn parse(text: &str) -> Result<Self, BadHlc> {
        let (time, rest) = text.split_once("Z-").ok_or(BadHlc)?;
        let (counter, node) = rest.split_at_checked(4).ok_or(BadHlc)?;
        if !counter.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(BadHlc);
        }
        let counter = u16::from_str_radix(counter, 16).map_err(|_| BadHlc)?;
        let node = node.strip_prefix('-').and_then(NodeId::new).ok_or(BadHlc)?;
        let micros = micros_of(time.as_bytes()).ok_or(BadHlc)?;
        Ok(Self { micros, counter, node })
    }

    /// Time and counter: its place among the timestamps of its node.
    #[must_use]
    pub fn place(&self) -> (i64, u16) {
        (self.micros, self.counter)
    }
}

impl FromStr for Hlc {
    type Err = BadHlc;

    fn from_str(text: &str) -> Result<Self, BadHlc> {
        Self::parse(text)
    }
}

/// Its one text: six digits behind the second, the counter in upper case.
impl fmt::Display for Hlc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.micros.clamp(MICROS_MIN, MICROS_MAX);
        let (seconds, fraction) =
            (micros.div_euclid(MICROS_PER_SECOND), micros.rem_euclid(MICROS_PER_SECOND));
        let (days, second) =
            (seconds.div_euclid(SECONDS_PER_DAY), seconds.rem_euclid(SECONDS_PER_DAY));
        let (year, month, day) = date_of(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:06}Z"
        )?;
        write!(f, "-{:04X}-{}", self.counter, self.node)
    }
}

/// Microseconds since the epoch of `YYYY-MM-DDThh:mm:ss[.fff[fff]]`.
fn micros_of(time: &[u8]) -> Option<i64> {
    let (second, fraction) = time.split_at_checked(19)?;
    let signs = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if signs.iter().any(|(at, sign)| second[*at] != *sign) {
        return None;
    }
    let (year, month, day) =
        (digits(&second[..4])?, digits(&second[5..7])?, digits(&second[8..10])?);
    let (hour, minute, second) =
        (digits(&second[11..13])?, digits(&second[14..16])?, digits(&second[17..])?);
    if !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction = match fraction {
        [] => 0,
        [b'.', milli @ ..] if milli.len() == 3 => digits(milli)? * 1000,
        [b'.', micro @ ..] if micro.len() == 6 => digits(micro)?,
        _ => return None,
    };
    let seconds = days_of(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second;
    Some(seconds * MICROS_PER_SECOND + fraction)
}

fn digits(text: &[u8]) -> Option<i64> {
    let mut number = 0;
    for byte in text {
        number = number * 10 + i64::from(byte.is_ascii_digit().then(|| byte - b'0')?);
    }
    Some(number)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since the epoch of a date of the Gregorian calendar. The year is counted from March, so that
/// the leap day is its last.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // 0000-03-01 is 719,468 days before 1970-01-01; five months from March have 153 days.
    year * 365 + leaps + (153 * month + 2) / 5 + day - 1 - 719_468
}

/// The date of so many days since the epoch: what [`days_of`] takes.
fn date_of(days: i64) -> (i64, i64, i64) {
    // Not after the year of that day, whether before the epoch or behind it.
    let mut year = 1970 + days.div_euclid(if days < 0 { 365 } else { 366 });
    while days_of(year + 1, 1, 1) <= days {
        year += 1;
    }
    let mut month = 1;
    while month < 12 && days_of(year, month + 1, 1) <= days {
        month += 1;
    }
    (year, month, days - days_of(year, month, 1) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hlc(text: &str) -> Hlc {
        Hlc::parse(text).unwrap_or_else(|_| panic!("{text}"))
    }

    #[test]
    fn no_three_or_six_digits_are_read_and_six_are_written() {
        for (text, micros) in [
            ("1970-01-01T00:00:00Z-0000-a", 0),
            ("2026-02-23T02:58:09.544865Z-0000-abc", 1_771_815_489_544_865),
            ("2026-02-23T02:58:09.544Z-00ff-abc", 1_771_815_489_544_000),
            ("2000-02-29T23:59:59Z-FFFF-abc", 951_868_799_000_000),
            ("1969-12-31T23:59:59.999999Z-0001-a", -1),
            ("9999-12-31T23:59:59.999999Z-0001-a", MICROS_MAX),
            ("0000-01-01T00:00:00Z-0001-a", MICROS_MIN),
        ] {
            assert_eq!(hlc(text).micros, micros, "{text}");
            let written = hlc(text).to_string();
            assert_eq!(hlc(&written), hlc(text));
            assert_eq!(&written[..19], &text[..19]);
            assert_eq!(written.len(), 33 + hlc(text).node.as_str().len());
        }
    }

    /// Check 28.
    #[test]
    fn numbers_are_compared_and_not_text() {
        let (milli, micro) =
            ("2026-02-23T02:58:09.544Z-0000-a", "2026-02-23T02:58:09.544865Z-0000-a");
        assert!(hlc(milli) < hlc(micro) && milli > micro);
        assert!(hlc("2026-02-23T02:58:09Z-00ff-a") < hlc("2026-02-23T02:58:09Z-0100-a"));
        assert!(hlc("2026-02-23T02:58:09Z-0000-a") < hlc("2026-02-23T02:58:09Z-0000-b"));
        assert_eq!(hlc("2026-02-23T02:58:09Z-0000-user:a Z-1-x").node.as_str(), "user:a Z-1-x");
    }

    #[test]
    fn what_is_no_timestamp() {
        let long = format!("2026-02-23T02:58:09Z-0000-{}", "x".repeat(129));
        for text in [
            "",
            "Z-",
            "2026-02-23T02:58:09Z",
            "2026-02-23T02:58:09Z-0000",
            "2026-02-23T02:58:09Z-0000-",
            "2026-02-23T02:58:09Z-10000-a",
            "2026-02-23T02:58:09Z-+000-a",
            "2026-02-23T02:58:09Z-000-a",
            "2026-02-29T02:58:09Z-0000-a",
            "2026-13-01T02:58:09Z-0000-a",
            "2026-02-00T02:58:09Z-0000-a",
            "2026-02-23T24:00:00Z-0000-a",
            "2026-02-23T23:59:60Z-0000-a",
            "2026-02-23 02:58:09Z-0000-a",
            "2026-02-23T02:58:09.5Z-0000-a",
            "2026-02-23T02:58:09.Z-0000-a",
            "+2026-02-23T02:58:0Z-0000-a",
            "2026-02-23T02:58:09+00:00Z-0000-a",
            "2026-02- 3T02:58:09Z-0000-a",
            "2026-02-23T02:58:09Z-00é-a",
            &long,
        ] {
            assert_eq!(Hlc::parse(text), Err(BadHlc), "{text}");
        }
    }

    #[test]
    fn days_of_ten_thousand_years_are_each_their_own() {
        let first = days_of(0, 1, 1);
        for days in (first..=days_of(9999, 12, 31)).step_by(13) {
            let (year, month, day) = date_of(days);
            assert_eq!(days_of(year, month, day), days);
            assert!(day <= days_in(year, month));
        }
    }
}
