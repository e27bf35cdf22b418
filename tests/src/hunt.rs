//! Planted bugs as the measure of exploration: how many runs it takes to find one.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};

use harness::explore::{Batch, Exploration, Known};
use harness::jobs;
use harness::scenario::Scenario;
use harness::signature::Signature;
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

    /// The first failure of a batch that is not known.
    pub fn first_new(&self, batch: &Batch) -> Option<Caught> {
        let new = batch.found.iter().filter(|found| self.known.explains(&found.signature).is_none());
        new.min_by_key(|found| found.first).map(|found| Caught {
            signature: found.signature.clone(),
            run: (batch.seed - 1) * u64::from(batch.runs) + u64::from(found.first) + 1,
        })
    }
}
