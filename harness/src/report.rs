//! What came out of a run: one value, rendered several times.
//!
//! [`Report::new`] puts together what the [`Chronicle`] saw in the events and what the checkers said of them.
//! The renderers are pure functions from a report to text: they run nothing, read no clock, and know no path
//! of this machine, so equal runs give equal bytes. [`folder`] is the one part that touches a disk.

mod chronicle;
pub mod folder;
mod html;
mod json;
mod junit;
mod markdown;
mod strip;
mod terminal;
#[cfg(test)]
mod tests;

pub use chronicle::{Chronicle, Story};
pub use html::html;
pub use json::{ReadReportError, from_json, json};
pub use junit::junit;
pub use markdown::markdown;
pub use terminal::{View, terminal};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::{SimTime, show_span};
use crate::trace::event::Phase;
use crate::trace::{EventId, Fingerprint, NodeName};
use crate::verdict::{Convergence, Outage, Status, Verdict};

/// The version of the report format.
pub const SCHEMA_VERSION: u32 = 1;

/// What the checkers say of one run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judgement {
    /// One a claim, in the order in which they are shown.
    pub verdicts: Vec<Verdict>,
    /// When a capability was gone, in order of time.
    pub outages: Vec<Outage>,
    /// How each worker followed the manager, in the order of the cluster's files.
    pub convergence: Vec<Convergence>,
    /// Figures by name. The unit stands last: `call_latency_ms_p99`, `serve_available_ppm`.
    pub metrics: BTreeMap<Arc<str>, u64>,
}

/// Everything that is said of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA_VERSION`] of the program that wrote it.
    pub schema_version: u32,
    /// The scenario's name.
    pub scenario: Arc<str>,
    /// The sentence that says what must hold.
    pub title: Arc<str>,
    /// The seed.
    pub seed: u64,
    /// The worst status of the verdicts; unknown when there are none.
    pub status: Status,
    /// The fingerprint of the plan.
    pub plan_fingerprint: Fingerprint,
    /// The fingerprint of the trace.
    pub trace_fingerprint: Fingerprint,
    /// How many events the trace has.
    pub events: u64,
    /// One a claim.
    pub verdicts: Vec<Verdict>,
    /// When a capability was gone.
    pub outages: Vec<Outage>,
    /// How each worker followed the manager.
    pub convergence: Vec<Convergence>,
    /// Figures by name, the unit last.
    pub metrics: BTreeMap<Arc<str>, u64>,
    /// What clients did, by kind of operation.
    pub operations: BTreeMap<Arc<str>, OperationCount>,
    /// The faults that acted.
    pub faults: Vec<FaultSpan>,
    /// The phases, in order.
    pub phases: Vec<PhaseSpan>,
    /// How long the run lasted, in milliseconds.
    #[serde(rename = "duration_ms", with = "crate::verdict::millis")]
    pub ends: SimTime,
    /// Which readings of an unsettled question the run took.
    pub readings: Vec<Reading>,
    /// What happened, in order, told to a person; bounded, however long the run was.
    pub timeline: Vec<Moment>,
    /// How to run it again; `plan.json` stands beside the report.
    pub replay: String,
}

/// How the operations of one kind ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationCount {
    /// Answered as they should be; for write attempts: accepted.
    pub ok: u64,
    /// Had no effect, or were answered with an error; for write attempts: refused.
    pub failed: u64,
    /// May have happened.
    pub unknown: u64,
}

impl OperationCount {
    /// All of them.
    pub fn total(self) -> u64 {
        self.ok + self.failed + self.unknown
    }
}

/// When a fault acted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultSpan {
    /// Its name in the plan.
    pub name: Arc<str>,
    /// Its kind.
    pub kind: Arc<str>,
    /// The nodes that it acted on.
    pub nodes: Vec<NodeName>,
    /// Its beginning.
    #[serde(rename = "from_ms", with = "crate::verdict::millis")]
    pub from: SimTime,
    /// Its healing; the run's end when it was not healed.
    #[serde(rename = "to_ms", with = "crate::verdict::millis")]
    pub to: SimTime,
    /// Why it could not act, if it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_effect: Option<Arc<str>>,
}

/// A phase of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseSpan {
    /// Which.
    pub phase: Phase,
    /// Its beginning.
    #[serde(rename = "from_ms", with = "crate::verdict::millis")]
    pub from: SimTime,
    /// Its end.
    #[serde(rename = "to_ms", with = "crate::verdict::millis")]
    pub to: SimTime,
}

/// A question about the real thing that neither documentation nor source settles, and how this run took it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The question.
    pub question: Arc<str>,
    /// The reading that was taken.
    pub reading: Arc<str>,
    /// What follows from it.
    pub gives: Arc<str>,
    /// The other reading.
    pub other: Arc<str>,
    /// What would follow from that.
    pub other_gives: Arc<str>,
}

