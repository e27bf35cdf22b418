//! What a trace is made of.

mod stored;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Fingerprint;
use crate::capability::Capability;
use crate::time::SimTime;

/// A node's name, as cluster.toml gives it.
pub type NodeName = Arc<str>;

/// An event's place in its trace, counted from 0; what verdicts cite as evidence.
pub type EventId = u64;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "stored::StoredEvent")]
pub struct Event {
    /// Its place in the trace.
    pub id: EventId,
    /// When it happened, in nanoseconds of simulated time.
    #[serde(rename = "at_ns")]
    pub at: SimTime,
    /// Where it happened; none for what happens to the run as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeName>,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// The phases of a run: faults disturb it, then all are healed, then it must settle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The cluster starts; nothing is judged before it ends.
    Warmup,
    /// Faults may be active.
    Disturb,
    /// Whatever was still broken is being healed.
    Heal,
    /// No fault is active; liveness is due.
    Settle,
}

/// How an operation ended, as its client knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpOutcome {
    /// It was answered as it should be.
    Ok,
    /// It certainly had no effect, or was answered with an error.
    Failed,
    /// The connection broke after the request was sent: it may have happened.
    Unknown,
}

/// Why a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessEnd {
    /// It returned by itself.
    Exited,
    /// SIGKILL.
    Killed,
    /// SIGTERM: it ended in its own order.
    Stopped,
    /// Its machine lost power.
    PowerLost,
    /// It failed by itself.
    Crashed,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileChange {
    /// It was not there before.
    Created,
    /// Its content is another one.
    Modified,
    /// It is gone.
    Removed,
}

/// The routes by which somebody may try to change a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WriteRoute {
    /// The management API (deploy an API) on the servlet port.
    ManagementApi,
    /// The Carbon admin services (SOAP) on the servlet port.
    AdminService,
    /// The Publisher portal.
    Publisher,
    /// The Developer Portal.
    DeveloperPortal,
    /// The Carbon console.
    Console,
}

impl WriteRoute {
    /// All routes, in the order in which they are tried.
    pub const ALL: [WriteRoute; 5] = [
        WriteRoute::ManagementApi,
        WriteRoute::AdminService,
        WriteRoute::Publisher,
        WriteRoute::DeveloperPortal,
        WriteRoute::Console,
    ];

    /// Its name in scenario files and reports.
    pub fn name(self) -> &'static str {
        match self {
            WriteRoute::ManagementApi => "management-api",
            WriteRoute::AdminService => "admin-service",
            WriteRoute::Publisher => "publisher",
            WriteRoute::DeveloperPortal => "developer-portal",
            WriteRoute::Console => "console",
        }
    }
}

/// What an operation asks for, as the trace tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub enum OpKind {
    /// A consumer calls an API through the balancer.
    Call {
        /// The API's name.
        api: Arc<str>,
    },
    /// Somebody publishes an API (creates it, or updates it) through the management host name.
    Publish {
        /// The API's name.
        api: Arc<str>,
        /// The revision that is published; counted up by the plan, carried in the artifacts.
        #[serde(alias = "asked_revision")]
        revision: u64,
    },
    /// Somebody deletes an API through the management host name.
    Delete {
        /// The API's name.
        api: Arc<str>,
        /// The revision that the deletion is, counted in the same row as those of publishing.
        #[serde(alias = "asked_revision")]
        revision: u64,
    },
    /// Somebody opens the management console through its host name.
    Administer,
    /// Somebody tries to change a worker directly.
    Write {
        /// The worker.
        worker: NodeName,
        /// By which route.
        route: WriteRoute,
    },
    /// A monitor asks a gateway's own health endpoint, past the balancer.
    HealthCheck {
        /// The gateway.
        gateway: NodeName,
    },
}

/// A server of an upstream group, and when the balancer leaves it out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamServer {
    /// The node that its address belongs to.
    pub node: NodeName,
    /// After how many failures within `fail_timeout`; never when it is 0.
    pub max_fails: u32,
    /// For how long, in nanoseconds.
    pub fail_timeout_ns: u64,
}

/// What [`EventKind::UpstreamTried`] says of an attempt that ended because the client went away: nobody's failure.
pub const CLIENT_GONE: &str = "the client closed the connection (499)";

