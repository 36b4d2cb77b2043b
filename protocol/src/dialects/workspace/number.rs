//! Timestamps as JSON writes numbers: whole ones, in any form.
//!
//! Exact: nothing goes through a float. Knows no message.

/// The integer that a JSON number says, if it says one: `12`, `12.0` and `1.2e1` do, `1.5` does
/// not. `None` as well for what is no number and for what an `i64` cannot hold.
pub(super) fn integral(number: &str) -> Option<i64> {
    if let Ok(integer) = number.parse() {
        // Rust reads a plus sign and JSON does not.
        return (!number.starts_with('+')).then_some(integer);
    }
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent),
        None => (number, "0"),
    };
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let digits = [whole, fraction].concat();
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    let trimmed = digits.len() - digits.trim_end_matches('0').len();
    // An exponent that is no i64 is beyond every timestamp.
    let exponent: i64 = exponent.parse().ok()?;
    let zeros = exponent.checked_add(trimmed as i64)?.checked_sub(fraction.len() as i64)?;
    let scale = 10_i128.checked_pow(u32::try_from(zeros).ok()?)?;
    let magnitude = significant.parse::<i128>().ok()?.checked_mul(scale)?;
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::integral;

    #[test]
    fn whole_numbers_in_any_form() {
        for (text, number) in [
            ("0", 0),
            ("-0", 0),
            ("-0.0e5", 0),
            ("0e999999999999999999", 0),
            ("12.0", 12),
            ("12.000", 12),
            ("-1.25E2", -125),
            ("1.7024832e15", 1_702_483_200_000_000),
            ("1.7024832e+15", 1_702_483_200_000_000),
            ("1200e-2", 12),
            ("9007199254740993.0", 9_007_199_254_740_993),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808.0", i64::MIN),
            ("0.001e3", 1),
        ] {
            assert_eq!(integral(text), Some(number), "{text}");
        }
    }

    #[test]
    fn what_is_not_whole_or_too_large_is_none() {
        for text in [
            "1.5",
            "1e-1",
            "9223372036854775808",
            "-9223372036854775809",
            "1e19",
            "1e99999999999999999999",
            "1e400",
            "+1",
            "true",
            "null",
            "\"1\"",
            "[1]",
            "",
            "-",
            ".",
            "1.1.0",
        ] {
            assert_eq!(integral(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_shifted_point_changes_nothing(number: i64, places in 0..40_usize) {
            let digits = number.unsigned_abs().to_string();
            let digits = format!("{}{digits}", "0".repeat(places));
            let (whole, fraction) = digits.split_at(digits.len() - places);
            let sign = if number < 0 { "-" } else { "" };
            let text = format!("{sign}{whole}.{fraction}0e{places}");
            prop_assert_eq!(integral(&text), Some(number), "{}", text);
        }

        #[test]
        fn it_agrees_with_the_parser_of_json(text in "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?") {
            let float: f64 = serde_json::from_str(&text).unwrap();
            // Four digits, at most: a float that is whole and below 2^53 is exact.
            if float.abs() < 9e15 && (float == 0.0 || float.abs() > 1e-200) {
                let expected = (float.fract() == 0.0).then_some(float as i64);
                prop_assert_eq!(integral(&text), expected, "{}", text);
            }
        }
    }
}