/// One line of the timeline: something that happened, once or again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// When it happened first.
    #[serde(rename = "at_ms", with = "crate::verdict::millis")]
    pub at: SimTime,
    /// Where; none for what concerns the run as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeName>,
    /// What.
    pub what: String,
    /// How often, without a longer pause.
    pub times: u64,
    /// When it happened last.
    #[serde(rename = "last_ms", with = "crate::verdict::millis")]
    pub last: SimTime,
    /// The event, if one event is it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventId>,
}

impl Report {
    /// Puts a report together.
    pub fn new(story: Story, judgement: Judgement, trace_fingerprint: Fingerprint) -> Self {
        let Story { scenario, title, seed, plan_fingerprint, events, ends, .. } = story;
        let Judgement { verdicts, outages, convergence, metrics } = judgement;
        let timeline = with_findings(story.moments, &outages, &convergence);
        let status = verdicts.iter().map(|verdict| verdict.status).max().unwrap_or(Status::Unknown);
        let replay = "sim replay plan.json".to_owned();
        Self {
            schema_version: SCHEMA_VERSION,
            scenario,
            title,
            seed,
            status,
            plan_fingerprint,
            trace_fingerprint,
            events,
            verdicts,
            outages,
            convergence,
            metrics,
            operations: story.operations,
            faults: story.faults,
            phases: story.phases,
            ends,
            readings: story.readings,
            timeline,
            replay,
        }
    }

    /// How many verdicts have this status.
    pub fn count(&self, status: Status) -> usize {
        self.verdicts.iter().filter(|verdict| verdict.status == status).count()
    }

    /// The verdicts of one checker: what a test asserts on.
    pub fn of(&self, checker: &str) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().filter(move |verdict| &*verdict.checker == checker)
    }

    /// Whether every verdict passed.
    pub fn passed(&self) -> bool {
        self.status == Status::Pass
    }

    /// `8 passed, 1 failed, 2 unknown`, without what is none.
    pub(crate) fn tally(&self) -> String {
        let counts: Vec<_> =
            [(Status::Pass, "passed"), (Status::Fail, "failed"), (Status::Unknown, "unknown")]
                .into_iter()
                .filter(|(status, _)| self.count(*status) > 0)
                .map(|(status, word)| format!("{} {word}", self.count(status)))
                .collect();
        if counts.is_empty() { "nothing was judged".to_owned() } else { counts.join(", ") }
    }
}

impl Outage {
    /// `5m to 9m12s (4m12s)`; says when it did not end.
    pub(crate) fn window(&self) -> String {
        let (from, span) = (moment(self.from), show_span(self.to.since(self.from)));
        match self.ended {
            true => format!("{from} to {} ({span})", moment(self.to)),
            false => format!("{from} to the end ({span})"),
        }
    }
}

impl Convergence {
    /// What a person says of it, in one sentence without a full stop.
    pub(crate) fn sentence(&self) -> String {
        let staleness = show_span(Duration::from_millis(self.staleness_ms_max));
        let end = match (self.converged_at_ms, self.divergent.len()) {
            (Some(at), 0) => format!("equal to the manager since {}", moment(SimTime::from_millis(at))),
            (_, 1) => "1 file differs from the manager's at the end".to_owned(),
            (_, 0) => "not equal to the manager at the end".to_owned(),
            (_, files) => format!("{files} files differ from the manager's at the end"),
        };
        format!("at most {staleness} behind the manager; {end}")
    }
}

/// A moment in prose: `5m10s`, where a table would show `5m10.000s`.
fn moment(at: SimTime) -> String {
    show_span(at.since(SimTime::ZERO))
}

/// Adds to the timeline what only the checkers know.
fn with_findings(mut moments: Vec<Moment>, outages: &[Outage], convergence: &[Convergence]) -> Vec<Moment> {
    let mut add = |at, node, what, event| {
        moments.push(Moment { at, node, what, times: 1, last: at, event });
    };
    for outage in outages {
        let Outage { capability, cause, .. } = outage;
        add(outage.from, None, format!("{capability} is lost: {cause}"), outage.evidence.first().copied());
        if outage.ended {
            let span = show_span(outage.to.since(outage.from));
            let event = outage.evidence.get(1).copied();
            add(outage.to, None, format!("{capability} is back, after {span}"), event);
        }
    }
    for Convergence { worker, converged_at_ms, .. } in convergence {
        if let Some(at) = converged_at_ms {
            let what = "has the manager's files, and keeps up from here on".to_owned();
            add(SimTime::from_millis(*at), Some(worker.clone()), what, None);
        }
    }
    // Stable: what happened at one moment stays in the order of its events, the checkers' words after it.
    moments.sort_by_key(|moment| moment.at);
    moments
}
