//! Marks that other events tell: what a cluster need not mark itself, because it can be seen.

use std::collections::BTreeMap;

use crate::time::SimTime;
use crate::trace::mark;
use crate::trace::{Event, EventKind, NodeName};

/// What must be remembered to see them.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// How many runs of rsync are at work on each worker, and whether one of them has put a file in its place.
    transfers: BTreeMap<NodeName, (u64, bool)>,
    /// Until when the balancer leaves each server out.
    marked: BTreeMap<NodeName, SimTime>,
}

impl Told {
    /// The mark that this event tells.
    pub(super) fn mark(&mut self, event: &Event) -> Option<&'static str> {
        match &event.kind {
            EventKind::RsyncStarted { worker, .. } => {
                let (running, _) = self.transfers.entry(worker.clone()).or_default();
                *running += 1;
                (*running > 1).then_some(mark::RSYNCS_OVERLAP)
            }
            EventKind::RsyncFile { worker, .. } => {
                self.transfers.entry(worker.clone()).or_default().1 = true;
                None
            }
            EventKind::RsyncEnded { worker, exit_code, .. } => {
                let (running, moved) = self.transfers.entry(worker.clone()).or_default();
                *running = running.saturating_sub(1);
                (std::mem::take(moved) && *exit_code != 0).then_some(mark::TRANSFER_BROKE)
            }
            // What ran on a machine ends with its power, without a word.
            EventKind::NodeDown => {
                self.transfers.clear();
                None
            }
            EventKind::Mark { mark } if **mark == *mark::LOCK_HELD => {
                let works = self.transfers.values().any(|(running, _)| *running > 0);
                works.then_some(mark::LOCK_STOLEN)
            }
            EventKind::PeerMarkedDown { peer, until, .. } => {
                self.marked.insert(peer.clone(), *until);
                None
            }
            EventKind::UpstreamTried { retried: true, .. } => Some(mark::PASSED_ON),
            EventKind::UpstreamTried { peer, started, .. } => {
                let over = self.marked.get(peer).is_some_and(|until| started >= until);
                over.then(|| self.marked.remove(peer)).map(|_| mark::TRIED_AGAIN)
            }
            EventKind::FileChanged { writer, .. } if **writer == *"power loss" => {
                Some(mark::POWER_LOSS_UNDID)
            }
            _ => None,
        }
    }
}
