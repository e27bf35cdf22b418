//! A clock runs too fast or too slow, and is set right at the end.

use harness::plan::Fault;
use harness::trace::{EventKind, NodeName};

use super::{Stage, clock_jump};

const PPB_PER_PPM: i64 = 1000;

pub(super) fn inject(fault: &Fault, ppm: i64, stage: &mut Stage<'_>) {
    let now = stage.engine.now();
    for name in fault.target.nodes() {
        stage.held.drifts.entry(name.clone()).or_default().push((fault.name.clone(), (ppm, now)));
        set(&name, stage);
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    let now = stage.engine.now();
    for name in fault.target.nodes() {
        let Some(drifts) = stage.held.drifts.get_mut(&name) else { continue };
        let Some(own) = drifts.iter().position(|(holder, _)| *holder == fault.name) else { continue };
        let (_, (ppm, since)) = drifts.remove(own);
        set(&name, stage);
        let gained = now.since(since).as_nanos() as i128 * i128::from(ppm) / 1_000_000;
        clock_jump::set_by(stage.nodes.host(&name), -i64::try_from(gained).unwrap_or(i64::MAX));
    }
}

/// The drifts of all faults add up.
fn set(name: &NodeName, stage: &Stage<'_>) {
    let drifts = stage.held.drifts.get(name).into_iter().flatten();
    let ppm = drifts.fold(0_i64, |sum, (_, (ppm, _))| sum.saturating_add(*ppm));
    let host = stage.nodes.host(name);
    let mut clock = host.clock();
    clock.set_drift(ppm.saturating_mul(PPB_PER_PPM), stage.engine.now());
    host.set_clock(clock);
    let line = format!("the clock runs {ppm:+} ppm too fast").into();
    host.record(EventKind::Logged { process: "kernel".into(), line });
}