/// What [`EventKind::UpstreamTried`] says of an attempt that the balancer could not make: its own failure, no server's.
pub const NO_DESCRIPTOR: &str = "no file descriptor";

impl OpKind {
    /// The capability that this operation exercises; none for write attempts, which should not
    /// succeed, and for health checks, which are nobody's work.
    pub fn capability(&self) -> Option<Capability> {
        match self {
            OpKind::Call { .. } => Some(Capability::Serve),
            OpKind::Publish { .. } | OpKind::Delete { .. } => Some(Capability::Publish),
            OpKind::Administer => Some(Capability::Administer),
            OpKind::Write { .. } | OpKind::HealthCheck { .. } => None,
        }
    }
}

/// What happened. New kinds may be added within a schema version; readers skip none silently.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// The run began. Always the first event.
    RunStarted {
        /// The scenario's name.
        scenario: Arc<str>,
        /// The seed of the plan.
        seed: u64,
        /// Names of the manager nodes.
        managers: Vec<NodeName>,
        /// Names of the worker nodes, whether they are in the workers list or not.
        workers: Vec<NodeName>,
        /// Names of the balancer nodes.
        balancers: Vec<NodeName>,
        /// The folder that the sync carries, on the manager, and where it lands on each worker.
        synced_roots: BTreeMap<NodeName, Arc<str>>,
    },
    /// What is asked of the run, so that a stored trace can be judged without anything beside it. Recorded
    /// by the runner, once, right after the cluster was made.
    RunPlanned {
        /// The fingerprint of the plan.
        plan: Fingerprint,
        /// The sentence that says what must hold.
        title: Arc<str>,
        /// The expectations, in the user's words.
        expectations: Vec<Arc<str>>,
    },
    /// Where neither documentation nor source settles how the real thing behaves: which reading this run took.
    /// Recorded by the cluster while it is made, one event a question.
    ReadingTaken {
        /// The question, such as `what makes a worker read-only`.
        question: Arc<str>,
        /// The reading that was taken, as the cluster's files name it.
        reading: Arc<str>,
        /// What follows from it for this cluster.
        gives: Arc<str>,
        /// The other reading.
        other: Arc<str>,
        /// What would follow from that.
        other_gives: Arc<str>,
    },
    /// A phase began.
    PhaseStarted {
        /// Which.
        phase: Phase,
    },
    /// The run ended. Always the last event.
    RunEnded,

    /// A machine has power and its kernel is up.
    NodeUp {
        /// How often it has been booted before in this run.
        boot: u32,
    },
    /// A machine lost its power.
    NodeDown,
    /// A machine stands still with all that it remembers, or goes on.
    NodeFrozen {
        /// Whether it now stands still.
        frozen: bool,
    },
    /// A process was started.
    ProcessStarted {
        /// Its name on its node, such as `wso2` or `nginx`.
        process: Arc<str>,
    },
    /// A server has started everything that it serves.
    ProcessReady {
        /// Its name on its node.
        process: Arc<str>,
    },
    /// A process is gone.
    ProcessEnded {
        /// Its name on its node.
        process: Arc<str>,
        /// Why.
        why: ProcessEnd,
    },
    /// A process is no longer scheduled, or is again.
    ProcessPaused {
        /// Its name on its node.
        process: Arc<str>,
        /// Whether it now stands still.
        paused: bool,
    },

    /// A fault of the plan began to act.
    FaultBegan {
        /// The fault's name in the plan.
        fault: Arc<str>,
        /// Its kind, such as `power-off`.
        fault_kind: Arc<str>,
        /// The nodes that it acts on.
        nodes: Vec<NodeName>,
    },
    /// A fault was healed.
    FaultEnded {
        /// The fault's name in the plan.
        fault: Arc<str>,
    },
    /// A fault could not act, and why: a process that was not running cannot be killed.
    FaultHadNoEffect {
        /// The fault's name in the plan.
        fault: Arc<str>,
        /// Why.
        why: Arc<str>,
    },

    /// A client sent a request.
    OpStarted {
        /// The operation's number in the run.
        op: u64,
        /// What it asks for.
        #[serde(flatten)]
        what: OpKind,
    },
    /// A client knows how its request ended.
    OpEnded {
        /// The operation's number in the run.
        op: u64,
        /// What it asked for.
        #[serde(flatten)]
        what: OpKind,
        /// When it was started, in nanoseconds.
        #[serde(rename = "started_ns")]
        started: SimTime,
        /// How it ended.
        outcome: OpOutcome,
        /// The HTTP status, if an answer came.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// The revision of the API that answered (calls), if the answer said one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        revision: Option<u64>,
        /// What went wrong, in words; empty when nothing did.
        #[serde(default, skip_serializing_if = "str::is_empty")]
        error: Arc<str>,
    },

    /// A balancer says, when it starts, what one of its upstream groups is made of.
    UpstreamDefined {
        /// The upstream group.
        upstream: Arc<str>,
        /// How many processes keep account of failures, each for itself.
        processes: u64,
        /// Its servers, spare ones among them.
        servers: Vec<UpstreamServer>,
    },
    /// The balancer sent a request to an upstream server, and what came of it.
    UpstreamTried {
        /// The upstream group.
        upstream: Arc<str>,
        /// The node that the server's address belongs to.
        peer: NodeName,
        /// When the balancer chose it, in nanoseconds; the event itself stands where the attempt ended.
        #[serde(rename = "started_ns")]
        started: SimTime,
        /// The HTTP status that came back, if one did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// Why none came, such as `connection refused`; empty when one did.
        #[serde(default, skip_serializing_if = "str::is_empty")]
        error: Arc<str>,
        /// Whether the balancer then passed the request on to another server.
        retried: bool,
    },
    /// The balancer leaves an upstream server out for a while.
    PeerMarkedDown {
        /// The upstream group.
        upstream: Arc<str>,
        /// The server's node.
        peer: NodeName,
        /// Until when, in nanoseconds.
        #[serde(rename = "until_ns")]
        until: SimTime,
    },
    /// Every server of an upstream group is left out.
    NoLiveUpstreams {
        /// The upstream group.
        upstream: Arc<str>,
    },

    /// The manager put an artifact change into its queue, which a later poll will write.
    PersistenceQueued {
        /// The API.
        api: Arc<str>,
        /// The revision.
        revision: u64,
    },
    /// A file on a node's disk changed.
    FileChanged {
        /// The file, from the root of the disk.
        path: Arc<str>,
        /// How.
        change: FileChange,
        /// Digest of its bytes, after the change; none when it is gone or is not a regular file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<Digest>,
        /// Its size in bytes, after the change.
        size: u64,
        /// Who changed it, such as `rsync`, `wso2`, `operator`.
        writer: Arc<str>,
    },
    /// All files below a synced root, as they are now: at the start of the run, at its end, and where files change
    /// without a write: when power is lost.
    DiskState {
        /// The root.
        root: Arc<str>,
        /// Path below the root to digest.
        files: BTreeMap<Arc<str>, Digest>,
    },
    /// A worker's (or the manager's) hot deployer began to look at its files.
    ScanStarted,
    /// A gateway now serves this revision of an API.
    ApiDeployed {
        /// The API.
        api: Arc<str>,
        /// The revision that it found in the artifact.
        revision: u64,
    },
    /// A gateway no longer serves an API.
    ApiUndeployed {
        /// The API.
        api: Arc<str>,
    },
    /// A gateway could not deploy an artifact.
    DeployFailed {
        /// The file.
        path: Arc<str>,
        /// Why.
        why: Arc<str>,
    },

    /// Cron started the sync command.
    CronFired,
    /// The sync script began.
    SyncStarted {
        /// Its number on this node.
        run: u64,
    },
    /// The sync script ended.
    SyncEnded {
        /// Its number on this node.
        run: u64,
        /// Its exit status.
        exit_code: i32,
    },
    /// rsync began for one target.
    RsyncStarted {
        /// The script's run that it belongs to.
        run: u64,
        /// The worker that the target is on.
        worker: NodeName,
        /// The target, as workers-list.txt gives it.
        target: Arc<str>,
    },
    /// rsync ended for one target.
    RsyncEnded {
        /// The script's run that it belongs to.
        run: u64,
        /// The worker that the target is on.
        worker: NodeName,
        /// rsync's exit status.
        exit_code: i32,
        /// Files that were transferred.
        files: u64,
        /// Files that were deleted.
        deleted: u64,
        /// Bytes of file data that were sent.
        bytes: u64,
        /// What rsync wrote to its standard error; empty when nothing.
        #[serde(default, skip_serializing_if = "str::is_empty")]
        message: Arc<str>,
    },
    /// rsync has put one file in its place on the worker.
    RsyncFile {
        /// The script's run that it belongs to.
        run: u64,
        /// The worker.
        worker: NodeName,
        /// How many files of this transfer are now in place.
        count: u64,
    },
    /// Something worth knowing that explore looks for, such as `torn snapshot served`.
    Mark {
        /// Which.
        mark: Arc<str>,
    },
    /// A line that a process wrote to its log or standard error.
    Logged {
        /// The process.
        process: Arc<str>,
        /// The line.
        line: Arc<str>,
    },
}

