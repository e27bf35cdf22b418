//! A machine loses its power, and boots at the end with all services that no other fault keeps down.

use std::sync::Arc;

use harness::plan::Fault;
use harness::trace::NodeName;

use super::{Stage, had_no_effect};
use crate::planted::PlantedBug;

pub(super) fn inject(fault: &Fault, stage: &mut Stage<'_>) {
    take(fault, fault.target.nodes(), stage);
}

/// Takes the power of these machines.
pub(super) fn take(fault: &Fault, nodes: Vec<NodeName>, stage: &mut Stage<'_>) {
    for name in nodes {
        let host = stage.nodes.host(&name);
        if !host.is_powered() {
            had_no_effect(host, fault, format!("{name} has no power already"));
        }
        let had_power = host.is_powered();
        host.power_off();
        if had_power
            && stage.nodes.syncs(&name)
            && stage.nodes.has(PlantedBug::DiskForgetsSinceBoot)
            && let Some(disk) = stage.nodes.disk_at_boot()
        {
            *host.disk_mut() = disk;
        }
        stage.held.unpowered.take(name);
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        boot_when_free(&name, stage);
    }
}

/// A fault lets a node have power again: it boots, unless another fault keeps it off.
pub(super) fn boot_when_free(name: &NodeName, stage: &mut Stage<'_>) {
    if stage.held.unpowered.release(name) {
        if stage.nodes.syncs(name)
            && stage.nodes.has(PlantedBug::ManagerBootsWithoutApis)
            && let Some(root) = stage.nodes.synced_root()
        {
            let apis = format!("{root}/synapse-configs/default/api");
            let fs = stage.nodes.host(name).fs("mount");
            let _ = fs.write(|disk, now_ns| disk.remove_dir_all(&apis, now_ns));
        }
        let killed = &stage.held.killed;
        stage.nodes.boot(name, |process| !killed.contains(&(name.clone(), Arc::from(process))));
    }
}
