//! A machine loses its power, and boots at the end with all services that no other fault keeps down.

use std::sync::Arc;

use harness::plan::Fault;
use harness::trace::NodeName;

use super::{Stage, had_no_effect};

pub(super) fn inject(fault: &Fault, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        let host = stage.nodes.host(&name);
        if !host.is_powered() {
            had_no_effect(host, fault, format!("{name} has no power already"));
        }
        host.power_off();
        stage.held.unpowered.take(name);
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        boot_when_free(&name, stage);
    }
}

/// A fault lets a node have power again: it boots, unless another fault keeps it off.
pub(super) fn boot_when_free(name: &NodeName, stage: &mut Stage<'_>) {
    if stage.held.unpowered.release(name) {
        let killed = &stage.held.killed;
        stage.nodes.boot(name, |process| !killed.contains(&(name.clone(), Arc::from(process))));
    }
}
