//! Which cases need no run, because it is known what it would give.
//!
//! # Why this is sound
//!
//! *Killing what does not run.* SIGKILL to no process changes nothing; at its end the fault starts services that are
//! down, and none is. The run is the one without faults, but for the fault's own events.
//!
//! *A link that carries nothing.* Take a fault that only changes what becomes of packets on one link while it acts,
//! and two moments `a < b` such that in the run without faults nothing was put on the link and nothing arrived over it
//! after `a` and up to `b`. Let it begin at `a`. Up to `a` the run is the one without faults. After `a` the fault
//! makes a difference at the first packet of the link; as long as there is none, every step is the one of the run
//! without faults, in which there is none until after `b`. So at `b` both runs are in the same state, and the fault
//! acts. The run in which it begins at `b` is in that very state right after it began. If both are healed at the same
//! moment, they are equal from `b` on: same events, same verdicts, save the moment at which the fault is said to have
//! begun. By induction all moments of a stretch in which the link carried nothing are one.
//!
//! This holds for faults without an effect of their own at their beginning: partitions, slow links and lost packets. A
//! fault that resets connections, or changes what hosts hold, acts at once; those are always run. It needs a cluster that
//! says what its links carry ([`Sink::link_uses`](crate::trace::Sink::link_uses)); of one that says nothing, nothing is known.
//!
//! *A firewall of a node that nothing reaches* is the same: it makes a difference at the first packet that arrives there.

use serde::{Deserialize, Serialize};

use super::cases::Instance;
use super::moments::{Days, Moment};
use crate::plan::{FaultKind, Target};
use crate::time::SimTime;

/// Why a case is not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    /// It is the run without faults: the process that is to be killed does not run.
    NothingToKill,
    /// It is the run of the same fault at an earlier moment, this one by its place.
    OfMoment(usize),
}

/// Whether a fault that acts may make a difference after one moment and up to another, as far as the run without faults
/// shows: always one that acts at once.
fn matters(kind: &FaultKind, target: &Target, days: &Days, from: SimTime, to: SimTime) -> bool {
    match (kind, target) {
        _ if !days.tells_of_links() => true,
        (
            FaultKind::Partition { .. } | FaultKind::SlowLink { .. } | FaultKind::PacketLoss { .. },
            Target::Between { a, b },
        ) => a.iter().any(|one| b.iter().any(|other| days.carried(one, other, from, to))),
        (FaultKind::Firewall { .. }, Target::Nodes(nodes)) => {
            nodes.iter().any(|node| days.was_reached(node, from, to))
        }
        _ => true,
    }
}

/// For each moment, in order, why this fault need not be run there; `heals` says when it would be healed.
pub(super) fn of_fault(
    Instance { kind, target, .. }: &Instance,
    moments: &[Moment],
    days: &Days,
    heals: impl Fn(SimTime) -> SimTime,
) -> Vec<Option<Repeat>> {
    if let (FaultKind::ProcessKill, Target::Process { nodes, process }) = (kind, target) {
        let runs = |at| nodes.iter().any(|node| days.runs(node, process, at));
        return moments.iter().map(|moment| (!runs(moment.at)).then_some(Repeat::NothingToKill)).collect();
    }
    let mut first = 0;
    (0..moments.len())
        .map(|place| {
            let same = place > 0
                && heals(moments[place].at) == heals(moments[first].at)
                && !matters(kind, target, days, moments[place - 1].at, moments[place].at);
            if !same {
                first = place;
            }
            same.then_some(Repeat::OfMoment(first))
        })
        .collect()
}
