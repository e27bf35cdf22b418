//! Read-only enforcement: can a worker be changed by anything but the sync?
//!
//! Verifies, for every worker: which routes somebody tried to change it by, and which of them were refused or
//! accepted (an answer of 2xx is an acceptance, whatever the client makes of it; any other answer is a refusal;
//! no answer is neither); and that from the end of warm-up on nobody but rsync changed a file below its synced
//! folder.
//!
//! Does not verify what lies outside the synced folder, nor routes that nobody tried, nor whether a refused
//! write left something in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Checker, Evidence, Scene, Stated, Verdicts, count, held};
use crate::expectation::Claim;
use crate::report::Judgement;
use crate::time::SimTime;
use crate::trace::event::{OpKind, OpOutcome, WriteRoute};
use crate::trace::{Event, EventId, EventKind, NodeName, mark};
use crate::verdict::Status;

const NAME: &str = "read-only";
/// Who may change a worker's files: the receiving end of the sync, as the trace names it.
const SYNC_WRITER: &str = "rsync";
/// How the receiving end of a sync from a node that should not push is named; the node follows.
const ANOTHER_SYNC: &str = "rsync from ";
/// Who changes a file when a gateway does not take what the sync brought.
const RESTORES: &str = "a gateway that rejects an update";

pub(super) const ENTRY: super::Entry = super::Entry {
    name: NAME,
    doc: "can a worker be changed by anything but the sync",
    judges: |claim| {
        matches!(
            claim,
            Claim::NoWriteAccepted { .. }
                | Claim::WriteAccepted { .. }
                | Claim::OnlySyncChanges { .. }
                | Claim::ChangedBesidesSync { .. }
        )
    },
    make: || Box::<ReadOnly>::default(),
};

#[derive(Default)]
struct ReadOnly {
    workers: BTreeMap<NodeName, Worker>,
}

#[derive(Default)]
struct Worker {
    /// Whether its files are watched: a trace without its disk says nothing of them.
    watched: bool,
    routes: BTreeSet<WriteRoute>,
    accepted_routes: BTreeSet<WriteRoute>,
    refused: u64,
    accepted: u64,
    unanswered: u64,
    accepted_events: Evidence,
    refused_events: Evidence,
    by_sync: u64,
    /// The last event that showed its files, or a change that the sync made.
    last_seen: Option<EventId>,
    by_others: u64,
    others: BTreeSet<Arc<str>>,
    others_events: Evidence,
    /// When an old artifact was last written back over a file that could not be deployed.
    restored: Option<SimTime>,
}

impl Checker for ReadOnly {
    fn observe(&mut self, event: &Event, scene: &Scene) {
        match (&event.kind, &event.node) {
            (EventKind::OpEnded { what: OpKind::Write { worker, route }, outcome, status, .. }, _) => {
                let worker = self.workers.entry(worker.clone()).or_default();
                worker.routes.insert(*route);
                match status {
                    Some(200..=299) => worker.accept(*route, event),
                    Some(_) => {
                        worker.refused += 1;
                        worker.refused_events.add(event.id);
                    }
                    None if *outcome == OpOutcome::Ok => worker.accept(*route, event),
                    None => worker.unanswered += 1,
                }
            }
            (EventKind::DiskState { .. }, Some(node)) if scene.is_on_worker() => {
                let worker = self.workers.entry(node.clone()).or_default();
                worker.watched = true;
                worker.last_seen = Some(event.id);
            }
            (EventKind::FileChanged { writer, .. }, Some(node))
                if scene.is_on_worker() && scene.is_judged(event.at) && scene.changed_file().is_some() =>
            {
                let worker = self.workers.entry(node.clone()).or_default();
                worker.watched = true;
                let restores = worker.restored == Some(event.at);
                if **writer == *SYNC_WRITER {
                    worker.by_sync += 1;
                    worker.last_seen = Some(event.id);
                } else {
                    worker.by_others += 1;
                    worker.others.insert(match restores {
                        true => RESTORES.into(),
                        false => writer.clone(),
                    });
                    worker.others_events.add(event.id);
                }
            }
            (EventKind::Mark { mark }, Some(node)) if **mark == *mark::RESTORED => {
                self.workers.entry(node.clone()).or_default().restored = Some(event.at);
            }
            _ => {}
        }
    }

