//! Findings, and the reasoned exceptions to them, which may only shrink.
//!
//! Knows how the two lists are held against each other; nothing of any rule.

use std::fmt;

/// One place that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// Where: a path, with a name in it where one is known, as in `engine/src/a.rs fn b`.
    pub place: String,
    /// How far: the measured figure, or the number of times.
    pub figure: usize,
    /// What to do, in a few words.
    pub advice: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({}): {}", self.rule, self.place, self.figure, self.advice)
    }
}

/// A finding that stands, with the reason why.
#[derive(Debug, Clone, Copy)]
pub struct Exception {
    /// The rule it excepts from.
    pub rule: &'static str,
    /// The finding's place, exactly.
    pub place: &'static str,
    /// The finding's figure, exactly: when the place gets better, this goes down with it.
    pub figure: usize,
    /// Why the place is better as it is.
    pub reason: &'static str,
}

/// Holds what was found against what is excepted.
///
/// # Errors
/// A text that names every finding that nothing excepts, every exception that is stale, larger than
/// what was found, or has no reason.
pub fn judge(findings: &[Finding], exceptions: &[Exception]) -> Result<(), String> {
    let mut complaints = Vec::new();
    for finding in findings {
        let excepted =
            exceptions.iter().find(|e| e.rule == finding.rule && e.place == finding.place);
        if excepted.is_none_or(|e| finding.figure > e.figure) {
            complaints.push(finding.to_string());
        }
    }
    for e in exceptions {
        let found = findings.iter().find(|f| e.rule == f.rule && e.place == f.place);
        let what = format!("exception {}: {}", e.rule, e.place);
        match found {
            None => complaints.push(format!("{what}: stale, remove it")),
            Some(f) if f.figure < e.figure => {
                complaints.push(format!("{what}: {} is enough now, lower it", f.figure));
            }
            Some(_) if e.reason.trim().is_empty() => {
                complaints.push(format!("{what}: says no reason"));
            }
            Some(_) => {}
        }
    }
    if complaints.is_empty() { Ok(()) } else { Err(complaints.join("\n")) }
}

#[cfg(test)]
mod tests {
    use super::{Exception, Finding, judge};

    fn finding(figure: usize) -> Finding {
        Finding { rule: "file lines", place: "a.rs".into(), figure, advice: "split it".into() }
    }

    fn exception(figure: usize, reason: &'static str) -> Exception {
        Exception { rule: "file lines", place: "a.rs", figure, reason }
    }

    #[test]
    fn a_finding_needs_an_exception_of_its_size() {
        assert!(judge(&[], &[]).is_ok());
        assert!(judge(&[finding(410)], &[]).is_err());
        assert!(judge(&[finding(410)], &[exception(410, "one table")]).is_ok());
        assert!(judge(&[finding(411)], &[exception(410, "one table")]).is_err());
    }

    #[test]
    fn an_exception_may_only_shrink() {
        assert!(judge(&[], &[exception(410, "one table")]).unwrap_err().contains("stale"));
        assert!(
            judge(&[finding(405)], &[exception(410, "one table")]).unwrap_err().contains("lower")
        );
        assert!(judge(&[finding(410)], &[exception(410, " ")]).unwrap_err().contains("reason"));
    }
}
