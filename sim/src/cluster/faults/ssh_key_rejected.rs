//! sshd refuses every user's key.

use harness::plan::Fault;

use super::{Stage, gateways_of};

pub(super) fn inject(fault: &Fault, stage: &mut Stage<'_>) {
    for name in gateways_of(fault, stage) {
        stage.held.rejected.take(name.clone());
        stage.nodes.live().sshd(&name).set_rejects_keys(true);
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        if stage.held.rejected.release(&name) {
            stage.nodes.live().sshd(&name).set_rejects_keys(false);
        }
    }
}
