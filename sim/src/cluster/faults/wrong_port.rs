//! A server is started again on other ports, and at the end on its own.

use std::sync::Arc;

use harness::plan::Fault;

use super::{Stage, had_no_effect, process_of};
use crate::config::NodeKind;

pub(super) fn inject(fault: &Fault, offset: u16, stage: &mut Stage<'_>) {
    let (names, process) = process_of(fault);
    for name in names {
        if !matches!(stage.nodes.kind(name), NodeKind::Manager(_) | NodeKind::Worker(_)) {
            had_no_effect(stage.nodes.host(name), fault, format!("{process} does not run on {name}"));
            continue;
        }
        stage.nodes.live().add_offset(name, process, &fault.name, offset);
        restart(process, name, stage);
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    let (names, process) = process_of(fault);
    for name in names {
        stage.nodes.live().take_offset(name, process, &fault.name);
        restart(process, name, stage);
    }
}

fn restart(process: &Arc<str>, name: &harness::trace::NodeName, stage: &Stage<'_>) {
    let service = if **process == *"sshd" { "sshd" } else { "wso2" };
    stage.nodes.restart_service(name, service);
}
