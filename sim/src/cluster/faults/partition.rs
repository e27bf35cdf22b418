//! Packets between two groups of nodes are lost.

use harness::plan::{Fault, PartitionDirection};

use super::{Stage, links_of};

pub(super) fn inject(fault: &Fault, direction: PartitionDirection, stage: &mut Stage<'_>) {
    for (from, to) in links_of(fault, direction, stage.nodes) {
        stage.engine.cut(&from, &to);
    }
}

pub(super) fn heal(fault: &Fault, direction: PartitionDirection, stage: &mut Stage<'_>) {
    for (from, to) in links_of(fault, direction, stage.nodes) {
        stage.engine.join(&from, &to);
    }
}
