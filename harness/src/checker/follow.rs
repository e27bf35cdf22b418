//! Follows, path by path, how each worker's files run behind the manager's.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::scene::WindowId;
use super::{Evidence, Scene};
use crate::time::SimTime;
use crate::trace::event::{Digest, FileChange};
use crate::trace::{Event, EventId, EventKind, NodeName};

/// So many contents of a path that the manager has replaced are remembered; one that is older is taken for a
/// content that the manager never had.
const HISTORY_MAX: usize = 32;

/// A power loss takes what the disk had not written back: nothing that is older than this. Linux writes back what has been
/// dirty for 30 s (`dirty_expire_centisecs`), and looks every 5 s (`dirty_writeback_centisecs`).
pub(super) const WRITTEN_BACK_WITHIN: Duration = Duration::from_secs(40);

/// Since when a path on a worker holds what the manager no longer has, and the event that made it so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Since {
    pub(super) at: SimTime,
    pub(super) event: EventId,
}

/// How a file on a worker differs from the manager's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Difference {
    /// The worker does not have it.
    Missing,
    /// The manager does not have it.
    Extra,
    /// Both have it with different contents.
    Content,
}

/// The longest staleness of a worker.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Staleness {
    pub(super) span: Duration,
    pub(super) path: Option<Arc<str>>,
    /// The event that made it stale, and the one that ended it.
    pub(super) evidence: Vec<EventId>,
}

/// What was seen of one worker in a window of a condition.
#[derive(Debug, Clone, Default)]
pub(super) struct InWindow {
    /// Whether it lagged behind at some moment.
    pub(super) lagged: bool,
    /// Events by which it became equal to the manager.
    pub(super) converged: Vec<EventId>,
}

#[derive(Debug, Default)]
struct Path {
    now: Option<Digest>,
    /// Contents that were replaced, and when, oldest first.
    past: VecDeque<(Option<Digest>, SimTime)>,
    /// Whether no write made it what it is: a list of all files told of it.
    unwritten: bool,
}

#[derive(Debug, Default)]
struct Worker {
    files: BTreeMap<Arc<str>, Digest>,
    state: Option<EventId>,
    stale: BTreeMap<Arc<str>, Since>,
    worst: Staleness,
    equal_since: Option<SimTime>,
    /// The end of the last fault, and when what was stale then no longer was.
    caught_up: Option<(SimTime, SimTime, EventId)>,
    windows: BTreeMap<WindowId, (bool, Evidence)>,
}

/// The files of the manager and of the workers.
#[derive(Debug, Default)]
pub(super) struct Follow {
    manager: Option<NodeName>,
    paths: BTreeMap<Arc<str>, Path>,
    manager_seen: bool,
    published: bool,
    /// Since when the manager had what it had for longest of what the last list of its files lacks.
    lacks_since: Option<SimTime>,
    workers: BTreeMap<NodeName, Worker>,
}

impl Follow {
    /// Sees one event, if it is no operation. The scene has seen it already.
    pub(super) fn see(&mut self, event: &Event, scene: &Scene) {
        match (&event.kind, &event.node) {
            (EventKind::FileChanged { change, digest, .. }, Some(node)) => {
                if let Some(path) = scene.changed_file() {
                    let digest = digest.filter(|_| *change != FileChange::Removed);
                    self.changed(node, path, digest, event, scene);
                }
            }
            (EventKind::DiskState { root, files }, Some(node)) if scene.roots.get(node) == Some(root) => {
                self.state(node, files, event, scene);
            }
            _ => {}
        }
        self.look(scene);
    }

    /// A file below a synced folder changed.
    fn changed(
        &mut self,
        node: &NodeName,
        path: &Arc<str>,
        digest: Option<Digest>,
        event: &Event,
        scene: &Scene,
    ) {
        if self.is_manager(node, scene) {
            self.published |= scene.is_judged(event.at);
            self.manager_changed(path, digest, event, scene);
        } else if scene.is_on_worker() {
            self.worker_changed(node, path, digest, event, scene);
        }
    }

