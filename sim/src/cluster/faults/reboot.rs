//! A machine is shut down in its order, and boots at the end with all services that no other fault keeps down.

use std::time::Duration;

use harness::plan::Fault;

use super::process_stop::PATIENCE;
use super::{Stage, had_no_effect, power_off};
use crate::engine::Outside;
use crate::process::Process;

pub(super) fn inject(fault: &Fault, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        let host = stage.nodes.host(&name).clone();
        if !host.is_running() {
            let why = if host.is_powered() { "stands still" } else { "has no power" };
            had_no_effect(&host, fault, format!("{name} {why}"));
            continue;
        }
        let unpowered = stage.held.unpowered.clone();
        unpowered.take(name.clone());
        stage.held.going_down.insert((fault.name.clone(), name.clone()));
        let boot = host.boot();
        let running = host.all_processes();
        running.iter().for_each(Process::request_stop);
        let going_down = move |outside: Outside| async move {
            wait_for(&running, &outside).await;
            // Another fault may have been quicker, or this one was over before everything had ended.
            if host.boot() == boot && unpowered.contains(&name) {
                host.halt();
            }
        };
        stage.engine.errand(going_down).let_go();
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        if stage.held.going_down.remove(&(fault.name.clone(), name.clone())) {
            // What has not ended by now does so at once: the fault's length is that of the whole reboot.
            stage.nodes.host(&name).halt();
            power_off::boot_when_free(&name, stage);
        }
    }
}

/// Waits until all have ended, for as long as systemd has patience.
async fn wait_for(processes: &[Process], outside: &Outside) {
    let give_up = outside.now() + PATIENCE;
    let mut pause = Duration::from_millis(1);
    while processes.iter().any(Process::is_alive) && outside.now() < give_up {
        outside.sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}
