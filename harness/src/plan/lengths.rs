//! A plan's times as its scenario says them: lengths of phases, and spans from the beginning of the disturb
//! phase. Whoever changes a phase moves everything that is counted from it.

use std::time::Duration;

use super::{Phases, Plan, Start, Workload};
use crate::time::SimTime;

impl Phases {
    /// How long warm-up, disturb, heal and settle last.
    pub fn lengths(&self) -> [Duration; 4] {
        [
            self.warmup_ends.since(SimTime::ZERO),
            self.disturb_ends.since(self.warmup_ends),
            self.heal_ends.since(self.disturb_ends),
            self.settle_ends.since(self.heal_ends),
        ]
    }

    /// Phases of these lengths.
    pub fn of_lengths([warmup, disturb, heal, settle]: [Duration; 4]) -> Self {
        let warmup_ends = SimTime::ZERO + warmup;
        let disturb_ends = warmup_ends + disturb;
        let heal_ends = disturb_ends + heal;
        Self { warmup_ends, disturb_ends, heal_ends, settle_ends: heal_ends + settle }
    }
}

impl Workload {
    /// How many operations it begins in a run with these phases.
    pub fn operations(&self, phases: &Phases) -> u64 {
        let span = self.until.min(phases.settle_ends).since(self.first).as_nanos();
        u64::try_from(span.div_ceil(self.every.as_nanos().max(1))).unwrap_or(u64::MAX)
    }

    /// When it ends, counted from the beginning of the disturb phase; none when it ends with the heal phase or
    /// with the run.
    pub fn until_offset(&self, phases: &Phases) -> Option<Duration> {
        let with_a_phase = self.until == phases.heal_ends || self.until >= phases.settle_ends;
        (!with_a_phase).then(|| self.until.since(phases.warmup_ends))
    }
}

impl Plan {
    /// The same plan with phases of other lengths. Faults and workloads keep their distance from the beginning of
    /// the disturb phase; a workload that ended with a phase still does. A fault is cut off where the phase ends;
    /// one that would begin after it stays as it is, and has no effect.
    #[must_use]
    pub fn with_lengths(&self, lengths: [Duration; 4]) -> Plan {
        let (before, phases) = (&self.phases, Phases::of_lengths(lengths));
        let moved = |at: SimTime| phases.warmup_ends + at.since(before.warmup_ends);
        let mut plan = Plan { phases: phases.clone(), ..self.clone() };
        for workload in &mut plan.workloads {
            workload.first = moved(workload.first);
            workload.until = match workload.until {
                until if until >= before.settle_ends => phases.settle_ends,
                until if until == before.heal_ends => phases.heal_ends,
                until => moved(until).min(phases.settle_ends),
            };
        }
        for fault in &mut plan.faults {
            if let Start::At { at_ns } = &mut fault.start {
                *at_ns = moved(*at_ns);
            }
        }
        plan.cut_off_faults();
        plan
    }

    /// Shortens every fault to what it can act: all are healed at the end of the disturb phase. The run is the
    /// same.
    pub fn cut_off_faults(&mut self) {
        let phases = &self.phases;
        for fault in &mut self.faults {
            let begins = match fault.start {
                Start::At { at_ns } => at_ns,
                Start::On { .. } => phases.warmup_ends,
            };
            fault.lasts = fault.lasts.min(phases.disturb_ends.since(begins));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::WorkloadKind;

    #[test]
    fn a_workload_counts_the_operations_that_the_runner_begins() {
        let phases = Phases::of_lengths([10, 60, 10, 20].map(Duration::from_secs));
        let workload = |first_s, every_s, until| Workload {
            kind: WorkloadKind::Administer,
            first: SimTime::from_secs(first_s),
            every: Duration::from_secs(every_s),
            until,
            timeout: Duration::from_secs(1),
        };
        assert_eq!(workload(10, 30, phases.heal_ends).operations(&phases), 3);
        assert_eq!(workload(20, 30, phases.heal_ends).operations(&phases), 2);
        assert_eq!(workload(99, 30, SimTime::MAX).operations(&phases), 1);
        assert_eq!(workload(100, 30, SimTime::MAX).operations(&phases), 0);
    }
}
