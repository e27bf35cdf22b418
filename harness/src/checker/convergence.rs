//! Convergence: how late, and whether at all, what the manager has reaches every worker.
//!
//! Verifies, by the digests of every file below the synced folders (equal digests stand for equal bytes):
//! - staleness: for how long a worker holds a content that the manager has replaced, counted from the moment of
//!   the replacement. So a worker that always lags one sync behind is stale for one sync's time, not for ever.
//! - convergence after faults: when what the manager had replaced before the last fault ended had reached the
//!   worker, or was overtaken there by something newer.
//! - divergence at the end: every path below the folders, in both directions; a file that rsync left half
//!   written counts.
//! - wholeness: long after the last fault and the last change of the manager's files, no gateway serves an API whose parts
//!   are of several revisions. Before that, each run of the sync may meet another publish and tear its API anew.
//! - agreement: at the end, all running workers serve the same revisions.
//!
//! Does not verify modes, times, owners or empty folders, nor that the manager's content is what was published
//! (durability does). With several managers, the first one that has a synced folder is followed.

mod carried;

use self::carried::Carried;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Checker, Scene, Stated, Verdicts, count, held};
use crate::capability::Capability;
use crate::expectation::Claim;
use crate::report::Judgement;
use crate::time::{SimTime, show_span};
use crate::trace::{Event, EventId, EventKind, NodeName, mark};
use crate::verdict::{Convergence as Converged, Status};

const NAME: &str = "convergence";

pub(super) const ENTRY: super::Entry = super::Entry {
    name: NAME,
    doc: "how late, and whether at all, what the manager has reaches every worker",
    judges: |claim| {
        matches!(
            claim,
            Claim::ConvergedWithin { .. }
                | Claim::ConvergedAtEnd { .. }
                | Claim::DifferentAtEnd { .. }
                | Claim::NotConvergingWhile { .. }
                | Claim::StaleAtMost { .. }
        )
    },
    make: || Box::<Convergence>::default(),
};

/// A torn snapshot is whole again so long after the last fault and the last publish: two runs of the sync, a scan, and the time after
/// which gateways tell of it.
const WHOLE_WITHIN: Duration = Duration::from_secs(160);
/// No more divergent paths than this are named.
const PATHS_MAX: usize = 20;
const SYNC: Option<Capability> = Some(Capability::Sync);

#[derive(Default)]
struct Convergence {
    /// What each running gateway serves, with the event of its deployment.
    served: BTreeMap<NodeName, BTreeMap<Arc<str>, (u64, EventId)>>,
    carried: Carried,
    /// When the manager's files changed last.
    published: SimTime,
    /// The last moments at which gateways said that calls meet a torn snapshot for long.
    torn: Vec<(NodeName, SimTime, EventId)>,
}

impl Checker for Convergence {
    fn observe(&mut self, event: &Event, scene: &Scene) {
        self.carried.observe(event, scene);
        if let Some(node) = &event.node {
            match &event.kind {
                EventKind::ApiDeployed { api, revision } => {
                    let served = self.served.entry(node.clone()).or_default();
                    served.insert(api.clone(), (*revision, event.id));
                }
                EventKind::ApiUndeployed { api } => {
                    self.served.entry(node.clone()).or_default().remove(api);
                }
                EventKind::Mark { mark } if **mark == *mark::TORN_FOR_LONG => {
                    self.torn.retain(|(other, ..)| other != node);
                    self.torn.push((node.clone(), event.at, event.id));
                }
                EventKind::FileChanged { .. } if scene.is_on_manager() && scene.changed_file().is_some() => {
                    self.published = event.at;
                }
                EventKind::NodeDown => {
                    self.served.remove(node);
                }
                EventKind::ProcessEnded { .. } if scene.is_down(node) => {
                    self.served.remove(node);
                }
                _ => {}
            }
        }
    }

