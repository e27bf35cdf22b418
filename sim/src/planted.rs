//! Bugs that tests plant into the model, so that each checker is seen to catch one and exploration is measured by
//! how soon it finds them. No command plants any.
//!
//! Each is a bug beyond what the modelled cluster does by itself: the failure stories that such a cluster has, one
//! step worse.

use std::fmt;

/// Declares each bug once: its name in Rust, its name in plans, what it does.
macro_rules! bugs {
    ($($(#[doc = $doc:literal])* $bug:ident = $name:literal;)*) => {
        /// A planted bug.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum PlantedBug {
            $($(#[doc = $doc])* $bug,)*
        }

        impl PlantedBug {
            /// All of them.
            pub const ALL: &[PlantedBug] = &[$(PlantedBug::$bug,)*];

            /// Its name in a plan.
            pub fn name(self) -> &'static str {
                match self { $(PlantedBug::$bug => $name,)* }
            }

            /// What it does, in a sentence.
            pub fn doc(self) -> &'static str {
                match self { $(PlantedBug::$bug => concat!($($doc),*).trim_ascii(),)* }
            }
        }
    };
}

bugs! {
    /// A read-only worker accepts writes all the same.
    WorkerAcceptsWrites = "worker-accepts-writes";
    /// The sync ignores `--delete`.
    SyncSkipsDeletes = "sync-skips-deletes";
    /// The balancer ignores its failure marks.
    BalancerKeepsSendingToDeadNodes = "balancer-keeps-sending-to-dead-nodes";
    /// The manager acknowledges a publish and forgets it.
    ManagerLosesPublish = "manager-loses-publish";
    /// rsync says that it succeeded before it has transferred everything.
    RsyncReportsSuccessEarly = "rsync-reports-success-early";
    /// A run of the script that does not get the lock leaves it alone: that of a killed run stays for ever.
    KilledSyncLeavesLock = "killed-sync-leaves-lock";
    /// A run of the script waits for the one before it, however long that hangs.
    SyncWaitsForSync = "sync-waits-for-sync";
    /// Two runs of rsync to one worker at once, after the lock was stolen, mix a file up that has the right size and time.
    OverlappingRsyncsMixAFile = "overlapping-rsyncs-mix-a-file";
    /// A transfer that breaks leaves a file with wrong content and the right size and time.
    BrokenTransferSpoilsAFile = "broken-transfer-spoils-a-file";
    /// A worker that has deployed a torn snapshot looks at no file any more.
    TornSnapshotStays = "torn-snapshot-stays";
    /// A file that was rejected once is restored for ever, however good it becomes.
    RejectedFileIsNeverAccepted = "rejected-file-is-never-accepted";
    /// After an artifact that cannot be deployed, a worker looks at no file any more.
    FailedDeploymentEndsScans = "failed-deployment-ends-scans";
    /// A file that arrives while a worker starts keeps it from opening its ports.
    ArrivalDuringStartUpStopsServer = "arrival-during-start-up-stops-server";
    /// A worker that is restarted takes what was published in the last five minutes for deployed.
    RestartedWorkerSkipsNewFiles = "restarted-worker-skips-new-files";
    /// A worker that is restarted has lost its flag, and accepts writes.
    RestartedWorkerAcceptsWrites = "restarted-worker-accepts-writes";
    /// A worker that is restarted writes a file of its own into the synced folder.
    RestartedWorkerWritesAFile = "restarted-worker-writes-a-file";
    /// A gateway that was started again never calls itself healthy.
    RestartedGatewayIsNeverHealthy = "restarted-gateway-is-never-healthy";
    /// What the manager is to write while a sync runs is forgotten, though it was acknowledged.
    PublishDuringSyncIsForgotten = "publish-during-sync-is-forgotten";
    /// The manager that is held up for half a second while it copies an artifact leaves half of it.
    LateCopyStaysHalf = "late-copy-stays-half";
    /// A worker that cannot reach the manager for 30 s promotes itself, pushes its files to the manager once a minute,
    /// and goes on when the manager is back.
    PromotedWorkerStaysWriter = "promoted-worker-stays-writer";
    /// After a power loss the manager starts without its folder of APIs, and the sync deletes all of them.
    ManagerBootsWithoutApis = "manager-boots-without-apis";
    /// A power loss takes everything from the manager's disk that was written since it booted.
    DiskForgetsSinceBoot = "disk-forgets-since-boot";
    /// Cron that is started again runs the script in a folder without a workers list: no worker is synced, exit status 0.
    RestartedCronFindsNoWorkers = "restarted-cron-finds-no-workers";
    /// A worker that was rebooted has another host key: ssh refuses to connect.
    RebootedWorkerRefusesSsh = "rebooted-worker-refuses-ssh";
    /// A server that is started within two seconds of its end finds its port taken, and ends.
    QuickRestartFindsPortTaken = "quick-restart-finds-port-taken";
    /// A server that the balancer has marked once is never tried again.
    BalancerNeverTriesAgain = "balancer-never-tries-again";
}

impl PlantedBug {
    /// The bug of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|bug| bug.name() == name)
    }
}

impl fmt::Display for PlantedBug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
