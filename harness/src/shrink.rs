//! Makes a failing plan as small as it can be, without the failure going.
//!
//! A plan loses faults, then workloads, expectations and nodes, then time, and at last its figures become round,
//! until nothing can go any more. Every step is one run: the smaller plan must still fail with the same
//! [`Signature`], that is the same verdict for the same reason. What stays was tried and refused, and the
//! [refusals](Shrunk::refusals) of the last round say why each part of the plan is essential.
//!
//! A smaller plan can fail for a reason of its own: a cluster that had no time to start loses traffic, too. So
//! each step is also held against a control: the same plan without what goes wrong in it. Where the
//! control of the original passes, that of every step must.
//!
//! The result depends on the plan, the signature and the number of runs that are allowed, and on nothing else.

mod content;
mod essential;
mod expectations;
mod faults;
mod figures;
mod found;
mod nodes;
mod precision;
mod rounder;
mod size;
mod step;
mod times;
mod timing;
mod trial;
mod workloads;

#[cfg(test)]
mod tests;

pub use found::{Found, PutError};
pub use size::Size;
pub use step::{Aspect, Instead, Refusal, Step, Subject};

use std::sync::atomic::AtomicBool;

use crate::cluster::{ClusterMaker, Topology};
use crate::finding::Findings;
use crate::plan::Plan;
use crate::report::Report;
use crate::signature::Signature;
use trial::{Trial, Verdict};

/// Is told what is tried, and what it has taken so far.
pub type Progress<'a> = &'a dyn Fn(&Statistics, &Step);

/// How far a shrinking may go.
#[derive(Default)]
pub struct Options<'a> {
    /// At most this many runs; none: until nothing can go any more.
    pub runs_max: Option<u64>,
    /// Set from outside to be content with what was reached.
    pub stop: Option<&'a AtomicBool>,
    /// Told what is tried, again and again.
    pub progress: Option<Progress<'a>>,
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("runs_max", &self.runs_max).finish_non_exhaustive()
    }
}

/// What it took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Runs of plans, those of controls among them.
    pub runs: u64,
    /// Runs of controls.
    pub control_runs: u64,
    /// Smaller plans that were taken.
    pub steps: u64,
    /// Smaller plans that were not run, because the same one had been before.
    pub known: u64,
    /// How often everything was tried.
    pub rounds: u64,
    /// Simulated time of all runs, in milliseconds.
    pub simulated_ms: u64,
}

/// Why there was nothing more to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Nothing can go without the failure going.
    Smallest,
    /// The runs were used up.
    OutOfRuns,
    /// It was stopped from outside.
    Stopped,
}

/// A failure made small.
#[derive(Debug, Clone)]
pub struct Shrunk {
    /// The smallest plan that was found.
    pub plan: Plan,
    /// What its run gave; none when it is the plan that was given and a bug of this program ends it.
    pub report: Option<Report>,
    /// What failed, and still does.
    pub signature: Signature,
    /// The size of the plan that was given.
    pub before: Size,
    /// The size of the smallest.
    pub after: Size,
    /// What was tried on the smallest plan in vain; complete when it [ended](Ended::Smallest) by itself.
    pub refusals: Vec<Refusal>,
    /// What it took.
    pub statistics: Statistics,
    /// Why it ended.
    pub ended: Ended,
}

/// Why nothing was shrunk.
#[derive(Debug, thiserror::Error)]
pub enum ShrinkError {
    /// The plan cannot be run.
    #[error("{0}")]
    Refused(Findings),
    /// The run of the plan does not fail with the signature.
    #[error("the run of this plan does not fail with `{0}`: there is nothing to shrink")]
    DoesNotFail(Box<Signature>),
    /// It was stopped before the first run was over.
    #[error("stopped before the first run was over")]
    Stopped,
}

