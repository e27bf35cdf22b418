//! A power loss takes something else than usual of what was not synced.

use harness::plan::{Fault, UnsyncedWrites};
use harness::trace::NodeName;

use super::{Stage, gateways_of};
use crate::disk::UnsyncedLoss;

pub(super) fn inject(fault: &Fault, lost: UnsyncedWrites, stage: &mut Stage<'_>) {
    let loss = match lost {
        UnsyncedWrites::Nothing => UnsyncedLoss::Nothing,
        UnsyncedWrites::Contents => UnsyncedLoss::Contents,
        UnsyncedWrites::Everything => UnsyncedLoss::Everything,
    };
    for name in gateways_of(fault, stage) {
        stage.held.unsynced.entry(name.clone()).or_default().push((fault.name.clone(), loss));
        set(&name, stage);
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        if let Some(losses) = stage.held.unsynced.get_mut(&name) {
            losses.retain(|(holder, _)| *holder != fault.name);
            set(&name, stage);
        }
    }
}

/// The last fault that is not healed counts.
fn set(name: &NodeName, stage: &Stage<'_>) {
    let last = stage.held.unsynced.get(name).and_then(|losses| losses.last());
    let loss = last.map_or(UnsyncedLoss::Ext4, |(_, loss)| *loss);
    stage.nodes.host(name).disk_mut().set_unsynced_loss(loss);
}
