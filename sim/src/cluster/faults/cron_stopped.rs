//! Somebody stops cron; what it has started goes on.

use std::sync::Arc;

use harness::plan::Fault;
use harness::trace::event::ProcessEnd;

use super::{Stage, had_no_effect};

pub(super) fn inject(fault: &Fault, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        let host = stage.nodes.host(&name);
        let running = host.processes("cron");
        if running.is_empty() {
            had_no_effect(host, fault, format!("cron does not run on {name}"));
        }
        stage.held.killed.take((name, Arc::from("cron")));
        for cron in running {
            cron.end(ProcessEnd::Stopped);
        }
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        let freed = stage.held.killed.release(&(name.clone(), Arc::from("cron")));
        if freed && stage.nodes.should_run(&name, "cron") {
            stage.start(&name, &Arc::from("cron"));
        }
    }
}
