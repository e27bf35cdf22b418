//! What the sync did for each worker, and who else had a hand in its files: why a worker is not as it should be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::Scene;
use super::super::follow::{Difference, WRITTEN_BACK_WITHIN};
use crate::time::SimTime;
use crate::trace::mark::{self, Explains};
use crate::trace::{Event, EventKind, NodeName};

/// Who may change a worker's files: the receiving end of the sync, as the trace names it.
const SYNC_WRITER: &str = "rsync";

/// What was seen of each worker.
#[derive(Debug, Default)]
pub(super) struct Carried {
    workers: BTreeMap<NodeName, Worker>,
    /// When managers lost power: files may have become other ones without a write.
    power_losses: BTreeSet<SimTime>,
    /// The file that was changed last on a manager, and by whom; and those that may be half written for good: who wrote
    /// them ended, or could not write on, before it changed another one.
    written: Option<(Arc<str>, Arc<str>)>,
    half: BTreeSet<Arc<str>>,
    /// Whether a manager may have written some files of an API and not the others: its power, its queue or a file was lost.
    part_lost: bool,
}

#[derive(Debug, Default)]
struct Worker {
    /// How many runs of rsync to it have begun and not ended.
    running: u64,
    /// The end of the last run: when, with which exit status.
    ended: Option<(SimTime, i32)>,
    /// Who changed files last, where it was not the sync, and when.
    others: BTreeMap<Arc<str>, (Arc<str>, SimTime)>,
    /// The processes that have ever said that they are ready.
    servers: BTreeSet<Arc<str>>,
    /// Marks that explain why it serves something else than its files say.
    serving: BTreeSet<Arc<str>>,
    /// Marks that explain why its files do not become the manager's.
    files: BTreeSet<Arc<str>>,
    /// Why an artifact could not be deployed, the last time that one could not.
    refused: Option<Arc<str>>,
}

impl Carried {
    pub(super) fn observe(&mut self, event: &Event, scene: &Scene) {
        self.observe_manager(event, scene);
        match (&event.kind, &event.node) {
            (EventKind::RsyncStarted { worker, .. }, _) => {
                self.workers.entry(worker.clone()).or_default().running += 1;
            }
            (EventKind::RsyncEnded { worker, exit_code, .. }, _) => {
                let worker = self.workers.entry(worker.clone()).or_default();
                worker.running = worker.running.saturating_sub(1);
                worker.ended = Some((event.at, *exit_code));
            }
            // The clients of its runs end with the machine that they run on, without a word.
            (EventKind::NodeDown, _) if scene.is_on_manager() => {
                self.workers.values_mut().for_each(|worker| worker.running = 0);
                self.power_losses.insert(event.at);
            }
            (EventKind::FileChanged { writer, .. }, Some(node)) if scene.is_on_worker() => {
                let Some(path) = scene.changed_file() else { return };
                let worker = self.workers.entry(node.clone()).or_default();
                if **writer == *SYNC_WRITER {
                    worker.others.remove(path);
                } else {
                    worker.others.insert(path.clone(), (writer.clone(), event.at));
                }
            }
            (EventKind::Mark { mark }, Some(node)) => {
                let Some(known) = mark::named(mark) else { return };
                let worker = self.workers.entry(node.clone()).or_default();
                match known.explains {
                    Explains::Serving => worker.serving.insert(mark.clone()),
                    Explains::Files => worker.files.insert(mark.clone()),
                    Explains::Nothing | Explains::LostPublish => false,
                };
            }
            (EventKind::ProcessReady { process }, Some(node)) => {
                self.workers.entry(node.clone()).or_default().servers.insert(process.clone());
            }
            (EventKind::ProcessStarted { process }, Some(node)) => {
                // A server that starts anew reads its files anew.
                if let Some(worker) = self.workers.get_mut(node).filter(|one| one.servers.contains(process)) {
                    worker.serving.clear();
                    worker.refused = None;
                }
            }
            (EventKind::DeployFailed { why, .. }, Some(node)) => {
                // What comes after the first colon differs from one file to the next.
                let why = why.split(':').next().unwrap_or_default();
                self.workers.entry(node.clone()).or_default().refused = Some(why.into());
            }
            _ => {}
        }
    }

