//! What the cluster is made of: every part that can be missing, as its files name them.

use std::sync::Arc;

use harness::cluster::Topology;
use harness::component::{Component, Components};
use harness::plan::{FaultKind, PartitionDirection, Target};
use harness::scenario::fault::candidates;
use harness::trace::NodeName;

use super::{exchangeable, nodes};
use crate::config::{ClusterConfig, NodeKind};

/// Parts that a fault of their own takes away, each with what it is and how it is called after its node: by the
/// fault's kind.
const SMALL_PARTS: &[(&str, &str, &str)] = &[
    ("disk-lost", "disk", "disk"),
    ("cron-stopped", "job", "cron job"),
    ("stale-lock", "lock", "lock of the script"),
    ("ssh-key-rejected", "key", "ssh key"),
    ("hosts-entry", "name", "hosts entry"),
];

/// All parts: machines and their addresses, the services on them, what the sync needs, and the links between them. The
/// clients' machine is no part of the cluster; their links to it, and what they know of its names, are.
pub(super) fn of(config: &ClusterConfig, topology: &Topology) -> Components {
    let mut list = Vec::new();
    let machines = config.nodes.iter().filter(|node| !matches!(node.kind, NodeKind::Client));
    list.extend(machines.map(|node| Component::machine(&node.name)));
    for node in &config.nodes {
        let services = nodes::services(config, node).into_iter();
        list.extend(services.map(|service| Component::process(&node.name, service)));
    }
    list.extend(topology.balancers.iter().map(|balancer| address(balancer, topology)));
    list.extend(small_parts(topology));
    let names: Vec<&NodeName> = config.nodes.iter().map(|node| &node.name).collect();
    for (index, one) in names.iter().enumerate() {
        list.extend(names[index + 1..].iter().map(|other| Component::link(one, other)));
    }
    let (alike, unlike) = exchangeable::groups(config);
    Components { list, alike, unlike }
}

/// A node's address: nobody reaches it, while what runs there runs.
fn address(node: &NodeName, topology: &Topology) -> Component {
    let others = topology.nodes().filter(|other| *other != node).cloned().collect();
    let target = Target::Between { a: vec![node.clone()], b: others };
    let cut = FaultKind::Partition { direction: PartitionDirection::Both };
    Component { name: format!("{node}/address").into(), what: "address".into(), away: vec![(cut, target)] }
}

/// What has a fault of its own. Of several ways to lose one thing, the first is taken.
fn small_parts(topology: &Topology) -> Vec<Component> {
    let faults = candidates(topology);
    let mut parts: Vec<Component> = Vec::new();
    for (kind, what, called) in SMALL_PARTS {
        for fault in faults.iter().filter(|(fault, _)| fault.name() == *kind) {
            let name: Arc<str> = name(fault, called).into();
            if !parts.iter().any(|part| part.name == name) {
                parts.push(Component { name, what: (*what).into(), away: vec![fault.clone()] });
            }
        }
    }
    parts
}

/// `manager/disk`; of a host's name, `clients/hosts entry am.wso2.com`.
fn name((kind, target): &(FaultKind, Target), called: &str) -> String {
    let fields = serde_json::to_value(kind).unwrap_or_default();
    let of = fields.get("host_name").and_then(serde_json::Value::as_str);
    let of = of.map(|name| format!(" {name}")).unwrap_or_default();
    format!("{}/{called}{of}", target.nodes().join("+"))
}
