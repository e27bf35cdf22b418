//! sshd accepts connections and says nothing on them.

use harness::plan::Fault;

use super::{Stage, gateways_of};

pub(super) fn inject(fault: &Fault, stage: &mut Stage<'_>) {
    for name in gateways_of(fault, stage) {
        stage.held.hanging.take(name.clone());
        stage.nodes.live().sshd(&name).set_hangs(true);
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        if stage.held.hanging.release(&name) {
            stage.nodes.live().sshd(&name).set_hangs(false);
        }
    }
}