    fn observe_manager(&mut self, event: &Event, scene: &Scene) {
        if !scene.is_on_manager() {
            return;
        }
        match &event.kind {
            EventKind::FileChanged { writer, .. } => {
                let Some(path) = scene.changed_file() else { return };
                self.half.remove(path);
                self.written = Some((path.clone(), writer.clone()));
                return;
            }
            EventKind::Mark { mark } if **mark == *mark::LOST_IN_QUEUE => {
                self.part_lost = true;
                return;
            }
            EventKind::NodeDown => self.part_lost = true,
            EventKind::ProcessEnded { process, .. }
                if self.written.as_ref().is_some_and(|(_, writer)| writer == process) => {}
            EventKind::Mark { mark } if **mark == *mark::PERSISTENCE_FAILED => self.part_lost = true,
            _ => return,
        }
        self.half.extend(self.written.take().map(|(path, _)| path));
    }

    /// Why a file of a worker, which has differed since this moment, is not the manager's.
    pub(super) fn why_stale(&self, name: &str, path: &str, since: SimTime, scene: &Scene) -> String {
        let what = match scene.follow().difference(name, path) {
            Difference::Missing => "a file is missing",
            Difference::Extra => "a file is left over",
            Difference::Content => "a file has another content",
        };
        let none = Worker::default();
        let worker = self.workers.get(name).unwrap_or(&none);
        let other = worker.others.get(path);
        // A run that left it alone since then takes it for right: nothing is done to it again and again.
        let seems_right = matches!((worker.ended, other), (Some((at, 0)), Some((_, changed))) if at > *changed)
            && since < worker.ended.map_or(SimTime::ZERO, |(at, _)| at);
        // What its disk had long had is no loss that a power cut explains.
        let lost = scene.follow().unwritten(path).is_some_and(|(at, since)| {
            self.power_losses.contains(&at) && at.since(since) <= WRITTEN_BACK_WITHIN
        });
        let how = match worker.ended {
            _ if seems_right => "though the sync says that it succeeded".to_owned(),
            _ if !worker.files.is_empty() && other.is_some() && lost => {
                "the manager's disk lost it with the power".to_owned()
            }
            _ if !worker.files.is_empty() && self.half.contains(path) => {
                "the manager left half of it".to_owned()
            }
            _ if !worker.files.is_empty() => {
                let marks = worker.files.iter().map(|mark| &**mark).collect::<Vec<_>>().join(" and ");
                match &worker.refused {
                    Some(why) => format!("{marks}, since it {why}"),
                    None => marks,
                }
            }
            // What is left has the size and the time of what was lost, which is all that rsync looks at.
            Some((at, 0)) if at >= since && self.power_losses.contains(&since) => {
                "the manager's disk lost it with the power, and the sync does not see that".to_owned()
            }
            Some((at, 0)) if at >= since => "though the sync says that it succeeded".to_owned(),
            Some((at, code)) if at >= since => format!("the sync fails with {code}"),
            _ if worker.running > 0 => "the sync hangs".to_owned(),
            _ => "no sync was run".to_owned(),
        };
        match other {
            Some((writer, _)) => format!("{what}, changed by {writer}: {how}"),
            None => format!("{what}: {how}"),
        }
    }

    /// Why one of these gateways serves an API whose parts do not fit together, long after all is healed.
    pub(super) fn why_torn(&self, nodes: &[&str]) -> String {
        let marks: BTreeSet<&str> = (nodes.iter().filter_map(|node| self.workers.get(*node)))
            .flat_map(|worker| worker.serving.iter().map(|mark| &**mark))
            .collect();
        match self.part_lost {
            _ if !marks.is_empty() => marks.into_iter().collect::<Vec<_>>().join(" and "),
            true => "the manager lost a part of the API".to_owned(),
            false => mark::TORN_FOR_LONG.to_owned(),
        }
    }

    /// Why one of these workers, whose files are right, serves something else.
    pub(super) fn why_served<'a>(&self, workers: impl Iterator<Item = &'a NodeName>) -> String {
        let seen: Vec<&Worker> = workers.filter_map(|worker| self.workers.get(worker)).collect();
        let marks: BTreeSet<&str> =
            seen.iter().flat_map(|worker| worker.serving.iter().map(|mark| &**mark)).collect();
        if !marks.is_empty() {
            return marks.into_iter().collect::<Vec<_>>().join(" and ");
        }
        match seen.iter().any(|worker| worker.refused.is_some()) {
            true => "an artifact could not be deployed".to_owned(),
            false => "its files are right and it serves something else".to_owned(),
        }
    }
}
