//! Tells the story of a run from its events, in bounded memory: what a person would want to be told.
//!
//! It judges nothing. Ordinary work (a call answered, a sync that carried what it should) is only counted;
//! what is out of the ordinary becomes a [`Moment`], and what happens again within [`PAUSE`] becomes one
//! moment with a count.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{FaultSpan, Moment, OperationCount, PhaseSpan, Reading};
use crate::time::SimTime;
use crate::trace::event::{FileChange, OpKind, OpOutcome, Phase, ProcessEnd};
use crate::trace::{Event, EventKind, Fingerprint, NodeName};

/// What happens again within this time is the same moment.
pub const PAUSE: Duration = Duration::from_secs(90);
/// At most this many moments, readings or faults are kept; the last moment says how many were left out.
pub const MOMENTS_MAX: usize = 200;

/// What the events of a run say, without judging it.
#[derive(Debug, Clone, PartialEq)]
pub struct Story {
    /// The scenario's name.
    pub scenario: Arc<str>,
    /// The sentence that says what must hold.
    pub title: Arc<str>,
    /// The seed.
    pub seed: u64,
    /// The fingerprint of the plan.
    pub plan_fingerprint: Fingerprint,
    /// How many events there are.
    pub events: u64,
    /// When the last of them happened.
    pub ends: SimTime,
    /// The phases, in order.
    pub phases: Vec<PhaseSpan>,
    /// The faults, in the order in which they began.
    pub faults: Vec<FaultSpan>,
    /// What clients did.
    pub operations: BTreeMap<Arc<str>, OperationCount>,
    /// The readings that were taken.
    pub readings: Vec<Reading>,
    /// What happened.
    pub moments: Vec<Moment>,
}

/// Sees every event of a run, in order, and tells the [`Story`] at its end.
#[derive(Debug)]
pub struct Chronicle {
    story: Story,
    workers: Vec<NodeName>,
    /// Faults that act now, by name: their place in the story.
    acting: BTreeMap<Arc<str>, usize>,
    /// Where the newest moment of each topic stands in the story.
    topics: BTreeMap<String, usize>,
    /// How rsync to each worker, and each node's script, ended last: exit code, failures in a row.
    syncs: BTreeMap<String, (i32, u64)>,
    left_out: u64,
}

impl Default for Chronicle {
    fn default() -> Self {
        Self {
            story: Story {
                scenario: "".into(),
                title: "".into(),
                seed: 0,
                plan_fingerprint: Fingerprint(0),
                events: 0,
                ends: SimTime::ZERO,
                phases: Vec::new(),
                faults: Vec::new(),
                operations: BTreeMap::new(),
                readings: Vec::new(),
                moments: Vec::new(),
            },
            workers: Vec::new(),
            acting: BTreeMap::new(),
            topics: BTreeMap::new(),
            syncs: BTreeMap::new(),
            left_out: 0,
        }
    }
}

impl Chronicle {
    /// Sees one event.
    pub fn see(&mut self, event: &Event) {
        self.story.events += 1;
        self.story.ends = self.story.ends.max(event.at);
        match &event.kind {
            EventKind::RunStarted { scenario, seed, workers, .. } => {
                self.story.scenario = scenario.clone();
                self.story.seed = *seed;
                self.workers.clone_from(workers);
            }
            EventKind::RunPlanned { plan, title, .. } => {
                self.story.plan_fingerprint = *plan;
                self.story.title = title.clone();
            }
            EventKind::ReadingTaken { question, reading, gives, other, other_gives }
                if self.story.readings.len() < MOMENTS_MAX =>
            {
                self.story.readings.push(Reading {
                    question: question.clone(),
                    reading: reading.clone(),
                    gives: gives.clone(),
                    other: other.clone(),
                    other_gives: other_gives.clone(),
                });
            }
            EventKind::PhaseStarted { phase } => self.phase(*phase, event.at),
            EventKind::OpEnded { what, outcome, status, .. } => {
                self.operation(event, what, *outcome, *status);
            }
            EventKind::FaultBegan { .. }
            | EventKind::FaultEnded { .. }
            | EventKind::FaultHadNoEffect { .. } => self.fault(event),
            EventKind::NodeUp { .. }
            | EventKind::NodeDown
            | EventKind::NodeFrozen { .. }
            | EventKind::ProcessStarted { .. }
            | EventKind::ProcessReady { .. }
            | EventKind::ProcessEnded { .. }
            | EventKind::ProcessPaused { .. } => self.node(event),
            EventKind::SyncEnded { exit_code, .. } => {
                let key = format!("script on {}", event.node.as_deref().unwrap_or_default());
                self.sync(event, key, "the sync script", *exit_code, "");
            }
            EventKind::RsyncEnded { worker, exit_code, message, .. } => {
                let words = message.lines().next().unwrap_or_default();
                self.sync(event, format!("to {worker}"), &format!("rsync to {worker}"), *exit_code, words);
            }
            EventKind::PeerMarkedDown { upstream, peer, .. } => {
                self.moment(event, format!("leaves {peer} out of {upstream} for a while"));
            }
            EventKind::NoLiveUpstreams { upstream } => {
                self.moment(event, format!("has no live server left in {upstream}"));
            }
            EventKind::DeployFailed { path, why } => {
                self.moment(event, format!("cannot deploy {path}: {why}"));
            }
            EventKind::FileChanged { path, change, writer, .. } => {
                self.file(event, path, *change, writer);
            }
            EventKind::Mark { mark } => self.moment(event, mark.to_string()),
            _ => {}
        }
    }

