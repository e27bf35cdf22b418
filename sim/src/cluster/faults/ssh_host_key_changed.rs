//! sshd shows another host key than it did.

use harness::plan::Fault;

use super::{Stage, gateways_of};

pub(super) fn inject(fault: &Fault, stage: &mut Stage<'_>) {
    for name in gateways_of(fault, stage) {
        stage.held.host_key.take(name.clone());
        stage.nodes.live().sshd(&name).set_host_key_changed(true);
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        if stage.held.host_key.release(&name) {
            stage.nodes.live().sshd(&name).set_host_key_changed(false);
        }
    }
}
