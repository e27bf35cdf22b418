//! Links go down and come up by turns, at first down.

use std::time::Duration;

use harness::plan::{Fault, PartitionDirection};

use super::{Stage, links_of};
use crate::network::Flap;

pub(super) fn inject(fault: &Fault, down: Duration, up: Duration, stage: &mut Stage<'_>) {
    let flap = Flap { since: stage.engine.now(), down, up };
    for (from, to) in links_of(fault, PartitionDirection::Both, stage.nodes) {
        stage.engine.flap(&from, &to, flap);
        let flaps = stage.held.flaps.entry(fault.name.clone()).or_default();
        flaps.push((from.name().clone(), to.name().clone(), flap));
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    for (from, to, flap) in stage.held.flaps.remove(&fault.name).unwrap_or_default() {
        stage.engine.steady(stage.nodes.host(&from), stage.nodes.host(&to), flap);
    }
}
