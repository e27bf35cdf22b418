//! Durability: what was acknowledged to a publisher must not be lost.
//!
//! Verifies, of the newest acknowledged publish or deletion of each API: that at the end it is what the
//! gateways serve, or something newer. Workers serve what the sync has brought them from the manager's disk, so
//! a running worker whose files are equal to the manager's tells what that disk holds; only when there is none
//! is the manager's own gateway asked, which may have it in memory only. Of changes that were under way at the same time,
//! any may be the one that stays: a balancer that stood still passes on late what others have overtaken.
//!
//! Does not verify publishes that a later acknowledged one has replaced, nor the bytes of the artifacts. What
//! was acknowledged in the last moments of a run, before a sync and a scan could carry it, is unknown unless it
//! is seen.

mod blows;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use self::blows::Blows;
use super::{Checker, Scene, Stated, Verdicts, count};
use crate::capability::Capability;
use crate::expectation::{Claim, LostPublish};
use crate::report::Judgement;
use crate::time::SimTime;
use crate::trace::event::{OpKind, OpOutcome};
use crate::trace::{Event, EventId, EventKind, NodeName};
use crate::verdict::Status;

const NAME: &str = "durability";

pub(super) const ENTRY: super::Entry = super::Entry {
    name: NAME,
    doc: "is what was acknowledged to a publisher still there at the end",
    judges: |claim| matches!(claim, Claim::PublishesLostAtMost { .. } | Claim::PublishesLostOnly { .. }),
    make: || Box::<Durability>::default(),
};

/// From an acknowledgement to its being served on a worker: the manager's queue (5 s), the next run of cron
/// (60 s), the next scan (15 s) and the updates of a scan (2 s each), with room.
const CARRIED_WITHIN: Duration = Duration::from_secs(150);

#[derive(Default)]
struct Durability {
    acknowledged: u64,
    /// The acknowledged changes of each API that no other was begun after: mostly one, several when they were under way
    /// at the same time.
    newest: BTreeMap<Arc<str>, Vec<Change>>,
    /// The newest operation of each API that may have happened though nobody was told.
    perhaps: BTreeMap<Arc<str>, u64>,
    served: BTreeMap<NodeName, BTreeMap<Arc<str>, u64>>,
    blows: Blows,
}

/// An acknowledged change of an API.
#[derive(Clone)]
struct Change {
    revision: u64,
    deleted: bool,
    /// When it was asked for, and when its client knew that it was done.
    asked: SimTime,
    at: SimTime,
    event: EventId,
}

enum Fate {
    Kept,
    Lost,
    Unknown(&'static str),
}

impl Checker for Durability {
    fn observe(&mut self, event: &Event, scene: &Scene) {
        if let EventKind::OpEnded { what, started, outcome, .. } = &event.kind {
            let (api, revision, deleted) = match what {
                OpKind::Publish { api, revision } => (api, *revision, false),
                OpKind::Delete { api, revision } => (api, *revision, true),
                _ => return,
            };
            match outcome {
                OpOutcome::Ok => {
                    self.acknowledged += 1;
                    let (at, event) = (event.at, event.id);
                    let newest = self.newest.entry(api.clone()).or_default();
                    // Of two that were under way at the same time, either may be the one that stays.
                    newest.retain(|before| before.at >= *started);
                    newest.push(Change { revision, deleted, asked: *started, at, event });
                }
                OpOutcome::Unknown => {
                    let perhaps = self.perhaps.entry(api.clone()).or_default();
                    *perhaps = revision.max(*perhaps);
                }
                OpOutcome::Failed => {}
            }
        }
        self.blows.observe(event, scene);
        let Some(node) = &event.node else { return };
        match &event.kind {
            EventKind::ApiDeployed { api, revision } => {
                self.served.entry(node.clone()).or_default().insert(api.clone(), *revision);
            }
            EventKind::ApiUndeployed { api } => {
                self.served.entry(node.clone()).or_default().remove(api);
            }
            EventKind::ProcessEnded { .. } | EventKind::NodeDown if scene.is_down(node) => {
                self.served.remove(node);
            }
            _ => {}
        }
    }

