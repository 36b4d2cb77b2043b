//! What a token's claim grants, and that anything else grants nothing.

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};
use syncline_protocol::dialects::maps::{BadGrants, GRANTS_MAX, Grants, Op};

fn grants(claim: Value) -> Grants {
    Grants::from_claim(&claim).unwrap()
}

fn fault(claim: Value) -> BadGrants {
    Grants::from_claim(&claim).unwrap_err()
}

/// Whether a name matches, by trying every part for the `*`.
fn plain_match(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, end)) => (0..=name.len()).any(|len| {
            (0..=name.len() - len).any(|at| format!("{start}{}{end}", &name[at..at + len]) == name)
        }),
    }
}

proptest! {
    #[test]
    fn a_pattern_matches_what_trying_finds(
        entries in vec(("[ab]{0,3}\\*?[ab]{0,3}", vec(select(&Op::ALL[..]), 1..=3)), 0..4),
        name in "[ab]{1,6}"
    ) {
        let entries: Vec<_> = entries.into_iter().filter(|(pattern, _)| !pattern.is_empty()).collect();
        let claim: Value = entries
            .iter()
            .map(|(map, ops)| json!({"map": map, "ops": ops.iter().map(|op| op.name()).collect::<Vec<_>>()}))
            .collect();
        let grants = Grants::from_claim(&claim).unwrap();
        for op in Op::ALL {
            let may = entries.iter().any(|(map, ops)| ops.contains(&op) && plain_match(map, &name));
            prop_assert_eq!(grants.may(&name, op), may, "{:?} {}", &entries, &name);
        }
        prop_assert_eq!(Grants::from_claim(&grants.to_claim()), Ok(grants));
    }
}

#[test]
fn nothing_is_granted_that_is_not_said() {
    assert!(Op::ALL.iter().all(|op| !Grants::default().may("todos", *op)));
    assert!(grants(json!([])).is_empty());
    let some =
        grants(json!([{"map": "todos*", "ops": ["READ", "PUT"]}, {"map": "log", "ops": ["PUT"]}]));
    assert!(some.may("todos", Op::Read) && some.may("todos:1", Op::Put));
    assert!(!some.may("todos", Op::Remove) && !some.may("todo", Op::Read));
    assert!(some.may("log", Op::Put) && !some.may("log", Op::Read) && !some.may("logs", Op::Put));
}

#[test]
fn a_star_stands_for_maps_alone() {
    let all = grants(json!([{"map": "*", "ops": ["READ", "PUT", "REMOVE"]}]));
    assert_eq!(all, Grants::everything());
    for name in ["~", "", "a b", "*", "\u{e9}", &"m".repeat(129)] {
        assert!(!all.may(name, Op::Read), "{name}");
    }
    assert!(all.may(&"m".repeat(128), Op::Remove));
}

#[test]
fn the_ends_of_a_pattern_do_not_overlap() {
    let some = grants(json!([{"map": "aa*aa", "ops": ["READ"]}]));
    assert!(some.may("aaaa", Op::Read) && !some.may("aaa", Op::Read));
}

#[test]
fn a_malformed_claim_is_an_error() {
    use BadGrants::{BadOps, BadPattern, NotArray, NotEntry, TooMany};
    for claim in [json!(null), json!({}), json!("todos"), json!({"map": "m", "ops": ["READ"]})] {
        assert_eq!(fault(claim), NotArray);
    }
    for entry in [
        json!("todos"),
        json!({"map": "m"}),
        json!({"ops": ["READ"]}),
        // It may have been meant to grant less.
        json!({"map": "m", "ops": ["READ"], "keyPrefix": "a"}),
    ] {
        assert_eq!(fault(json!([entry])), NotEntry);
    }
    for map in [
        json!(""),
        json!(7),
        json!("a**"),
        json!("*a*"),
        json!("a b"),
        json!("~"),
        json!("m".repeat(129)),
    ] {
        assert_eq!(fault(json!([{"map": map, "ops": ["READ"]}])), BadPattern);
    }
    for ops in [
        json!([]),
        json!("READ"),
        json!(["read"]),
        json!([7]),
        json!(["READ", "OWN"]),
        json!(vec!["READ"; 4]),
    ] {
        assert_eq!(fault(json!([{"map": "m", "ops": ops}])), BadOps);
    }
    let many: Value = (0..=GRANTS_MAX).map(|_| json!({"map": "m", "ops": ["READ"]})).collect();
    assert_eq!(fault(many), TooMany);
}

#[test]
fn grants_of_a_role_are_added_up_to_the_bound() {
    let mut some = grants(json!([{"map": "a", "ops": ["READ"]}]));
    some.extend(&grants(json!([{"map": "b", "ops": ["PUT"]}]))).unwrap();
    assert!(some.may("a", Op::Read) && some.may("b", Op::Put) && !some.may("b", Op::Read));
    while some.extend(&some.clone()).is_ok() {}
    assert_eq!(some.to_claim().as_array().unwrap().len(), GRANTS_MAX);
    assert_eq!(some.allow("c", &[Op::Read]), Err(BadGrants::TooMany));
}
