//! A process is killed with SIGKILL, and started again at the end.

use harness::plan::Fault;

use super::{Stage, had_no_effect, process_of};

pub(super) fn inject(fault: &Fault, stage: &mut Stage<'_>) {
    let (names, process) = process_of(fault);
    for name in names {
        let host = stage.nodes.host(name);
        let running = host.processes(process);
        if running.is_empty() {
            had_no_effect(host, fault, format!("{process} does not run on {name}"));
        }
        stage.held.killed.take((name.clone(), process.clone()));
        for process in running {
            process.kill();
        }
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    let (names, process) = process_of(fault);
    for name in names {
        let freed = stage.held.killed.release(&(name.clone(), process.clone()));
        if freed && !stage.held.unpowered.contains(name) {
            stage.nodes.start_service(name, process);
        }
    }
}