/// Makes a failing plan small.
///
/// # Errors
/// A plan that cannot be run, or does not fail with this signature.
pub fn shrink(
    plan: &Plan,
    signature: &Signature,
    maker: &dyn ClusterMaker,
    options: Options<'_>,
) -> Result<Shrunk, ShrinkError> {
    let (topology, _) = maker.topology(&plan.cluster).map_err(ShrinkError::Refused)?;
    let mut trial = Trial::new(signature, maker, options);
    let report = match trial.run(plan) {
        Ok(Verdict::Same(report)) => report.map(|report| *report),
        Ok(Verdict::Other(Instead::CannotRun(findings))) => return Err(ShrinkError::Refused(findings)),
        Ok(Verdict::Other(_)) => return Err(ShrinkError::DoesNotFail(Box::new(signature.clone()))),
        Err(_) => return Err(ShrinkError::Stopped),
    };
    let size = Size::of(plan, topology.nodes().count());
    let mut shrinker =
        Shrinker { plan: plan.clone(), topology, size, report, refusals: Vec::new(), trial, maker };
    // A control that cannot be decided is none.
    let _ = shrinker.trial.choose_control(plan);
    let ended = match shrinker.until_smallest() {
        Ok(()) => Ended::Smallest,
        Err(ended) => ended,
    };
    Ok(Shrunk {
        plan: shrinker.plan,
        report: shrinker.report,
        signature: signature.clone(),
        before: size,
        after: shrinker.size,
        refusals: shrinker.refusals,
        statistics: shrinker.trial.statistics,
        ended,
    })
}

/// What passes work on: the smallest plan so far.
struct Shrinker<'a> {
    plan: Plan,
    topology: Topology,
    size: Size,
    report: Option<Report>,
    /// Of this round.
    refusals: Vec<Refusal>,
    trial: Trial<'a>,
    maker: &'a dyn ClusterMaker,
}

/// Tries everything of one concern.
type Pass = fn(&mut Shrinker<'_>) -> Result<(), Ended>;

/// In this order: what makes later runs cheaper and the plan simpler stands first.
const PASSES: [Pass; 8] = [
    faults::pass,
    workloads::pass,
    expectations::pass,
    content::pass,
    timing::pass,
    nodes::pass,
    times::pass,
    precision::pass,
];

impl Shrinker<'_> {
    fn until_smallest(&mut self) -> Result<(), Ended> {
        self.cut_off();
        loop {
            let before = self.trial.statistics.steps;
            self.trial.statistics.rounds += 1;
            self.refusals.clear();
            for pass in PASSES {
                pass(self)?;
            }
            if self.trial.statistics.steps == before {
                return Ok(());
            }
        }
    }

    /// Faults that are planned beyond their phase are cut off there: the run is the same.
    fn cut_off(&mut self) {
        self.plan.cut_off_faults();
        self.size = Size::of(&self.plan, self.topology.nodes().count());
    }

    /// Takes a change if the plan is smaller with it and still fails. A change that gives no plan, or one that is
    /// not smaller, is none.
    fn attempt(&mut self, step: Step, change: impl FnOnce(&mut Plan)) -> Result<bool, Ended> {
        let mut plan = self.plan.clone();
        change(&mut plan);
        self.attempt_plan(step, plan)
    }

    fn attempt_plan(&mut self, step: Step, mut plan: Plan) -> Result<bool, Ended> {
        plan.cut_off_faults();
        let Ok((topology, _)) = self.maker.topology(&plan.cluster) else { return Ok(false) };
        let size = Size::of(&plan, topology.nodes().count());
        if size >= self.size || plan.check().is_err() || plan.check_names(&topology).is_err() {
            return Ok(false);
        }
        match self.trial.still_fails(&plan, &step)? {
            Verdict::Same(report) => {
                self.trial.statistics.steps += 1;
                (self.plan, self.topology, self.size) = (plan, topology, size);
                self.report = report.map(|report| *report);
                Ok(true)
            }
            Verdict::Other(instead) => {
                self.refusals.push(Refusal { step, instead });
                Ok(false)
            }
        }
    }

    /// The first of these values, which stand in order of preference, with which the plan still fails. It is
    /// looked for by halves, as if all after it were good: a value in between may be missed, and is found in the
    /// next round.
    fn first_good<T: Clone>(
        &mut self,
        values: &[T],
        mut attempt: impl FnMut(&mut Self, &T) -> Result<bool, Ended>,
    ) -> Result<Option<T>, Ended> {
        let (mut from, mut to, mut good) = (0, values.len(), None);
        // Most often the best of all is good.
        if let Some(first) = values.first() {
            if attempt(self, first)? {
                return Ok(Some(first.clone()));
            }
            from = 1;
        }
        while from < to {
            let middle = from + (to - from) / 2;
            if attempt(self, &values[middle])? {
                good = Some(values[middle].clone());
                to = middle;
            } else {
                from = middle + 1;
            }
        }
        Ok(good)
    }
}