    fn judge(&mut self, scene: &Scene, claims: &[Stated]) -> Judgement {
        let mut verdicts = Verdicts::of(NAME);
        let (mut lost, mut unknown) = (Vec::new(), Vec::new());
        for (api, changes) in &self.newest {
            let fates: Vec<Fate> = changes.iter().map(|change| self.fate(api, change, scene)).collect();
            // What is there is one of them; the others are replaced by it.
            if fates.iter().any(|fate| matches!(fate, Fate::Kept)) {
                continue;
            }
            let Some(newest) = changes.iter().zip(fates).max_by_key(|(change, _)| change.revision) else {
                continue;
            };
            match newest {
                (change, Fate::Unknown(why)) => unknown.push((api, change, why)),
                (change, _) => lost.push((api, change)),
            }
        }
        let own = Stated {
            text: "no acknowledged publish is lost".to_owned(),
            claim: Claim::PublishesLostAtMost { count: 0 },
        };
        let own = (claims.is_empty() && self.acknowledged > 0).then_some(&own);
        for stated in claims.iter().chain(own) {
            let (allowed, limit) = match &stated.claim {
                Claim::PublishesLostOnly { these } => (these.as_slice(), 0),
                Claim::PublishesLostAtMost { count } => (&[] as &[LostPublish], *count),
                _ => continue,
            };
            let counts = |api: &str, revision| !allowed.iter().any(|one| one.covers(api, revision));
            let against: Vec<_> = lost.iter().filter(|(api, change)| counts(api, change.revision)).collect();
            let open: Vec<_> =
                unknown.iter().filter(|(api, change, _)| counts(api, change.revision)).collect();
            let status = if against.len() as u64 > limit {
                Status::Fail
            } else if self.acknowledged == 0 || (against.len() + open.len()) as u64 > limit {
                Status::Unknown
            } else {
                Status::Pass
            };
            let mut evidence: Vec<EventId> = against.iter().map(|(_, change)| change.event).collect();
            evidence.extend(open.iter().map(|(_, change, _)| change.event));
            if evidence.is_empty() {
                evidence.extend(self.newest.values().flatten().map(|change| change.event));
            }
            let summary = self.told(&lost, &unknown);
            verdicts.add(&stated.text, Some(Capability::Publish), status, summary, evidence);
            // What nothing explains outweighs what something does: a verdict has one cause.
            let causes = || against.iter().map(|(_, change)| self.blows.cause(change.asked, change.at));
            if let Some(cause) = causes().find(|cause| !cause.explained).or_else(|| causes().next()) {
                verdicts.because(cause.text);
            }
        }
        let mut judgement = Judgement::default();
        if self.acknowledged > 0 {
            judgement.metrics.insert("publishes_acknowledged".into(), self.acknowledged);
            judgement.metrics.insert("publishes_lost".into(), lost.len() as u64);
        }
        judgement.verdicts = verdicts.list;
        judgement
    }
}

impl Durability {
    fn fate(&self, api: &Arc<str>, change: &Change, scene: &Scene) -> Fate {
        let running = |node: &&NodeName| !scene.is_down(node) && self.served.contains_key(*node);
        // A worker that differs from the manager tells nothing of the manager's disk.
        let telling: Vec<&NodeName> = scene
            .workers
            .iter()
            .filter(running)
            .filter(|worker| scene.follow().seen(worker) && scene.follow().stale(worker).is_empty())
            .collect();
        let asked =
            if telling.is_empty() { scene.managers.iter().filter(running).collect() } else { telling };
        if asked.is_empty() {
            return Fate::Unknown("no gateway could be asked at the end");
        }
        let kept = asked.iter().any(|node| {
            match (self.served.get(*node).and_then(|served| served.get(api)), change.deleted) {
                (Some(revision), false) => *revision >= change.revision,
                (Some(revision), true) => *revision > change.revision,
                (None, deleted) => deleted,
            }
        });
        if kept {
            return Fate::Kept;
        }
        if self.perhaps.get(api).is_some_and(|revision| *revision > change.revision) {
            return Fate::Unknown("a later change of unknown outcome may have replaced it");
        }
        if scene.now.since(change.at) < CARRIED_WITHIN {
            return Fate::Unknown("the run ended before it could be carried");
        }
        Fate::Lost
    }

    fn told(&self, lost: &[(&Arc<str>, &Change)], unknown: &[(&Arc<str>, &Change, &str)]) -> String {
        const NAMED_MAX: usize = 5;
        if self.acknowledged == 0 {
            return "nothing was acknowledged".to_owned();
        }
        let mut told = format!("{} acknowledged, {} lost", count(self.acknowledged, "publish"), lost.len());
        let names: Vec<String> = lost
            .iter()
            .take(NAMED_MAX)
            .map(|(api, change)| {
                let what = if change.deleted { " (its deletion)" } else { "" };
                format!("{api} r{}{what}", change.revision)
            })
            .collect();
        if !names.is_empty() {
            told.push_str(&format!(": {}", names.join(", ")));
        }
        if lost.len() > NAMED_MAX {
            told.push_str(&format!(" and {} more", lost.len() - NAMED_MAX));
        }
        if let Some((api, change, why)) = unknown.first() {
            told.push_str(&format!(
                "; of {} it is unknown, such as {api} r{}: {why}",
                unknown.len(),
                change.revision
            ));
        }
        told
    }
}

impl LostPublish {
    fn covers(&self, api: &str, revision: u64) -> bool {
        self.api == api && self.revision.is_none_or(|one| one == revision)
    }
}
