//! Moments as texts of ISO 8601, as applications write them into rows.
//!
//! Knows no clock.

/// Milliseconds since the Unix epoch of `YYYY-MM-DDThh:mm:ss`, with up to nine digits behind the second
/// and with `Z`, `+hh:mm`, `-hh:mm` or nothing, which is UTC, behind them. `None` for anything else.
#[must_use]
pub fn parse_ms(text: &str) -> Option<i64> {
    let (moment, rest) = text.as_bytes().split_at_checked(19)?;
    let signs = [(4, b"-"), (7, b"-"), (13, b":"), (16, b":")];
    let is_parted = signs.iter().all(|(at, sign)| moment[*at] == sign[0]);
    if !is_parted || !matches!(moment[10], b'T' | b't' | b' ') {
        return None;
    }
    let day = days(number(&moment[..4])?, number(&moment[5..7])?, number(&moment[8..10])?)?;
    let second = second_of_day(&moment[11..])?;
    let (millis, zone) = fraction(rest)?;
    Some(((day * 86_400 + second - offset_seconds(zone)?) * 1000) + millis)
}

/// Seconds of `hh:mm:ss`.
fn second_of_day(time: &[u8]) -> Option<i64> {
    let (hour, minute, second) = (number(&time[..2])?, number(&time[3..5])?, number(&time[6..])?);
    (hour < 24 && minute < 60 && second < 60).then_some(hour * 3600 + minute * 60 + second)
}

/// Milliseconds of a fraction, if there is one, and what is behind it.
fn fraction(rest: &[u8]) -> Option<(i64, &[u8])> {
    let Some(rest) = rest.strip_prefix(b".") else { return Some((0, rest)) };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=9).contains(&digits) {
        return None;
    }
    let millis = (0..3).map(|at| rest[..digits].get(at).map_or(0, |digit| i64::from(digit - b'0')));
    Some((millis.fold(0, |sum, digit| sum * 10 + digit), &rest[digits..]))
}

/// How far the zone is ahead of UTC.
fn offset_seconds(zone: &[u8]) -> Option<i64> {
    let (sign, time) = match zone {
        b"" | b"Z" | b"z" => return Some(0),
        [b'+', time @ ..] => (1, time),
        [b'-', time @ ..] => (-1, time),
        _ => return None,
    };
    let &[h1, h2, b':', m1, m2] = time else { return None };
    let (hours, minutes) = (number(&[h1, h2])?, number(&[m1, m2])?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

fn number(digits: &[u8]) -> Option<i64> {
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    digits.iter().try_fold(0, |sum, byte| Some(sum * 10 + digit(byte)?))
}

/// Days since the Unix epoch of a date of the Gregorian calendar, from year 1 on.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, 28 + i64::from(is_leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month = usize::try_from(month - 1).ok()?;
    if year == 0 || !(1..=*lengths.get(month)?).contains(&day) {
        return None;
    }
    let before = year - 1;
    let leaps = before / 4 - before / 100 + before / 400;
    // 1970-01-01 is 719,162 days behind 0001-01-01.
    Some(before * 365 + leaps + lengths[..month].iter().sum::<i64>() + day - 1 - 719_162)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_that_are_written() {
        let all = [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01 00:00:00", 0),
            ("2026-02-23T02:58:09.544Z", 1_771_815_489_544),
            ("2026-02-23T02:58:09.544865", 1_771_815_489_544),
            ("2026-02-23T02:58:09.5z", 1_771_815_489_500),
            ("2026-02-23T04:58:09+02:00", 1_771_815_489_000),
            ("2026-02-22T21:28:09-05:30", 1_771_815_489_000),
            ("2000-02-29T23:59:59Z", 951_868_799_000),
            ("1969-12-31T23:59:59.999Z", -1),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ];
        for (text, ms) in all {
            assert_eq!(parse_ms(text), Some(ms), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment() {
        for text in [
            "",
            "2026",
            "2026-02-23",
            "2026-02-30T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.0123456789Z",
            "2026-01-01T00:00:00+2:00",
            "2026-01-01T00:00:00+02",
            "2026-01-01T00:00:00Zx",
            "0000-01-01T00:00:00Z",
            "+026-01-01T00:00:00Z",
            "2026-01-01T00:00:0éZ",
        ] {
            assert_eq!(parse_ms(text), None, "{text}");
        }
    }
}
