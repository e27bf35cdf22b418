//! A process is stopped as `systemctl stop` does it, and started again at the end.

use std::rc::Rc;
use std::time::Duration;

use harness::plan::Fault;

use super::{Stage, process_of};
use crate::process::Process;

/// How long systemd waits after SIGTERM before it sends SIGKILL (`TimeoutStopSec`, systemd.service(5)).
pub(super) const PATIENCE: Duration = Duration::from_secs(90);

pub(super) fn inject(fault: &Fault, stage: &mut Stage<'_>) {
    let (names, process) = process_of(fault);
    for name in names {
        let running = stage.take_down(fault, name, process);
        stop(stage, running);
    }
}

/// Asks processes to end, and kills those that have not when patience is over.
pub(super) fn stop(stage: &mut Stage<'_>, processes: Vec<Process>) {
    for process in processes {
        process.request_stop();
        let killing = move |outside: crate::engine::Outside| async move {
            outside.sleep(PATIENCE).await;
            // A virtual machine that stands still has no systemd that could lose patience.
            if process.host().is_running() {
                process.kill();
            }
        };
        stage.engine.errand(killing).let_go();
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    let (names, process) = process_of(fault);
    for name in names {
        let key = (name.clone(), process.clone());
        if !stage.held.killed.release(&key) {
            continue;
        }
        let ending = stage.nodes.host(name).processes(process);
        if ending.is_empty() {
            stage.start(name, process);
            continue;
        }
        // `systemctl start` waits for the stop that is under way.
        let (nodes, killed) = (Rc::clone(stage.nodes), stage.held.killed.clone());
        let starting = move |_| async move {
            for process in ending {
                process.wait().await;
            }
            if !killed.contains(&key) {
                nodes.start_service(&key.0, &key.1);
            }
        };
        stage.engine.errand(starting).let_go();
    }
}
