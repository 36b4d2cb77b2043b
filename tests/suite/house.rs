//! The house rules: what may know what, and the measures a reader relies on. Knows files and text
//! only; nothing of how the parts work.

mod boundaries;
mod exceptions;
mod tidy;

use syncline_tests::house::ratchet::{Finding, judge};

/// Fails with every finding that no exception covers, and every exception that is stale.
fn hold(rules: &[&str], findings: &[Finding]) {
    let exceptions: Vec<_> =
        exceptions::ALL.iter().copied().filter(|e| rules.contains(&e.rule)).collect();
    if let Err(complaints) = judge(findings, &exceptions) {
        panic!("\n{complaints}\n");
    }
}
