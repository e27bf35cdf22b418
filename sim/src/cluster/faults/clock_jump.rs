//! A clock is set, and stays so.

use harness::plan::Fault;
use harness::time::show_span;
use harness::trace::EventKind;

use super::Stage;
use crate::host::Host;

pub(super) fn inject(fault: &Fault, by_ns: i64, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        set_by(stage.nodes.host(&name), by_ns);
    }
}

/// Sets a clock by so much, and says so.
pub(super) fn set_by(host: &Host, by_ns: i64) {
    host.set_clock_by(by_ns);
    let way = if by_ns < 0 { "back" } else { "forward" };
    let span = show_span(std::time::Duration::from_nanos(by_ns.unsigned_abs()));
    let line = format!("the clock was set {way} by {span}").into();
    host.record(EventKind::Logged { process: "kernel".into(), line });
}
