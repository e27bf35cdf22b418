//! A disk answers late: programs wait for it at their next step.

use std::time::Duration;

use harness::plan::Fault;
use harness::trace::NodeName;

use super::{Stage, gateways_of};

pub(super) fn inject(fault: &Fault, delay_ns: u64, stage: &mut Stage<'_>) {
    for name in gateways_of(fault, stage) {
        let delays = stage.held.disk_delays.entry(name.clone()).or_default();
        delays.push((fault.name.clone(), Duration::from_nanos(delay_ns)));
        set(&name, stage);
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        if let Some(delays) = stage.held.disk_delays.get_mut(&name) {
            delays.retain(|(holder, _)| *holder != fault.name);
            set(&name, stage);
        }
    }
}

/// The delays of all faults add up.
fn set(name: &NodeName, stage: &Stage<'_>) {
    let delays = stage.held.disk_delays.get(name).into_iter().flatten();
    let sum = delays.fold(Duration::ZERO, |sum, (_, delay)| sum.saturating_add(*delay));
    stage.nodes.host(name).set_disk_delay(sum);
}
