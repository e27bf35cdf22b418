//! All cases of a sweep: every fault at every moment.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::Serialize;

use super::moments::{Calendar, Moment};
use super::repeats::{self, Repeat};
use super::{BRIEF, GRID};
use crate::cluster::ClusterMaker;
use crate::expectation::Expectation;
use crate::explore::{Known, roots};
use crate::finding::Findings;
use crate::plan::{Fault, FaultKind, Plan, Start, Target};
use crate::run::{Options, RunError, run, survey};
use crate::scenario::fault::candidates;
use crate::signature::{PROGRAM, Signature, claim_form};
use crate::time::{SimTime, show_span};
use crate::trace::{Fingerprint, Sink};

/// What may be asked of a sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// A fault lasts at least this long, and until the next multiple of [`GRID`].
    pub lasts: Duration,
    /// Of each class of events, so many moments; none for all.
    pub each: Option<u32>,
    /// Of each class of what is routine (calls, console visits, log lines), so many moments.
    pub routine: u32,
    /// Only these kinds of faults, by name; empty for all.
    pub kinds: Vec<String>,
    /// Sentences that must hold under every fault, beside what must hold whatever fails.
    pub expectations: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lasts: Duration::from_secs(60),
            each: None,
            routine: 2,
            kinds: Vec::new(),
            expectations: Vec::new(),
        }
    }
}

/// A fault that a sweep goes through, at any moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Instance {
    /// What it is.
    pub kind: FaultKind,
    /// What it acts on.
    pub target: Target,
    /// Whether it is over after [`BRIEF`], rather than after [`Settings::lasts`].
    pub brief: bool,
}

impl Instance {
    /// Those of a cluster: each lasts, and what ends a server and starts it again is there as a brief one, too. A short
    /// absence is another trouble than a long one: it ends before time-outs, marks and the next sync.
    fn all(candidates: Vec<(FaultKind, Target)>) -> Vec<Self> {
        let restarts = |kind: &FaultKind| {
            matches!(kind, FaultKind::ProcessKill | FaultKind::ProcessStop | FaultKind::PowerOff)
        };
        let brief = candidates.iter().filter(|(kind, _)| restarts(kind)).cloned().collect::<Vec<_>>();
        let instance = |brief| move |(kind, target)| Self { kind, target, brief };
        candidates.into_iter().map(instance(false)).chain(brief.into_iter().map(instance(true))).collect()
    }

    /// In words: `partition between manager and worker1, direction: both`.
    fn told(&self) -> String {
        let names = |nodes: &[crate::trace::NodeName]| nodes.join(" and ");
        let on = match &self.target {
            Target::Nodes(nodes) => format!("on {}", names(nodes)),
            Target::Process { nodes, process } => format!("of {process} on {}", names(nodes)),
            Target::Between { a, b } => format!("between {} and {}", names(a), names(b)),
            #[allow(unreachable_patterns)]
            other => serde_json::to_string(other).unwrap_or_default(),
        };
        let mut text = format!("{} {on}", self.kind.name());
        if let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(&self.kind) {
            for (field, value) in fields.iter().filter(|(field, _)| *field != "fault") {
                text.push_str(&format!(", {field}: {}", plain(value)));
            }
        }
        if self.brief {
            text.push_str(&format!(", for {}", show_span(BRIEF)));
        }
        text
    }
}

/// One fault at one moment, by their places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Case {
    /// The moment.
    pub moment: usize,
    /// The fault.
    pub fault: usize,
}

/// Why there is no sweep.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The scenario or the cluster's files are wrong.
    #[error("{0}")]
    Refused(Findings),
    /// It was stopped before the run without faults was over.
    #[error("stopped before the run without faults was over")]
    Stopped,
    /// There is no fault of the kinds that were asked for.
    #[error("the cluster offers no fault of the kinds {0}")]
    NoFault(String),
    /// The run without faults breaks already what must hold.
    #[error("without any fault, this does not hold already: {}", listed(.0))]
    Broken(BTreeSet<Signature>),
}

fn listed(signatures: &BTreeSet<Signature>) -> String {
    signatures.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl From<RunError> for SweepError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Refused(findings) => SweepError::Refused(findings),
            RunError::Stopped => SweepError::Stopped,
        }
    }
}

/// A sweep that is laid out: every case, and which of them need no run.
#[derive(Debug, Clone)]
pub struct Sweep {
    base: Plan,
    settings: Settings,
    /// What the cluster is known to do wrong: no part of what makes results belong together.
    known: Known,
    faults: Vec<Instance>,
    moments: Vec<Moment>,
    /// Fault by fault, whether it [denies by definition](FaultKind::denies_by_definition) what must hold.
    denying: Vec<bool>,
    /// Fault by fault, for each moment.
    repeats: Vec<Vec<Option<Repeat>>>,
    /// Events, moments and classes of the run without faults.
    size: (u64, usize, usize),
}