    fn judge(&mut self, scene: &Scene, claims: &[Stated]) -> Judgement {
        let mut verdicts = Verdicts::of(NAME);
        let mut judgement = Judgement::default();
        for stated in claims {
            self.judge_claim(stated, scene, &mut verdicts);
        }
        let about_end = |stated: &Stated| {
            matches!(
                stated.claim,
                Claim::ConvergedAtEnd { .. } | Claim::ConvergedWithin { .. } | Claim::DifferentAtEnd { .. }
            )
        };
        if !claims.iter().any(about_end) && scene.workers.iter().any(|worker| scene.follow().seen(worker)) {
            let claim = "every worker's files are equal to the manager's at the end";
            self.equal_at_end(claim, &scene.workers, scene, &mut verdicts);
        }
        self.agreement(scene, &mut verdicts);
        self.whole(scene, &mut verdicts);
        for worker in scene.workers.iter().filter(|worker| scene.follow().seen(worker)) {
            judgement.convergence.push(self.converged(worker, scene));
        }
        judgement.verdicts = verdicts.list;
        judgement
    }
}

impl Convergence {
    fn judge_claim(&self, stated: &Stated, scene: &Scene, verdicts: &mut Verdicts) {
        let text = stated.text.as_str();
        match &stated.claim {
            Claim::ConvergedAtEnd { workers } => {
                self.equal_at_end(text, &scene.chosen(workers), scene, verdicts);
            }
            Claim::DifferentAtEnd { workers } => {
                self.different_at_end(text, &scene.chosen(workers), scene, verdicts);
            }
            Claim::ConvergedWithin { workers, within } => {
                self.converged_within(text, &scene.chosen(workers), *within, scene, verdicts);
            }
            Claim::StaleAtMost { workers, span } => {
                self.stale_at_most(text, &scene.chosen(workers), *span, scene, verdicts);
            }
            Claim::NotConvergingWhile { workers, condition } => {
                let workers = scene.chosen(workers);
                let windows = scene.windows_of(condition);
                let (mut lagged, mut converged) = (false, Vec::new());
                for (id, _) in &windows {
                    for worker in &workers {
                        let seen = scene.follow().in_window(worker, *id);
                        lagged |= seen.lagged;
                        converged.extend(seen.converged.iter().map(|event| (worker.clone(), *event)));
                    }
                }
                let (status, summary) = match (windows.is_empty(), converged.first()) {
                    (true, _) => (Status::Unknown, "this never was so in the run".to_owned()),
                    (_, Some((worker, _))) => (Status::Fail, format!("{worker} became equal to the manager")),
                    _ if lagged => (Status::Pass, "workers lagged behind, and none caught up".to_owned()),
                    _ => (Status::Unknown, "no worker lagged behind then".to_owned()),
                };
                let mut evidence: Vec<EventId> = converged.into_iter().map(|(_, event)| event).collect();
                if evidence.is_empty() {
                    evidence.extend(windows.iter().map(|(_, window)| window.began));
                }
                verdicts.add(text, SYNC, status, summary, evidence);
                verdicts.because("a worker became equal in that time");
            }
            _ => {}
        }
    }

    fn equal_at_end(&self, claim: &str, workers: &[NodeName], scene: &Scene, verdicts: &mut Verdicts) {
        let unseen: Vec<&str> =
            workers.iter().filter(|worker| !scene.follow().seen(worker)).map(|worker| &**worker).collect();
        let mut evidence = Vec::new();
        let mut told = Vec::new();
        for worker in workers {
            let stale = scene.follow().stale(worker);
            if let Some((path, since)) = stale.first_key_value() {
                told.push(format!("{} on {worker}, such as {path}", count(stale.len() as u64, "file")));
                evidence.push(since.event);
            }
        }
        let (status, summary) = if !told.is_empty() {
            (Status::Fail, format!("different: {}", told.join("; ")))
        } else if !unseen.is_empty() || workers.is_empty() {
            (Status::Unknown, format!("the files of {} were not seen", unseen.join(", ")))
        } else {
            evidence.extend(workers.iter().filter_map(|worker| scene.follow().last_state(worker)));
            let files = scene.follow().files();
            (Status::Pass, format!("all {files} files are equal on {}", workers.join(" and ")))
        };
        verdicts.add(claim, SYNC, status, summary, evidence);
        let lagging = workers.iter().find(|worker| !scene.follow().stale(worker).is_empty());
        verdicts.because(lagging.map_or_else(String::new, |worker| self.why_stale(worker, scene)));
    }

