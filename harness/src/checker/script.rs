//! For tests: writes the events of a run by hand.

use std::collections::BTreeMap;

use super::Panel;
use crate::report::Judgement;
use crate::time::SimTime;
use crate::trace::event::{Digest, FileChange, OpKind, OpOutcome, Phase, ProcessEnd, WriteRoute};
use crate::trace::{Event, EventKind, Fingerprint};
use crate::verdict::{Status, Verdict};

/// Events in the order in which they are written; moments are in seconds.
pub(crate) struct Script {
    events: Vec<Event>,
    op: u64,
    run: u64,
}

pub(crate) const ROOT: &str = "/srv/server";

impl Script {
    /// A run of one manager, two workers and a balancer that is asked this.
    pub(crate) fn new(expectations: &[&str]) -> Self {
        let names = |names: &[&str]| names.iter().map(|&name| name.into()).collect::<Vec<_>>();
        let nodes = ["manager", "worker1", "worker2"];
        let synced_roots = nodes.iter().map(|&node| (node.into(), ROOT.into())).collect();
        let started = EventKind::RunStarted {
            scenario: "script".into(),
            seed: 1,
            managers: names(&["manager"]),
            workers: names(&["worker1", "worker2"]),
            balancers: names(&["balancer"]),
            synced_roots,
        };
        let planned = EventKind::RunPlanned {
            plan: Fingerprint(1),
            title: "x".into(),
            expectations: expectations.iter().map(|&text| text.into()).collect(),
        };
        Self { events: Vec::new(), op: 0, run: 0 }.event(0, None, started).event(0, None, planned)
    }

    /// Warm-up ends at 0, and the phases begin: those before this moment are written already.
    pub(crate) fn disturb(self, at: u64) -> Self {
        self.event(at, None, EventKind::PhaseStarted { phase: Phase::Disturb })
    }

    /// All phases at once, for runs in which nothing else happens.
    pub(crate) fn phases(self, disturb: u64, heal: u64, settle: u64) -> Self {
        self.disturb(disturb).heal(heal).event(settle, None, EventKind::PhaseStarted { phase: Phase::Settle })
    }

    pub(crate) fn heal(self, at: u64) -> Self {
        self.event(at, None, EventKind::PhaseStarted { phase: Phase::Heal })
    }

    pub(crate) fn event(self, at: u64, node: Option<&str>, kind: EventKind) -> Self {
        self.event_ms(at * 1000, node, kind)
    }

    pub(crate) fn event_ms(mut self, at: u64, node: Option<&str>, kind: EventKind) -> Self {
        let id = self.events.len() as u64;
        self.events.push(Event { id, at: SimTime::from_millis(at), node: node.map(Into::into), kind });
        self
    }

    pub(crate) fn fault(self, from: u64, name: &str, kind: &str, node: &str) -> Self {
        let nodes = vec![node.into()];
        self.event(from, None, EventKind::FaultBegan { fault: name.into(), fault_kind: kind.into(), nodes })
    }

    pub(crate) fn fault_ends(self, at: u64, name: &str) -> Self {
        self.event(at, None, EventKind::FaultEnded { fault: name.into() })
    }

    /// A server that is ready.
    pub(crate) fn ready(self, at: u64, node: &str) -> Self {
        self.event(at, Some(node), EventKind::ProcessStarted { process: "wso2".into() }).event(
            at,
            Some(node),
            EventKind::ProcessReady { process: "wso2".into() },
        )
    }

    /// Power off, under the fault `NODE-off`.
    pub(crate) fn power_off(self, at: u64, node: &str) -> Self {
        self.fault(at, &format!("{node}-off"), "power-off", node)
            .event(
                at,
                Some(node),
                EventKind::ProcessEnded { process: "wso2".into(), why: ProcessEnd::PowerLost },
            )
            .event(at, Some(node), EventKind::NodeDown)
    }

    pub(crate) fn power_on(self, at: u64, node: &str) -> Self {
        self.fault_ends(at, &format!("{node}-off"))
            .event(at, Some(node), EventKind::NodeUp { boot: 1 })
            .ready(at, node)
    }

    /// An operation that takes a moment, and ends with this status; none: it gets no answer.
    pub(crate) fn op(self, at: u64, what: OpKind, status: Option<u16>) -> Self {
        self.long_op(at, at, what, status)
    }