    /// All files below a synced folder, as they are.
    fn state(&mut self, node: &NodeName, files: &BTreeMap<Arc<str>, Digest>, event: &Event, scene: &Scene) {
        if scene.is_on_manager() {
            self.lacks_since = self.managers_without(files).min();
        }
        let before: Vec<Arc<str>> = if self.is_manager(node, scene) {
            self.paths.iter().filter(|(_, path)| path.now.is_some()).map(|(path, _)| path.clone()).collect()
        } else if scene.is_on_worker() {
            let worker = self.workers.entry(node.clone()).or_default();
            worker.state = Some(event.id);
            // The first state of a worker is compared with everything that the manager has.
            self.paths.keys().chain(worker.files.keys()).cloned().collect()
        } else {
            return;
        };
        let is_manager = self.is_manager(node, scene);
        let gone = before.iter().filter(|path| !files.contains_key(*path)).map(|path| (path.clone(), None));
        let there = files.iter().map(|(path, digest)| (path.clone(), Some(*digest)));
        for (path, digest) in gone.chain(there).collect::<Vec<_>>() {
            match is_manager {
                true => self.manager_changed(&path, digest, event, scene),
                false => self.worker_changed(node, &path, digest, event, scene),
            }
        }
        // What was not there before the first look was never replaced.
        self.manager_seen |= is_manager;
        for worker in self.workers.values_mut() {
            if worker.stale.is_empty() {
                worker.equal_since.get_or_insert(event.at);
            }
        }
    }

    /// What the manager no longer has when its files are these: since when it had each content that is gone.
    fn managers_without(&self, files: &BTreeMap<Arc<str>, Digest>) -> impl Iterator<Item = SimTime> {
        let gone = |(path, held): &(&Arc<str>, &Path)| files.get(*path).copied() != held.now;
        let since = |held: &Path| held.past.back().map_or(SimTime::ZERO, |(_, at)| *at);
        self.paths.iter().filter(gone).map(move |(_, held)| since(held))
    }

    /// Looks at what holds now: after every event.
    fn look(&mut self, scene: &Scene) {
        let calm = scene.calm_since();
        for worker in self.workers.values_mut() {
            for id in scene.windows_at(scene.now) {
                if !worker.stale.is_empty() {
                    worker.windows.entry(id).or_default().0 = true;
                }
            }
            if let Some(calm) = calm
                && worker.caught_up.is_none_or(|(since, ..)| since != calm)
                && worker.stale.values().all(|since| since.at > calm)
            {
                worker.caught_up = Some((calm, scene.now, scene.last));
            }
        }
    }

    /// Whether the files of the manager and of this worker were seen.
    pub(super) fn seen(&self, worker: &str) -> bool {
        self.manager_seen && self.workers.get(worker).is_some_and(|worker| worker.state.is_some())
    }

    /// The last event that listed a worker's files.
    pub(super) fn last_state(&self, worker: &str) -> Option<EventId> {
        self.workers.get(worker)?.state
    }

    /// Since when the manager had what it had for longest of what the last list of its files lacks; none where that list
    /// lacks nothing.
    pub(super) fn lacks_since(&self) -> Option<SimTime> {
        self.lacks_since
    }

    /// When a file of the manager became what it is, if nobody wrote it so, and since when it had held what it lost then.
    pub(super) fn unwritten(&self, path: &str) -> Option<(SimTime, SimTime)> {
        let mut past = self.paths.get(path).filter(|path| path.unwritten)?.past.iter().rev();
        let (_, at) = past.next()?;
        Some((*at, past.next().map_or(SimTime::ZERO, |(_, since)| *since)))
    }

    /// Whether the manager's files changed after warm-up.
    pub(super) fn published(&self) -> bool {
        self.published
    }

    /// How many files the manager has.
    pub(super) fn files(&self) -> usize {
        self.paths.values().filter(|path| path.now.is_some()).count()
    }

    /// The paths in which a worker differs from the manager.
    pub(super) fn stale(&self, worker: &str) -> &BTreeMap<Arc<str>, Since> {
        static NONE: BTreeMap<Arc<str>, Since> = BTreeMap::new();
        self.workers.get(worker).map_or(&NONE, |worker| &worker.stale)
    }

    /// How a worker's file differs from the manager's.
    pub(super) fn difference(&self, worker: &str, path: &str) -> Difference {
        let on_worker = self.workers.get(worker).is_some_and(|worker| worker.files.contains_key(path));
        let on_manager = self.paths.get(path).is_some_and(|path| path.now.is_some());
        match (on_worker, on_manager) {
            (false, _) => Difference::Missing,
            (true, false) => Difference::Extra,
            (true, true) => Difference::Content,
        }
    }

