//! Some packets between two groups of nodes are lost by chance.

use harness::plan::{Fault, PartitionDirection};

use super::held::Change;
use super::{Stage, slow_link};

pub(super) fn inject(fault: &Fault, loss_ppm: u32, direction: PartitionDirection, stage: &mut Stage<'_>) {
    slow_link::change(fault, &Change::Lossy(loss_ppm), direction, stage);
}

pub(super) fn heal(fault: &Fault, direction: PartitionDirection, stage: &mut Stage<'_>) {
    slow_link::restore(fault, direction, stage);
}
