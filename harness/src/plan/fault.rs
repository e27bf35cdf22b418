//! What goes wrong in a run, when, and for how long. Each fault brings its healing: it ends.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

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
        }
    }

    /// Whether it happens at one moment, and there is nothing to heal: how long it lasts only says how long it counts
    /// as acting.
    pub fn is_instant(&self) -> bool {
        matches!(self, FaultKind::ResetConnections)
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
