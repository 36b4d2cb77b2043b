//! When writes are sent: at once on an idle link, else gathered for a moment. Pure.

use std::time::Duration;

use super::super::replica::Bounds;

/// Writes that were made since the last were sent.
#[derive(Clone, Debug)]
pub(super) struct Window {
    length: Duration,
    /// When the first of them was made; `None` when there are none.
    open: Option<Duration>,
    ops: usize,
    bytes: usize,
    /// When something was last sent.
    sent: Option<Duration>,
}

impl Window {
    pub(super) fn new(length: Duration) -> Self {
        Self { length, open: None, ops: 0, bytes: 0, sent: None }
    }

    /// So many writes were made.
    pub(super) fn wrote(&mut self, ops: usize, bytes: usize, at: Duration) {
        self.open.get_or_insert(at);
        self.ops += ops;
        self.bytes += bytes;
    }

    /// When what waits is to be sent: at once when it is much, or when it is a single write and the
    /// link is `idle` and has been for as long as the window is.
    pub(super) fn due(&self, idle: bool, enough: Bounds) -> Option<Duration> {
        let open = self.open?;
        let rested = self.sent.is_none_or(|sent| sent + self.length <= open);
        let much = self.ops >= enough.ops_max || self.bytes >= enough.bytes_max;
        let at_once = much || (self.ops == 1 && idle && rested);
        Some(if at_once { open } else { open + self.length })
    }

    /// Everything that waited is on its way; the last of it since `at`, if there was anything.
    pub(super) fn sent(&mut self, at: Option<Duration>) {
        *self = Self { sent: at.or(self.sent), ..Self::new(self.length) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENOUGH: Bounds = Bounds { ops_max: 1000, bytes_max: 1 << 20 };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_single_write_on_an_idle_link_goes_at_once() {
        let mut window = Window::new(ms(10));
        assert_eq!(window.due(true, ENOUGH), None, "there is none");
        window.wrote(1, 10, ms(5));
        assert_eq!(window.due(true, ENOUGH), Some(ms(5)));
        assert_eq!(window.due(false, ENOUGH), Some(ms(15)), "not behind others");
        window.sent(Some(ms(5)));
        window.wrote(1, 10, ms(14));
        assert_eq!(window.due(true, ENOUGH), Some(ms(24)), "nor soon after them");
        window.sent(Some(ms(24)));
        window.wrote(1, 10, ms(34));
        assert_eq!(window.due(true, ENOUGH), Some(ms(34)));
    }

    #[test]
    fn writes_are_gathered_until_they_are_many() {
        let mut window = Window::new(ms(10));
        window.wrote(2, 10, ms(5));
        assert_eq!(window.due(true, ENOUGH), Some(ms(15)));
        window.wrote(998, 10, ms(6));
        assert_eq!(window.due(true, ENOUGH), Some(ms(5)));
        let mut window = Window::new(ms(10));
        window.wrote(2, 1 << 20, ms(5));
        assert_eq!(window.due(false, ENOUGH), Some(ms(5)));
    }
}
