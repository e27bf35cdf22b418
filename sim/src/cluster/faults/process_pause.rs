//! A process stands still (SIGSTOP), and goes on at the end.

use harness::plan::Fault;

use super::{Stage, had_no_effect, process_of};

pub(super) fn inject(fault: &Fault, stage: &mut Stage<'_>) {
    let (names, process) = process_of(fault);
    for name in names {
        let host = stage.nodes.host(name);
        let running = host.processes(process);
        if running.is_empty() {
            had_no_effect(host, fault, format!("{process} does not run on {name}"));
        } else if running.iter().all(|process| process.is_paused()) {
            had_no_effect(host, fault, format!("{process} stands still already on {name}"));
        }
        stage.held.paused.take((name.clone(), process.clone()));
        running.iter().for_each(|process| process.pause());
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    let (names, process) = process_of(fault);
    for name in names {
        if stage.held.paused.release(&(name.clone(), process.clone())) {
            stage.nodes.host(name).processes(process).iter().for_each(|process| process.resume());
        }
    }
}
