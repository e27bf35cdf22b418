//! Balancer: does it keep requests away from what is dead, and what do consumers see of it?
//!
//! Verifies: that a server which the balancer has marked down gets no request that begins before the mark ends
//! (a mark is void when the balancer finds that no server is left); that a server which has failed as often as its
//! group's settings allow is left out, marked or not (`failures`); how many requests begin at a node whose machine or
//! server is down at that moment, marks or not; that what is passed on goes to another server; and how many calls of
//! consumers do not end well (a call of an API that was deleted in the run and is not found counts as no call).
//!
//! Does not verify the order in which servers take their turns. A balancer with several worker processes keeps a
//! mark in each: this checker takes a mark for all of them.

mod failures;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::failures::Failures;
use super::{Checker, Evidence, Scene, Stated, Verdicts, count, held, met};
use crate::capability::Capability;
use crate::expectation::{Claim, Share};
use crate::report::Judgement;
use crate::signature::plain;
use crate::time::SimTime;
use crate::trace::event::{OpKind, OpOutcome};
use crate::trace::{Event, EventKind, NodeName};
use crate::verdict::Status;

const NAME: &str = "balancer";
/// So often a request may seem to be passed on to the server that has just failed.
const SENT_BACK_MAX: u64 = 2;
const SERVE: Option<Capability> = Some(Capability::Serve);

pub(super) const ENTRY: super::Entry = super::Entry {
    name: NAME,
    doc: "does the balancer keep requests away from what is dead, and what do consumers see of it",
    judges: |claim| {
        matches!(
            claim,
            Claim::DeadRequestsAtMost { .. }
                | Claim::ClientErrorsAtMost { .. }
                | Claim::ClientErrorShareAtMost { .. }
        )
    },
    make: || Box::<Balancer>::default(),
};

/// A balancer's node, and one of its groups of servers.
type Group = (Option<NodeName>, Arc<str>);

#[derive(Debug, Default)]
struct Balancer {
    tried: u64,
    retried: u64,
    dead: u64,
    dead_events: Evidence,
    /// From when until when each server of a group is left out.
    marks: BTreeMap<Group, BTreeMap<NodeName, (SimTime, SimTime)>>,
    marked: u64,
    mark_events: Evidence,
    despite_mark: u64,
    despite_events: Evidence,
    /// The server of each group that was passed over last, and when.
    passed_over: BTreeMap<Group, (NodeName, SimTime)>,
    /// How often a request that was passed on went to the server that had just failed.
    sent_back: u64,
    sent_back_events: Evidence,
    failures: Failures,
    /// Faults that set clocks, and where.
    clocks: BTreeMap<Arc<str>, Vec<NodeName>>,
    calls: u64,
    errors: u64,
    error_events: Evidence,
    /// What the first of them met.
    first_error: Arc<str>,
    last_call: Option<u64>,
}

impl Checker for Balancer {
    fn observe(&mut self, event: &Event, scene: &Scene) {
        self.failures.observe(event);
        match &event.kind {
            EventKind::UpstreamTried { upstream, peer, started, retried, .. } => {
                if *retried || !self.passed_over.is_empty() || !self.marks.is_empty() {
                    let group = (event.node.clone(), upstream.clone());
                    self.compare(event, &group, peer, *started);
                    if *retried {
                        self.passed_over.insert(group, (peer.clone(), event.at));
                    }
                }
                if !scene.is_judged(*started) {
                    return;
                }
                self.tried += 1;
                self.retried += u64::from(*retried);
                if scene.was_down(peer, *started) {
                    self.dead += 1;
                    self.dead_events.add(event.id);
                }
            }
            EventKind::PeerMarkedDown { upstream, peer, until } => {
                self.marked += 1;
                self.mark_events.add(event.id);
                let marks = self.marks.entry((event.node.clone(), upstream.clone())).or_default();
                marks.insert(peer.clone(), (event.at, *until));
            }
            EventKind::NoLiveUpstreams { upstream } => {
                self.marks.remove(&(event.node.clone(), upstream.clone()));
            }
            // A mark lasts by the balancer's clock: when that is set, it ends at another moment than was told.
            EventKind::FaultBegan { fault, fault_kind, nodes } if fault_kind.starts_with("clock-") => {
                self.clocks.insert(fault.clone(), nodes.clone());
                self.clock_was_set(fault);
            }
            EventKind::FaultEnded { fault } => self.clock_was_set(fault),
            // A balancer that is started anew has forgotten its marks.
            EventKind::ProcessStarted { .. } => self.marks.retain(|(node, _), _| *node != event.node),
            EventKind::OpEnded {
                what: what @ OpKind::Call { .. }, started, outcome, status, error, ..
            } if scene.is_judged(*started) && !scene.is_gone(what, *status) => {
                self.calls += 1;
                self.last_call = Some(event.id);
                if *outcome != OpOutcome::Ok {
                    if self.errors == 0 {
                        self.first_error = met(error, *status);
                    }
                    self.errors += 1;
                    self.error_events.add(event.id);
                }
            }
            _ => {}
        }
    }

