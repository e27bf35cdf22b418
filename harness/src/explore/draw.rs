//! What exploration draws: faults, workload, timing. Whole numbers only, so that every machine draws the same.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::coverage::Place;
use crate::cluster::Topology;
use crate::plan::{Fault, FaultKind, Plan, Repeats, Start, Target, Timing, Workload, WorkloadKind};
use crate::rng::below;
use crate::scenario::fault::candidates;
use crate::time::SimTime;
use crate::trace::NodeName;

/// A run has at most this many faults.
const FAULTS_MAX: u64 = 6;
/// A run draws from at most this many kinds of faults.
const KINDS_MAX: u64 = 4;
/// No fault is shorter than this, unless the disturb phase is.
const LASTS_LEAST: Duration = Duration::from_millis(50);

/// What one run has beside what all runs of an exploration have in common.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draw {
    /// The seed of the run's own streams.
    pub seed: u64,
    /// What clients do.
    pub workloads: Vec<Workload>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// The timing.
    #[serde(default, skip_serializing_if = "Timing::is_default")]
    pub timing: Timing,
}

impl Draw {
    /// The plan of the run.
    pub fn plan(&self, base: &Plan) -> Plan {
        Plan {
            seed: self.seed,
            workloads: self.workloads.clone(),
            faults: self.faults.clone(),
            timing: self.timing.clone(),
            ..base.clone()
        }
    }

    /// The simplest of several is the least: few faults, plain timing, few operations.
    pub(super) fn effort(&self) -> (usize, bool, u128) {
        let operations = self.workloads.iter().map(|one| {
            let span = one.until.since(one.first).as_nanos();
            span / one.every.as_nanos().max(1)
        });
        (self.faults.len(), !self.timing.is_default(), operations.sum())
    }
}

/// What is drawn from.
#[derive(Debug)]
pub(super) struct Ground<'a> {
    pub(super) base: &'a Plan,
    /// The instances of each kind of fault that make sense on the cluster.
    kinds: Vec<(&'static str, Vec<(FaultKind, Target)>)>,
}

