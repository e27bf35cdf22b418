//! A worker is made the manager, and at the end a worker again.

use std::sync::Arc;

use harness::plan::Fault;

use super::{Stage, cron_on_second_node, had_no_effect, started_without_flags};
use crate::config::NodeKind;

pub(super) fn inject(fault: &Fault, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        if !matches!(stage.nodes.kind(&name), NodeKind::Worker(_)) {
            had_no_effect(stage.nodes.host(&name), fault, format!("{name} is no worker"));
            continue;
        }
        started_without_flags::take_flags(&name, stage);
        stage.nodes.live().promoted.borrow_mut().push(name.clone());
        stage.start(&name, &Arc::from("cron"));
    }
    restart_balancers(stage);
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        if !matches!(stage.nodes.kind(&name), NodeKind::Worker(_)) {
            continue;
        }
        let mut promoted = stage.nodes.live().promoted.borrow_mut();
        if let Some(place) = promoted.iter().position(|other| *other == name) {
            promoted.remove(place);
        }
        drop(promoted);
        started_without_flags::give_flags(&name, stage);
        cron_on_second_node::stop_unless_wanted(&name, stage);
    }
    restart_balancers(stage);
}

/// The balancers learn where management requests go.
fn restart_balancers(stage: &Stage<'_>) {
    for node in &stage.nodes.cluster().nodes {
        if matches!(node.kind, NodeKind::Balancer(_)) {
            stage.nodes.restart_service(&node.name, "nginx");
        }
    }
}
