//! What the cluster is made of: every part that can be missing, as its files name them.

use harness::component::{Component, Components};
use harness::trace::NodeName;

use super::{exchangeable, nodes};
use crate::config::{ClusterConfig, NodeKind};

/// All parts: machines, the services on them, and the links between them. The clients' machine is no part of the
/// cluster; their links to it are.
pub(super) fn of(config: &ClusterConfig) -> Components {
    let mut list = Vec::new();
    let machines = config.nodes.iter().filter(|node| !matches!(node.kind, NodeKind::Client));
    list.extend(machines.map(|node| Component::machine(&node.name)));
    for node in &config.nodes {
        let services = nodes::services(config, node).into_iter();
        list.extend(services.map(|service| Component::process(&node.name, service)));
    }
    let names: Vec<&NodeName> = config.nodes.iter().map(|node| &node.name).collect();
    for (index, one) in names.iter().enumerate() {
        list.extend(names[index + 1..].iter().map(|other| Component::link(one, other)));
    }
    let (alike, unlike) = exchangeable::groups(config);
    Components { list, alike, unlike }
}
