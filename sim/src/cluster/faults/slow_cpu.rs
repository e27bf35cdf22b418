//! Work takes longer on a machine; of two faults both count. At the end it is as fast as before.

use harness::plan::{Fault, PERCENT_MAX};
use harness::trace::NodeName;

use super::Stage;

pub(super) fn inject(fault: &Fault, percent: u32, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        stage.held.slowness.entry(name.clone()).or_default().insert(fault.name.clone(), percent);
        apply(&name, stage);
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        if let Some(factors) = stage.held.slowness.get_mut(&name) {
            factors.remove(&fault.name);
        }
        apply(&name, stage);
    }
}

fn apply(name: &NodeName, stage: &Stage<'_>) {
    let factors = stage.held.slowness.get(name).into_iter().flat_map(|factors| factors.values());
    let percent = factors
        .fold(100_u64, |product, &percent| (product * u64::from(percent) / 100).min(u64::from(PERCENT_MAX)));
    stage.nodes.host(name).set_work_percent(u32::try_from(percent).unwrap_or(PERCENT_MAX));
}