/// Each kind's name, as the trace's `event` field gives it, once for [`EventKind::name`] and once for
/// [`EventKind::NAMES`].
macro_rules! names {
    ($($variant:ident => $name:literal),* $(,)?) => {
        impl EventKind {
            /// The names of all kinds.
            pub const NAMES: &[&str] = &[$($name),*];

            /// The kind's name, as the trace's `event` field gives it.
            pub fn name(&self) -> &'static str {
                match self { $(EventKind::$variant { .. } => $name,)* }
            }
        }
    };
}
names! {
    RunStarted => "run_started", RunPlanned => "run_planned", ReadingTaken => "reading_taken",
    PhaseStarted => "phase_started",
    RunEnded => "run_ended", NodeUp => "node_up", NodeDown => "node_down",
    NodeFrozen => "node_frozen",
    ProcessStarted => "process_started", ProcessReady => "process_ready",
    ProcessEnded => "process_ended", ProcessPaused => "process_paused", FaultBegan => "fault_began",
    FaultEnded => "fault_ended", FaultHadNoEffect => "fault_had_no_effect", OpStarted => "op_started",
    OpEnded => "op_ended", UpstreamDefined => "upstream_defined", UpstreamTried => "upstream_tried", PeerMarkedDown => "peer_marked_down",
    NoLiveUpstreams => "no_live_upstreams", PersistenceQueued => "persistence_queued",
    FileChanged => "file_changed", DiskState => "disk_state", ScanStarted => "scan_started",
    ApiDeployed => "api_deployed", ApiUndeployed => "api_undeployed", DeployFailed => "deploy_failed",
    CronFired => "cron_fired", SyncStarted => "sync_started", SyncEnded => "sync_ended",
    RsyncStarted => "rsync_started", RsyncEnded => "rsync_ended", RsyncFile => "rsync_file",
    Mark => "mark", Logged => "logged",
}

/// A 128-bit digest (XXH3) of a file's bytes; serialised as 32 hexadecimal digits.
///
/// Equal digests stand for equal bytes: nobody chooses the contents of a simulation in order to collide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest(pub u128);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(xxhash_rust::xxh3::xxh3_128(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:032x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map(Digest).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kinds_name_is_the_one_in_the_trace() {
        let kinds = [
            EventKind::RunEnded,
            EventKind::CronFired,
            EventKind::FaultEnded { fault: "f".into() },
            EventKind::NodeUp { boot: 1 },
        ];
        for kind in kinds {
            let json = serde_json::to_value(&kind).unwrap();
            assert_eq!(json["event"], kind.name());
        }
    }

    #[test]
    fn an_event_survives_its_json() {
        let event = Event {
            id: 7,
            at: SimTime::from_millis(5),
            node: Some("consumers".into()),
            kind: EventKind::OpEnded {
                op: 3,
                what: OpKind::Call { api: "pizza".into() },
                started: SimTime::from_millis(4),
                outcome: OpOutcome::Ok,
                status: Some(200),
                revision: Some(2),
                error: "".into(),
            },
        };
        let line = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event);
        assert!(!line.contains("error"), "{line}");
    }
}
