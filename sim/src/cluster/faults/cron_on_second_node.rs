//! The cron job that syncs runs on a second node.

use std::sync::Arc;

use harness::plan::Fault;
use harness::trace::NodeName;
use harness::trace::event::ProcessEnd;

use super::{Stage, had_no_effect};
use crate::config::NodeKind;

pub(super) fn inject(fault: &Fault, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        let host = stage.nodes.host(&name);
        let is_gateway = matches!(stage.nodes.kind(&name), NodeKind::Manager(_) | NodeKind::Worker(_));
        if !is_gateway || stage.nodes.should_run(&name, "cron") {
            let why = if is_gateway { "has the cron job already" } else { "has nothing to sync" };
            had_no_effect(host, fault, format!("{name} {why}"));
        }
        stage.nodes.live().second_cron.take(name.clone());
        if is_gateway {
            stage.start(&name, &Arc::from("cron"));
        }
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        stage.nodes.live().second_cron.release(&name);
        stop_unless_wanted(&name, stage);
    }
}

/// Stops cron on a node that should not have it.
pub(super) fn stop_unless_wanted(name: &NodeName, stage: &Stage<'_>) {
    if !stage.nodes.should_run(name, "cron") {
        for cron in stage.nodes.host(name).processes("cron") {
            cron.end(ProcessEnd::Stopped);
        }
    }
}