impl Sweep {
    /// Lays out the sweep around a plan; its own faults and expectations are left out.
    ///
    /// Expectations of the settings that are not understood are refused as any plan's are. A cluster that shows no
    /// more than what is known of it without any fault is swept all the same.
    ///
    /// # Errors
    /// Why there is nothing to sweep.
    pub fn of(
        mut base: Plan,
        settings: Settings,
        known: Known,
        maker: &dyn ClusterMaker,
        stop: &AtomicBool,
    ) -> Result<Self, SweepError> {
        base.faults.clear();
        let said = settings.expectations.iter().cloned();
        base.expectations = said.map(|text| Expectation { text }).collect();
        let (topology, _) = maker.topology(&base.cluster).map_err(SweepError::Refused)?;
        let mut faults = Instance::all(candidates(&topology));
        if !settings.kinds.is_empty() {
            faults.retain(|fault| settings.kinds.iter().any(|name| name == fault.kind.name()));
        }
        if faults.is_empty() {
            return Err(SweepError::NoFault(settings.kinds.join(", ")));
        }
        let calendar = Calendar::default();
        let sinks: Vec<Box<dyn Sink>> = vec![Box::new(calendar.clone())];
        let outcome = run(&base, maker, Options { sinks, stop: Some(stop), progress: None })?;
        let mut broken = Signature::all(&outcome.report);
        broken.retain(|signature| known.explains(signature).is_none());
        if !broken.is_empty() {
            return Err(SweepError::Broken(broken));
        }
        let days = calendar.days();
        let moments = days.chosen(settings.each, settings.routine);
        let repeats = (faults.iter())
            .map(|fault| {
                repeats::of_fault(fault, &moments, &days, |at| heals(&base, settings.lasts, fault.brief, at))
            })
            .collect();
        let size = days.size();
        let denies = |fault: &Instance| fault.kind.denies_by_definition(&fault.target, &topology);
        let denying = faults.iter().map(denies).collect();
        Ok(Self { base, settings, known, faults, moments, denying, repeats, size })
    }

    /// The plan without faults.
    pub fn base(&self) -> &Plan {
        &self.base
    }

    /// What was asked for.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What the cluster is known to do wrong.
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// The faults.
    pub fn faults(&self) -> &[Instance] {
        &self.faults
    }

    /// The moments.
    pub fn moments(&self) -> &[Moment] {
        &self.moments
    }

    /// Whether a failure in some cases together says nothing of the cluster: one of their faults denies what must hold by
    /// what it is. What was asked for in so many words must hold all the same, and no run may end in a panic.
    pub fn is_by_definition(&self, cases: &[Case], failure: &Signature) -> bool {
        let asked_for = |text: &String| claim_form(text) == failure.claim;
        cases.iter().any(|case| self.denying[case.fault])
            && *failure.checker != *PROGRAM
            && !self.settings.expectations.iter().any(asked_for)
    }

    /// The kinds of those of these faults that deny by definition what must hold.
    pub fn denying_kinds(&self, faults: &BTreeSet<usize>) -> BTreeSet<&str> {
        let denying = faults.iter().filter(|&&fault| self.denying[fault]);
        denying.map(|&fault| self.faults[fault].kind.name()).collect()
    }

    /// How many events of interest the run without faults has, at how many moments, of how many classes.
    pub fn size(&self) -> (u64, usize, usize) {
        self.size
    }

    /// What makes results belong to this sweep: its plan, faults and moments.
    pub fn fingerprint(&self) -> Fingerprint {
        let moments: Vec<u64> = self.moments.iter().map(|moment| moment.at.as_nanos()).collect();
        let lasts = self.settings.lasts.as_nanos();
        let all = (self.base.fingerprint(), &self.faults, moments, lasts.to_string());
        Fingerprint::of(&serde_json::to_vec(&all).expect("a sweep is always JSON"))
    }

    /// All cases, moment by moment.
    pub fn cases(&self) -> impl Iterator<Item = Case> + '_ {
        let faults = self.faults.len();
        (0..self.moments.len()).flat_map(move |moment| (0..faults).map(move |fault| Case { moment, fault }))
    }

    /// Why a case need not be run.
    pub fn repeat(&self, case: Case) -> Option<Repeat> {
        self.repeats[case.fault][case.moment]
    }

    /// The cases that must be run.
    pub fn to_run(&self) -> impl Iterator<Item = Case> + '_ {
        self.cases().filter(|case| self.repeat(*case).is_none())
    }

    /// The plan of some cases together.
    pub fn plan(&self, cases: &[Case]) -> Plan {
        let mut plan = self.base.clone();
        for (number, case) in (1..).zip(cases) {
            let Instance { kind, target, brief } = self.faults[case.fault].clone();
            let at = self.moments[case.moment].at;
            let name: Arc<str> = match cases.len() {
                1 => kind.name().into(),
                _ => format!("{}-{number}", kind.name()).into(),
            };
            let lasts = heals(&self.base, self.settings.lasts, brief, at).since(at);
            let start = Start::At { at_ns: at };
            plan.faults.push(Fault { name, kind, target, start, lasts, repeats: None });
        }
        plan
    }

    /// How the run of some cases together fails, without what follows from another failure; none when it was stopped.
    ///
    /// # Panics
    /// When the program cannot run what it ran without faults.
    pub fn fails(
        &self,
        cases: &[Case],
        maker: &dyn ClusterMaker,
        stop: &AtomicBool,
    ) -> Option<BTreeSet<Signature>> {
        match survey(&self.plan(cases), maker, Vec::new(), Some(stop)) {
            Ok(judgement) => Some(roots(&judgement.verdicts.iter().filter_map(Signature::of).collect())),
            Err(RunError::Stopped) => None,
            Err(RunError::Refused(findings)) => {
                unreachable!("the run without faults was not refused: {findings}")
            }
        }
    }

    /// The same cases on the cluster as it is, where the plan has a planted bug.
    #[must_use]
    pub fn without_bug(&self) -> Self {
        Self { base: Plan { planted_bug: None, ..self.base.clone() }, ..self.clone() }
    }

    /// A fault in words: its kind, what it acts on, and its values.
    pub fn told(&self, fault: usize) -> String {
        self.faults[fault].told()
    }
}

