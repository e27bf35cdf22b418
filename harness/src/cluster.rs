//! What the harness drives: a cluster, simulated or real.

use std::time::Duration;

use crate::cluster_files::ClusterFiles;
use crate::component::Components;
use crate::finding::Findings;
use crate::plan::{ApiSpec, Fault, Plan};
use crate::time::SimTime;
use crate::trace::event::OpKind;
use crate::trace::{NodeName, Recorder};

/// How far a cluster came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advance {
    /// To the moment that was asked for.
    Reached,
    /// A trigger fired at this moment; [`Recorder::take_fired`] says which.
    Triggered(SimTime),
}

/// An operation that a client is to begin now.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// Its number in the run.
    pub op: u64,
    /// What it asks for.
    pub what: OpKind,
    /// The API that it is about, if it is about one.
    pub api: Option<ApiSpec>,
    /// The client gives up after this long.
    pub timeout: Duration,
}

/// A running cluster. It records everything that happens with the [`Recorder`] that it was made with; nothing
/// else comes out of it.
///
/// Who records what: the cluster records [`RunStarted`](crate::trace::EventKind::RunStarted) and the first
/// [`DiskState`](crate::trace::EventKind::DiskState)s while it is made, and later everything that happens in
/// it, the start and the end of operations among it. The runner records what the plan does to it:
/// `RunPlanned`, `PhaseStarted`, `FaultBegan` (right before [`Cluster::inject`]), `FaultEnded` (right before
/// [`Cluster::heal`]) and `RunEnded`.
///
/// A simulated cluster advances its own time; one of real processes would sleep.
pub trait Cluster {
    /// Lets the cluster run until `to`, or until a trigger of the recorder has fired.
    fn advance(&mut self, to: SimTime) -> Advance;

    /// A client begins an operation: an [`OpStarted`](crate::trace::EventKind::OpStarted) event now. Its end is
    /// an [`OpEnded`](crate::trace::EventKind::OpEnded) event.
    fn start(&mut self, operation: Operation);

    /// A fault begins to act; the runner has recorded that it does. One that cannot act records
    /// [`FaultHadNoEffect`](crate::trace::EventKind::FaultHadNoEffect).
    fn inject(&mut self, fault: &Fault);

    /// A fault is healed.
    fn heal(&mut self, fault: &Fault);

    /// The run is over: records the final [`DiskState`](crate::trace::EventKind::DiskState)s.
    fn conclude(&mut self);
}

/// Names that scenarios may use, as the cluster's files give them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topology {
    /// Manager nodes.
    pub managers: Vec<NodeName>,
    /// Worker nodes.
    pub workers: Vec<NodeName>,
    /// Balancer nodes.
    pub balancers: Vec<NodeName>,
    /// Nodes that only send requests.
    pub clients: Vec<NodeName>,
    /// The processes that run on each kind of node: `("manager", ["wso2", "cron", ...])`.
    pub processes: Vec<(NodeName, Vec<String>)>,
    /// The ports that each node's servers listen on.
    pub ports: Vec<(NodeName, Vec<u16>)>,
    /// The names that each node's hosts file has.
    pub host_names: Vec<(NodeName, Vec<String>)>,
}

impl Topology {
    /// The nodes that run a gateway: managers, then workers.
    pub fn gateways(&self) -> impl Iterator<Item = &NodeName> {
        self.managers.iter().chain(&self.workers)
    }

    /// All nodes.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeName> {
        self.managers.iter().chain(&self.workers).chain(&self.balancers).chain(&self.clients)
    }
}

/// Makes clusters of one kind. One maker serves many runs, in parallel.
pub trait ClusterMaker: Sync {
    /// The program and its version, as plans name it: `sim 0.1.0`.
    fn version(&self) -> String;

    /// What the cluster's files say there is, and warnings.
    ///
    /// # Errors
    /// Everything that is wrong with the files.
    fn topology(&self, files: &ClusterFiles) -> Result<(Topology, Findings), Findings>;

    /// The cluster's files without one of its nodes, for who looks for the smallest cluster that still fails: the
    /// node is gone from every file that names it, and nothing else is changed.
    ///
    /// # Errors
    /// Why the node cannot go, in a sentence. As it is given here, no node can.
    fn without_node(&self, files: &ClusterFiles, node: &NodeName) -> Result<ClusterFiles, String> {
        let _ = files;
        Err(format!("{} cannot take {node} out of the cluster's files", self.version()))
    }

    /// The parts of the cluster that can be missing, and which nodes are alike. Without more knowledge of the
    /// cluster: its machines, processes and links, none of them alike.
    ///
    /// # Errors
    /// Everything that is wrong with the files.
    fn components(&self, files: &ClusterFiles) -> Result<Components, Findings> {
        self.topology(files).map(|(topology, _)| Components::of(&topology))
    }

    /// A cluster at the beginning of its run.
    ///
    /// # Errors
    /// Everything that is wrong with the plan's files, or a planted bug that is not known.
    fn make(&self, plan: &Plan, recorder: Recorder) -> Result<Box<dyn Cluster>, Findings>;
}