    fn different_at_end(&self, claim: &str, workers: &[NodeName], scene: &Scene, verdicts: &mut Verdicts) {
        let (mut told, mut evidence) = (Vec::new(), Vec::new());
        let (mut equal, mut unseen) = (false, workers.is_empty());
        for worker in workers {
            match scene.follow().stale(worker).first_key_value() {
                Some((path, since)) => {
                    let files = count(scene.follow().stale(worker).len() as u64, "file");
                    told.push(format!("{files} on {worker}, such as {path}"));
                    evidence.push(since.event);
                }
                None if !scene.follow().seen(worker) => {
                    unseen = true;
                    told.push(format!("the files of {worker} were not seen"));
                }
                None => {
                    equal = true;
                    told.push(format!("{worker} is equal to the manager"));
                    evidence.extend(scene.follow().last_state(worker));
                }
            }
        }
        let status = if unseen && !equal { Status::Unknown } else { held(!equal) };
        verdicts.add(claim, SYNC, status, told.join("; "), evidence);
    }

    fn converged_within(
        &self,
        claim: &str,
        workers: &[NodeName],
        within: Duration,
        scene: &Scene,
        verdicts: &mut Verdicts,
    ) {
        let unknown = |why: &str| (Status::Unknown, why.to_owned(), Vec::new());
        let (status, summary, evidence) = match scene.calm_since() {
            _ if workers.iter().any(|worker| !scene.follow().seen(worker)) => {
                unknown("not all files were seen")
            }
            _ if !scene.follow().published() => unknown("nothing changed on the manager after warm-up"),
            None => unknown("a fault acted until the run ended"),
            Some(calm) => {
                let (mut late, mut latest, mut evidence) = (Vec::new(), Duration::ZERO, Vec::new());
                for worker in workers {
                    match scene.follow().caught_up(worker, calm) {
                        Some((at, event)) if at.since(calm) <= within => {
                            latest = latest.max(at.since(calm));
                            evidence.push(event);
                        }
                        Some((at, event)) => {
                            late.push(format!("{worker} took {}", show_span(at.since(calm))));
                            evidence.push(event);
                        }
                        None => {
                            late.push(format!("{worker} did not"));
                            evidence.extend(scene.follow().stale(worker).values().map(|since| since.event));
                        }
                    }
                }
                match late.is_empty() {
                    true => (Status::Pass, format!("all had within {}", show_span(latest)), evidence),
                    false => (Status::Fail, late.join("; "), evidence),
                }
            }
        };
        verdicts.add(claim, SYNC, status, summary, evidence);
        let lagging = workers.iter().find(|worker| !scene.follow().stale(worker).is_empty());
        verdicts
            .because(lagging.map_or_else(|| "too late".to_owned(), |worker| self.why_stale(worker, scene)));
    }

    fn stale_at_most(
        &self,
        claim: &str,
        workers: &[NodeName],
        span: Duration,
        scene: &Scene,
        verdicts: &mut Verdicts,
    ) {
        if workers.iter().any(|worker| !scene.follow().seen(worker)) || !scene.follow().published() {
            let summary = "nothing changed on the manager after warm-up".to_owned();
            verdicts.add(claim, SYNC, Status::Unknown, summary, []);
            return;
        }
        let worst = workers.iter().map(|worker| (scene.follow().staleness(worker, scene), worker)).max();
        let Some((worst, worker)) = worst else { return };
        let of = worst.path.as_deref().map(|path| format!(", of {path}")).unwrap_or_default();
        let summary = format!("at most {}, on {worker}{of}", show_span(worst.span));
        verdicts.add(claim, SYNC, held(worst.span <= span), summary, worst.evidence);
        let lags = !scene.follow().stale(worker).is_empty();
        verdicts.because(if lags { self.why_stale(worker, scene) } else { "too late".to_owned() });
    }

