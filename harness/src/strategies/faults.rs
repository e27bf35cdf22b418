//! Faults: every kind that there is, on every target that makes sense, at any time or on any event.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::cluster::Topology;
use crate::plan::{Fault, FaultKind, Phases, Start, Target};
use crate::scenario::fault::candidates;

/// Up to `most` faults that act within the disturb phase, named after their kinds and numbered.
pub fn faults(
    topology: &Topology,
    phases: &Phases,
    most: usize,
) -> impl Strategy<Value = Vec<Fault>> + use<> {
    let disturb = phases.disturb_ends.since(phases.warmup_ends);
    let drawn = |(kind, target): &(FaultKind, Target)| !kind.denies_by_definition(target, topology);
    let instances: Vec<_> = candidates(topology).into_iter().filter(drawn).collect();
    let most = if instances.is_empty() { 0 } else { most };
    let longest = u64::try_from(disturb.as_millis()).unwrap_or(u64::MAX).max(2) - 1;
    let one = (select(instances), starts(topology, phases), 1..=longest);
    let phases = phases.clone();
    vec(one, 0..=most).prop_map(move |drawn| {
        let numbered = drawn.into_iter().enumerate().map(|(index, ((kind, target), start, lasts_ms))| {
            let left = match &start {
                Start::At { at_ns } => phases.disturb_ends.since(*at_ns),
                Start::On { .. } => disturb,
            };
            Fault {
                name: format!("{}-{}", kind.name(), index + 1).into(),
                kind,
                target,
                start,
                lasts: Duration::from_millis(lasts_ms).min(left),
                repeats: None,
            }
        });
        numbered.collect()
    })
}

/// When a fault begins: at a moment of the disturb phase, or right after something that happens in every run.
pub fn starts(topology: &Topology, phases: &Phases) -> impl Strategy<Value = Start> + use<> {
    let disturb_ms =
        u64::try_from(phases.disturb_ends.since(phases.warmup_ends).as_millis()).unwrap_or(u64::MAX).max(1);
    let begins = phases.warmup_ends;
    let at = (0..disturb_ms).prop_map(move |ms| Start::At { at_ns: begins + Duration::from_millis(ms) });
    let fields = |fields: &[(&str, &str)]| -> BTreeMap<String, String> {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let mut events = vec![
        ("sync_started", fields(&[]), None),
        ("sync_ended", fields(&[]), None),
        ("op_ended", fields(&[("operation", "publish"), ("outcome", "ok")]), None),
    ];
    for worker in &topology.workers {
        events.push(("rsync_started", fields(&[("worker", worker)]), None));
        events.push(("rsync_file", fields(&[("worker", worker)]), None));
        events.push(("scan_started", fields(&[]), Some(worker.clone())));
    }
    let on = (select(events), 1_u64..5).prop_map(|((event, with, node), nth)| Start::On {
        event: event.to_owned(),
        with,
        node,
        nth,
    });
    prop_oneof![4 => at, 1 => on]
}
