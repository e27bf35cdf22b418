//! Drives a cluster through a plan, and judges what came out.
//!
//! [`run`] is the road from a plan to a report, [`judge`] the road from a stored trace: the same checkers read
//! the same events. What happens at one moment happens in a fixed order: a phase begins, faults are healed,
//! faults begin, operations start; among equals, in the order of the plan. A fault that waits for an event
//! begins right after it.

mod agenda;
mod operations;
#[cfg(test)]
mod tests;
mod triggers;

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::checker::Panel;
use crate::cluster::{Advance, Cluster, ClusterMaker};
use crate::finding::{Finding, Findings, Source};
use crate::plan::{Fault, Plan, Repeats, Start};
use crate::report::{Chronicle, Judgement, Report};
use crate::time::SimTime;
use crate::trace::event::Phase;
use crate::trace::uses::Uses;
use crate::trace::{Event, EventKind, NodeName, Recorder, Sink};
use crate::verdict::{Status, Verdict};
use agenda::{Agenda, Item};
use operations::Operations;

/// What a run is given beside its plan.
#[derive(Default)]
pub struct Options<'a> {
    /// Where events go, beside the checkers.
    pub sinks: Vec<Box<dyn Sink>>,
    /// Set from outside to give the run up.
    pub stop: Option<&'a AtomicBool>,
    /// Told how far the run is, again and again.
    pub progress: Option<&'a dyn Fn(SimTime)>,
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("sinks", &self.sinks.len()).finish_non_exhaustive()
    }
}

/// What came out of a run.
#[derive(Debug)]
pub struct Outcome {
    /// What is said of it.
    pub report: Report,
    /// What went wrong with sinks; the run went on without them.
    pub sink_errors: Vec<io::Error>,
}

/// Why there is no outcome.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The plan cannot be run.
    #[error("{0}")]
    Refused(Findings),
    /// The run was given up from outside.
    #[error("the run was stopped")]
    Stopped,
}

impl From<Findings> for RunError {
    fn from(findings: Findings) -> Self {
        RunError::Refused(findings)
    }
}

/// Runs a plan and judges the run.
///
/// # Errors
/// A plan that cannot be run; a run that was stopped.
///
/// # Panics
/// On a broken invariant of the cluster, which is a bug.
pub fn run(plan: &Plan, maker: &dyn ClusterMaker, options: Options<'_>) -> Result<Outcome, RunError> {
    let recorder = Recorder::new();
    for sink in options.sinks {
        recorder.add_sink(sink);
    }
    let audience = Audience::of(&recorder);
    begin(plan, maker, &recorder)?.drive(options.stop, options.progress)?;
    let fingerprint = recorder.fingerprint();
    // The sinks are closed before anything is judged: a checker that fails never loses a trace.
    recorder.close();
    let report = audience.report(fingerprint, Vec::new());
    Ok(Outcome { report, sink_errors: recorder.take_errors() })
}

/// Runs a plan and says what the checkers say of it, and nothing more: no story is told and no fingerprint taken,
/// as befits one run of thousands.
///
/// # Errors
/// As [`run`].
///
/// # Panics
/// As [`run`].
pub fn survey(
    plan: &Plan,
    maker: &dyn ClusterMaker,
    sinks: Vec<Box<dyn Sink>>,
    stop: Option<&AtomicBool>,
) -> Result<Judgement, RunError> {
    let recorder = Recorder::without_fingerprint();
    let panel = Rc::default();
    recorder.add_sink(Panel::sink(&panel));
    for sink in sinks {
        recorder.add_sink(sink);
    }
    begin(plan, maker, &recorder)?.drive(stop, None)?;
    recorder.close();
    Ok(panel.take().judge())
}

