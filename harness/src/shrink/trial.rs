//! Runs a smaller plan and says whether it still fails as it should.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use super::{Ended, Instead, Options, Statistics, Step};
use crate::cluster::ClusterMaker;
use crate::jobs::Panicked;
use crate::plan::Plan;
use crate::report::Report;
use crate::run::{self, RunError};
use crate::signature::Signature;
use crate::trace::Fingerprint;

/// What a run says.
pub(super) enum Verdict {
    /// It fails with the signature; the report is there unless a bug of this program ended the run.
    Same(Option<Box<Report>>),
    /// It does not.
    Other(Instead),
}

/// A plan without what goes wrong in it: it must not fail, or the failure is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Control {
    /// Without its faults.
    WithoutFaults,
    /// Without the planted bug.
    WithoutBug,
}

impl Control {
    fn of(self, plan: &Plan) -> Plan {
        let mut control = plan.clone();
        match self {
            Control::WithoutFaults => control.faults.clear(),
            Control::WithoutBug => control.planted_bug = None,
        }
        control
    }
}

/// Where plans are tried.
pub(super) struct Trial<'a> {
    signature: &'a Signature,
    maker: &'a dyn ClusterMaker,
    options: Options<'a>,
    control: Option<Control>,
    /// Plans that were tried and do not fail as they should.
    refused: BTreeMap<Fingerprint, Instead>,
    pub(super) statistics: Statistics,
}

impl<'a> Trial<'a> {
    pub(super) fn new(signature: &'a Signature, maker: &'a dyn ClusterMaker, options: Options<'a>) -> Self {
        let (refused, statistics) = (BTreeMap::new(), Statistics::default());
        Self { signature, maker, options, control: None, refused, statistics }
    }

    /// Chooses the control with which the original passes, if there is one.
    pub(super) fn choose_control(&mut self, plan: &Plan) -> Result<(), Ended> {
        let fitting = match (&plan.planted_bug, plan.faults.is_empty()) {
            (Some(_), _) => Control::WithoutBug,
            (None, false) => Control::WithoutFaults,
            (None, true) => return Ok(()),
        };
        if self.control_passes(fitting, plan)? {
            self.control = Some(fitting);
        }
        Ok(())
    }

    /// Whether a plan still fails as it should; one that is known not to is not run again.
    pub(super) fn still_fails(&mut self, plan: &Plan, step: &Step) -> Result<Verdict, Ended> {
        let fingerprint = plan.fingerprint();
        if let Some(instead) = self.refused.get(&fingerprint) {
            self.statistics.known += 1;
            return Ok(Verdict::Other(instead.clone()));
        }
        if let Some(progress) = self.options.progress {
            progress(&self.statistics, step);
        }
        let mut verdict = self.run(plan)?;
        // A plan that lost its last fault is its own control: the original's control did not fail, this does.
        if let (Verdict::Same(_), Some(control)) = (&verdict, self.control)
            && !self.control_passes(control, plan)?
        {
            verdict = Verdict::Other(Instead::FailsAnyway);
        }
        if let Verdict::Other(instead) = &verdict {
            self.refused.insert(fingerprint, instead.clone());
        }
        Ok(verdict)
    }

    /// Runs a plan.
    pub(super) fn run(&mut self, plan: &Plan) -> Result<Verdict, Ended> {
        if self.options.runs_max.is_some_and(|most| self.statistics.runs >= most) {
            return Err(Ended::OutOfRuns);
        }
        if self.options.stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            return Err(Ended::Stopped);
        }
        self.statistics.runs += 1;
        self.statistics.simulated_ms += plan.phases.settle_ends.as_millis();
        let options = run::Options { stop: self.options.stop, ..run::Options::default() };
        let ran = catch_unwind(AssertUnwindSafe(|| run::run(plan, self.maker, options)));
        Ok(match ran {
            Err(payload) => {
                let panicked = Panicked::of(&*payload);
                match Signature::of_panic(&panicked) == *self.signature {
                    true => Verdict::Same(None),
                    false => Verdict::Other(Instead::Panicked(panicked.0)),
                }
            }
            Ok(Err(RunError::Stopped)) => return Err(Ended::Stopped),
            Ok(Err(RunError::Refused(findings))) => Verdict::Other(Instead::CannotRun(findings)),
            Ok(Ok(outcome)) => {
                let report = outcome.report;
                match () {
                    () if Signature::all(&report).contains(self.signature) => {
                        Verdict::Same(Some(Box::new(report)))
                    }
                    () if report.passed() => Verdict::Other(Instead::Passed),
                    () => Verdict::Other(Instead::OtherVerdicts),
                }
            }
        })
    }

    fn control_passes(&mut self, control: Control, plan: &Plan) -> Result<bool, Ended> {
        self.statistics.control_runs += 1;
        Ok(matches!(self.run(&control.of(plan))?, Verdict::Other(_)))
    }
}
