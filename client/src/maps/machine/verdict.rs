//! What an acknowledgement says of each operation of a push. Pure: knows the wire, and no push.

use syncline_protocol::dialects::maps::proto::{Ack, ErrorCode, OpResult, op_result::Outcome};

/// What the server made of one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It has it, or something that wins against it.
    Kept,
    /// It refuses it, for good.
    Refused(ErrorCode),
    /// It lies too far ahead of the server's clock.
    Ahead,
    /// The same may be taken later.
    Later,
}

/// The acknowledgement is about other operations than were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mismatch;

/// What an acknowledgement says of each of `sent` operations.
///
/// Without results all of them were taken: so the spec's bare acknowledgement has it. With results, those
/// that are not listed were taken only if the numbers say so.
///
/// # Errors
/// [`Mismatch`] when it names an operation that was not sent, or one twice.
pub(super) fn verdicts(ack: &Ack, sent: usize) -> Result<Vec<Verdict>, Mismatch> {
    if ack.results.is_empty() {
        return Ok(vec![Verdict::Kept; sent]);
    }
    let mut verdicts = vec![None; sent];
    for result in &ack.results {
        let place = usize::try_from(result.index).ok().and_then(|at| verdicts.get_mut(at));
        let verdict = of(result.outcome, result.code);
        if place.ok_or(Mismatch)?.replace(verdict).is_some() {
            return Err(Mismatch);
        }
    }
    let named = ack.results.iter().filter(|r| r.outcome != Outcome::Applied as i32).count();
    let all_told = named + ack.applied as usize >= sent;
    let rest = if all_told { Verdict::Kept } else { Verdict::Later };
    Ok(verdicts.into_iter().map(|verdict| verdict.unwrap_or(rest)).collect())
}

fn of(outcome: i32, code: i32) -> Verdict {
    match Outcome::try_from(outcome) {
        Ok(Outcome::Applied | Outcome::Stale | Outcome::Duplicate) => Verdict::Kept,
        Ok(Outcome::Rejected) => rejected(ErrorCode::try_from(code)),
        Ok(Outcome::Unspecified) | Err(_) => Verdict::Later,
    }
}

/// A code that is unknown here may mean anything: the operation is kept.
fn rejected<E>(code: Result<ErrorCode, E>) -> Verdict {
    match code {
        Ok(ErrorCode::ClockDrift) => Verdict::Ahead,
        Ok(code) if is_final(code) => Verdict::Refused(code),
        _ => Verdict::Later,
    }
}

/// What an acknowledgement would say of a push of one operation that is refused as a whole.
pub(super) fn refusal(code: ErrorCode) -> OpResult {
    let (outcome, code) = (Outcome::Rejected as i32, code as i32);
    OpResult { outcome, code, ..OpResult::default() }
}

/// Whether the same operation would meet the same answer again.
pub(super) fn is_final(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::BadRequest
            | ErrorCode::PermissionDenied
            | ErrorCode::TooLarge
            | ErrorCode::Unsupported
            | ErrorCode::BeyondGc
            | ErrorCode::BadTimestamp
    )
}

#[cfg(test)]
mod tests {
    use super::{Verdict::*, *};

    fn ack(applied: u32, results: &[(u32, Outcome, ErrorCode)]) -> Ack {
        let result = |(index, outcome, code): &(u32, Outcome, ErrorCode)| OpResult {
            index: *index,
            outcome: *outcome as i32,
            code: *code as i32,
            ..OpResult::default()
        };
        Ack { applied, results: results.iter().map(result).collect(), ..Ack::default() }
    }

    const NONE: ErrorCode = ErrorCode::ErrorUnspecified;

    #[test]
    fn a_bare_acknowledgement_says_all() {
        assert_eq!(verdicts(&ack(0, &[]), 2), Ok(vec![Kept, Kept]));
        assert_eq!(verdicts(&ack(2, &[]), 2), Ok(vec![Kept, Kept]));
    }

    #[test]
    fn exactly_the_operations_told_of_are_marked() {
        let denied = (1, Outcome::Rejected, ErrorCode::PermissionDenied);
        let refused = Refused(ErrorCode::PermissionDenied);
        assert_eq!(verdicts(&ack(2, &[denied]), 3), Ok(vec![Kept, refused, Kept]));
        assert_eq!(verdicts(&ack(0, &[denied]), 3), Ok(vec![Later, refused, Later]));
        let both = [(0, Outcome::Applied, NONE), denied];
        assert_eq!(verdicts(&ack(2, &both), 3), Ok(vec![Kept, refused, Kept]));
        assert_eq!(verdicts(&ack(1, &both), 3), Ok(vec![Kept, refused, Later]));
    }

    #[test]
    fn outcomes_and_codes_are_told_apart() {
        let results = [
            (0, Outcome::Stale, NONE),
            (1, Outcome::Duplicate, NONE),
            (2, Outcome::Unspecified, NONE),
            (3, Outcome::Rejected, ErrorCode::ClockDrift),
            (4, Outcome::Rejected, ErrorCode::Unavailable),
            (5, Outcome::Rejected, ErrorCode::BeyondGc),
            (6, Outcome::Rejected, NONE),
        ];
        let told = [Kept, Kept, Later, Ahead, Later, Refused(ErrorCode::BeyondGc), Later];
        assert_eq!(verdicts(&ack(0, &results), 7), Ok(told.to_vec()));
    }

    #[test]
    fn what_was_not_sent_is_not_acknowledged() {
        let beyond = (2, Outcome::Stale, NONE);
        assert_eq!(verdicts(&ack(2, &[beyond]), 2), Err(Mismatch));
        let first = (0, Outcome::Stale, NONE);
        assert_eq!(verdicts(&ack(1, &[first, first]), 2), Err(Mismatch));
    }
}
