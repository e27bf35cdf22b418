//! How long to go on, and which part of the work is this machine's.

// What is done when the time is over is the command's business; no run sees this clock.
#![allow(clippy::disallowed_types)]

use std::str::FromStr;
use std::time::{Duration, Instant};

use harness::time::parse_span;

/// A span of real time, more than none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget(pub Duration);

impl FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Nothing needs no unit.
        let span = if text.trim() == "0" { Duration::ZERO } else { parse_span(text)? };
        if span.is_zero() {
            return Err("a budget of nothing buys nothing; write one such as `60s` or `10m`".to_owned());
        }
        Ok(Self(span))
    }
}

/// What a sweep may take: real time, or a number of pairs of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SweepBudget {
    /// So long for everything.
    Time(Budget),
    /// So many pairs at most, however long they take.
    Pairs(u64),
}

impl FromStr for SweepBudget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().parse::<u64>() {
            Ok(0) => Err("a budget of nothing buys nothing; write one such as `1000` or `10m`".to_owned()),
            Ok(pairs) => Ok(Self::Pairs(pairs)),
            Err(_) => text.parse().map(Self::Time),
        }
    }
}

/// One of several equal parts of the seeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which, from 0.
    index: u64,
    /// Of how many.
    of: u64,
}

impl Default for Shard {
    fn default() -> Self {
        Self { index: 0, of: 1 }
    }
}

impl Shard {
    /// How many of so many seeds are this part's.
    pub fn count(self, seeds: u64) -> usize {
        let count = seeds.saturating_sub(self.index).div_ceil(self.of);
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    /// The place among all seeds of this part's `number`th, both from 0.
    pub fn place(self, number: usize) -> u64 {
        self.index + number as u64 * self.of
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "a shard is written as 1/4: the first of four";
        let (index, of) = text.split_once('/').ok_or(FORM)?;
        let number = |text: &str| text.trim().parse::<u64>().map_err(|_| FORM);
        match (number(index)?, number(of)?) {
            (_, 0) => Err("there is no shard of none".to_owned()),
            (0, _) => Err(format!("shards are counted from 1; {FORM}")),
            (index, of) if index > of => {
                Err(format!("there is no shard {index} of {of}; the last is {of}/{of}"))
            }
            (index, of) => Ok(Self { index: index - 1, of }),
        }
    }
}

/// Real time since a command began, and how much it may take.
#[derive(Debug)]
pub struct Clock {
    began: Instant,
    budget: Option<Duration>,
}

impl Clock {
    /// Begins now.
    pub fn start(budget: Option<Duration>) -> Self {
        Self { began: Instant::now(), budget }
    }

    /// Whether the budget is used up.
    pub fn is_over(&self) -> bool {
        self.budget.is_some_and(|budget| self.began.elapsed() >= budget)
    }

    /// The budget in milliseconds.
    pub fn budget_ms(&self) -> Option<u64> {
        self.budget.map(millis)
    }

    /// How long it has been, in milliseconds.
    pub fn elapsed_ms(&self) -> u64 {
        millis(self.began.elapsed())
    }

    /// So many of something in the time until now, a second.
    pub fn rate(&self, number: u64) -> u64 {
        number.saturating_mul(1000) / self.elapsed_ms().max(1)
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_budget_of_nothing_and_a_shard_that_is_not_there_are_refused() {
        for wrong in ["0", "0s", "", "x", "-1s"] {
            assert!(wrong.parse::<Budget>().is_err(), "{wrong}");
        }
        for wrong in ["5/4", "0/4", "1/0", "1", "", "/", "a/b", "-1/4", "1/4/4"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
        for wrong in ["0", "0s", "", "x", "-1", "1.5"] {
            assert!(wrong.parse::<SweepBudget>().is_err(), "{wrong}");
        }
        assert_eq!("90s".parse(), Ok(Budget(Duration::from_secs(90))));
        assert_eq!("90s".parse(), Ok(SweepBudget::Time(Budget(Duration::from_secs(90)))));
        assert_eq!("90".parse(), Ok(SweepBudget::Pairs(90)));
        assert_eq!("4/4".parse(), Ok(Shard { index: 3, of: 4 }));
    }

    proptest! {
        #[test]
        fn shards_share_all_seeds_and_no_seed_twice(seeds in 0_u64..200, of in 1_u64..9) {
            let mut places: Vec<u64> = (0..of)
                .map(|index| Shard { index, of })
                .flat_map(|shard| (0..shard.count(seeds)).map(move |number| shard.place(number)))
                .collect();
            places.sort_unstable();
            prop_assert_eq!(places, (0..seeds).collect::<Vec<_>>());
        }
    }
}