    /// The story, once every event was seen.
    pub fn tell(mut self) -> Story {
        let ends = self.story.ends;
        if let Some(last) = self.story.phases.last_mut() {
            last.to = ends;
        }
        for place in self.acting.into_values() {
            self.story.faults[place].to = ends;
        }
        if self.left_out > 0 {
            let what = format!("{} more such moments are left out here; the trace has them", self.left_out);
            self.story.moments.push(Moment { at: ends, node: None, what, times: 1, last: ends, event: None });
        }
        self.story
    }

    fn phase(&mut self, phase: Phase, at: SimTime) {
        if let Some(last) = self.story.phases.last_mut() {
            last.to = at;
        }
        if self.story.phases.len() < MOMENTS_MAX {
            self.story.phases.push(PhaseSpan { phase, from: at, to: at });
        }
    }

    fn operation(&mut self, event: &Event, what: &OpKind, outcome: OpOutcome, status: Option<u16>) {
        let kind = match what {
            OpKind::Call { .. } => "call",
            OpKind::Publish { .. } => "publish",
            OpKind::Delete { .. } => "delete",
            OpKind::Administer => "administer",
            OpKind::Write { .. } => "write",
            OpKind::HealthCheck { .. } => "health",
        };
        let count = self.story.operations.entry(kind.into()).or_default();
        match outcome {
            OpOutcome::Ok => count.ok += 1,
            OpOutcome::Failed => count.failed += 1,
            OpOutcome::Unknown => count.unknown += 1,
        }
        if let (OpKind::Write { worker, route }, OpOutcome::Ok) = (what, outcome) {
            let status = status.map_or(String::new(), |status| format!(" with {status}"));
            self.moment(event, format!("a write to {worker} by {} is accepted{status}", route.name()));
        }
    }

    fn fault(&mut self, event: &Event) {
        match &event.kind {
            EventKind::FaultBegan { fault, fault_kind, nodes } => {
                self.moment(event, format!("fault {fault} begins: {fault_kind} on {}", nodes.join(", ")));
                if self.story.faults.len() < MOMENTS_MAX {
                    self.acting.insert(fault.clone(), self.story.faults.len());
                    self.story.faults.push(FaultSpan {
                        name: fault.clone(),
                        kind: fault_kind.clone(),
                        nodes: nodes.clone(),
                        from: event.at,
                        to: event.at,
                        no_effect: None,
                    });
                }
            }
            EventKind::FaultEnded { fault } => {
                self.moment(event, format!("fault {fault} is healed"));
                if let Some(place) = self.acting.remove(fault) {
                    self.story.faults[place].to = event.at;
                }
            }
            EventKind::FaultHadNoEffect { fault, why } => {
                self.moment(event, format!("fault {fault} has no effect: {why}"));
                if let Some(place) = self.acting.get(fault) {
                    self.story.faults[*place].no_effect = Some(why.clone());
                }
            }
            _ => {}
        }
    }

    fn node(&mut self, event: &Event) {
        let what = match &event.kind {
            EventKind::NodeUp { boot } if *boot > 0 => "has power again and boots".to_owned(),
            EventKind::NodeDown => "loses power".to_owned(),
            EventKind::NodeFrozen { frozen: true } => "stands still".to_owned(),
            EventKind::NodeFrozen { frozen: false } => "goes on where it stood".to_owned(),
            // What starts with the run, and short-lived helpers that end as they should, are no news.
            EventKind::ProcessStarted { process } if event.at > SimTime::ZERO => {
                format!("{process} starts")
            }
            EventKind::ProcessReady { process } => format!("{process} is ready"),
            EventKind::ProcessEnded { process, why } => match why {
                ProcessEnd::Exited => return,
                ProcessEnd::Killed => format!("{process} is killed"),
                ProcessEnd::Stopped => format!("{process} is stopped"),
                ProcessEnd::PowerLost => format!("{process} is gone with the power"),
                ProcessEnd::Crashed => format!("{process} crashes"),
            },
            EventKind::ProcessPaused { process, paused: true } => format!("{process} stands still"),
            EventKind::ProcessPaused { process, paused: false } => format!("{process} goes on"),
            _ => return,
        };
        self.moment(event, what);
    }