/// Judges a stored trace.
///
/// # Errors
/// The first event that cannot be read.
pub fn judge<E>(events: impl IntoIterator<Item = Result<Event, E>>) -> Result<Report, E> {
    let recorder = Recorder::new();
    let audience = Audience::of(&recorder);
    let mut whole = false;
    for event in events {
        let event = event?;
        whole = matches!(event.kind, EventKind::RunEnded);
        recorder.record(event.at, event.node, event.kind);
    }
    let fingerprint = recorder.fingerprint();
    recorder.close();
    let cut_short = Verdict {
        checker: "trace".into(),
        capability: None,
        claim: "the trace is whole".to_owned(),
        status: Status::Unknown,
        summary: "it does not end with the end of the run: what came after is not known".to_owned(),
        cause: "".into(),
        evidence: Vec::new(),
    };
    Ok(audience.report(fingerprint, if whole { Vec::new() } else { vec![cut_short] }))
}

/// Who reads the events of a run: the checkers, and the teller of its story.
struct Audience {
    panel: Rc<RefCell<Panel>>,
    chronicle: Rc<RefCell<Chronicle>>,
}

impl Audience {
    fn of(recorder: &Recorder) -> Self {
        struct Listener(Rc<RefCell<Chronicle>>);
        impl Sink for Listener {
            fn take(&mut self, event: &Event) -> io::Result<()> {
                self.0.borrow_mut().see(event);
                Ok(())
            }
        }
        let (panel, chronicle) = (Rc::default(), Rc::default());
        recorder.add_sink(Panel::sink(&panel));
        recorder.add_sink(Listener(Rc::clone(&chronicle)));
        Self { panel, chronicle }
    }

    fn report(self, fingerprint: crate::trace::Fingerprint, more: Vec<Verdict>) -> Report {
        let mut judgement = self.panel.take().judge();
        judgement.verdicts.extend(more);
        Report::new(self.chronicle.take().tell(), judgement, fingerprint)
    }
}

/// A plan's cluster at the beginning of its run.
fn begin<'a>(plan: &'a Plan, maker: &dyn ClusterMaker, recorder: &'a Recorder) -> Result<Run<'a>, Findings> {
    let refuse = |why: String| {
        let source = Source::new("the plan", "");
        Findings::from_iter([Finding::error(&source, 0..0, format!("this plan cannot be run: {why}"))])
    };
    plan.check().map_err(refuse)?;
    let (topology, _) = maker.topology(&plan.cluster)?;
    plan.check_names(&topology).map_err(refuse)?;
    Ok(Run {
        plan,
        recorder,
        uses: recorder.uses(),
        cluster: maker.make(plan, recorder.clone())?,
        now: SimTime::ZERO,
        agenda: Agenda::of(plan),
        operations: Operations::of(plan),
        waiting: Vec::new(),
        acting: vec![false; plan.faults.len()],
        begun: vec![0; plan.faults.len()],
    })
}

struct Run<'a> {
    plan: &'a Plan,
    recorder: &'a Recorder,
    /// Who wants to be told what is used after faults of its moment.
    uses: Option<Uses>,
    cluster: Box<dyn Cluster>,
    now: SimTime,
    agenda: Agenda,
    operations: Operations,
    /// Faults that wait for their events, by place in the plan.
    waiting: Vec<usize>,
    acting: Vec<bool>,
    /// How often each fault has begun.
    begun: Vec<u64>,
}

