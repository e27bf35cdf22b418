//! What goes wrong in a run, when, and for how long. Each fault brings its healing: it ends.

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
}

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
    /// Bytes a second, each way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth_bytes_per_s: Option<u64>,
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
}

impl FaultKind {
    /// Whether a target is of the shape that this kind acts on.
    pub fn can_act_on(&self, target: &Target) -> bool {
        match self {
            FaultKind::ProcessKill => matches!(target, Target::Process { .. }),
            FaultKind::PowerOff => matches!(target, Target::Nodes(_)),
            FaultKind::Partition { .. } | FaultKind::SlowLink { .. } => {
                matches!(target, Target::Between { .. })
            }
        }
    }

    /// Its name in scenario files, reports and `sim list faults`.
    pub fn name(&self) -> &'static str {
        match self {
            FaultKind::ProcessKill => "process-kill",
            FaultKind::PowerOff => "power-off",
            FaultKind::Partition { .. } => "partition",
            FaultKind::SlowLink { .. } => "slow-link",
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