    /// A change of what syncing gives: the first failure of a row, another kind of failure, the end of the row.
    fn sync(&mut self, event: &Event, key: String, who: &str, exit_code: i32, message: &str) {
        let (last_code, failures) = self.syncs.get(&key).copied().unwrap_or_default();
        let now = if exit_code == 0 { 0 } else { failures + 1 };
        self.syncs.insert(key, (exit_code, now));
        if exit_code == last_code {
            return;
        }
        let what = match (exit_code, message) {
            (0, _) => format!("{who} works again, after {failures} failed"),
            (code, "") => format!("{who} fails with exit code {code}"),
            (code, message) => format!("{who} fails with exit code {code}: {message}"),
        };
        self.moment(event, what);
    }

    /// A file on a worker that something other than the sync changed.
    fn file(&mut self, event: &Event, path: &str, change: FileChange, writer: &str) {
        let on_worker = event.node.as_ref().is_some_and(|node| self.workers.contains(node));
        if !on_worker || writer == "rsync" {
            return;
        }
        let done = match change {
            FileChange::Created => "creates",
            FileChange::Modified => "changes",
            FileChange::Removed => "removes",
        };
        self.moment(event, format!("{writer} {done} {path}"));
    }

    fn moment(&mut self, event: &Event, what: String) {
        let topic = format!("{}\n{what}", event.node.as_deref().unwrap_or_default());
        if let Some(&place) = self.topics.get(&topic) {
            let known = &mut self.story.moments[place];
            if event.at.since(known.last) <= PAUSE {
                known.times += 1;
                known.last = event.at;
                return;
            }
        }
        if self.story.moments.len() >= MOMENTS_MAX {
            self.left_out += 1;
            return;
        }
        self.topics.insert(topic, self.story.moments.len());
        self.story.moments.push(Moment {
            at: event.at,
            node: event.node.clone(),
            what,
            times: 1,
            last: event.at,
            event: Some(event.id),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(events: impl IntoIterator<Item = (u64, Option<&'static str>, EventKind)>) -> Story {
        let mut chronicle = Chronicle::default();
        for (id, (secs, node, kind)) in events.into_iter().enumerate() {
            let (id, at) = (id as u64, SimTime::from_secs(secs));
            chronicle.see(&Event { id, at, node: node.map(Into::into), kind });
        }
        chronicle.tell()
    }

    fn rsync(secs: u64, exit_code: i32) -> (u64, Option<&'static str>, EventKind) {
        let kind = EventKind::RsyncEnded {
            run: 1,
            worker: "worker1".into(),
            exit_code,
            files: 0,
            deleted: 0,
            bytes: 0,
            message: if exit_code == 0 { "" } else { "connection refused\nmore" }.into(),
        };
        (secs, Some("manager"), kind)
    }

    #[test]
    fn a_row_of_failing_syncs_is_told_at_its_beginning_and_at_its_end() {
        let story = told([rsync(0, 0), rsync(60, 255), rsync(120, 255), rsync(180, 0), rsync(240, 0)]);
        let words: Vec<_> =
            story.moments.iter().map(|moment| (moment.at.as_millis(), &*moment.what)).collect();
        let expected = [
            (60_000, "rsync to worker1 fails with exit code 255: connection refused"),
            (180_000, "rsync to worker1 works again, after 2 failed"),
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn what_happens_again_soon_is_one_moment_and_later_another() {
        let marked = |secs| (secs, Some("worker1"), EventKind::Mark { mark: "torn".into() });
        let story = told([marked(0), marked(90), marked(180), marked(300)]);
        let counts: Vec<_> = story.moments.iter().map(|moment| (moment.at, moment.times)).collect();
        assert_eq!(counts, [(SimTime::ZERO, 3), (SimTime::from_secs(300), 1)]);
    }

    #[test]
    fn a_fault_that_is_never_healed_acts_to_the_end() {
        let began = EventKind::FaultBegan {
            fault: "cut".into(),
            fault_kind: "partition".into(),
            nodes: vec!["manager".into()],
        };
        let story = told([(10, None, began), (50, None, EventKind::RunEnded)]);
        assert_eq!(
            (story.faults[0].from, story.faults[0].to),
            (SimTime::from_secs(10), SimTime::from_secs(50))
        );
    }

    #[test]
    fn memory_is_bounded_and_what_is_left_out_is_counted() {
        let many = (0..1000).map(|n| (n, None, EventKind::Mark { mark: format!("mark {n}").into() }));
        let story = told(many);
        assert_eq!(story.moments.len(), MOMENTS_MAX + 1);
        assert!(story.moments.last().unwrap().what.starts_with("800 more such moments"));
    }
}
