//! What goes wrong in a run, when, and for how long. Each fault brings its healing: it ends.

mod disk;
mod people;
mod sync;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

pub use disk::{ComesBack, DamagedFiles, MtimeOfDamage, UnsyncedWrites};
pub use people::{HandChange, ListMistake};
use serde::{Deserialize, Serialize};
pub use sync::{KillAt, KillSignal, TransferSide};

use crate::cluster::Topology;
use crate::time::SimTime;
use crate::trace::NodeName;

/// One fault of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Its name, unique in the plan: what expectations and traces call it.
    pub name: Arc<str>,
    /// What it is.
    pub kind: FaultKind,
    /// What it acts on.
    pub target: Target,
    /// When it begins.
    pub start: Start,
    /// How long it acts; it is healed then. Zero for what heals by itself at once.
    #[serde(rename = "lasts_ns", with = "nanos")]
    pub lasts: Duration,
    /// Whether it comes back; none for once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<Repeats>,
}

/// A fault that comes back: it begins again and again, at the same distance, within the disturb phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeats {
    /// From one beginning to the next.
    #[serde(rename = "every_ns", with = "nanos")]
    pub every: Duration,
    /// How often it acts in all.
    pub times: u64,
}

/// Work takes at most so many hundredths of its usual time.
pub const PERCENT_MAX: u32 = 100_000;
/// No fault comes back more often.
pub const TIMES_MAX: u64 = 10_000;

/// When a fault begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// At this moment.
    At {
        /// The moment, in nanoseconds.
        at_ns: SimTime,
    },
    /// Right after the `nth` event (from 1) of this kind, on this node if one is named.
    On {
        /// The event's kind, as the trace names it, such as `rsync_file`.
        event: String,
        /// Fields that the event must have, as the trace shows them: `{"worker": "worker1"}`.
        #[serde(default)]
        with: std::collections::BTreeMap<String, String>,
        /// The node that it happens on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<NodeName>,
        /// Which occurrence.
        nth: u64,
    },
}

/// What a fault acts on. All names are resolved: roles such as "any worker" were drawn when the plan was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Whole nodes.
    Nodes(Vec<NodeName>),
    /// A process on each of some nodes.
    Process {
        /// The nodes.
        nodes: Vec<NodeName>,
        /// The process, such as `wso2`, `nginx`, `cron`.
        process: Arc<str>,
    },
    /// Everything between two groups of nodes.
    Between {
        /// One group.
        a: Vec<NodeName>,
        /// The other group.
        b: Vec<NodeName>,
    },
}

impl Target {
    /// All nodes that are named.
    pub fn nodes(&self) -> Vec<NodeName> {
        match self {
            Target::Nodes(nodes) | Target::Process { nodes, .. } => nodes.clone(),
            Target::Between { a, b } => a.iter().chain(b).cloned().collect(),
        }
    }
}

/// In which direction a partition cuts, seen from [`Target::Between`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartitionDirection {
    /// Nothing passes.
    Both,
    /// What `a` sends to `b` is lost.
    AToB,
    /// What `b` sends to `a` is lost.
    BToA,
}

/// How a link is changed; what is none stays as it was.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LinkChange {
    /// One-way latency in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ns: Option<u64>,
    /// The latency varies by up to this many nanoseconds more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter_ns: Option<u64>,
    /// How the jitter is distributed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter_shape: Option<JitterShape>,
    /// Bytes a second, each way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth_bytes_per_s: Option<u64>,
    /// How many bytes wait for their turn where the bandwidth is short; more are lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_bytes: Option<u64>,
}

/// How the jitter of a link is distributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JitterShape {
    /// Evenly, from nothing to the jitter more.
    Even,
    /// Normally, around the latency; the jitter is the standard deviation.
    Normal,
    /// Exponentially; the jitter is the mean.
    Exponential,
}

/// What becomes of the wall clock of a machine that stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FrozenClock {
    /// It stands still too, and is late from then on.
    StandsStill,
    /// It is set right when the machine goes on.
    IsSet,
}

/// What a firewall does with a packet for a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FirewallAction {
    /// Nothing is answered.
    Drop,
    /// A TCP reset is answered.
    Reset,
    /// ICMP port unreachable is answered.
    PortUnreachable,
    /// ICMP "administratively prohibited" is answered.
    AdminProhibited,
}

