//! What is no request, and what its client is told.

use syncline_protocol::dialects::oplog::{BadRequest, Checkpoint, Pull, Push, Reset, Scopes};

use crate::double::{decoded, op};

fn text<T>(request: Result<T, BadRequest>) -> String {
    request.err().expect("no request").to_string()
}

#[test]
fn a_push_that_is_none() {
    let cases = [
        ("", "the body is not JSON: see line 1, column 0"),
        ("{\"clientId\":\n \"a\",}", "the body is not JSON: see line 2, column 6"),
        (
            r#"{"clientId":"a","datasetGenerationKey":"k","ops":[]} x"#,
            "the body is not JSON: see line 1, column 54",
        ),
        (
            r#"{"clientId":"a","datasetGenerationKey":"k","ops":[{]}"#,
            "the body is not JSON: see line 1, column 52",
        ),
        ("[]", "the body must be a JSON object"),
        ("null", "the body must be a JSON object"),
        ("{}", "clientId is missing"),
        (r#"{"clientId":"a","ops":[]}"#, "datasetGenerationKey is missing"),
        (r#"{"clientId":"a","datasetGenerationKey":"k"}"#, "ops is missing"),
        (r#"{"clientId":null,"datasetGenerationKey":"k","ops":[]}"#, "clientId must be a string"),
        (
            r#"{"clientId":"\ud800","datasetGenerationKey":"k","ops":[]}"#,
            "clientId must be a string",
        ),
        (
            r#"{"clientId":"","datasetGenerationKey":"k","ops":[]}"#,
            "clientId must have 1 to 256 bytes",
        ),
        (
            r#"{"clientId":"a","datasetGenerationKey":7,"ops":[]}"#,
            "datasetGenerationKey must be a string",
        ),
        (r#"{"clientId":"a","datasetGenerationKey":"k","ops":null}"#, "ops must be an array"),
        (r#"{"clientId":"a","datasetGenerationKey":"k","ops":{}}"#, "ops must be an array"),
    ];
    for (body, message) in cases {
        assert_eq!(text(decoded(body)), message, "{body}");
    }
    assert_eq!(
        text(Push::decode(b"{\"clientId\":\"\xff\"}", Scopes::Any)),
        "the body is not UTF-8 text"
    );
    let long = "k".repeat(257);
    let body = format!(r#"{{"clientId":"a","datasetGenerationKey":"{long}","ops":[]}}"#);
    assert_eq!(text(decoded(&body)), "datasetGenerationKey must have at most 256 bytes");
    let body = format!(r#"{{"clientId":"{long}","datasetGenerationKey":"","ops":[]}}"#);
    assert_eq!(text(decoded(&body)), "clientId must have 1 to 256 bytes");
}

fn with_op(op: &str, scopes: Scopes) -> Result<Push, BadRequest> {
    let good = op_of("list", "1");
    let body =
        format!(r#"{{"clientId":"a","datasetGenerationKey":"k","ops":[{good},{op},{good}]}}"#);
    Push::decode(body.as_bytes(), scopes)
}

fn op_of(scope: &str, clock: &str) -> String {
    format!(r#"{{"scope":"{scope}","resourceId":"r","actor":"a","clock":{clock},"payload":0}}"#)
}

#[test]
fn an_operation_that_is_none_refuses_its_batch() {
    let good = op("a", 7);
    assert!(with_op(&good, Scopes::Any).is_ok());
    let (scope, id) = ("must be a string of 1 to 64 bytes", "must be a string of 1 to 256 bytes");
    let long = format!("\"{}\"", "x".repeat(257));
    for (field, values, message) in [
        ("\"scope\":\"list\"", &["\"\"", "7", "null", &long[..67]][..], format!("scope {scope}")),
        ("\"resourceId\":\"list-1\"", &["\"\"", "7", &long], format!("resourceId {id}")),
        ("\"actor\":\"a\"", &["\"\"", "{}", &long], format!("actor {id}")),
        (
            "\"clock\":7",
            &["0", "-1", "1.0", "1e3", "\"7\"", "9223372036854775808", "99999999999999999999"],
            "clock must be an integer from 1 to 9223372036854775807".into(),
        ),
    ] {
        let name = field.split(':').next().unwrap();
        for value in values.iter().filter(|value| **value != "\"") {
            let value = if value.matches('"').count() == 1 {
                format!("{value}\"")
            } else {
                (*value).to_owned()
            };
            let bad = good.replacen(field, &format!("{name}:{value}"), 1);
            assert_ne!(bad, good);
            assert_eq!(text(with_op(&bad, Scopes::Any)), format!("ops[1]: {message}"), "{bad}");
        }
        let without = good.replacen(&format!("{field},"), "", 1);
        assert_eq!(text(with_op(&without, Scopes::Any)), format!("ops[1]: {message}"));
    }
    for no_object in ["null", "[]", "7"] {
        assert_eq!(text(with_op(no_object, Scopes::Any)), "ops[1]: must be an object");
    }
    let without = r#"{"scope":"list","resourceId":"r","actor":"a","clock":1}"#;
    assert_eq!(text(with_op(without, Scopes::Any)), "ops[1]: payload is missing");
}

#[test]
fn scopes_are_open_unless_they_are_strict() {
    for (scope, strict) in [("list", true), ("registry", true), ("lists", false), ("l", false)] {
        let op = op_of(scope, "1");
        assert!(with_op(&op, Scopes::Any).is_ok());
        assert_eq!(with_op(&op, Scopes::Strict).is_ok(), strict, "{scope}");
    }
    let message = "ops[1]: scope must be \"registry\" or \"list\"";
    assert_eq!(text(with_op(&op_of("other", "1"), Scopes::Strict)), message);
}

#[test]
fn a_pull_that_is_none() {
    let pull = |since, client, key| Pull::new(since, client, key);
    for since in [None, Some(""), Some("0"), Some("12"), Some("99999999999999999999999")] {
        assert!(pull(since, Some("a"), Some("k")).is_ok(), "{since:?}");
    }
    for since in ["-1", "abc", "1.5", "NaN", " 1", "1 "] {
        assert_eq!(
            text(pull(Some(since), Some("a"), Some("k"))),
            "since must be an integer from 0"
        );
    }
    assert_eq!(text(pull(None, None, Some("k"))), "clientId is missing");
    assert_eq!(text(pull(None, Some(""), Some("k"))), "clientId must have 1 to 256 bytes");
    assert_eq!(text(pull(None, Some("a"), None)), "datasetGenerationKey is missing");
    assert!(pull(None, Some("a"), Some("")).is_ok());
}

#[test]
fn a_reset_that_is_none() {
    let cases = [
        ("nonsense", "the body is not JSON: see line 1, column 2"),
        (r#"{"datasetGenerationKey":"k","snapshot":""}"#, "clientId is missing"),
        (r#"{"clientId":"a","snapshot":""}"#, "datasetGenerationKey is missing"),
        (
            r#"{"clientId":"a","datasetGenerationKey":"","snapshot":""}"#,
            "datasetGenerationKey must have 1 to 256 bytes",
        ),
        (r#"{"clientId":"a","datasetGenerationKey":"k"}"#, "snapshot is missing"),
        (
            r#"{"clientId":"a","datasetGenerationKey":"k","snapshot":{}}"#,
            "snapshot must be a string",
        ),
        (
            r#"{"clientId":"a","datasetGenerationKey":"k","snapshot":null}"#,
            "snapshot must be a string",
        ),
    ];
    for (body, message) in cases {
        assert_eq!(text(Reset::decode(body.as_bytes())), message, "{body}");
    }
    let good = r#"{"clientId":"a","datasetGenerationKey":"k","snapshot":"","ops":7}"#;
    assert!(Reset::decode(good.as_bytes()).is_ok());
}

#[test]
fn a_checkpoint_that_is_none() {
    let of = |rest: &str| {
        let body = format!(r#"{{"clientId":"a","datasetGenerationKey":"k"{rest}}}"#);
        Checkpoint::decode(body.as_bytes())
    };
    assert!(of(r#","serverSeq":7,"snapshot":"s""#).is_ok());
    assert_eq!(text(of(r#","snapshot":"s""#)), "serverSeq is missing");
    assert_eq!(
        text(of(r#","serverSeq":-1,"snapshot":"s""#)),
        "serverSeq must be an integer from 0"
    );
    let without_key = r#","serverSeq":7,"snapshot":"s","datasetGenerationKey":"""#;
    assert_eq!(text(of(without_key)), "datasetGenerationKey must have 1 to 256 bytes");
    assert_eq!(text(of(r#","serverSeq":7"#)), "snapshot is missing");
    assert_eq!(text(of(r#","serverSeq":7,"snapshot":"""#)), "snapshot must not be empty");
}

#[test]
fn what_is_printed_of_a_request_keeps_its_secrets() {
    let body = r#"{"clientId":"SECRET","datasetGenerationKey":"SECRET","snapshot":"SECRET","serverSeq":1,
        "ops":[{"scope":"SECRET","resourceId":"SECRET","actor":"SECRET","clock":1,"payload":"SECRET"}]}"#;
    let printed = [
        format!("{:?}", decoded(body).unwrap()),
        format!("{:?}", Reset::decode(body.as_bytes()).unwrap()),
        format!("{:?}", Checkpoint::decode(body.as_bytes()).unwrap()),
        format!("{:?}", Pull::new(None, Some("SECRET"), Some("SECRET")).unwrap()),
    ];
    assert!(printed.iter().all(|text| !text.contains("SECRET")), "{printed:?}");
}

#[test]
fn depth_is_bounded_and_costs_no_stack() {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    let op = |payload: &str, other: &str| {
        format!(
            r#"{{"scope":"list","resourceId":"r","actor":"a","clock":1,"payload":{payload},"other":{other}}}"#
        )
    };
    assert!(with_op(&op(&nested(500), &nested(1 << 20)), Scopes::Any).is_ok());
    let message = "ops[1]: payload must not nest deeper than 500 levels";
    for levels in [501, 1 << 20] {
        assert_eq!(text(with_op(&op(&nested(levels), "0"), Scopes::Any)), message);
    }
}
