//! A process is killed with SIGKILL, and started again at the end.

use std::time::Duration;

use harness::plan::Fault;

use super::{Stage, process_of};
use crate::planted::PlantedBug;

pub(super) fn inject(fault: &Fault, stage: &mut Stage<'_>) {
    let (names, process) = process_of(fault);
    for name in names {
        stage.take_down(fault, name, process).iter().for_each(|process| process.kill());
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    let (names, process) = process_of(fault);
    for name in names {
        let freed = stage.held.killed.release(&(name.clone(), process.clone()));
        let port_taken = stage.nodes.has(PlantedBug::QuickRestartFindsPortTaken)
            && fault.lasts < Duration::from_secs(2)
            && matches!(&**process, "wso2" | "nginx");
        if freed && !port_taken && !stage.held.unpowered.contains(name) {
            stage.start(name, process);
        }
    }
}