impl<'a> Ground<'a> {
    pub(super) fn new(base: &'a Plan, topology: &Topology) -> Self {
        let mut kinds: Vec<(&'static str, Vec<(FaultKind, Target)>)> = Vec::new();
        let drawn = |(kind, target): &(FaultKind, Target)| !kind.denies_by_definition(target, topology);
        for (kind, target) in candidates(topology).into_iter().filter(drawn) {
            match kinds.iter_mut().find(|(name, _)| *name == kind.name()) {
                Some((_, instances)) => instances.push((kind, target)),
                None => kinds.push((kind.name(), vec![(kind, target)])),
            }
        }
        Self { base, kinds }
    }

    /// A run without faults, with the scenario's own workload: what its events are tells where faults can begin.
    pub(super) fn calm(&self, seed: u64) -> Draw {
        Draw { seed, workloads: self.base.workloads.clone(), faults: Vec::new(), timing: Timing::default() }
    }

    /// A run of its own.
    pub(super) fn fresh(&self, seed: u64, rng: &mut ChaCha8Rng, places: &[Place]) -> Draw {
        let mut draw =
            Draw { seed, workloads: self.workloads(rng), faults: Vec::new(), timing: self.timing(rng) };
        let swarm = self.swarm(rng);
        let mut count = 1;
        while count < FAULTS_MAX && below(rng, 2) == 0 {
            count += 1;
        }
        for _ in 0..count {
            self.add_fault(&mut draw, &swarm, rng, places);
        }
        draw
    }

    /// The kinds of faults of one run: a random subset. Runs with few kinds reach what runs with all of them do
    /// not, since one fault hides another.
    pub(super) fn swarm(&self, rng: &mut ChaCha8Rng) -> Vec<usize> {
        let many = self.kinds.len() as u64;
        let wanted = 1 + below(rng, KINDS_MAX.min(many));
        let mut chosen = BTreeSet::new();
        while (chosen.len() as u64) < wanted.min(many) {
            chosen.insert(below(rng, many) as usize);
        }
        chosen.into_iter().collect()
    }

    /// Every kind.
    pub(super) fn all_kinds(&self) -> Vec<usize> {
        (0..self.kinds.len()).collect()
    }

    /// Adds a fault of one of these kinds.
    pub(super) fn add_fault(&self, draw: &mut Draw, kinds: &[usize], rng: &mut ChaCha8Rng, places: &[Place]) {
        let Some(kind) = pick(rng, kinds) else { return };
        let (kind_name, instances) = &self.kinds[*kind];
        let Some((kind, target)) = pick(rng, instances).cloned() else { return };
        let start = self.start(rng, places, &draw.faults, &target.nodes());
        let number = (1..).find(|number| {
            let name = format!("{kind_name}-{number}");
            !draw.faults.iter().any(|fault| *fault.name == *name)
        });
        let name: Arc<str> = format!("{kind_name}-{}", number.unwrap_or_default()).into();
        let lasts = self.lasts(rng);
        let repeats = (below(rng, 8) == 0)
            .then(|| Repeats { every: (lasts * 2).max(Duration::from_secs(1)), times: 2 + below(rng, 4) });
        draw.faults.push(Fault { name, kind, target, start, lasts, repeats });
    }

    /// Another instance of a fault's kind, on any target.
    pub(super) fn other_instance(&self, fault: &mut Fault, rng: &mut ChaCha8Rng) {
        let own = self.kinds.iter().find(|(name, _)| *name == fault.kind.name());
        if let Some((kind, target)) = own.and_then(|(_, instances)| pick(rng, instances)).cloned() {
            (fault.kind, fault.target) = (kind, target);
        }
    }

    /// When a fault begins: at any moment, right after something that happens, or close to another fault.
    pub(super) fn start(
        &self,
        rng: &mut ChaCha8Rng,
        places: &[Place],
        others: &[Fault],
        nodes: &[NodeName],
    ) -> Start {
        let phases = &self.base.phases;
        let disturb = phases.disturb_ends.since(phases.warmup_ends);
        let at = |at_ns: SimTime| Start::At { at_ns };
        match below(rng, 8) {
            0..4 if !places.is_empty() => on_event(rng, places, nodes),
            4 | 5 => match pick(rng, others).map(|fault| &fault.start) {
                Some(Start::At { at_ns }) => {
                    at(*at_ns + magnitude(rng, Duration::from_millis(1), disturb / 2))
                }
                Some(on) => on.clone(),
                None => at(phases.warmup_ends + within(rng, disturb)),
            },
            _ => at(phases.warmup_ends + within(rng, disturb)),
        }
    }

    /// How long a fault lasts: every order of magnitude is as likely.
    pub(super) fn lasts(&self, rng: &mut ChaCha8Rng) -> Duration {
        let phases = &self.base.phases;
        magnitude(rng, LASTS_LEAST, phases.disturb_ends.since(phases.warmup_ends))
    }

    /// How far the timing departs from the files': an axis of its own, and mostly not at all.
    pub(super) fn timing(&self, rng: &mut ChaCha8Rng) -> Timing {
        let mut sometimes = |one_in: u64, most: Duration| match below(rng, one_in) {
            0 => magnitude(rng, Duration::from_micros(100), most),
            _ => Duration::ZERO,
        };
        let latency = sometimes(4, Duration::from_millis(200));
        Timing {
            latency_ns: (!latency.is_zero()).then(|| u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX)),
            packet_jitter: sometimes(4, Duration::from_millis(100)),
            wake_up_jitter: sometimes(3, Duration::from_secs(2)),
        }
    }

    /// The scenario's workloads, each as it is, slower, faster, of fewer APIs, at another moment, or not at all.
    pub(super) fn workloads(&self, rng: &mut ChaCha8Rng) -> Vec<Workload> {
        let mut workloads = Vec::new();
        for workload in &self.base.workloads {
            let mut drawn = self.workload(workload, rng);
            // Without publishing, little can go wrong.
            let keeps = if matches!(workload.kind, WorkloadKind::Publish { .. }) { 16 } else { 8 };
            if below(rng, keeps) > 0 {
                workloads.extend(self.early(&mut drawn, rng));
                workloads.push(drawn);
            }
        }
        workloads
    }

