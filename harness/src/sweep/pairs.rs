//! Pairs of cases: a second fault that begins while the first acts, or soon after.

use std::time::Duration;

use super::cases::{Case, Sweep};
use crate::rng;

/// All pairs whose second fault begins at most a window after the first, in an order that reaches all parts of the
/// run early: a budget then covers a little of everything.
#[derive(Debug, Clone)]
pub struct Pairs {
    faults: u64,
    /// Pairs of moments, each with the number of its first pair of cases.
    moments: Vec<(usize, usize, u64)>,
    all: u64,
    first: u64,
    stride: u64,
}

impl Pairs {
    /// The pairs of a sweep.
    pub fn of(sweep: &Sweep, window: Duration) -> Self {
        let faults = sweep.faults().len() as u64;
        let (mut moments, mut all) = (Vec::new(), 0_u64);
        for (first, one) in sweep.moments().iter().enumerate() {
            for (second, other) in sweep.moments().iter().enumerate().skip(first) {
                if other.at.since(one.at) > window {
                    break;
                }
                moments.push((first, second, all));
                all += if first == second { faults * (faults - 1) / 2 } else { faults * faults };
            }
        }
        let mut rng = rng::stream(sweep.base().seed, "sweep/pairs");
        let first = rng::below(&mut rng, all);
        // A step that has no divisor in common with the number of pairs reaches each of them once.
        let mut stride = (all / 3 + rng::below(&mut rng, all / 3 + 1)).max(1);
        while gcd(stride, all) > 1 {
            stride += 1;
        }
        Self { faults, moments, all, first, stride }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.all
    }

    /// The pair of this number, below [`Pairs::count`].
    pub fn pair(&self, number: u64) -> [Case; 2] {
        let reached = u128::from(self.first) + u128::from(number) * u128::from(self.stride);
        let place = (reached % u128::from(self.all.max(1))) as u64;
        let of = self.moments.partition_point(|(_, _, from)| *from <= place) - 1;
        let (first, second, from) = self.moments[of];
        let (one, other) = if first == second {
            triangle(place - from)
        } else {
            ((place - from) / self.faults, (place - from) % self.faults)
        };
        [Case { moment: first, fault: one as usize }, Case { moment: second, fault: other as usize }]
    }
}

/// The pair of numbers `a < b` of this place, in the order (0,1), (0,2), (1,2), (0,3) and so on.
fn triangle(place: u64) -> (u64, u64) {
    let mut other = ((8.0 * place as f64 + 1.0).sqrt() as u64).div_ceil(2);
    while other * (other + 1) / 2 <= place {
        other += 1;
    }
    while other * (other - 1) / 2 > place {
        other -= 1;
    }
    (place - other * (other - 1) / 2, other)
}

fn gcd(one: u64, other: u64) -> u64 {
    if other == 0 { one } else { gcd(other, one % other) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_pair_comes_once() {
        let moments = vec![(0, 0, 0), (0, 1, 6), (1, 1, 22)];
        let pairs = Pairs { faults: 4, moments, all: 28, first: 5, stride: 11 };
        let all: BTreeSet<[Case; 2]> = (0..pairs.count()).map(|number| pairs.pair(number)).collect();
        assert_eq!(all.len(), 28);
        assert!(all.iter().all(|[one, other]| one.moment < other.moment || one.fault < other.fault));
    }

    #[test]
    fn places_in_a_triangle_are_found_however_far_out() {
        let mut expected = (0..60).flat_map(|b| (0..b).map(move |a| (a, b)));
        assert!((0..1770).all(|place| expected.next() == Some(triangle(place))));
        let far = 3_000_000_000_u64;
        assert_eq!(triangle(far * (far - 1) / 2 + 17), (17, far));
    }
}
