//! A machine stops with a broken disk, and boots at the end with another one. The disk is replaced at once: nobody looks
//! at it before the machine boots.

use harness::plan::{ComesBack, Fault};

use super::{Stage, gateways_of, power_off};
use crate::config::NodeKind;
use crate::gateway;

pub(super) fn inject(fault: &Fault, comes_back: ComesBack, stage: &mut Stage<'_>) {
    let names = gateways_of(fault, stage);
    power_off::take(fault, names.clone(), stage);
    for name in names {
        let host = stage.nodes.host(&name);
        let now_ns = host.unix_ns();
        let mut disk = host.disk_mut();
        disk.replace_with_empty();
        if let NodeKind::Manager(config) | NodeKind::Worker(config) = stage.nodes.kind(&name) {
            disk.set_read_only(false);
            // On a disk that other faults keep full, what fits is installed.
            let content = gateway::InitialContent::default();
            let installed = gateway::write_initial_tree(&mut disk, &config.home, &content, now_ns);
            if comes_back == ComesBack::Empty {
                let _ = installed.and_then(|()| gateway::empty_deployment(&mut disk, &config.home, now_ns));
            }
            disk.sync();
            disk.set_read_only(stage.held.read_only.contains(&name));
        }
        // What was written to the old disk is no news any more.
        let _ = disk.take_changes();
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        if matches!(stage.nodes.kind(&name), NodeKind::Manager(_) | NodeKind::Worker(_)) {
            power_off::boot_when_free(&name, stage);
        }
    }
}
