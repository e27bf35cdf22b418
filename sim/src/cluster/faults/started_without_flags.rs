//! A worker's server is started again without its flags, and at the end with them.

use harness::plan::Fault;
use harness::trace::NodeName;

use super::{Stage, had_no_effect};
use crate::config::NodeKind;

pub(super) fn inject(fault: &Fault, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        let has_flags = match stage.nodes.kind(&name) {
            NodeKind::Manager(config) | NodeKind::Worker(config) => {
                config.start.profile.is_some() || config.start.worker_node
            }
            NodeKind::Balancer(_) | NodeKind::Client => false,
        };
        if !has_flags {
            had_no_effect(stage.nodes.host(&name), fault, format!("nothing on {name} is started with flags"));
            continue;
        }
        take_flags(&name, stage);
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        give_flags(&name, stage);
    }
}

/// Starts a server again without its flags, unless it has been already.
pub(super) fn take_flags(name: &NodeName, stage: &Stage<'_>) {
    if stage.nodes.live().unflagged.take(name.clone()) {
        stage.nodes.restart_service(name, "wso2");
    }
}

/// Starts a server again with its flags, unless another fault keeps them from it.
pub(super) fn give_flags(name: &NodeName, stage: &Stage<'_>) {
    if stage.nodes.live().unflagged.release(name) {
        stage.nodes.restart_service(name, "wso2");
    }
}
