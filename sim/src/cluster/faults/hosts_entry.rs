//! A hosts file lacks a name, or has a wrong address for it. Programs that look the name up each time meet it at once;
//! nginx looks when it starts, and does not start where the name is missing: who mends the file then starts it.

use std::net::IpAddr;
use std::sync::Arc;

use harness::plan::Fault;

use super::held::ChangedNames;
use super::{Stage, had_no_effect};
use crate::balancer;

pub(super) fn inject(fault: &Fault, name: &str, address: Option<IpAddr>, stage: &mut Stage<'_>) {
    for node in fault.target.nodes() {
        let host = stage.nodes.host(&node);
        if host.resolve(name) == address {
            had_no_effect(host, fault, format!("the hosts file of {node} says that of {name} already"));
        }
        let unchanged = || ChangedNames { original: host.names(), changes: Vec::new() };
        let changed = stage.held.names.entry(node.clone()).or_insert_with(unchanged);
        changed.changes.push((fault.name.clone(), name.to_owned(), address));
        host.set_names(changed.file());
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    for node in fault.target.nodes() {
        let Some(changed) = stage.held.names.get_mut(&node) else { continue };
        changed.changes.retain(|(by, ..)| *by != fault.name);
        stage.nodes.host(&node).set_names(changed.file());
        if changed.changes.is_empty() {
            stage.held.names.remove(&node);
        }
        if stage.nodes.should_run(&node, balancer::PROCESS) {
            stage.start(&node, &Arc::from(balancer::PROCESS));
        }
    }
}
