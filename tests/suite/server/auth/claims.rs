//! What a token claims: times that hold, and whom it is by and for.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use syncline::auth::Denied;

use super::*;

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn a_token_counts_in_its_time_only() {
    let auth = auth(|c| {
        c.secret = Some(SECRET.into());
        c.leeway = Duration::from_secs(30);
    });
    let by = |claims: Value| auth.verify(&with_claims(&claims.to_string())).map(|_| ());
    let now = now();
    assert_eq!(by(json!({})), Ok(()));
    // Far from every border, since the test may be slow.
    assert_eq!(by(json!({ "exp": now + 600, "nbf": now - 600, "iat": now })), Ok(()));
    assert_eq!(by(json!({ "exp": now - 31 })), Err(Denied::Expired));
    assert_eq!(by(json!({ "nbf": now + 600 })), Err(Denied::NotYet));
    assert_eq!(by(json!({ "iat": now + 600 })), Err(Denied::NotYet));
    assert_eq!(by(json!({ "exp": 0 })), Err(Denied::Expired));
}

#[test]
fn a_time_that_two_readers_could_read_differently_is_refused() {
    let auth = by_secret();
    for time in [
        r#""4000000000""#,
        "4000000000.0",
        "4e9",
        "1e300",
        "-1",
        "-0.0",
        "1e400",
        "18446744073709551616",
        "18446744073709551615",
        "9223372036854775808",
        "253402300800",
        "null",
        "true",
        "[4000000000]",
        "{}",
        "\"\"",
    ] {
        for name in ["exp", "nbf", "iat"] {
            let why = denied(&auth, &with_claims(&format!(r#"{{"{name}":{time}}}"#)));
            assert!([Denied::Claims, Denied::Malformed].contains(&why), "{name} {time}: {why}");
        }
    }
}

#[test]
fn expiry_audience_and_issuer_are_asked_for_when_they_are_configured() {
    let strict = auth(|c| {
        c.secret = Some(SECRET.into());
        c.require_expiry = true;
        c.audience = vec!["us".into()];
        c.issuer = Some("https://issuer.example".into());
    });
    let whole =
        json!({ "exp": 4_000_000_000u64, "aud": ["them", "us"], "iss": "https://issuer.example" });
    let without = |name: &str, value: Value| {
        let mut claims = whole.clone();
        claims[name] = value;
        if claims[name].is_null() {
            claims.as_object_mut().unwrap().remove(name);
        }
        strict.verify(&with_claims(&claims.to_string())).map(|_| ())
    };
    assert_eq!(without("sub", "ann".into()), Ok(()));
    assert_eq!(without("exp", Value::Null), Err(Denied::NoExpiry));
    for audience in [Value::Null, json!([]), json!("them"), json!(["US"]), json!("us ")] {
        assert_eq!(without("aud", audience), Err(Denied::Audience));
    }
    for issuer in
        [Value::Null, json!("https://issuer.example/"), json!("https://issuer.example.evil")]
    {
        assert_eq!(without("iss", issuer), Err(Denied::Issuer));
    }
    for odd in [json!(1), json!({ "us": 1 }), json!([["us"]])] {
        assert_eq!(without("aud", odd.clone()), Err(Denied::Claims));
        assert_eq!(without("iss", odd), Err(Denied::Claims));
    }
}
