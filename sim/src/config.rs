//! A cluster as its operator's files describe it: from text to one typed [`ClusterConfig`].
//!
//! The files are those that stand on the hosts (`deployment.toml`, `/etc/hosts`, the start command, `nginx.conf`,
//! the crontab, `workers-list.txt`, the rsync command line), named by a small `cluster.toml`. Each kind has a
//! parser of its own below this module. A parser reads one text and knows no other file; [`load`] names the
//! files, calls the parsers and then checks what no file alone can tell: addresses, ports, host names.
//!
//! What a parser does not understand is an error. What the real program would silently ignore is a warning that
//! says so. Nothing is skipped without a word, and all mistakes of all files come back at once.

mod cluster;
mod consistency;
mod crontab;
mod deployment;
mod gateway;
mod hosts;
mod load;
mod model;
mod network;
pub mod nginx;
mod rsync_command;
mod schedule;
mod shell_words;
mod ssh_command;
mod start_command;
mod sync;
mod table;
mod transfer;
mod without;
mod workers_list;

use std::net::IpAddr;

use harness::trace::NodeName;

pub use self::gateway::{Clustering, GatewayConfig, Ports, Profile, ProxyPorts, StartCommand};
pub use self::hosts::{HostsEntry, HostsFile};
pub use self::load::{CLUSTER_FILE, load};
pub use self::model::{DeletionRule, ModelSettings, ReadOnlyReading, RejectedUpdate};
pub use self::network::NetworkSettings;
pub use self::nginx::NginxConfig;
pub use self::schedule::{Schedule, Times, parse_fields};
pub use self::ssh_command::{SshCommand, SshCommandError, read as read_ssh_command};
pub use self::sync::{CronJob, RsyncCommand, SyncConfig, Word, WordPart, WorkerTarget};
pub use self::without::without_node;

/// Everything that a cluster's files say.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterConfig {
    /// The cluster's name.
    pub name: String,
    /// The links between the hosts.
    pub network: NetworkSettings,
    /// The hosts, in the order of `cluster.toml`.
    pub nodes: Vec<NodeConfig>,
    /// How artifacts get from the manager to the workers.
    pub sync: SyncConfig,
    /// What neither the documentation nor the source of the gateway settles.
    pub model: ModelSettings,
}

/// One host.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeConfig {
    /// Its name in `cluster.toml`, in scenarios and in traces.
    pub name: NodeName,
    /// Its only address, beside loopback.
    pub address: IpAddr,
    /// Its `/etc/hosts`: all that it knows of names.
    pub hosts: HostsFile,
    /// What runs on it.
    pub kind: NodeKind,
}

/// What runs on a host.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeKind {
    /// A gateway that may write artifacts.
    Manager(GatewayConfig),
    /// A gateway that serves them.
    Worker(GatewayConfig),
    /// A load balancer.
    Balancer(NginxConfig),
    /// Nothing that listens: requests come from here.
    Client,
}

/// What a host is for, as `cluster.toml` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `manager`
    Manager,
    /// `worker`
    Worker,
    /// `balancer`
    Balancer,
    /// `client`
    Client,
}

impl Role {
    /// As it is written in `cluster.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Role::Manager => "manager",
            Role::Worker => "worker",
            Role::Balancer => "balancer",
            Role::Client => "client",
        }
    }
}

impl NodeConfig {
    /// What it is for.
    pub fn role(&self) -> Role {
        match self.kind {
            NodeKind::Manager(_) => Role::Manager,
            NodeKind::Worker(_) => Role::Worker,
            NodeKind::Balancer(_) => Role::Balancer,
            NodeKind::Client => Role::Client,
        }
    }

    /// The gateway that runs on it, if one does.
    pub fn gateway(&self) -> Option<&GatewayConfig> {
        match &self.kind {
            NodeKind::Manager(gateway) | NodeKind::Worker(gateway) => Some(gateway),
            NodeKind::Balancer(_) | NodeKind::Client => None,
        }
    }
}

impl ClusterConfig {
    /// The node of this name.
    pub fn node(&self, name: &str) -> Option<&NodeConfig> {
        self.nodes.iter().find(|node| &*node.name == name)
    }

    /// The node that has this address.
    pub fn node_at(&self, address: IpAddr) -> Option<&NodeConfig> {
        self.nodes.iter().find(|node| node.address == address)
    }

    /// All nodes of one role, in order.
    pub fn nodes_of(&self, role: Role) -> impl Iterator<Item = &NodeConfig> {
        self.nodes.iter().filter(move |node| node.role() == role)
    }
}
