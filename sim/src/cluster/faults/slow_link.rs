//! Links become slow: late, unsteady, or narrow.

use harness::plan::{Fault, LinkChange, PartitionDirection};

use super::held::{Change, ChangedLink};
use super::{Stage, links_of};

pub(super) fn inject(fault: &Fault, change: &LinkChange, stage: &mut Stage<'_>) {
    self::change(fault, &Change::Slow(change.clone()), PartitionDirection::Both, stage);
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    restore(fault, PartitionDirection::Both, stage);
}

/// Changes the links that the fault acts on, in a direction.
pub(super) fn change(fault: &Fault, change: &Change, direction: PartitionDirection, stage: &mut Stage<'_>) {
    for (from, to) in links_of(fault, direction, stage.nodes) {
        let original = stage.engine.link(&from, &to);
        let key = (from.name().clone(), to.name().clone());
        let unchanged = || ChangedLink { original, changes: Vec::new() };
        let link = stage.held.links.entry(key).or_insert_with(unchanged);
        link.changes.push((fault.name.clone(), change.clone()));
        stage.engine.set_link(&from, &to, link.spec());
    }
}

/// Takes the fault's changes back.
pub(super) fn restore(fault: &Fault, direction: PartitionDirection, stage: &mut Stage<'_>) {
    for (from, to) in links_of(fault, direction, stage.nodes) {
        let key = (from.name().clone(), to.name().clone());
        let Some(link) = stage.held.links.get_mut(&key) else { continue };
        link.changes.retain(|(name, _)| *name != fault.name);
        stage.engine.set_link(&from, &to, link.spec());
        if link.changes.is_empty() {
            stage.held.links.remove(&key);
        }
    }
}
