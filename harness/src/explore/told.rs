//! Marks that other events tell: what a cluster need not mark itself, because it can be seen.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::time::SimTime;
use crate::trace::event::{Digest, FileChange};
use crate::trace::mark;
use crate::trace::{Event, EventKind, NodeName};

/// Paths below a folder, each with its content.
type Files = BTreeMap<Arc<str>, Digest>;

/// What must be remembered to see them.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// How many runs of rsync are at work on each worker, and whether one of them has put a file in its place.
    transfers: BTreeMap<NodeName, (u64, bool)>,
    /// Until when the balancer leaves each server out.
    marked: BTreeMap<NodeName, SimTime>,
    /// The folder that is listed of each node, and what is in it.
    disks: BTreeMap<NodeName, (Arc<str>, Files)>,
    /// When a machine lost its power last.
    power_lost: Option<SimTime>,
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
                self.power_lost = Some(event.at);
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
            EventKind::FileChanged { path, change, digest, .. } => {
                let (root, files) = self.disks.get_mut(event.node.as_ref()?)?;
                let below: Arc<str> = path.strip_prefix(&**root)?.strip_prefix('/')?.into();
                match digest.filter(|_| *change != FileChange::Removed) {
                    Some(digest) => files.insert(below, digest),
                    None => files.remove(&below),
                };
                None
            }
            // A disk is listed anew at the moment at which its machine has lost power.
            EventKind::DiskState { root, files } => {
                let now = (root.clone(), files.clone());
                let before = self.disks.insert(event.node.clone()?, now);
                let undone = before.is_some_and(|(_, before)| before != *files);
                (undone && self.power_lost == Some(event.at)).then_some(mark::POWER_LOSS_UNDID)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "/srv";

    fn marks(events: &[(u64, EventKind)]) -> Vec<&'static str> {
        let mut told = Told::default();
        let event = |(second, kind): &(u64, EventKind)| Event {
            id: 0,
            at: SimTime::from_secs(*second),
            node: Some("manager".into()),
            kind: kind.clone(),
        };
        events.iter().map(event).filter_map(|event| told.mark(&event)).collect()
    }

    fn holds(files: &[(&str, u128)]) -> EventKind {
        let files = files.iter().map(|(path, digest)| ((*path).into(), Digest(*digest))).collect();
        EventKind::DiskState { root: ROOT.into(), files }
    }

    fn written(path: &str, digest: u128) -> EventKind {
        let (path, writer) = (format!("{ROOT}/{path}").into(), "wso2".into());
        let digest = Some(Digest(digest));
        EventKind::FileChanged { path, change: FileChange::Modified, digest, size: 1, writer }
    }

    #[test]
    fn a_power_loss_that_leaves_what_was_written_undoes_nothing() {
        let events = |after: u128| {
            let down = (9, EventKind::NodeDown);
            [(0, holds(&[("a", 1)])), (5, written("a", 2)), down, (9, holds(&[("a", after)]))]
        };
        assert_eq!(marks(&events(2)), [""; 0]);
        assert_eq!(marks(&events(1)), [mark::POWER_LOSS_UNDID]);
    }

    #[test]
    fn a_file_that_rots_is_no_power_loss() {
        assert_eq!(marks(&[(0, holds(&[("a", 1)])), (9, holds(&[("a", 2)]))]), [""; 0]);
    }
}
