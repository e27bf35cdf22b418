//! A link that goes down and comes up again by itself, over and over.

use std::time::Duration;

use harness::time::SimTime;

/// When a flapping link is down: a function of time, so that it costs nothing while nobody uses the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flap {
    /// When it goes down for the first time.
    pub since: SimTime,
    /// How long it is down each time.
    pub down: Duration,
    /// How long it is up in between.
    pub up: Duration,
}

impl Flap {
    /// Whether it is down at a moment.
    pub(super) fn is_down(&self, at: SimTime) -> bool {
        let period = (self.down + self.up).as_nanos().max(1);
        at >= self.since && (at - self.since).as_nanos() % period < self.down.as_nanos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_down_first_and_then_by_turns() {
        let seconds = Duration::from_secs;
        let flap = Flap { since: SimTime::from_secs(10), down: seconds(2), up: seconds(3) };
        let down: Vec<u64> = (8..22).filter(|&second| flap.is_down(SimTime::from_secs(second))).collect();
        assert_eq!(down, [10, 11, 15, 16, 20, 21]);
    }
}
