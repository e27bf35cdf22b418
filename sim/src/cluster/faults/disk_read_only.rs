//! A file system is mounted read-only.

use harness::plan::Fault;

use super::{Stage, gateways_of, had_no_effect};

pub(super) fn inject(fault: &Fault, stage: &mut Stage<'_>) {
    for name in gateways_of(fault, stage) {
        let host = stage.nodes.host(&name);
        if !stage.held.read_only.take(name.clone()) {
            had_no_effect(host, fault, format!("the disk of {name} is read-only already"));
        }
        host.disk_mut().set_read_only(true);
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        if stage.held.read_only.release(&name) {
            stage.nodes.host(&name).disk_mut().set_read_only(false);
        }
    }
}
