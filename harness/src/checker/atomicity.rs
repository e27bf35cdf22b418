//! Atomicity: does a worker ever deploy a part of what was published together?
//!
//! Verifies: that a worker marks no set of artifacts as torn: files of several revisions of one API in service
//! with no update under way that would end it, or an API in service without a sequence or an endpoint that it
//! names. A scenario may also claim that it happens. Only what happens after warm-up counts.
//!
//! Does not verify how long such a set stays in service, nor files that no server has deployed: what lies torn on
//! a disk between two scans harms nobody.

use std::collections::BTreeMap;

use super::{Checker, Evidence, Scene, Stated, Verdicts, count};
use crate::capability::Capability;
use crate::expectation::Claim;
use crate::report::Judgement;
use crate::trace::mark::{INCOMPLETE_SERVED, TORN_DEPLOYED, TORN_SERVED};
use crate::trace::{Event, EventKind, NodeName};
use crate::verdict::Status;

const NAME: &str = "atomicity";

pub(super) const ENTRY: super::Entry = super::Entry {
    name: NAME,
    doc: "does a worker deploy a part of what was published together",
    judges: |claim| matches!(claim, Claim::NoTornSnapshot { .. } | Claim::TornSnapshot { .. }),
    make: || Box::<Atomicity>::default(),
};

#[derive(Debug, Default)]
struct Atomicity {
    workers: BTreeMap<NodeName, Seen>,
}

/// What a worker did.
#[derive(Debug, Default)]
struct Seen {
    deployed: u64,
    torn: u64,
    torn_events: Evidence,
    last_deployment: Evidence,
}

impl Checker for Atomicity {
    fn observe(&mut self, event: &Event, scene: &Scene) {
        let Some(node) = &event.node else { return };
        if !scene.is_judged(event.at) || !scene.is_on_worker() {
            return;
        }
        match &event.kind {
            EventKind::ApiDeployed { .. } => {
                let seen = self.workers.entry(node.clone()).or_default();
                seen.deployed += 1;
                seen.last_deployment = Evidence::default();
                seen.last_deployment.add(event.id);
            }
            EventKind::Mark { mark }
                if [TORN_DEPLOYED, TORN_SERVED, INCOMPLETE_SERVED].contains(&&**mark) =>
            {
                let seen = self.workers.entry(node.clone()).or_default();
                seen.torn += 1;
                seen.torn_events.add(event.id);
            }
            _ => {}
        }
    }

    fn judge(&mut self, scene: &Scene, claims: &[Stated]) -> Judgement {
        let mut verdicts = Verdicts::of(NAME);
        for stated in claims {
            self.judge_claim(stated, scene, &mut verdicts);
        }
        Judgement { verdicts: verdicts.list, ..Judgement::default() }
    }
}

impl Atomicity {
    fn judge_claim(&self, stated: &Stated, scene: &Scene, verdicts: &mut Verdicts) {
        let (workers, wanted) = match &stated.claim {
            Claim::NoTornSnapshot { workers } => (workers, false),
            Claim::TornSnapshot { workers } => (workers, true),
            _ => return,
        };
        let nothing = Seen::default();
        let chosen = scene.chosen(workers);
        let seen: Vec<_> =
            chosen.iter().map(|name| (name, self.workers.get(name).unwrap_or(&nothing))).collect();
        let blind = seen.iter().all(|(_, seen)| seen.deployed == 0 && seen.torn == 0);
        let good = seen.iter().all(|(_, seen)| (seen.torn > 0) == wanted);
        let status = match (good, blind) {
            (_, true) => Status::Unknown,
            (true, _) => Status::Pass,
            (false, _) => Status::Fail,
        };
        let told = |(name, seen): &(&NodeName, &Seen)| match (seen.deployed, seen.torn) {
            (0, 0) => format!("{name} deployed nothing"),
            (deployed, torn) => {
                format!("{name}: {}, torn {}", count(deployed, "deployment"), count(torn, "time"))
            }
        };
        let summary = seen.iter().map(told).collect::<Vec<_>>().join("; ");
        let any_torn = seen.iter().any(|(_, seen)| seen.torn > 0);
        let evidence = seen.iter().flat_map(|(_, seen)| match any_torn {
            true => seen.torn_events.0.clone(),
            false => seen.last_deployment.0.clone(),
        });
        verdicts.add(&stated.text, Some(Capability::Sync), status, summary, evidence.collect::<Vec<_>>());
        verdicts.because(if wanted {
            "no torn snapshot was deployed"
        } else {
            "a torn snapshot was deployed"
        });
    }
}