    fn judge(&mut self, _: &Scene, claims: &[Stated]) -> Judgement {
        let mut verdicts = Verdicts::of(NAME);
        for stated in claims {
            self.judge_claim(stated, &mut verdicts);
        }
        if self.marked > 0 {
            let summary = format!(
                "{}, {} sent in spite of one",
                count(self.marked, "mark"),
                count(self.despite_mark, "request")
            );
            let evidence = if self.despite_mark == 0 { &self.mark_events } else { &self.despite_events };
            let claim = "a server that is marked down gets no request until the mark ends";
            verdicts.add(claim, SERVE, held(self.despite_mark == 0), summary, evidence.0.clone());
            verdicts.because("a mark is not heeded");
        }
        // Once or twice it may be another request that begins at the same moment.
        if self.sent_back > SENT_BACK_MAX {
            let summary = format!("{} went to it again", count(self.sent_back, "request"));
            let claim = "a request is not passed on to the server that has just failed";
            verdicts.add(claim, SERVE, held(false), summary, self.sent_back_events.0.clone());
            verdicts.because("the server that has just failed is asked again");
        }
        self.failures.judge(&mut verdicts);
        let mut judgement = Judgement::default();
        if self.tried > 0 {
            for (name, value) in [
                ("upstream_requests", self.tried),
                ("upstream_requests_passed_on", self.retried),
                ("upstream_requests_to_dead_nodes", self.dead),
                ("upstream_marks", self.marked),
            ] {
                judgement.metrics.insert(name.into(), value);
            }
        }
        judgement.verdicts = verdicts.list;
        judgement
    }
}

impl Balancer {
    /// A request was sent to a server of a group: is that what was to be expected after what the group has met?
    fn compare(&mut self, event: &Event, group: &Group, peer: &NodeName, started: SimTime) {
        // The next attempt of a request begins at the moment at which the one before it failed.
        if self.passed_over.get(group).is_some_and(|(over, at)| over == peer && *at == started) {
            self.sent_back += 1;
            self.sent_back_events.add(event.id);
        }
        let mark = self.marks.get(group).and_then(|marks| marks.get(peer));
        if mark.is_some_and(|(from, until)| started > *from && started < *until) {
            self.despite_mark += 1;
            self.despite_events.add(event.id);
        }
    }

    fn clock_was_set(&mut self, fault: &str) {
        let Some(nodes) = self.clocks.get(fault) else { return };
        self.marks.retain(|(node, _), _| node.as_ref().is_none_or(|node| !nodes.contains(node)));
    }

    fn judge_claim(&self, stated: &Stated, verdicts: &mut Verdicts) {
        let text = stated.text.as_str();
        if let Claim::DeadRequestsAtMost { count: most } = stated.claim {
            let status = if self.tried == 0 { Status::Unknown } else { held(self.dead <= most) };
            let summary = match self.tried {
                0 => "the balancer sent no request".to_owned(),
                _ => format!("{} of {} were sent to a dead node", self.dead, count(self.tried, "request")),
            };
            verdicts.add(text, SERVE, status, summary, self.dead_events.0.clone());
            verdicts.because("dead nodes are asked too often");
            return;
        }
        let share = Share::of(self.errors, self.calls);
        let good = match &stated.claim {
            Claim::ClientErrorsAtMost { count } => self.errors <= *count,
            Claim::ClientErrorShareAtMost { share: most } => {
                // Exactly, for a share is rounded down.
                u128::from(self.errors) * 1_000_000 <= u128::from(most.0) * u128::from(self.calls)
            }
            _ => return,
        };
        let (status, summary) = match share {
            None => (Status::Unknown, "consumers called nothing".to_owned()),
            Some(share) => {
                let calls = count(self.calls, "call");
                (held(good), format!("{} of {calls} did not end well ({share})", self.errors))
            }
        };
        let mut evidence = self.error_events.0.clone();
        if evidence.is_empty() {
            evidence.extend(self.last_call);
        }
        verdicts.add(text, SERVE, status, summary, evidence);
        verdicts.because(plain(&self.first_error));
    }
}
