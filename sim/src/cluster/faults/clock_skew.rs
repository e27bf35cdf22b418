//! A clock is wrong by so much, and set right at the end.

use harness::plan::Fault;

use super::{Stage, clock_jump};

pub(super) fn inject(fault: &Fault, by_ns: i64, stage: &mut Stage<'_>) {
    clock_jump::inject(fault, by_ns, stage);
}

pub(super) fn heal(fault: &Fault, by_ns: i64, stage: &mut Stage<'_>) {
    clock_jump::inject(fault, by_ns.saturating_neg(), stage);
}
