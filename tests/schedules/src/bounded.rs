//! Every schedule with at most so many preemptions, one after the other, depth first.
//!
//! A preemption is a switch away from a thread that could go on; a switch because a thread blocks,
//! ends or yields is free (Musuvathi and Qadeer, "Iterative context bounding", PLDI 2007). Most
//! bugs need one or two. Threads that sleep are never woken without a reason.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};

/// Where the explorer had a choice.
struct Choice {
    /// Who may run, the thread that costs no preemption first.
    threads: Vec<TaskId>,
    /// Which of them runs now.
    at: usize,
    /// Preemptions before this point.
    preemptions: usize,
    /// Whether any but the first is a preemption.
    costs: bool,
}

impl Choice {
    fn preemptions_after(&self) -> usize {
        self.preemptions + usize::from(self.costs && self.at > 0)
    }

    /// Goes to the next one that the bound allows; `false` when there is none.
    fn advance(&mut self, preemptions_max: usize) -> bool {
        self.at += 1;
        self.at < self.threads.len() && self.preemptions_after() <= preemptions_max
    }
}

/// The scheduler.
pub(crate) struct Bounded {
    preemptions_max: usize,
    /// The choices of the schedule that runs, from its beginning.
    path: Vec<Choice>,
    /// How many of them were made.
    depth: usize,
    begun: bool,
    /// Schedules that may still be run.
    left: usize,
    /// Set when every schedule within the bound was run.
    done: Arc<AtomicBool>,
}

impl Bounded {
    /// Schedules with at most `preemptions_max` preemptions: all, when those are not more than
    /// `schedules_max`, and then `done` is set.
    pub(crate) fn new(
        preemptions_max: usize,
        schedules_max: usize,
        done: &Arc<AtomicBool>,
    ) -> Self {
        let (path, done) = (Vec::new(), Arc::clone(done));
        Self { preemptions_max, path, depth: 0, begun: false, left: schedules_max, done }
    }

    /// Makes `path` the beginning of a schedule not run yet.
    fn advance(&mut self) -> bool {
        while let Some(last) = self.path.last_mut() {
            if last.advance(self.preemptions_max) {
                return true;
            }
            self.path.pop();
        }
        false
    }
}

impl Scheduler for Bounded {
    fn new_execution(&mut self) -> Option<Schedule> {
        if self.begun && !self.advance() {
            self.done.store(true, Ordering::Relaxed);
            return None;
        }
        self.left = self.left.checked_sub(1)?;
        (self.begun, self.depth) = (true, 0);
        Some(Schedule::new(0))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        if self.depth == self.path.len() {
            let awake = runnable.iter().filter(|task| task.runnable());
            let mut threads: Vec<TaskId> = awake.map(|task| task.id()).collect();
            let own = threads.iter().position(|id| Some(*id) == current);
            if let Some(own) = own {
                if is_yielding {
                    // Whoever yields waits for others: it goes last, and alone only when there are none.
                    threads.remove(own);
                    if threads.is_empty() {
                        threads.extend(current);
                    }
                } else {
                    threads[..=own].rotate_right(1);
                }
            }
            let preemptions = self.path.last().map_or(0, Choice::preemptions_after);
            let costs = own.is_some() && !is_yielding;
            self.path.push(Choice { threads, at: 0, preemptions, costs });
        }
        let choice = &self.path[self.depth];
        self.depth += 1;
        Some(choice.threads[choice.at])
    }

    fn next_u64(&mut self) -> u64 {
        0
    }
}
