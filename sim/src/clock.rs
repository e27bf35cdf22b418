//! A host's wall clock: what its programs take for the time of day.

use std::time::Duration;

use harness::time::SimTime;

/// When every run begins on a clock that is right: 2024-01-15 00:00:00 UTC, in seconds since 1970.
pub const RUN_BEGINS_UNIX_S: u64 = 1_705_276_800;

/// A clock that may be set wrong, jump and drift. A new one is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WallClock {
    /// How far ahead of the right time it is, in nanoseconds; negative when behind.
    offset_ns: i64,
    /// How much faster than time it runs, in parts per billion.
    drift_ppb: i64,
    /// Since when it drifts.
    drift_since: SimTime,
}

impl WallClock {
    /// Nanoseconds since 1970 that the clock shows at `now`; never below zero.
    pub fn unix_ns(&self, now: SimTime) -> i64 {
        let right = i128::from(RUN_BEGINS_UNIX_S) * 1_000_000_000 + i128::from(now.as_nanos());
        let shown = right + i128::from(self.offset_ns) + self.drifted_ns(now);
        i64::try_from(shown.max(0)).unwrap_or(i64::MAX)
    }

    /// The first moment at which the clock shows `unix_ns` or later; `now` when it does already.
    pub fn moment_of(&self, unix_ns: i64, now: SimTime) -> SimTime {
        let missing = i128::from(unix_ns) - i128::from(self.unix_ns(now));
        if missing <= 0 {
            return now;
        }
        let rate = 1_000_000_000 + i128::from(self.drift_ppb);
        let wait = (missing * 1_000_000_000 + rate - 1) / rate.max(1);
        now + Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX))
    }

    /// The clock jumps by this many nanoseconds.
    pub fn jump(&mut self, by_ns: i64) {
        self.offset_ns = self.offset_ns.saturating_add(by_ns);
    }

    /// From `now` on the clock runs this much faster than time, in parts per billion (at least -999,999,999).
    pub fn set_drift(&mut self, drift_ppb: i64, now: SimTime) {
        let drifted = i64::try_from(self.drifted_ns(now)).unwrap_or(0);
        self.offset_ns = self.offset_ns.saturating_add(drifted);
        self.drift_ppb = drift_ppb.max(-999_999_999);
        self.drift_since = now;
    }

    fn drifted_ns(&self, now: SimTime) -> i128 {
        i128::from(now.as_nanos().saturating_sub(self.drift_since.as_nanos())) * i128::from(self.drift_ppb)
            / 1_000_000_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN_NS: i64 = RUN_BEGINS_UNIX_S as i64 * 1_000_000_000;

    #[test]
    fn a_new_clock_is_right() {
        assert_eq!(WallClock::default().unix_ns(SimTime::from_secs(5)), BEGIN_NS + 5_000_000_000);
    }

    #[test]
    fn a_clock_that_drifts_shows_when_it_will_show_a_time() {
        let mut clock = WallClock::default();
        clock.jump(-2_000_000_000);
        clock.set_drift(500_000_000, SimTime::from_secs(10));
        assert_eq!(clock.unix_ns(SimTime::from_secs(20)), BEGIN_NS + 23_000_000_000);
        let target = BEGIN_NS + 30_000_000_000;
        let moment = clock.moment_of(target, SimTime::from_secs(20));
        assert!(clock.unix_ns(moment) >= target && clock.unix_ns(moment) < target + 2, "{moment}");
        assert_eq!(clock.moment_of(BEGIN_NS, SimTime::from_secs(20)), SimTime::from_secs(20));
    }
}
