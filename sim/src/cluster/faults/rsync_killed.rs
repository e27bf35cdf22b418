//! The next transfer to a worker is killed half-way.

use harness::plan::{Fault, KillAt, KillSignal, TransferSide};

use super::{Stage, had_no_effect};
use crate::cluster::live::ArmedKill;

pub(super) fn inject(
    fault: &Fault,
    at: KillAt,
    signal: KillSignal,
    side: TransferSide,
    stage: &mut Stage<'_>,
) {
    for worker in fault.target.nodes() {
        stage.nodes.live().arm(ArmedKill { fault: fault.name.clone(), worker, at, signal, side });
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    for worker in fault.target.nodes() {
        if stage.nodes.live().disarm(&fault.name, &worker) {
            let host = stage.nodes.host(&worker);
            had_no_effect(host, fault, format!("no transfer to {worker} came so far"));
        }
    }
}