    /// Sometimes some of several APIs are not published any more after a moment: what is lost then is not made good by
    /// a later publish.
    fn early(&self, workload: &mut Workload, rng: &mut ChaCha8Rng) -> Option<Workload> {
        let WorkloadKind::Publish { apis, delete_every } = &mut workload.kind else { return None };
        if apis.len() < 2 || below(rng, 3) > 0 {
            return None;
        }
        let some = apis.split_off(1);
        let kind = WorkloadKind::Publish { apis: some, delete_every: *delete_every };
        let phases = &self.base.phases;
        let until =
            workload.first + workload.every + within(rng, phases.disturb_ends.since(phases.warmup_ends));
        Some(Workload { kind, until: until.min(workload.until), ..workload.clone() })
    }

    fn workload(&self, base: &Workload, rng: &mut ChaCha8Rng) -> Workload {
        let mut workload = base.clone();
        match &mut workload.kind {
            // Calls are most of a run's work: more of them show little that fewer do not.
            WorkloadKind::Calls { .. } => workload.every *= pick_number(rng, &[1, 1, 2, 4, 8]),
            WorkloadKind::Publish { apis, delete_every } => {
                workload.every = workload.every * pick_number(rng, &[1, 2, 4, 8]) / 4;
                let kept = 1 + below(rng, apis.len() as u64) as usize;
                apis.truncate(kept);
                *delete_every = u64::from(pick_number(rng, &[0, 2, 3, 5, 8]));
            }
            WorkloadKind::Administer
            | WorkloadKind::WriteAttempts { .. }
            | WorkloadKind::HealthChecks { .. } => {
                workload.every = workload.every * pick_number(rng, &[1, 2, 4]) / 2;
            }
        }
        workload.every = workload.every.max(Duration::from_millis(1));
        workload.first = self.base.phases.warmup_ends + within(rng, workload.every);
        workload
    }
}

/// Right after an event of a kind that happens, mostly one on a node that the fault acts on: what is hit in the middle
/// of its work is hit where it hurts.
fn on_event(rng: &mut ChaCha8Rng, places: &[Place], nodes: &[NodeName]) -> Start {
    let own = |place: &&Place| place.node.as_ref().is_some_and(|node| nodes.contains(node));
    let near: Vec<Place> = places.iter().filter(own).cloned().collect();
    let among = if near.is_empty() || below(rng, 4) == 0 { places } else { &near };
    let place = pick(rng, among).expect("the caller has looked");
    Start::On {
        event: place.event.to_owned(),
        with: std::collections::BTreeMap::new(),
        node: place.node.clone(),
        nth: 1 + below(rng, place.count),
    }
}

/// Any of these; none when there is none.
pub(super) fn pick<'t, T>(rng: &mut ChaCha8Rng, from: &'t [T]) -> Option<&'t T> {
    from.get(below(rng, from.len() as u64) as usize)
}

fn pick_number(rng: &mut ChaCha8Rng, from: &[u32]) -> u32 {
    pick(rng, from).copied().unwrap_or(1)
}

/// A span below `most`, in whole milliseconds.
fn within(rng: &mut ChaCha8Rng, most: Duration) -> Duration {
    Duration::from_millis(below(rng, u64::try_from(most.as_millis()).unwrap_or(u64::MAX)))
}

/// A span of any order of magnitude between these; in whole milliseconds when it is that long.
pub(super) fn magnitude(rng: &mut ChaCha8Rng, least: Duration, most: Duration) -> Duration {
    let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX).max(1);
    let (low, high) = (nanos(least).ilog2(), nanos(most.max(least)).ilog2());
    let bits = low + below(rng, u64::from(high - low) + 1) as u32;
    let drawn = (1_u64 << bits) + below(rng, 1 << bits);
    let drawn = if drawn > 2_000_000 { drawn - drawn % 1_000_000 } else { drawn };
    Duration::from_nanos(drawn).clamp(least, most.max(least))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::stream;

    #[test]
    fn every_order_of_magnitude_is_drawn_and_the_bounds_hold() {
        let mut rng = stream(1, "magnitudes");
        let (least, most) = (Duration::from_millis(1), Duration::from_secs(100));
        let drawn: Vec<Duration> = (0..300).map(|_| magnitude(&mut rng, least, most)).collect();
        assert!(drawn.iter().all(|span| (least..=most).contains(span)));
        for magnitude in [10, 100, 1_000, 10_000, 100_000] {
            let below = Duration::from_millis(magnitude);
            assert!(drawn.iter().any(|span| *span < below && *span >= below / 10), "{below:?}");
        }
        assert_eq!(magnitude(&mut rng, most, least), most);
    }
}