/// What a fault is. Its healing is the reverse, at its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case")]
pub enum FaultKind {
    /// SIGKILL to a process; it is started again at the end.
    ProcessKill,
    /// A machine loses power; it boots at the end.
    PowerOff,
    /// Packets between two groups are lost.
    Partition {
        /// Which way.
        direction: PartitionDirection,
    },
    /// Latency, jitter or bandwidth of the links between two groups change.
    SlowLink {
        /// To what.
        change: LinkChange,
    },
    /// Some of the packets between two groups are lost.
    PacketLoss {
        /// How many of a million.
        loss_ppm: u32,
        /// Whose.
        direction: PartitionDirection,
    },
    /// The links between two groups go down and come up by turns.
    FlappingLink {
        /// How long they are down each time.
        #[serde(rename = "down_ns", with = "nanos")]
        down: Duration,
        /// How long they are up in between.
        #[serde(rename = "up_ns", with = "nanos")]
        up: Duration,
    },
    /// Every connection between two groups is reset, once.
    ResetConnections,
    /// A firewall on some nodes refuses what arrives for a port.
    Firewall {
        /// The port.
        port: u16,
        /// What is done with it.
        action: FirewallAction,
    },
    /// The hosts files of some nodes say something else of a name.
    HostsEntry {
        /// The name.
        host_name: String,
        /// The wrong address; none for a name that is not there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<IpAddr>,
    },
    /// SIGTERM to a process, and SIGKILL after 90 s; it is started again at the end.
    ProcessStop,
    /// A process crashes, is started again, and crashes again.
    CrashLoop {
        /// How long it runs each time.
        #[serde(rename = "up_ns", with = "nanos")]
        up: Duration,
        /// How long until it is started again.
        #[serde(rename = "restart_ns", with = "nanos")]
        restart: Duration,
    },
    /// SIGSTOP to a process; SIGCONT at the end.
    ProcessPause,
    /// A process has no file descriptor left.
    OutOfDescriptors,
    /// A machine is shut down in its order, and boots at the end.
    Reboot,
    /// A machine stands still, and goes on at the end.
    Freeze {
        /// What becomes of its wall clock.
        clock: FrozenClock,
    },
    /// Work takes longer on some machines.
    SlowCpu {
        /// How many hundredths of its usual time.
        factor_percent: u32,
    },

    /// A disk has no more room than this; at the end it has what it had.
    DiskFull {
        /// Bytes that can still be written, in whole blocks.
        free_bytes: u64,
    },
    /// A file system is mounted read-only; at the end it can be written again.
    DiskReadOnly,
    /// Each access to a disk takes longer; at the end it does not.
    DiskSlow {
        /// By so many nanoseconds.
        delay_ns: u64,
    },
    /// A machine stops with its disk broken; at the end it boots with another disk.
    DiskLost {
        /// What stands on that.
        comes_back: ComesBack,
    },
    /// Bytes of files change, their sizes do not. Nothing repairs them but the sync, where it sees them.
    FilesCorrupted {
        /// Which files.
        files: DamagedFiles,
        /// What their times say.
        mtime: MtimeOfDamage,
    },
    /// A power loss takes something else than usual of what was not synced; at the end it is as usual.
    UnsyncedWrites {
        /// What it takes.
        lost: UnsyncedWrites,
    },

    /// A clock is wrong by so much; at the end it is set right.
    ClockSkew {
        /// Nanoseconds; negative when it is behind.
        by_ns: i64,
    },
    /// A clock is set by so much, and stays so.
    ClockJump {
        /// Nanoseconds; negative when it is set back.
        by_ns: i64,
    },
    /// A clock runs too fast or too slow; at the end it is set right.
    ClockDrift {
        /// How much faster than time, in parts per million; negative when slower.
        rate_ppm: i64,
    },

    /// Somebody changes a file below the synced folder by hand. Nobody takes it back but the sync.
    ManualChange {
        /// What they do.
        does: HandChange,
        /// The file, below the folder; drawn from those that are there when none is named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<String>,
    },
    /// A worker's server is started again without the flags that make it a worker; at the end, with them.
    StartedWithoutFlags,
    /// Somebody stops cron; at the end it is started.
    CronStopped,
    /// The cron job that syncs runs on a second node, with the same list; at the end it does not.
    CronOnSecondNode,
    /// sshd refuses the key of whoever logs in; at the end it accepts it.
    SshKeyRejected,
    /// sshd shows another host key than it did before; at the end, the one that is known.
    SshHostKeyChanged,
    /// sshd accepts connections and says nothing; at the end it answers those that wait.
    SshHangs,
    /// The lines of a worker in the list are wrong; at the end they are right.
    WorkersListWrong {
        /// How.
        line: ListMistake,
    },
    /// A server is started again on other ports; at the end, on its own.
    WrongPort {
        /// Added to each of its ports.
        offset: u16,
    },
    /// A server was started on an emptied server folder, and nobody starts it again until the end.
    ServerFolderEmptied,
    /// A worker is made the manager: writes go to it, and it syncs; at the end it is a worker again.
    WorkerPromoted,

