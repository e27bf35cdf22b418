//! What is to be done when, in a fixed order.

use std::collections::BTreeMap;

use crate::plan::{Plan, Start};
use crate::time::SimTime;
use crate::trace::event::Phase;

/// One thing to do. The order of the kinds is the order in which they are done at one moment; among those of one
/// kind, that of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    /// A phase begins.
    Phase(Phase),
    /// A fault is healed.
    Heal(usize),
    /// A fault begins.
    Begin(usize),
    /// A workload starts its next operation.
    Operate(usize),
    /// The run ends.
    End,
}

/// Everything that is still to be done, by moment and kind.
#[derive(Debug)]
pub(super) struct Agenda(BTreeMap<(SimTime, Item), ()>);

impl Agenda {
    /// What a plan says from the beginning on.
    pub(super) fn of(plan: &Plan) -> Self {
        let phases = &plan.phases;
        let mut agenda = Self(BTreeMap::new());
        agenda.add(SimTime::ZERO, Item::Phase(Phase::Warmup));
        agenda.add(phases.warmup_ends, Item::Phase(Phase::Disturb));
        agenda.add(phases.disturb_ends, Item::Phase(Phase::Heal));
        agenda.add(phases.heal_ends, Item::Phase(Phase::Settle));
        agenda.add(phases.settle_ends, Item::End);
        for (index, fault) in plan.faults.iter().enumerate() {
            if let Start::At { at_ns } = fault.start {
                // One past the phase is told to have had no effect, as long as there is a moment to tell it.
                agenda.add(at_ns.min(phases.settle_ends), Item::Begin(index));
            }
        }
        for (index, workload) in plan.workloads.iter().enumerate() {
            if workload.first < workload.until.min(phases.settle_ends) {
                agenda.add(workload.first, Item::Operate(index));
            }
        }
        agenda
    }

    /// Adds something to do.
    pub(super) fn add(&mut self, at: SimTime, item: Item) {
        self.0.insert((at, item), ());
    }

    /// The next moment at which there is something to do; none when the run is over.
    pub(super) fn next_time(&self) -> Option<SimTime> {
        self.0.first_key_value().map(|((at, _), ())| *at)
    }

    /// Takes out what is to be done next.
    pub(super) fn pop(&mut self) -> Option<Item> {
        let ((_, item), ()) = self.0.pop_first()?;
        if item == Item::End {
            self.0.clear();
        }
        Some(item)
    }
}
