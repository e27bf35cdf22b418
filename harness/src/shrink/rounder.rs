//! Rounder figures near a figure: what a person would have written instead.

use std::time::Duration;

use super::size::{ROUND_S, digits, digits_of_span};

/// Units to which a span is rounded, in nanoseconds, the coarsest first.
const UNITS_NS: [u64; 13] = [
    3_600_000_000_000,
    600_000_000_000,
    60_000_000_000,
    30_000_000_000,
    10_000_000_000,
    5_000_000_000,
    1_000_000_000,
    100_000_000,
    10_000_000,
    5_000_000,
    1_000_000,
    100_000,
    1_000,
];

/// Spans near this one with fewer digits, those with the fewest first; at each unit the shorter one first.
pub(super) fn spans(span: Duration) -> Vec<Duration> {
    let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    let rounded = UNITS_NS.iter().flat_map(|unit| {
        let below = nanos / unit * unit;
        // Far more than the span itself is another span, not a rounder one.
        let above = below.checked_add(*unit).filter(|above| *above / 2 <= nanos);
        [Some(below), above]
    });
    let mut found: Vec<Duration> = Vec::new();
    for candidate in rounded.flatten().map(Duration::from_nanos) {
        if digits_of_span(candidate) < digits_of_span(span) && !found.contains(&candidate) {
            found.push(candidate);
        }
    }
    found
}

/// Numbers near this one with fewer digits, those with the fewest first.
pub(super) fn numbers(number: u64) -> Vec<u64> {
    let mut found = vec![0];
    let mut unit = 10_u64.checked_pow(number.checked_ilog10().unwrap_or(0)).unwrap_or(1);
    while unit > 0 {
        let below = number / unit * unit;
        found.extend([Some(below), below.checked_add(unit)].into_iter().flatten());
        unit /= 10;
    }
    let mut kept = Vec::new();
    for candidate in found {
        if digits(candidate) < digits(number) && !kept.contains(&candidate) {
            kept.push(candidate);
        }
    }
    kept
}

/// Spans that people choose and that are shorter than this one, the shortest first.
pub(super) fn shorter(span: Duration) -> Vec<Duration> {
    ROUND_S.iter().map(|&seconds| Duration::from_secs(seconds)).filter(|round| *round < span).collect()
}

/// Spans that people choose and that are longer than this one, the longest first.
pub(super) fn longer(span: Duration, at_most: Duration) -> Vec<Duration> {
    let round = ROUND_S.iter().rev().map(|&seconds| Duration::from_secs(seconds));
    round.filter(|round| *round > span && *round <= at_most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounder_spans_come_with_the_fewest_digits_first() {
        let found = spans(Duration::from_millis(157_513));
        assert_eq!(found[0], Duration::ZERO);
        for millis in [120_000, 180_000, 150_000, 160_000, 157_000, 157_500] {
            assert!(found.contains(&Duration::from_millis(millis)), "{millis}: {found:?}");
        }
        assert!(spans(Duration::from_secs(60)).iter().all(Duration::is_zero));
        assert!(spans(Duration::ZERO).is_empty());
    }

    #[test]
    fn rounder_numbers_come_with_the_fewest_digits_first() {
        assert_eq!(numbers(8_123), [0, 8_000, 9_000, 8_100, 8_200, 8_120, 8_130]);
        assert!(numbers(u64::MAX).len() > 10);
        assert_eq!(numbers(0), [] as [u64; 0]);
    }

    #[test]
    fn shorter_and_longer_spans_are_those_that_people_choose() {
        assert_eq!(shorter(Duration::from_secs(3)), [0, 1, 2].map(Duration::from_secs));
        let longer = longer(Duration::from_secs(20), Duration::from_secs(60));
        assert_eq!(longer, [60, 45, 30].map(Duration::from_secs));
    }
}