    fn judge(&mut self, scene: &Scene, claims: &[Stated]) -> Judgement {
        let mut verdicts = Verdicts::of(NAME);
        for stated in claims {
            self.judge_claim(stated, scene, &mut verdicts);
        }
        let states = |which: fn(&Claim) -> bool| claims.iter().any(|stated| which(&stated.claim));
        let tried = self.workers.values().any(|worker| !worker.routes.is_empty());
        if tried
            && !states(|claim| matches!(claim, Claim::NoWriteAccepted { .. } | Claim::WriteAccepted { .. }))
        {
            self.writes("no write is accepted by a worker", &scene.workers, &mut verdicts);
        }
        let watched = self.workers.values().any(|worker| worker.watched);
        if watched
            && !states(|claim| {
                matches!(claim, Claim::OnlySyncChanges { .. } | Claim::ChangedBesidesSync { .. })
            })
        {
            self.changes("only the sync changes a worker", &scene.workers, &mut verdicts);
        }
        let mut judgement = Judgement::default();
        if tried {
            let sum = |of: fn(&Worker) -> u64| self.workers.values().map(of).sum();
            judgement.metrics.insert("writes_refused".into(), sum(|worker| worker.refused));
            judgement.metrics.insert("writes_accepted".into(), sum(|worker| worker.accepted));
            judgement.metrics.insert("writes_unanswered".into(), sum(|worker| worker.unanswered));
        }
        if watched {
            let by_others = self.workers.values().map(|worker| worker.by_others).sum();
            judgement.metrics.insert("worker_changes_besides_sync".into(), by_others);
        }
        judgement.verdicts = verdicts.list;
        judgement
    }
}

impl ReadOnly {
    fn judge_claim(&self, stated: &Stated, scene: &Scene, verdicts: &mut Verdicts) {
        let text = stated.text.as_str();
        match &stated.claim {
            Claim::NoWriteAccepted { workers } => self.writes(text, &scene.chosen(workers), verdicts),
            Claim::OnlySyncChanges { workers } => self.changes(text, &scene.chosen(workers), verdicts),
            Claim::WriteAccepted { workers } => {
                let workers = scene.chosen(workers);
                let tried = workers.iter().all(|name| self.worker(name).is_some_and(Worker::answered));
                let accepted =
                    workers.iter().all(|name| self.worker(name).is_some_and(|one| one.accepted > 0));
                let status = if accepted || tried { held(accepted) } else { Status::Unknown };
                let evidence = self.events(&workers, |worker| &worker.accepted_events);
                verdicts.add(text, None, status, self.told(&workers), evidence);
            }
            Claim::ChangedBesidesSync { workers } => {
                let workers = scene.chosen(workers);
                let watched = workers.iter().all(|name| self.worker(name).is_some_and(|one| one.watched));
                let changed =
                    workers.iter().all(|name| self.worker(name).is_some_and(|one| one.by_others > 0));
                let status = if watched { held(changed) } else { Status::Unknown };
                let evidence = self.events(&workers, |worker| &worker.others_events);
                verdicts.add(text, None, status, self.told_changes(&workers), evidence);
            }
            _ => {}
        }
    }

    fn writes(&self, claim: &str, workers: &[NodeName], verdicts: &mut Verdicts) {
        let some = |what: fn(&Worker) -> bool| workers.iter().any(|name| self.worker(name).is_some_and(what));
        let every =
            |what: fn(&Worker) -> bool| workers.iter().all(|name| self.worker(name).is_some_and(what));
        let (status, evidence) = if some(|worker| worker.accepted > 0) {
            (Status::Fail, self.events(workers, |worker| &worker.accepted_events))
        } else if every(Worker::answered) && !workers.is_empty() {
            (Status::Pass, self.events(workers, |worker| &worker.refused_events))
        } else {
            (Status::Unknown, Vec::new())
        };
        verdicts.add(claim, None, status, self.told(workers), evidence);
        // Which routes: that depends on how many were tried.
        verdicts.because("a worker accepts writes");
    }