    /// The next transfer to a worker is killed half-way.
    RsyncKilled {
        /// When.
        at: KillAt,
        /// How.
        signal: KillSignal,
        /// Which process.
        side: TransferSide,
    },
    /// The sync script takes longer for each line of its list; at the end it does not.
    SyncSlow {
        /// By so many nanoseconds.
        delay_ns: u64,
    },
    /// The lock of a sync run that is gone lies around; at the end somebody removes it if it still does.
    StaleLock,
}

impl FaultKind {
    /// Whether a target is of the shape that this kind acts on.
    pub fn can_act_on(&self, target: &Target) -> bool {
        match self {
            FaultKind::ProcessKill
            | FaultKind::ProcessStop
            | FaultKind::CrashLoop { .. }
            | FaultKind::ProcessPause
            | FaultKind::OutOfDescriptors => matches!(target, Target::Process { .. }),
            FaultKind::PowerOff
            | FaultKind::Reboot
            | FaultKind::Freeze { .. }
            | FaultKind::SlowCpu { .. }
            | FaultKind::Firewall { .. }
            | FaultKind::HostsEntry { .. } => matches!(target, Target::Nodes(_)),
            FaultKind::Partition { .. }
            | FaultKind::SlowLink { .. }
            | FaultKind::PacketLoss { .. }
            | FaultKind::FlappingLink { .. }
            | FaultKind::ResetConnections => matches!(target, Target::Between { .. }),
            FaultKind::WrongPort { .. } => {
                matches!(target, Target::Process { process, .. } if ["wso2", "sshd"].contains(&&**process))
            }
            FaultKind::DiskFull { .. }
            | FaultKind::DiskReadOnly
            | FaultKind::DiskSlow { .. }
            | FaultKind::DiskLost { .. }
            | FaultKind::FilesCorrupted { .. }
            | FaultKind::UnsyncedWrites { .. }
            | FaultKind::ClockSkew { .. }
            | FaultKind::ClockJump { .. }
            | FaultKind::ClockDrift { .. }
            | FaultKind::ManualChange { .. }
            | FaultKind::StartedWithoutFlags
            | FaultKind::CronStopped
            | FaultKind::CronOnSecondNode
            | FaultKind::SshKeyRejected
            | FaultKind::SshHostKeyChanged
            | FaultKind::SshHangs
            | FaultKind::WorkersListWrong { .. }
            | FaultKind::ServerFolderEmptied
            | FaultKind::WorkerPromoted
            | FaultKind::RsyncKilled { .. }
            | FaultKind::SyncSlow { .. }
            | FaultKind::StaleLock => matches!(target, Target::Nodes(_)),
        }
    }

    /// Whether files may be damaged for good when this has acted on the target, so that no sync repairs them: the
    /// workers' files need not become equal to the manager's, or the manager's are not what was published. False
    /// promises that the files of all workers become equal to the manager's once every fault is healed and time
    /// enough has passed.
    ///
    /// Not meant is what a manager forgets that is killed or loses its power (its queue, and what it had not written
    /// back): acknowledged publishes are lost by that too, but the cluster converges. Nor does false promise that
    /// workers serve what they have: what arrives while a server starts stays undeployed until it is started again.
    pub fn may_lose_data(&self, target: &Target, topology: &Topology) -> bool {
        let on_manager = || target.nodes().iter().any(|node| topology.managers.contains(node));
        match self {
            // What is damaged with its size and time kept is never synced again.
            FaultKind::FilesCorrupted { mtime, .. } => *mtime == MtimeOfDamage::Kept || on_manager(),
            // What the manager has not, the next run deletes everywhere.
            FaultKind::DiskLost { .. } | FaultKind::ManualChange { .. } | FaultKind::ServerFolderEmptied => {
                on_manager()
            }
            // Files may be cut off in the middle of what the manager wrote, or go back behind what is synced.
            FaultKind::UnsyncedWrites { lost } => *lost != UnsyncedWrites::Nothing && on_manager(),
            // What is written while there is no room is half there, and only the log knows.
            FaultKind::DiskFull { .. } | FaultKind::DiskReadOnly => on_manager(),
            // Two writers: what one acknowledged, the other's sync removes.
            FaultKind::StartedWithoutFlags | FaultKind::WorkerPromoted => true,
            _ => false,
        }
    }

