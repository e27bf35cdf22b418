//! Which cases need no run, because it is known what it would give.
//!
//! # Why this is sound
//!
//! *Killing what does not run.* SIGKILL to no process changes nothing; at its end the fault starts services that are
//! down, and none is. The run is the one without faults, but for the fault's own events.
//!
//! *What nobody uses.* Many faults change only what becomes of those who use something: a packet on a link, a login, a
//! look into the hosts file or at the clock. Take such a fault, and two moments `a < b` such that in the run without
//! faults nothing of the kind was used after faults of `a` would have begun and before those of `b`. Let it begin at
//! `a`. Up to `a` the run is the one without faults. After `a` the fault makes a difference at the first use; as long as
//! there is none, every step is the one of the run without faults, in which there is none until `b`. So at `b` both runs
//! are in the same state, and the fault acts. The run in which it begins at `b` is in that very state right after it
//! began. If both are healed at the same moment, they are equal from `b` on: same events, same verdicts, save the moment
//! at which the fault is said to have begun. By induction all moments of a stretch in which nothing was used are one.
//!
//! This needs a fault whose beginning does not depend on the moment: what it sets (a rule, a flag, an offset of the
//! clock) is read by those uses only, and it tells nobody that it began. A fault that ends processes with connections,
//! changes files, or counts time from its beginning (a flapping link, a clock that drifts) is another one at each
//! moment; those are always run. And it needs a cluster that says what it uses ([`Uses`](crate::trace::uses::Uses)); of
//! one that says nothing, nothing is known.

use serde::{Deserialize, Serialize};

use super::cases::Instance;
use super::moments::{Days, Moment};
use crate::plan::{FaultKind, Target};
use crate::time::SimTime;
use crate::trace::NodeName;
use crate::trace::uses::Use;

/// Why a case is not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    /// It is the run without faults: the process that is to be killed does not run.
    NothingToKill,
    /// It is the run of the same fault at an earlier moment, this one by its place.
    OfMoment(usize),
}

/// Whether a fault that begins at one moment may differ from itself beginning at another, as far as the run without
/// faults shows: always where it acts at once, otherwise where what it changes is used in between.
fn matters(kind: &FaultKind, target: &Target, days: &Days, from: SimTime, to: SimTime) -> bool {
    let used = |which: &dyn Fn(&Use) -> bool| days.used(which, from, to);
    let nodes = target.nodes();
    let on = |node: &NodeName| nodes.contains(node);
    let of = |name: &str| !matches!(target, Target::Process { process, .. } if **process != *name);
    match kind {
        FaultKind::Partition { .. } | FaultKind::SlowLink { .. } | FaultKind::PacketLoss { .. } => {
            let Target::Between { a, b } = target else { return true };
            let links: Vec<Use> =
                a.iter().flat_map(|one| b.iter().map(|other| Use::link(one, other))).collect();
            used(&|used| links.contains(used))
        }
        FaultKind::Firewall { port, .. } => {
            used(&|used| matches!(used, Use::Arrival(node, at) if at == port && on(node)))
        }
        FaultKind::HostsEntry { .. } => used(&|used| matches!(used, Use::Names(node) if on(node))),
        FaultKind::ClockSkew { .. } | FaultKind::ClockJump { .. } => {
            used(&|used| matches!(used, Use::WallClock(node) if on(node)))
        }
        FaultKind::DiskFull { .. } | FaultKind::DiskReadOnly => {
            used(&|used| matches!(used, Use::DiskWrite(node) if on(node)))
        }
        FaultKind::DiskSlow { .. } => {
            used(&|used| matches!(used, Use::DiskRead(node) | Use::DiskWrite(node) if on(node)))
        }
        FaultKind::UnsyncedWrites { .. } => used(&|used| matches!(used, Use::PowerLoss(node) if on(node))),
        FaultKind::SshKeyRejected | FaultKind::SshHostKeyChanged | FaultKind::SshHangs => {
            used(&|used| matches!(used, Use::Login(node) if on(node)))
        }
        FaultKind::WorkersListWrong { .. } => used(&|used| *used == Use::WorkersList),
        FaultKind::SyncSlow { .. } => used(&|used| matches!(used, Use::SyncLine(node) if on(node))),
        FaultKind::RsyncKilled { .. } => used(&|used| matches!(used, Use::Receiving(node) if on(node))),
        FaultKind::CronStopped => {
            used(&|used| matches!(used, Use::Step(node, process) if **process == *"cron" && on(node)))
        }
        FaultKind::OutOfDescriptors => {
            used(&|used| matches!(used, Use::Descriptor(node, process) if of(process) && on(node)))
        }
        FaultKind::ProcessPause => {
            used(&|used| matches!(used, Use::Step(node, process) if of(process) && on(node)))
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