    /// All running workers must serve the same, once everything has settled.
    fn agreement(&self, scene: &Scene, verdicts: &mut Verdicts) {
        let nothing = BTreeMap::new();
        let starting = scene.not_serving(Duration::ZERO);
        let serves =
            |worker: &&NodeName| !scene.is_down(worker) && !starting.iter().any(|(node, ..)| node == *worker);
        let running: Vec<_> = (scene.workers.iter().filter(serves))
            .map(|worker| (worker, self.served.get(worker).unwrap_or(&nothing)))
            .collect();
        // Where nobody says what it serves, nothing is known; one that serves nothing differs from those that do.
        if running.len() < 2 || running.iter().all(|(_, served)| served.is_empty()) {
            return;
        }
        let apis: std::collections::BTreeSet<&Arc<str>> =
            running.iter().flat_map(|(_, served)| served.keys()).collect();
        let (mut different, mut evidence) = (Vec::new(), Vec::new());
        for api in &apis {
            let revision =
                |served: &BTreeMap<Arc<str>, (u64, EventId)>| served.get(*api).map(|(number, _)| *number);
            let first = revision(running[0].1);
            if running.iter().any(|(_, served)| revision(served) != first) {
                let each = running.iter().map(|(worker, served)| match revision(served) {
                    Some(number) => format!("revision {number} on {worker}"),
                    None => format!("not on {worker}"),
                });
                different.push(format!("{api}: {}", each.collect::<Vec<_>>().join(", ")));
                evidence.extend(running.iter().filter_map(|(_, served)| Some(served.get(*api)?.1)));
            }
        }
        if different.is_empty() {
            evidence.extend(
                running.iter().filter_map(|(_, served)| served.values().map(|(_, event)| *event).max()),
            );
        }
        let summary = match different.len() {
            0 => format!("{} on {} workers", count(apis.len() as u64, "API"), running.len()),
            1..=3 => different.join("; "),
            more => format!("{}; and {} more", different[..3].join("; "), more - 3),
        };
        let claim = "every worker serves the same revisions at the end";
        verdicts.add(claim, SYNC, held(different.is_empty()), summary, evidence);
        let lagging = running.iter().find(|(worker, _)| !scene.follow().stale(worker).is_empty());
        verdicts.because(match lagging {
            Some((worker, _)) => self.why_stale(worker, scene),
            None => self.carried.why_served(running.iter().map(|(worker, _)| *worker)),
        });
    }

    /// No gateway may serve a torn snapshot long after everything was healed and published. Runs in which none did say nothing.
    fn whole(&self, scene: &Scene, verdicts: &mut Verdicts) {
        let Some(calm) = scene.calm_since() else { return };
        let whole_from = calm.max(self.published) + WHOLE_WITHIN;
        let late = self.torn.iter().filter(|(_, at, _)| *at >= whole_from);
        let (nodes, evidence): (Vec<&str>, Vec<EventId>) =
            late.map(|(node, _, event)| (&**node, *event)).unzip();
        if !nodes.is_empty() {
            let summary = format!("parts of an API are of several revisions on {}", nodes.join(" and "));
            verdicts.add(
                "no gateway serves a torn snapshot in the end",
                SYNC,
                held(false),
                summary,
                evidence,
            );
            verdicts.because(self.carried.why_torn(&nodes));
        }
    }

    /// Why a worker's files are not the manager's, without names and figures.
    fn why_stale(&self, worker: &NodeName, scene: &Scene) -> String {
        let Some((path, since)) = scene.follow().stale(worker).first_key_value() else {
            return String::new();
        };
        self.carried.why_stale(worker, path, since.at, scene)
    }

    fn converged(&self, worker: &NodeName, scene: &Scene) -> Converged {
        let stale = scene.follow().stale(worker);
        let staleness = scene.follow().staleness(worker, scene).span;
        Converged {
            worker: worker.clone(),
            staleness_ms_max: u64::try_from(staleness.as_millis()).unwrap_or(u64::MAX),
            converged_at_ms: stale
                .is_empty()
                .then(|| scene.follow().equal_since(worker).unwrap_or(SimTime::ZERO).as_millis()),
            divergent: stale.keys().take(PATHS_MAX).cloned().collect(),
        }
    }
}
