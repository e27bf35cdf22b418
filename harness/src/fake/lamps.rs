//! A cluster whose nodes only go on and off.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::cluster::{Advance, Cluster, Operation};
use crate::plan::{Fault, FaultKind, Plan};
use crate::time::SimTime;
use crate::trace::event::{OpKind, OpOutcome};
use crate::trace::{EventKind, NodeName, Recorder};

/// Answers every operation after 10 ms, unless the node that it needs is off; its cron fires every minute.
pub(crate) struct Lamps {
    recorder: Recorder,
    now: SimTime,
    off: BTreeSet<NodeName>,
    pending: BTreeMap<(SimTime, u64), (OpKind, SimTime)>,
    cron: SimTime,
}

impl Lamps {
    /// One at the beginning of its run.
    pub(crate) fn boxed(plan: &Plan, recorder: Recorder) -> Box<dyn Cluster> {
        let names = |names: &[&str]| names.iter().map(|&name| name.into()).collect::<Vec<_>>();
        let started = EventKind::RunStarted {
            scenario: plan.scenario.clone(),
            seed: plan.seed,
            managers: names(&["manager"]),
            workers: names(&["worker1", "worker2"]),
            balancers: names(&["balancer"]),
            synced_roots: BTreeMap::new(),
        };
        recorder.record(SimTime::ZERO, None, started);
        let cron = SimTime::from_secs(60);
        Box::new(Self { recorder, now: SimTime::ZERO, off: BTreeSet::new(), pending: BTreeMap::new(), cron })
    }

    fn answer(&mut self, op: u64, what: OpKind, started: SimTime) {
        let needed = match what {
            OpKind::Publish { .. } | OpKind::Delete { .. } | OpKind::Administer => "manager",
            _ => "balancer",
        };
        let good = !self.off.contains(needed);
        let (outcome, status) = if good { (OpOutcome::Ok, 200) } else { (OpOutcome::Failed, 502) };
        let (status, revision, error) = (Some(status), None, "".into());
        let ended = EventKind::OpEnded { op, what, started, outcome, status, revision, error };
        self.recorder.record(self.now, Some("clients".into()), ended);
    }
}

impl Cluster for Lamps {
    fn advance(&mut self, to: SimTime) -> Advance {
        loop {
            let answer = self.pending.first_key_value().map(|((at, _), _)| *at);
            let next = answer.map_or(self.cron, |at| at.min(self.cron));
            if next > to {
                self.now = to;
                return Advance::Reached;
            }
            self.now = next;
            if answer == Some(next) {
                let ((_, op), (what, started)) = self.pending.pop_first().unwrap();
                self.answer(op, what, started);
            } else {
                self.cron += Duration::from_secs(60);
                self.recorder.record(self.now, Some("manager".into()), EventKind::CronFired);
            }
            if self.recorder.has_fired() {
                return Advance::Triggered(self.now);
            }
        }
    }

    fn start(&mut self, Operation { op, what, .. }: Operation) {
        self.recorder.record(
            self.now,
            Some("clients".into()),
            EventKind::OpStarted { op, what: what.clone() },
        );
        self.pending.insert((self.now + Duration::from_millis(10), op), (what, self.now));
    }

    fn inject(&mut self, fault: &Fault) {
        // A lamp knows nothing but on and off.
        if fault.kind != FaultKind::PowerOff {
            return;
        }
        for node in fault.target.nodes() {
            self.recorder.record(self.now, Some(node.clone()), EventKind::NodeDown);
            self.off.insert(node);
        }
    }

    fn heal(&mut self, fault: &Fault) {
        if fault.kind != FaultKind::PowerOff {
            return;
        }
        for node in fault.target.nodes() {
            self.off.remove(&node);
            self.recorder.record(self.now, Some(node), EventKind::NodeUp { boot: 1 });
        }
    }

    fn conclude(&mut self) {
        self.recorder.record(self.now, None, EventKind::Mark { mark: "concluded".into() });
    }
}
