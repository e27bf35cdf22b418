//! Each line of the list takes the sync script longer.

use std::time::Duration;

use harness::plan::Fault;

use super::{Stage, gateways_of};

pub(super) fn inject(fault: &Fault, delay_ns: u64, stage: &mut Stage<'_>) {
    for name in gateways_of(fault, stage) {
        stage.nodes.live().add_sync_delay(&name, &fault.name, Duration::from_nanos(delay_ns));
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        stage.nodes.live().take_sync_delay(&name, &fault.name);
    }
}
