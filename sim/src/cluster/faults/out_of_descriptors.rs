//! A process has no file descriptor left, and some again at the end. One that is started meanwhile has its own.

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
        stage.held.without_descriptors.take((name.clone(), process.clone()));
        running.iter().for_each(|process| process.set_out_of_descriptors(true));
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    let (names, process) = process_of(fault);
    for name in names {
        if stage.held.without_descriptors.release(&(name.clone(), process.clone())) {
            let running = stage.nodes.host(name).processes(process);
            running.iter().for_each(|process| process.set_out_of_descriptors(false));
        }
    }
}