    /// The longest staleness of a worker, up to now, as far as it lies after warm-up.
    pub(super) fn staleness(&self, worker: &str, scene: &Scene) -> Staleness {
        let Some(worker) = self.workers.get(worker) else { return Staleness::default() };
        let Some(judged_from) = scene.judged_from() else { return Staleness::default() };
        let open = worker.stale.iter().map(|(path, since)| Staleness {
            span: scene.now.since(since.at.max(judged_from)),
            path: Some(path.clone()),
            evidence: vec![since.event],
        });
        open.chain([worker.worst.clone()]).max_by_key(|staleness| staleness.span).unwrap_or_default()
    }

    /// Since when a worker's files have been equal to the manager's.
    pub(super) fn equal_since(&self, worker: &str) -> Option<SimTime> {
        self.workers.get(worker)?.equal_since
    }

    /// When a worker had caught up with what was stale when the faults ended, and the event.
    pub(super) fn caught_up(&self, worker: &str, calm: SimTime) -> Option<(SimTime, EventId)> {
        let (since, at, event) = self.workers.get(worker)?.caught_up?;
        (since == calm).then_some((at, event))
    }

    /// What was seen of a worker in a window.
    pub(super) fn in_window(&self, worker: &str, id: WindowId) -> InWindow {
        let seen = self.workers.get(worker).and_then(|worker| worker.windows.get(&id));
        seen.map(|(lagged, converged)| InWindow { lagged: *lagged, converged: converged.0.clone() })
            .unwrap_or_default()
    }

    fn is_manager(&mut self, node: &NodeName, scene: &Scene) -> bool {
        if self.manager.is_none() {
            self.manager = scene.managers.iter().find(|manager| scene.roots.contains_key(*manager)).cloned();
        }
        self.manager.as_ref() == Some(node)
    }

    fn manager_changed(&mut self, path: &Arc<str>, digest: Option<Digest>, event: &Event, scene: &Scene) {
        let history = self.paths.entry(path.clone()).or_default();
        if history.now == digest {
            return;
        }
        if self.manager_seen {
            history.past.push_back((history.now, event.at));
        }
        if history.past.len() > HISTORY_MAX {
            history.past.pop_front();
        }
        history.now = digest;
        history.unwritten = matches!(event.kind, EventKind::DiskState { .. });
        for worker in self.workers.values_mut().filter(|worker| worker.state.is_some()) {
            if worker.files.get(path).copied() == digest {
                worker.fresh(path, event, scene, false);
            } else {
                worker.equal_since = None;
                let since = Since { at: event.at, event: event.id };
                worker.stale.entry(path.clone()).or_insert(since);
            }
        }
    }

    fn worker_changed(
        &mut self,
        node: &NodeName,
        path: &Arc<str>,
        digest: Option<Digest>,
        event: &Event,
        scene: &Scene,
    ) {
        let worker = self.workers.entry(node.clone()).or_default();
        match digest {
            Some(digest) => worker.files.insert(path.clone(), digest),
            None => worker.files.remove(path),
        };
        if !self.manager_seen {
            return;
        }
        let history = self.paths.get(path);
        if history.and_then(|history| history.now) == digest {
            worker.fresh(path, event, scene, true);
            return;
        }
        worker.equal_since = None;
        let replaced =
            history.and_then(|history| history.past.iter().rev().find(|(past, _)| *past == digest));
        match replaced {
            // It came a step forward, or went back: what it holds now was replaced at another moment.
            Some((_, at)) => {
                let since = Since { at: *at, event: event.id };
                if let Some(before) = worker.stale.insert(path.clone(), since) {
                    worker.note(path, before, event, scene);
                }
            }
            None => {
                worker.stale.entry(path.clone()).or_insert(Since { at: event.at, event: event.id });
            }
        }
    }
}

impl Worker {
    /// A path holds what the manager has.
    fn fresh(&mut self, path: &Arc<str>, event: &Event, scene: &Scene, by_worker: bool) {
        if let Some(since) = self.stale.remove(path) {
            self.note(path, since, event, scene);
            if self.stale.is_empty() && by_worker {
                for id in scene.windows_at(event.at) {
                    self.windows.entry(id).or_default().1.add(event.id);
                }
            }
        }
        if self.stale.is_empty() {
            self.equal_since.get_or_insert(event.at);
        }
    }

    /// A staleness ended, and counts from the end of warm-up on.
    fn note(&mut self, path: &Arc<str>, since: Since, event: &Event, scene: &Scene) {
        let Some(judged_from) = scene.judged_from() else { return };
        let span = event.at.since(since.at.max(judged_from));
        if span > self.worst.span {
            let evidence = vec![since.event, event.id];
            self.worst = Staleness { span, path: Some(path.clone()), evidence };
        }
    }
}
