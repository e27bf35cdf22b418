//! The parts of a cluster that can be missing, and which of them are alike.
//!
//! A component is a name and the faults that take it away. What there is, only the implementation of a cluster can
//! tell: [`ClusterMaker::components`](crate::cluster::ClusterMaker::components).

use std::sync::Arc;

use crate::cluster::Topology;
use crate::plan::{FaultKind, PartitionDirection, Target};
use crate::trace::NodeName;

/// A part of a cluster that can be missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    /// Its name, unique in the cluster: `worker1`, `worker1/wso2`, `link balancer-worker1`.
    pub name: Arc<str>,
    /// What it is, in a word or two: `machine`, `process`, `link`.
    pub what: Arc<str>,
    /// The faults that take it away, all of them at once.
    pub away: Vec<(FaultKind, Target)>,
}

/// Nodes that could stand in each other's place: what one of them does in a run, another does in the run in which
/// they are exchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alike {
    /// The nodes. The first one is worst placed, where their order matters to anything.
    pub nodes: Vec<NodeName>,
    /// How that is known, in a sentence.
    pub proof: String,
    /// What distinguishes them all the same, and why that does not decide whether something works: a sentence each.
    pub except: Vec<String>,
}

/// Two nodes of one role that cannot stand in each other's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlike {
    /// The nodes.
    pub nodes: [NodeName; 2],
    /// The first thing in which they differ.
    pub why: String,
}

/// All parts of a cluster.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Components {
    /// The parts, in the order in which they are examined and shown.
    pub list: Vec<Component>,
    /// Nodes that are alike. No node is in two groups.
    pub alike: Vec<Alike>,
    /// Nodes that were compared and are not.
    pub unlike: Vec<Unlike>,
}

impl Components {
    /// Every machine, process and link of a topology; no two nodes are taken to be alike.
    pub fn of(topology: &Topology) -> Self {
        let mut list = Vec::new();
        let machines = topology.nodes().filter(|node| !topology.clients.contains(node));
        list.extend(machines.map(Component::machine));
        for (node, processes) in &topology.processes {
            list.extend(processes.iter().map(|process| Component::process(node, process)));
        }
        let nodes: Vec<&NodeName> = topology.nodes().collect();
        for (index, one) in nodes.iter().enumerate() {
            list.extend(nodes[index + 1..].iter().map(|other| Component::link(one, other)));
        }
        Self { list, alike: Vec::new(), unlike: Vec::new() }
    }

    /// The place of the component of this name.
    pub fn named(&self, name: &str) -> Option<usize> {
        self.list.iter().position(|component| *component.name == *name)
    }
}

impl Component {
    /// A machine, which loses its power.
    pub fn machine(node: &NodeName) -> Self {
        let away = vec![(FaultKind::PowerOff, Target::Nodes(vec![node.clone()]))];
        Self { name: node.clone(), what: "machine".into(), away }
    }

    /// A process, which is killed and not started again until it returns.
    pub fn process(node: &NodeName, process: &str) -> Self {
        let target = Target::Process { nodes: vec![node.clone()], process: process.into() };
        let name = format!("{node}/{process}").into();
        Self { name, what: "process".into(), away: vec![(FaultKind::ProcessKill, target)] }
    }

    /// Everything between two machines.
    pub fn link(one: &NodeName, other: &NodeName) -> Self {
        let target = Target::Between { a: vec![one.clone()], b: vec![other.clone()] };
        let cut = FaultKind::Partition { direction: PartitionDirection::Both };
        Self { name: format!("link {one}-{other}").into(), what: "link".into(), away: vec![(cut, target)] }
    }

    /// The nodes that its faults name, each once.
    pub fn nodes(&self) -> Vec<NodeName> {
        let mut nodes: Vec<NodeName> = self.away.iter().flat_map(|(_, target)| target.nodes()).collect();
        nodes.sort();
        nodes.dedup();
        nodes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::ClusterMaker;
    use crate::cluster_files::ClusterFiles;
    use crate::fake::FakeMaker;

    #[test]
    fn machines_processes_and_links_are_components_and_the_clients_machine_is_none() {
        let (topology, _) = FakeMaker::for_plans().topology(&ClusterFiles::default()).unwrap();
        let components = Components::of(&topology);
        let count = |what: &str| components.list.iter().filter(|one| *one.what == *what).count();
        assert_eq!((count("machine"), count("process"), count("link")), (4, 5, 10));
        assert_eq!(components.named("clients"), None);
        let link = &components.list[components.named("link balancer-clients").unwrap()];
        assert_eq!(link.nodes(), ["balancer".into(), "clients".into()]);
    }
}
