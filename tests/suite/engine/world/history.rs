//! Every state a store has been in, and how far it was acknowledged.

use super::model::Model;

/// The states after each commit, the first one being that of the last open.
#[derive(Clone, Debug)]
pub(crate) struct History {
    states: Vec<Model>,
    acknowledged: usize,
}

impl History {
    pub(crate) fn new(start: Model) -> Self {
        Self { states: vec![start], acknowledged: 0 }
    }

    pub(crate) fn now(&self) -> &Model {
        self.states.last().expect("never empty")
    }

    pub(crate) fn commits(&self) -> usize {
        self.states.len() - 1
    }

    pub(crate) fn push(&mut self, state: Model) {
        self.states.push(state);
    }

    /// The first `commits` commits are acknowledged.
    pub(crate) fn acknowledge(&mut self, commits: usize) {
        self.acknowledged = self.acknowledged.max(commits);
    }

    /// As [`History::check`], on a disk that cannot be trusted to keep what was acknowledged.
    pub(crate) fn check_any(&self, found: &Model) -> Result<usize, String> {
        Self { states: self.states.clone(), acknowledged: 0 }.check(found)
    }

    /// Whether a crash may leave `found`: the state after some commit that is not before the last
    /// acknowledged one. This is all at once: nothing acknowledged is missing, batches are whole, each
    /// log is a prefix, nothing is there that was never written. Returns the number of commits.
    pub(crate) fn check(&self, found: &Model) -> Result<usize, String> {
        let at = self.states.iter().rposition(|state| state == found);
        match at {
            Some(at) if at >= self.acknowledged => Ok(at),
            Some(at) => Err(format!(
                "acknowledged commits lost: {} were, the state is that after {at}",
                self.acknowledged
            )),
            None => Err(format!(
                "a state that never was; {} of {} commits acknowledged; {}",
                self.acknowledged,
                self.commits(),
                difference(self.now(), found)
            )),
        }
    }
}

/// Says where two states first differ, in few words.
pub(crate) fn difference(expected: &Model, found: &Model) -> String {
    for (n, (expected, found)) in expected.logs.iter().zip(&found.logs).enumerate() {
        if expected != found {
            let brief = |log: &Option<super::model::LogModel>| {
                log.as_ref().map(|log| {
                    (log.first, log.next(), log.records.iter().map(Vec::len).sum::<usize>())
                })
            };
            return format!(
                "log {n} is {:?}, last state {:?} (first, next, bytes)",
                brief(found),
                brief(expected)
            );
        }
    }
    for (n, (expected, found)) in expected.maps.iter().zip(&found.maps).enumerate() {
        if expected != found {
            return format!("map {n} is {found:?}, last state {expected:?}");
        }
    }
    "no difference".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::model::Change;

    /// The history of three appends, of which two are acknowledged, and its states.
    fn history() -> (History, Vec<Model>) {
        let mut history = History::new(Model::default());
        let mut states = vec![Model::default()];
        for n in 1..=3 {
            let mut state = history.now().clone();
            state.apply(&Change::Append { log: 0, payload: vec![n] });
            history.push(state.clone());
            states.push(state);
        }
        history.acknowledge(2);
        (history, states)
    }

    #[test]
    fn what_a_crash_may_leave_passes() {
        let (history, states) = history();
        assert_eq!(history.check(&states[2]), Ok(2));
        assert_eq!(history.check(&states[3]), Ok(3));
        assert_eq!(history.check_any(&states[1]), Ok(1));
    }

    #[test]
    fn every_kind_of_wrong_is_seen() {
        let (history, states) = history();
        assert!(history.check(&states[1]).is_err(), "acknowledged and lost");
        let with = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
            let mut state = states[3].clone();
            change(&mut state.log(0).records);
            state
        };
        let wrong = [
            with(&|records| records.push(vec![9])),
            with(&|records| records[1] = vec![9]),
            with(&|records| records.swap(0, 1)),
            with(&|records| drop(records.remove(1))),
        ];
        for state in wrong {
            assert!(history.check(&state).is_err() && history.check_any(&state).is_err());
        }
    }
}