/// When a fault that begins at a moment is healed.
fn heals(base: &Plan, lasts: Duration, brief: bool, at: SimTime) -> SimTime {
    if brief {
        return (at + BRIEF).min(base.phases.disturb_ends);
    }
    let from = base.phases.warmup_ends;
    let span = (at + lasts).since(from).as_nanos();
    let steps = span.div_ceil(GRID.as_nanos());
    let grid = u64::try_from(steps * GRID.as_nanos()).unwrap_or(u64::MAX);
    (from + Duration::from_nanos(grid)).min(base.phases.disturb_ends)
}

/// A value of a fault without the signs of JSON.
fn plain(value: &serde_json::Value) -> String {
    value.to_string().replace(['"', '{', '}'], "").replace(',', ", ")
}

#[cfg(test)]
impl Sweep {
    /// One that is put together by hand.
    pub(super) fn by_hand(base: Plan, faults: Vec<(FaultKind, Target)>, moments: Vec<Moment>) -> Self {
        let long = |(kind, target)| Instance { kind, target, brief: false };
        let faults: Vec<Instance> = faults.into_iter().map(long).collect();
        let repeats = vec![vec![None; moments.len()]; faults.len()];
        let denying = vec![false; faults.len()];
        let size = (moments.len() as u64, moments.len(), moments.len());
        let (settings, known) = Default::default();
        Self { base, settings, known, faults, moments, denying, repeats, size }
    }

    /// The same with what is known.
    pub(super) fn knowing(self, known: Known) -> Self {
        Self { known, ..self }
    }

    /// The same with a fault that denies what must hold.
    pub(super) fn denied_by(mut self, fault: usize) -> Self {
        self.denying[fault] = true;
        self
    }

    /// The same where a sentence must hold, too.
    pub(super) fn asking(mut self, sentence: &str) -> Self {
        self.settings.expectations.push(sentence.to_owned());
        self
    }

    /// The same with what a case repeats.
    pub(super) fn repeating(mut self, case: Case, repeat: Repeat) -> Self {
        self.repeats[case.fault][case.moment] = Some(repeat);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::PartitionDirection;

    #[test]
    fn faults_last_as_long_as_was_asked_for_and_heal_on_the_grid_within_their_phase() {
        let sweep = super::super::tests::sweep("s");
        let heals = |second| {
            let at = sweep.base().phases.warmup_ends + Duration::from_secs(second);
            let until = super::heals(sweep.base(), Duration::from_secs(60), false, at);
            until.since(sweep.base().phases.warmup_ends).as_secs()
        };
        assert_eq!([0, 1, 29, 30, 31, 170].map(heals), [60, 90, 90, 90, 120, 180]);
    }

    #[test]
    fn faults_are_told_in_words() {
        let told = |kind, target, brief| Instance { kind, target, brief }.told();
        let between = Target::Between { a: vec!["a".into()], b: vec!["b".into()] };
        let partition = FaultKind::Partition { direction: PartitionDirection::AToB };
        assert_eq!(told(partition, between, false), "partition between a and b, direction: a-to-b");
        let process = || Target::Process { nodes: vec!["a".into()], process: "wso2".into() };
        assert_eq!(told(FaultKind::ProcessKill, process(), false), "process-kill of wso2 on a");
        assert_eq!(told(FaultKind::ProcessKill, process(), true), "process-kill of wso2 on a, for 1s");
    }

    #[test]
    fn what_restarts_a_server_is_there_as_a_brief_fault_too() {
        let on = || Target::Nodes(vec!["a".into()]);
        let all = Instance::all(vec![(FaultKind::PowerOff, on()), (FaultKind::Reboot, on())]);
        let told: Vec<(&str, bool)> = all.iter().map(|one| (one.kind.name(), one.brief)).collect();
        assert_eq!(told, [("power-off", false), ("reboot", false), ("power-off", true)]);
    }
}