    fn changes(&self, claim: &str, workers: &[NodeName], verdicts: &mut Verdicts) {
        let some = |what: fn(&Worker) -> bool| workers.iter().any(|name| self.worker(name).is_some_and(what));
        let every =
            |what: fn(&Worker) -> bool| workers.iter().all(|name| self.worker(name).is_some_and(what));
        let status = if some(|worker| worker.by_others > 0) {
            Status::Fail
        } else if every(|worker| worker.watched) && !workers.is_empty() {
            Status::Pass
        } else {
            Status::Unknown
        };
        let evidence = match status {
            Status::Pass => workers
                .iter()
                .filter_map(|name| self.worker(name).and_then(|worker| worker.last_seen))
                .collect(),
            _ => self.events(workers, |worker| &worker.others_events),
        };
        verdicts.add(claim, None, status, self.told_changes(workers), evidence);
        let writers = workers.iter().filter_map(|name| self.worker(name)).flat_map(|worker| &worker.others);
        // One reason: a gateway's reaction comes of what others wrote, and what is rarer tells more.
        let kind = |writer: &Arc<str>| match &**writer {
            RESTORES => (2, RESTORES.to_owned()),
            other if other.starts_with(ANOTHER_SYNC) => (1, "another node's sync".to_owned()),
            other => (0, other.to_owned()),
        };
        if let Some((_, writer)) = writers.map(kind).min() {
            verdicts.because(format!("changed by {writer}, which is not the sync"));
        }
    }

    fn worker(&self, name: &str) -> Option<&Worker> {
        self.workers.get(name)
    }

    fn events(&self, workers: &[NodeName], of: fn(&Worker) -> &Evidence) -> Vec<EventId> {
        workers.iter().filter_map(|name| self.worker(name)).flat_map(|worker| of(worker).0.clone()).collect()
    }

    fn told(&self, workers: &[NodeName]) -> String {
        let told: Vec<String> = workers
            .iter()
            .map(|name| match self.worker(name).filter(|worker| !worker.routes.is_empty()) {
                None => format!("{name}: nobody tried"),
                Some(worker) => format!(
                    "{name}: {} by {} routes: {} refused, {} accepted{}{}",
                    count(worker.refused + worker.accepted + worker.unanswered, "attempt"),
                    worker.routes.len(),
                    worker.refused,
                    worker.accepted,
                    names_of(&worker.accepted_routes),
                    match worker.unanswered {
                        0 => String::new(),
                        number => format!(", {number} unanswered"),
                    },
                ),
            })
            .collect();
        told.join("; ")
    }

    fn told_changes(&self, workers: &[NodeName]) -> String {
        let told: Vec<String> = workers
            .iter()
            .map(|name| match self.worker(name).filter(|worker| worker.watched) {
                None => format!("{name}: its files were not seen"),
                Some(worker) if worker.by_others == 0 => {
                    format!("{name}: {}, all by the sync", count(worker.by_sync, "change"))
                }
                Some(worker) => {
                    let others: Vec<&str> = worker.others.iter().map(|writer| &**writer).collect();
                    format!("{name}: {} by {}", count(worker.by_others, "change"), others.join(", "))
                }
            })
            .collect();
        told.join("; ")
    }
}

impl Worker {
    fn accept(&mut self, route: WriteRoute, event: &Event) {
        self.accepted += 1;
        self.accepted_routes.insert(route);
        self.accepted_events.add(event.id);
    }

    /// Whether an attempt was answered at all.
    fn answered(&self) -> bool {
        self.refused + self.accepted > 0
    }
}

fn names_of(routes: &BTreeSet<WriteRoute>) -> String {
    if routes.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = routes.iter().map(|route| route.name()).collect();
    format!(" ({})", names.join(", "))
}
