//! What makes one plan smaller than another.
//!
//! A shrunk plan is for a person who looks for the cause: first of all few things go wrong in it, then little is
//! done, on few nodes, in a short time, and last of all its figures are round. So sizes are compared in this
//! order, and every step of the shrinker makes the size less: that is why it ends.

use std::time::Duration;

use crate::plan::{Fault, Plan, Repeats, Start, Target, Workload, WorkloadKind};
use crate::scenario::workload::default_timeout;

/// The size of a plan; the first field in which two sizes differ decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size {
    /// How many faults.
    pub faults: usize,
    /// How many workloads.
    pub workloads: usize,
    /// In how many ways the timing departs from the cluster's files.
    pub timing: usize,
    /// How many nodes the cluster has.
    pub nodes: usize,
    /// How many expectations.
    pub expectations: usize,
    /// How many operations clients begin.
    pub operations: u64,
    /// What stands on a gateway beside the APIs of workloads: APIs and tenants.
    pub content: u64,
    /// Names that faults and workloads use: nodes, APIs, routes, fields of events.
    pub names: usize,
    /// How long the run lasts, in nanoseconds of simulated time.
    pub simulated_ns: u64,
    /// How long faults act: the number of each span in the row of spans that people choose.
    pub fault_spans: usize,
    /// How many digits a person has to read.
    pub digits: usize,
    /// What is left: all figures themselves, added up.
    pub figures: u128,
}

/// Spans that people choose, in seconds.
pub(super) const ROUND_S: [u64; 22] = [
    0, 1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300, 600, 900, 1_200, 1_800, 2_700, 3_600, 86_400,
];

impl Size {
    /// The size of a plan whose cluster has this many nodes.
    pub fn of(plan: &Plan, nodes: usize) -> Self {
        let lengths = plan.phases.lengths();
        let mut size = Self {
            faults: plan.faults.len(),
            workloads: plan.workloads.len(),
            timing: usize::from(plan.timing.latency_ns.is_some())
                + usize::from(!plan.timing.packet_jitter.is_zero())
                + usize::from(!plan.timing.wake_up_jitter.is_zero()),
            nodes,
            expectations: plan.expectations.len(),
            operations: plan.workloads.iter().map(|workload| workload.operations(&plan.phases)).sum(),
            content: plan.content.apis_in_all() + u64::from(plan.content.tenants),
            names: 0,
            simulated_ns: plan.phases.settle_ends.as_nanos(),
            fault_spans: 0,
            digits: lengths.iter().map(|length| digits_of_span(*length)).sum::<usize>()
                + digits(plan.seed.saturating_sub(1)),
            figures: u128::from(plan.seed),
        };
        for fault in &plan.faults {
            size.add_fault(fault, plan);
        }
        for workload in &plan.workloads {
            size.add_workload(workload, plan);
        }
        size
    }

    fn add_fault(&mut self, fault: &Fault, plan: &Plan) {
        self.names += match &fault.target {
            // A process is part of what such a fault is, not one more thing that is named.
            Target::Nodes(_) | Target::Process { .. } | Target::Between { .. } => fault.target.nodes().len(),
        };
        match &fault.start {
            Start::At { at_ns } => self.add_span(at_ns.since(plan.phases.warmup_ends)),
            Start::On { with, node, nth, .. } => {
                self.names += with.len() + usize::from(node.is_some());
                self.digits += digits(nth.saturating_sub(1));
                self.figures += u128::from(*nth);
            }
        }
        self.fault_spans += ROUND_S.iter().filter(|&&round| Duration::from_secs(round) < fault.lasts).count();
        self.add_span(fault.lasts);
        if let Some(Repeats { every, times }) = fault.repeats {
            self.names += 1;
            self.add_span(every);
            self.digits += digits(times);
            self.figures += u128::from(times);
        }
        for number in super::figures::numbers(&fault.kind) {
            self.digits += digits(number);
            self.figures += u128::from(number);
        }
        for name in fault.target.nodes() {
            self.figures += name.bytes().map(u128::from).sum::<u128>();
        }
    }

    fn add_workload(&mut self, workload: &Workload, plan: &Plan) {
        self.names += match &workload.kind {
            WorkloadKind::Calls { apis } => apis.len(),
            WorkloadKind::Publish { apis, delete_every } => apis.len() + usize::from(*delete_every > 0),
            WorkloadKind::WriteAttempts { workers, routes } => workers.len() + routes.len(),
            WorkloadKind::HealthChecks { gateways } => gateways.len(),
            WorkloadKind::Administer => 0,
        };
        if let WorkloadKind::Publish { delete_every, .. } = &workload.kind {
            self.digits += digits(*delete_every);
        }
        self.add_span(workload.first.since(plan.phases.warmup_ends));
        self.digits += digits_of_span(workload.every);
        if let Some(until) = workload.until_offset(&plan.phases) {
            self.add_span(until);
            self.names += 1;
        }
        if workload.timeout != default_timeout(&workload.kind) {
            self.names += 1;
            self.digits += digits_of_span(workload.timeout);
        }
    }

    fn add_span(&mut self, span: Duration) {
        self.digits += digits_of_span(span);
        self.figures += span.as_nanos();
    }
}

/// The digits of a number without the zeros at its end.
pub(super) fn digits(number: u64) -> usize {
    number.to_string().trim_end_matches('0').len()
}

/// The digits of a span as people write it: of its hours, minutes, seconds and what follows the point.
pub(super) fn digits_of_span(span: Duration) -> usize {
    let seconds = span.as_secs();
    let fraction = format!("{:09}", span.subsec_nanos());
    digits(seconds / 3600)
        + digits(seconds / 60 % 60)
        + digits(seconds % 60)
        + fraction.trim_end_matches('0').len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_spans_have_fewer_digits() {
        let digits = |millis| digits_of_span(Duration::from_millis(millis));
        assert_eq!(digits(0), 0);
        assert_eq!(digits(60_000), 1);
        assert_eq!(digits(150_000), 2);
        assert_eq!(digits(170_000), 2);
        assert_eq!(digits(157_513), 6);
    }
}
