//! Planted bugs as the measure of exploration and of sweeping: how many runs it takes to find one.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use harness::explore::{Batch, Exploration, Known};
use harness::jobs;
use harness::scenario::Scenario;
use harness::signature::Signature;
use harness::sweep::{Case, Pairs, Settings, Sweep, SweepError};
use sim::cluster::{PreparedMaker, SimMaker};
use sim::planted::PlantedBug;

/// What is explored.
#[derive(Debug)]
pub struct Ground {
    exploration: Exploration,
    maker: PreparedMaker,
    /// What the cluster is known to do without any bug.
    pub known: Known,
}

/// What came of a hunt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caught {
    /// The first failure that the cluster without the bug does not have.
    pub signature: Signature,
    /// The run that showed it, counted from 1 over all batches in the order of their seeds.
    pub run: u64,
}

/// How a sweep meets a planted bug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swept {
    /// It shows in the run without any fault.
    WithoutFault(Signature),
    /// One fault, in words, shows it: the cluster without the bug withstands the same.
    ByOneFault(Caught, String),
    /// No single fault does, in so many cases, which are all there are; two, in words, do.
    ByTwoFaults(u64, Caught, String),
    /// No single fault of so many cases does, and no pair of so many.
    No(u64, u64),
}

/// A second fault begins at most this long after the first.
const WINDOW: Duration = Duration::from_secs(30);
/// Pairs are of these kinds.
const PAIRED: [&str; 2] = ["power-off", "process-kill"];
/// So many pairs at most.
const PAIRS_MAX: u64 = 2_000;

impl Ground {
    /// The scenario in which anything may fail, with a bug or without.
    ///
    /// # Panics
    /// When the scenario or the list of known weaknesses is wrong.
    pub fn new(bug: Option<PlantedBug>) -> Self {
        let scenarios = crate::root().join("scenarios");
        let scenario = Scenario::load(scenarios.join("anything-may-fail.toml")).expect("it is a scenario");
        let known = Known::read(&Known::path_of(&scenarios.join("clusters/wso2-rsync")));
        let mut plan = scenario.plan(0, &SimMaker).expect("it fits its cluster");
        plan.planted_bug = bug.map(|bug| bug.name().to_owned());
        plan.cluster.root = "wso2-rsync".to_owned();
        let maker = PreparedMaker::of(&plan.cluster).expect("its files are right");
        let exploration = Exploration::of_plan(plan, &maker).expect("its files are right");
        Self { exploration, maker, known: known.expect("the list is right") }
    }

    /// What is explored.
    pub fn exploration(&self) -> &Exploration {
        &self.exploration
    }

    /// The batch of a seed.
    ///
    /// # Panics
    /// Never: nobody stops it.
    pub fn batch(&self, seed: u64) -> Batch {
        self.exploration.batch(seed, &self.maker, &AtomicBool::new(false)).expect("nobody stops it")
    }

    /// Runs batches, from seed 1 on, until one has a failure that is not known, or `more` says no.
    pub fn hunt(&self, jobs: NonZeroUsize, more: impl Fn() -> bool + Sync) -> Option<Caught> {
        let enough = AtomicBool::new(false);
        let mut caught = None;
        let prepare = || self.exploration.own_copy(PreparedMaker::of).expect("its files are right");
        let work = |(own, maker): &(Exploration, PreparedMaker), number: usize| {
            if !more() {
                enough.store(true, Ordering::Relaxed);
            }
            let stopped = enough.load(Ordering::Relaxed);
            (!stopped).then(|| own.batch(number as u64 + 1, maker, &enough)).flatten()
        };
        jobs::each_with(usize::MAX, jobs, &enough, prepare, work, |_, batch| {
            if let Ok(Some(batch)) = batch
                && caught.is_none()
            {
                caught = self.first_new(&batch);
                enough.store(caught.is_some(), Ordering::Relaxed);
            }
        });
        caught
    }