    pub(crate) fn long_op(self, at: u64, ended: u64, what: OpKind, status: Option<u16>) -> Self {
        let op = self.op;
        self.begin(at, what.clone()).end(op, at, ended, what, status)
    }

    pub(crate) fn begin(mut self, at: u64, what: OpKind) -> Self {
        let op = self.op;
        self.op += 1;
        self.event(at, Some("clients"), EventKind::OpStarted { op, what })
    }

    pub(crate) fn end(self, op: u64, at: u64, ended: u64, what: OpKind, status: Option<u16>) -> Self {
        let outcome = match status {
            Some(200..=299) => OpOutcome::Ok,
            Some(_) => OpOutcome::Failed,
            None => OpOutcome::Unknown,
        };
        let error = if status.is_none() { "timed out" } else { "" };
        let ended_event = EventKind::OpEnded {
            op,
            what,
            started: SimTime::from_secs(at),
            outcome,
            status,
            revision: None,
            error: error.into(),
        };
        self.event(ended, Some("clients"), ended_event)
    }

    pub(crate) fn call(self, at: u64, status: Option<u16>) -> Self {
        self.op(at, OpKind::Call { api: "pizza".into() }, status)
    }

    pub(crate) fn publish(self, at: u64, revision: u64, status: Option<u16>) -> Self {
        self.op(at, OpKind::Publish { api: "pizza".into(), revision }, status)
    }

    pub(crate) fn write(self, at: u64, worker: &str, route: WriteRoute, status: Option<u16>) -> Self {
        self.op(at, OpKind::Write { worker: worker.into(), route }, status)
    }

    pub(crate) fn deployed(self, at: u64, node: &str, revision: u64) -> Self {
        self.event(at, Some(node), EventKind::ApiDeployed { api: "pizza".into(), revision })
    }

    /// Cron starts the script.
    pub(crate) fn cron(self, at: u64) -> Self {
        self.event(at, Some("manager"), EventKind::CronFired)
    }

    /// A run of the script that takes a second for one worker.
    pub(crate) fn rsync(mut self, at: u64, worker: &str, exit_code: i32) -> Self {
        self.run += 1;
        let (run, worker) = (self.run, std::sync::Arc::<str>::from(worker));
        let started = EventKind::RsyncStarted { run, worker: worker.clone(), target: "t".into() };
        let message = "".into();
        let ended = EventKind::RsyncEnded { run, worker, exit_code, files: 1, deleted: 0, bytes: 9, message };
        self.event(at, Some("manager"), started).event(at + 1, Some("manager"), ended)
    }

    /// All files of a node: path and content.
    pub(crate) fn disk(self, at: u64, node: &str, files: &[(&str, &str)]) -> Self {
        let files: BTreeMap<_, _> =
            files.iter().map(|(path, text)| ((*path).into(), Digest::of(text.as_bytes()))).collect();
        self.event(at, Some(node), EventKind::DiskState { root: ROOT.into(), files })
    }

    /// A file that is written, or removed.
    pub(crate) fn file(self, at: u64, node: &str, path: &str, text: Option<&str>, writer: &str) -> Self {
        let change = if text.is_some() { FileChange::Modified } else { FileChange::Removed };
        let changed = EventKind::FileChanged {
            path: format!("{ROOT}/{path}").into(),
            change,
            digest: text.map(|text| Digest::of(text.as_bytes())),
            size: text.map_or(0, |text| text.len() as u64),
            writer: writer.into(),
        };
        self.event(at, Some(node), changed)
    }

    pub(crate) fn events(self) -> Vec<Event> {
        self.events
    }

    pub(crate) fn judge(self) -> Judgement {
        let mut panel = Panel::default();
        for event in &self.events {
            panel.observe(event);
        }
        panel.judge()
    }

    /// The verdict on this claim.
    pub(crate) fn verdict(self, claim: &str) -> Verdict {
        let judgement = self.judge();
        let found = judgement.verdicts.iter().find(|verdict| verdict.claim == claim);
        found.cloned().unwrap_or_else(|| panic!("no verdict on {claim:?}: {:#?}", judgement.verdicts))
    }
}

/// Asserts what came out, and shows the verdict if it did not.
#[track_caller]
pub(crate) fn assert_status(verdict: &Verdict, status: Status) {
    assert_eq!(verdict.status, status, "{verdict:#?}");
}
