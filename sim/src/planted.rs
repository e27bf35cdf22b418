//! Bugs that tests plant into the model, so that each checker is seen to catch one. No command plants any.

use std::fmt;

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlantedBug {
    /// A read-only worker accepts writes all the same.
    WorkerAcceptsWrites,
    /// The sync ignores `--delete`.
    SyncSkipsDeletes,
    /// The balancer ignores its failure marks.
    BalancerKeepsSendingToDeadNodes,
    /// The manager acknowledges a publish and forgets it.
    ManagerLosesPublish,
    /// rsync says that it succeeded before it has transferred everything.
    RsyncReportsSuccessEarly,
}

impl PlantedBug {
    /// All of them.
    pub const ALL: [PlantedBug; 5] = [
        PlantedBug::WorkerAcceptsWrites,
        PlantedBug::SyncSkipsDeletes,
        PlantedBug::BalancerKeepsSendingToDeadNodes,
        PlantedBug::ManagerLosesPublish,
        PlantedBug::RsyncReportsSuccessEarly,
    ];

    /// Its name in a plan.
    pub fn name(self) -> &'static str {
        match self {
            PlantedBug::WorkerAcceptsWrites => "worker-accepts-writes",
            PlantedBug::SyncSkipsDeletes => "sync-skips-deletes",
            PlantedBug::BalancerKeepsSendingToDeadNodes => "balancer-keeps-sending-to-dead-nodes",
            PlantedBug::ManagerLosesPublish => "manager-loses-publish",
            PlantedBug::RsyncReportsSuccessEarly => "rsync-reports-success-early",
        }
    }

    /// The bug of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bug| bug.name() == name)
    }
}

impl fmt::Display for PlantedBug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
