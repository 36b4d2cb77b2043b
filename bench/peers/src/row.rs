//! A line of the goals' table. Knows nothing of how it was reached.

/// One goal and what was reached.
#[derive(Debug)]
pub struct Row {
    /// Its number.
    pub goal: &'static str,
    /// What is compared.
    pub what: String,
    /// The bound.
    pub asked: f64,
    /// Whether the bound is a lower one.
    pub at_least: bool,
    /// What was reached; `None` when it was not measured.
    pub reached: Option<f64>,
}

impl Row {
    /// Whether the goal is met, if it was measured.
    pub fn met(&self) -> Option<bool> {
        self.reached.map(
            |reached| if self.at_least { reached >= self.asked } else { reached <= self.asked },
        )
    }
}
