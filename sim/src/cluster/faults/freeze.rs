//! A machine stands still, and goes on at the end where it stood.

use harness::plan::Fault;

use super::{Stage, had_no_effect};

pub(super) fn inject(fault: &Fault, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        let host = stage.nodes.host(&name);
        if !host.is_powered() {
            had_no_effect(host, fault, format!("{name} has no power"));
        } else if !host.is_running() {
            had_no_effect(host, fault, format!("{name} stands still already"));
        }
        host.freeze();
        stage.held.frozen.take(name);
    }
}

pub(super) fn heal(fault: &Fault, clock_is_set: bool, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        if clock_is_set {
            stage.held.clock_to_be_set.insert(name.clone());
        }
        if !stage.held.frozen.release(&name) {
            continue;
        }
        let clock_is_set = stage.held.clock_to_be_set.remove(&name);
        stage.nodes.host(&name).thaw(clock_is_set);
        let waiting = std::mem::take(&mut stage.held.to_be_started);
        let (due, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(node, _)| *node == name);
        stage.held.to_be_started = rest.into_iter().collect();
        for (node, service) in due {
            if stage.nodes.should_run(&node, &service) {
                stage.start(&node, &service);
            }
        }
    }
}