impl Run<'_> {
    fn drive(
        mut self,
        stop: Option<&AtomicBool>,
        progress: Option<&dyn Fn(SimTime)>,
    ) -> Result<(), RunError> {
        let planned = EventKind::RunPlanned {
            plan: self.plan.fingerprint(),
            title: self.plan.title.as_str().into(),
            expectations: self.plan.expectations.iter().map(|one| one.text.as_str().into()).collect(),
        };
        self.record(None, planned);
        while let Some(at) = self.agenda.next_time() {
            if stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
                return Err(RunError::Stopped);
            }
            if let Some(progress) = progress {
                progress(self.now);
            }
            match self.cluster.advance(at) {
                Advance::Triggered(at) => {
                    self.now = at;
                    assert!(self.recorder.has_fired(), "a cluster stopped for a trigger, and none had fired");
                }
                Advance::Reached => {
                    self.now = at;
                    if let Some(uses) = &self.uses {
                        uses.turn(at);
                    }
                    if let Some(item) = self.agenda.pop() {
                        self.act(item);
                    }
                }
            }
            self.begin_what_was_triggered();
        }
        self.cluster.conclude();
        self.record(None, EventKind::RunEnded);
        Ok(())
    }

    fn act(&mut self, item: Item) {
        match item {
            Item::Phase(phase) => self.begin_phase(phase),
            Item::Heal(fault) => self.heal(fault),
            Item::Begin(fault) => self.begin(fault),
            Item::Operate(workload) => {
                let plan = &self.plan.workloads[workload];
                self.cluster.start(self.operations.next(workload, plan));
                let next = self.now + plan.every;
                if next < plan.until.min(self.plan.phases.settle_ends) {
                    self.agenda.add(next, Item::Operate(workload));
                }
            }
            Item::End => {}
        }
    }

    fn begin_phase(&mut self, phase: Phase) {
        self.record(None, EventKind::PhaseStarted { phase });
        match phase {
            Phase::Disturb => {
                for (index, fault) in self.plan.faults.iter().enumerate() {
                    if let Start::On { .. } = fault.start {
                        self.waiting.push(index);
                        self.recorder.watch(triggers::trigger(fault));
                    }
                }
            }
            Phase::Heal => {
                for index in std::mem::take(&mut self.waiting) {
                    let why = "the event that it waits for did not happen in the disturb phase";
                    self.record_no_effect(index, why);
                }
                for index in 0..self.plan.faults.len() {
                    self.heal(index);
                }
            }
            Phase::Warmup | Phase::Settle => {}
        }
    }

    fn begin_what_was_triggered(&mut self) {
        // A fault's beginning is an event too, and may be what another one waits for.
        while self.recorder.has_fired() {
            for name in self.recorder.take_fired() {
                let place = self.waiting.iter().position(|&index| self.plan.faults[index].name == name);
                if let Some(place) = place {
                    let index = self.waiting.remove(place);
                    self.begin(index);
                }
            }
        }
    }

    fn begin(&mut self, index: usize) {
        if self.now >= self.plan.phases.disturb_ends {
            self.record_no_effect(index, "the disturb phase is over");
            return;
        }
        let fault = &self.plan.faults[index];
        let nodes: Vec<NodeName> = fault.target.nodes();
        let fault_kind = fault.kind.name().into();
        self.record(None, EventKind::FaultBegan { fault: fault.name.clone(), fault_kind, nodes });
        self.acting[index] = true;
        self.cluster.inject(fault);
        self.begun[index] += 1;
        if let Some(Repeats { every, times }) = fault.repeats
            && self.begun[index] < times
            && self.now + every < self.plan.phases.disturb_ends
        {
            self.agenda.add(self.now + every, Item::Begin(index));
        }
        let ends = (self.now + fault.lasts).min(self.plan.phases.disturb_ends);
        if ends <= self.now {
            self.heal(index);
        } else {
            self.agenda.add(ends, Item::Heal(index));
        }
    }

    fn heal(&mut self, index: usize) {
        if std::mem::take(&mut self.acting[index]) {
            let fault: &Fault = &self.plan.faults[index];
            self.record(None, EventKind::FaultEnded { fault: fault.name.clone() });
            self.cluster.heal(fault);
        }
    }

    fn record_no_effect(&self, index: usize, why: &str) {
        let fault: Arc<str> = self.plan.faults[index].name.clone();
        self.record(None, EventKind::FaultHadNoEffect { fault, why: why.into() });
    }

    fn record(&self, node: Option<NodeName>, kind: EventKind) {
        self.recorder.record(self.now, node, kind);
    }
}