    /// Whether what must hold whatever fails cannot hold with it, by what it is: it damages or removes what nobody else
    /// has, lets a worker accept writes, or is a change of a worker by hand. Exploring would find nothing but that.
    ///
    /// What a manager does while its disk is full or read-only, or after its power was gone, is not meant: that is the
    /// cluster's doing, and worth finding.
    pub fn denies_by_definition(&self, target: &Target, topology: &Topology) -> bool {
        match self {
            FaultKind::ManualChange { .. } | FaultKind::ServerFolderEmptied => true,
            FaultKind::DiskFull { .. } | FaultKind::DiskReadOnly | FaultKind::UnsyncedWrites { .. } => false,
            _ => self.may_lose_data(target, topology),
        }
    }

    /// Whether it happens at one moment, and there is nothing to heal: how long it lasts only says how long it counts
    /// as acting.
    pub fn is_instant(&self) -> bool {
        matches!(
            self,
            FaultKind::ResetConnections
                | FaultKind::FilesCorrupted { .. }
                | FaultKind::ClockJump { .. }
                | FaultKind::ManualChange { .. }
        )
    }

    /// Its name in scenario files, reports and `sim list faults`.
    pub fn name(&self) -> &'static str {
        match self {
            FaultKind::ProcessKill => "process-kill",
            FaultKind::PowerOff => "power-off",
            FaultKind::Partition { .. } => "partition",
            FaultKind::SlowLink { .. } => "slow-link",
            FaultKind::PacketLoss { .. } => "packet-loss",
            FaultKind::FlappingLink { .. } => "flapping-link",
            FaultKind::ResetConnections => "reset-connections",
            FaultKind::Firewall { .. } => "firewall",
            FaultKind::HostsEntry { .. } => "hosts-entry",
            FaultKind::ProcessStop => "process-stop",
            FaultKind::CrashLoop { .. } => "crash-loop",
            FaultKind::ProcessPause => "process-pause",
            FaultKind::OutOfDescriptors => "out-of-descriptors",
            FaultKind::Reboot => "reboot",
            FaultKind::Freeze { .. } => "freeze",
            FaultKind::SlowCpu { .. } => "slow-cpu",
            FaultKind::DiskFull { .. } => "disk-full",
            FaultKind::DiskReadOnly => "disk-read-only",
            FaultKind::DiskSlow { .. } => "disk-slow",
            FaultKind::DiskLost { .. } => "disk-lost",
            FaultKind::FilesCorrupted { .. } => "files-corrupted",
            FaultKind::UnsyncedWrites { .. } => "unsynced-writes",
            FaultKind::ClockSkew { .. } => "clock-skew",
            FaultKind::ClockJump { .. } => "clock-jump",
            FaultKind::ClockDrift { .. } => "clock-drift",
            FaultKind::ManualChange { .. } => "manual-change",
            FaultKind::StartedWithoutFlags => "started-without-flags",
            FaultKind::CronStopped => "cron-stopped",
            FaultKind::CronOnSecondNode => "cron-on-second-node",
            FaultKind::SshKeyRejected => "ssh-key-rejected",
            FaultKind::SshHostKeyChanged => "ssh-host-key-changed",
            FaultKind::SshHangs => "ssh-hangs",
            FaultKind::WorkersListWrong { .. } => "workers-list-wrong",
            FaultKind::WrongPort { .. } => "wrong-port",
            FaultKind::ServerFolderEmptied => "server-folder-emptied",
            FaultKind::WorkerPromoted => "worker-promoted",
            FaultKind::RsyncKilled { .. } => "rsync-killed",
            FaultKind::SyncSlow { .. } => "sync-slow",
            FaultKind::StaleLock => "stale-lock",
        }
    }
}

/// A [`Duration`] as its nanoseconds.
pub(crate) mod nanos {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_nanos)
    }
}