    /// Runs the cases of a sweep, one moment of each class of events, spread over all of them, until one fails as it does
    /// not without the bug. Where none does, pairs of what ends servers.
    ///
    /// # Panics
    /// When the scenario cannot be swept.
    pub fn sweep(&self, jobs: NonZeroUsize) -> Swept {
        let sweep = match self.laid_out(&[]) {
            Ok(sweep) => sweep,
            Err(SweepError::Broken(signatures)) => {
                let first = signatures.into_iter().next().expect("something is broken");
                return Swept::WithoutFault(first);
            }
            Err(error) => panic!("{error}"),
        };
        let cases: Vec<Case> = sweep.to_run().collect();
        let all = cases.len();
        if let Some((caught, cases)) =
            self.first_shown(&sweep, all, jobs, |turn| vec![cases[spread(turn, all)]])
        {
            return Swept::ByOneFault(caught, sweep.told(cases[0].fault));
        }
        let sweep = self.laid_out(&PAIRED).expect("more kinds of faults could be swept");
        let pairs = Pairs::of(&sweep, WINDOW);
        let many = PAIRS_MAX.min(pairs.count());
        let pair = |number: usize| pairs.pair(number as u64).to_vec();
        match self.first_shown(&sweep, many as usize, jobs, pair) {
            Some((caught, two)) => {
                let told = two.iter().map(|case| sweep.told(case.fault)).collect::<Vec<_>>();
                Swept::ByTwoFaults(all as u64, caught, told.join(" and "))
            }
            None => Swept::No(all as u64, many),
        }
    }

    fn laid_out(&self, kinds: &[&str]) -> Result<Sweep, SweepError> {
        let base = self.exploration.header().base.clone();
        let kinds = kinds.iter().map(|&kind| kind.to_owned()).collect();
        let settings = Settings { each: Some(1), kinds, ..Settings::default() };
        Sweep::of(base, settings, self.known.clone(), &self.maker, &AtomicBool::new(false))
    }

    /// The first of so many sets of cases that fails in a way that is not known and as it does not without the bug, and
    /// how many runs that took.
    fn first_shown(
        &self,
        sweep: &Sweep,
        many: usize,
        jobs: NonZeroUsize,
        set: impl Fn(usize) -> Vec<Case> + Sync,
    ) -> Option<(Caught, Vec<Case>)> {
        let sound = sweep.without_bug();
        let enough = AtomicBool::new(false);
        let mut shown = None;
        let work = |turn: usize| {
            let cases = set(turn);
            let mut fails = sweep.fails(&cases, &self.maker, &enough)?;
            fails.retain(|signature| self.known.explains(signature).is_none());
            if fails.is_empty() {
                return Some((cases, None));
            }
            let also = sound.fails(&cases, &self.maker, &enough)?;
            Some((cases, fails.difference(&also).next().cloned()))
        };
        jobs::each(many, jobs, &enough, work, |turn, result| {
            if let Ok(Some((cases, Some(signature)))) = result
                && shown.is_none()
            {
                shown = Some((Caught { signature, run: turn as u64 + 1 }, cases));
                enough.store(true, Ordering::Relaxed);
            }
        });
        shown
    }

    /// The first failure of a batch that is not known.
    pub fn first_new(&self, batch: &Batch) -> Option<Caught> {
        let new = batch.found.iter().filter(|found| self.known.explains(&found.signature).is_none());
        new.min_by_key(|found| found.first).map(|found| Caught {
            signature: found.signature.clone(),
            run: (batch.seed - 1) * u64::from(batch.runs) + u64::from(found.first) + 1,
        })
    }
}

/// The place in a list of so many whose turn it is, so that early turns are far apart and each place has one.
fn spread(turn: usize, count: usize) -> usize {
    let divides = |mut a: usize, mut b: usize| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    // The golden section of the list, and the next above it that meets every place.
    let stride = (count * 618 / 1000).max(1);
    let stride = (stride..).find(|&stride| divides(stride, count) == 1).expect("a prime is one");
    turn * stride % count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_has_its_turn() {
        for count in [1, 2, 7, 60, 618, 1000] {
            let mut places: Vec<usize> = (0..count).map(|turn| spread(turn, count)).collect();
            places.sort_unstable();
            assert_eq!(places, (0..count).collect::<Vec<_>>());
        }
    }
}
