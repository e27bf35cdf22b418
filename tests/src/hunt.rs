//! Planted bugs as the measure of exploration and of sweeping: how many runs it takes to find one.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};

use harness::explore::{Batch, Exploration, Known};
use harness::jobs;
use harness::scenario::Scenario;
use harness::signature::Signature;
use harness::sweep::{Case, Settings, Sweep, SweepError};
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
    /// None of so many runs showed it.
    No(u64),
}

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
        let work = |number: usize| {
            if !more() {
                enough.store(true, Ordering::Relaxed);
            }
            let stopped = enough.load(Ordering::Relaxed);
            (!stopped).then(|| self.exploration.batch(number as u64 + 1, &self.maker, &enough)).flatten()
        };
        jobs::each(usize::MAX, jobs, &enough, work, |_, batch| {
            if let Ok(Some(batch)) = batch
                && caught.is_none()
            {
                caught = self.first_new(&batch);
                enough.store(caught.is_some(), Ordering::Relaxed);
            }
        });
        caught
    }

    /// Runs cases of a sweep, one moment of each class of events, spread over all of them, until one fails as it does not
    /// without the bug, or `more` says no.
    ///
    /// # Panics
    /// When the scenario cannot be swept.
    pub fn sweep(&self, jobs: NonZeroUsize, more: impl Fn() -> bool + Sync) -> Swept {
        let never = AtomicBool::new(false);
        let base = self.exploration.header().base.clone();
        let settings = Settings { each: Some(1), ..Settings::default() };
        let sweep = match Sweep::of(base, settings, &self.maker, &never) {
            Ok(sweep) => sweep,
            Err(SweepError::Broken(signatures)) => {
                let first = signatures.into_iter().next().expect("something is broken");
                return Swept::WithoutFault(first);
            }
            Err(error) => panic!("{error}"),
        };
        let sound = sweep.without_bug();
        let cases: Vec<Case> = sweep.to_run().collect();
        let enough = AtomicBool::new(false);
        let (mut caught, mut runs) = (None, 0);
        let work = |number: usize| {
            if !more() {
                enough.store(true, Ordering::Relaxed);
            }
            let case = cases[spread(number, cases.len())];
            let fails = sweep.fails(&[case], &self.maker, &enough)?;
            if fails.is_empty() {
                return Some((case, None));
            }
            let also = sound.fails(&[case], &self.maker, &enough)?;
            Some((case, fails.difference(&also).next().cloned()))
        };
        jobs::each(cases.len(), jobs, &enough, work, |number, result| {
            let Ok(Some((case, new))) = result else { return };
            runs = number as u64 + 1;
            if let (Some(signature), true) = (new, caught.is_none()) {
                caught = Some(Swept::ByOneFault(Caught { signature, run: runs }, sweep.told(case.fault)));
                enough.store(true, Ordering::Relaxed);
            }
        });
        caught.unwrap_or(Swept::No(runs))
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
