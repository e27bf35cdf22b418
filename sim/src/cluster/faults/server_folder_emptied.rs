//! A worker's server is started on an emptied server folder, and started again only at the end.

use harness::plan::Fault;

use super::{Stage, had_no_effect};
use crate::config::NodeKind;
use crate::gateway;

pub(super) fn inject(fault: &Fault, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        let host = stage.nodes.host(&name);
        let (NodeKind::Manager(config) | NodeKind::Worker(config)) = stage.nodes.kind(&name) else {
            had_no_effect(host, fault, format!("{name} has no server folder"));
            continue;
        };
        if host.processes(gateway::PROCESS).is_empty() {
            had_no_effect(host, fault, format!("wso2 does not run on {name}"));
            continue;
        }
        let home = config.home.clone();
        stage.nodes.restart_service_after(&name, gateway::PROCESS, move |host| {
            let emptied =
                host.fs("operator").write(|disk, now_ns| gateway::empty_deployment(disk, &home, now_ns));
            if let Err(error) = emptied {
                let line = format!("rm: cannot empty the server folder: {error}").into();
                host.record(harness::trace::EventKind::Logged { process: "systemctl".into(), line });
            }
        });
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        if matches!(stage.nodes.kind(&name), NodeKind::Manager(_) | NodeKind::Worker(_)) {
            stage.nodes.restart_service(&name, gateway::PROCESS);
        }
    }
}
