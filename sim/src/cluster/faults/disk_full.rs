//! A disk has no more room.

use std::sync::Arc;

use harness::plan::Fault;

use super::{Stage, gateways_of};
use crate::host::Host;

pub(super) fn inject(fault: &Fault, free_bytes: u64, stage: &mut Stage<'_>) {
    for name in gateways_of(fault, stage) {
        let host = stage.nodes.host(&name);
        let (capacity, used) = (host.disk().capacity_bytes(), host.disk().used_bytes());
        let (original, limits) = stage.held.capacities.entry(name.clone()).or_insert((capacity, Vec::new()));
        limits.push((fault.name.clone(), used.saturating_add(free_bytes)));
        set(host, *original, limits);
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        let Some((original, limits)) = stage.held.capacities.get_mut(&name) else { continue };
        limits.retain(|(holder, _)| *holder != fault.name);
        set(stage.nodes.host(&name), *original, limits);
        if limits.is_empty() {
            stage.held.capacities.remove(&name);
        }
    }
}

/// The smallest of the limits counts.
fn set(host: &Host, original: u64, limits: &[(Arc<str>, u64)]) {
    let capacity = limits.iter().map(|(_, limit)| *limit).fold(original, u64::min);
    host.disk_mut().set_capacity(capacity);
}
