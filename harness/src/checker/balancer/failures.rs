//! Whether a server that keeps failing is left out, from the attempts alone: what the balancer says of its own marks
//! is not asked.
//!
//! After `max_fails` failures within `fail_timeout` nginx leaves a server out for `fail_timeout`. So of the attempts
//! that begin one after the end of the other, at most `max_fails` can fail in any `fail_timeout`: the next one that
//! begins in it is one too many. Each worker process counts for itself, so there can be that many times as many.
//! Attempts side by side are not counted, because they began before the balancer could know; neither are those whose
//! client went away first, which nginx takes for nobody's failure, or for which nginx itself had no descriptor. Whatever else might excuse the balancer does: an
//! answer of the server, a group without live servers (nginx before 1.22 then forgot its marks), a new start, and a
//! fault on the balancer's own node, which may have set its clock.
//!
//! Not judged: the only server of a group, which is never left out; a node that stands twice in a group.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::super::{Evidence, Verdicts, count, held};
use super::{Group, SERVE};
use crate::time::SimTime;
use crate::trace::event::{CLIENT_GONE, NO_DESCRIPTOR, UpstreamServer};
use crate::trace::{Event, EventId, EventKind, NodeName};

const CLAIM: &str = "a server that keeps failing is left out for a while";

#[derive(Debug, Default)]
pub(super) struct Failures {
    servers: BTreeMap<Group, BTreeMap<NodeName, Server>>,
    /// How often a server had failed as often as it may.
    exhausted: u64,
    exhausted_events: Evidence,
    despite: u64,
    despite_events: Evidence,
}

/// A server of a group, and its last failures, each of which began after the one before had ended.
#[derive(Debug)]
struct Server {
    most: u64,
    timeout: Duration,
    failures: VecDeque<(SimTime, EventId)>,
}

impl Server {
    /// What can be judged of a group's servers.
    fn all(processes: u64, servers: &[UpstreamServer]) -> BTreeMap<NodeName, Server> {
        let is_judged = |server: &&UpstreamServer| {
            let on_node = servers.iter().filter(|other| other.node == server.node).count();
            server.max_fails > 0 && on_node == 1 && servers.len() > 1
        };
        let judged = servers.iter().filter(is_judged);
        judged
            .map(|server| {
                let most = u64::from(server.max_fails).saturating_mul(processes.max(1));
                let timeout = Duration::from_nanos(server.fail_timeout_ns);
                (server.node.clone(), Server { most, timeout, failures: VecDeque::new() })
            })
            .collect()
    }

    /// Forgets the failures that an attempt which begins at this moment need not heed.
    fn forget_before(&mut self, moment: SimTime) {
        while self.failures.front().is_some_and(|(ended, _)| *ended + self.timeout <= moment) {
            self.failures.pop_front();
        }
    }
}

impl Failures {
    pub(super) fn observe(&mut self, event: &Event) {
        match &event.kind {
            EventKind::UpstreamDefined { upstream, processes, servers } => {
                let group = (event.node.clone(), upstream.clone());
                self.servers.insert(group, Server::all(*processes, servers));
            }
            EventKind::UpstreamTried { upstream, peer, started, status, error, .. } => {
                let failed = status.is_none() && ![CLIENT_GONE, NO_DESCRIPTOR].contains(&&**error);
                self.tried(event, upstream, peer, *started, failed);
            }
            EventKind::NoLiveUpstreams { upstream } => {
                if let Some(servers) = self.servers.get_mut(&(event.node.clone(), upstream.clone())) {
                    forget(servers);
                }
            }
            EventKind::ProcessStarted { .. } => self.forget_node(event.node.as_ref()),
            EventKind::FaultBegan { nodes, .. } => {
                for node in nodes {
                    self.forget_node(Some(node));
                }
            }
            // Its nodes were told when it began, and that may have been any.
            EventKind::FaultEnded { .. } => self.servers.values_mut().for_each(forget),
            _ => {}
        }
    }

    fn tried(&mut self, event: &Event, upstream: &Arc<str>, peer: &NodeName, started: SimTime, failed: bool) {
        let group = (event.node.clone(), upstream.clone());
        let Some(server) = self.servers.get_mut(&group).and_then(|servers| servers.get_mut(peer)) else {
            return;
        };
        server.forget_before(started);
        let is_next = server.failures.back().is_none_or(|(ended, _)| *ended < started);
        if is_next && server.failures.len() as u64 >= server.most {
            self.despite += 1;
            self.despite_events.add(event.id);
        }
        if !failed {
            server.failures.clear();
        } else if is_next {
            server.failures.push_back((event.at, event.id));
            if server.failures.len() as u64 > server.most {
                // One too many was told; what counts is that as many as may fail have failed last.
                server.failures.pop_front();
            } else if server.failures.len() as u64 == server.most {
                self.exhausted += 1;
                self.exhausted_events.add(event.id);
            }
        }
    }

    fn forget_node(&mut self, node: Option<&NodeName>) {
        let of_node = self.servers.iter_mut().filter(|((own, _), _)| own.as_ref() == node);
        of_node.for_each(|(_, servers)| forget(servers));
    }

    pub(super) fn judge(&self, verdicts: &mut Verdicts) {
        if self.exhausted == 0 {
            return;
        }
        let summary = format!(
            "{} a server had failed as often as it may, {} sent to one all the same",
            match self.exhausted {
                1 => "once".to_owned(),
                times => format!("{times} times"),
            },
            count(self.despite, "request")
        );
        let evidence = if self.despite == 0 { &self.exhausted_events } else { &self.despite_events };
        verdicts.add(CLAIM, SERVE, held(self.despite == 0), summary, evidence.0.clone());
        verdicts.because("a server that keeps failing is not left out");
    }
}

fn forget(servers: &mut BTreeMap<NodeName, Server>) {
    servers.values_mut().for_each(|server| server.failures.clear());
}
