//! Links become slow: late, unsteady, or narrow.

use harness::plan::{Fault, LinkChange, PartitionDirection};

use super::held::ChangedLink;
use super::{Stage, links_of};

pub(super) fn inject(fault: &Fault, change: &LinkChange, stage: &mut Stage<'_>) {
    for (from, to) in links_of(fault, PartitionDirection::Both, stage.nodes) {
        let original = stage.engine.link(&from, &to);
        let key = (from.name().clone(), to.name().clone());
        let unchanged = || ChangedLink { original, changes: Vec::new() };
        let link = stage.held.links.entry(key).or_insert_with(unchanged);
        link.changes.push((fault.name.clone(), change.clone()));
        stage.engine.set_link(&from, &to, link.spec());
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    for (from, to) in links_of(fault, PartitionDirection::Both, stage.nodes) {
        let key = (from.name().clone(), to.name().clone());
        let Some(link) = stage.held.links.get_mut(&key) else { continue };
        link.changes.retain(|(name, _)| *name != fault.name);
        stage.engine.set_link(&from, &to, link.spec());
        if link.changes.is_empty() {
            stage.held.links.remove(&key);
        }
    }
}
