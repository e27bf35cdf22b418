//! The nodes of a cluster: what runs on each, and how it is started, at first and after a boot.
//!
//! Every service is started when its machine boots, as systemd does with enabled units; nothing watches a
//! service that died by itself.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use harness::trace::NodeName;

use super::transfer::Spoiling;
use super::{promotion, transfer};
use crate::balancer;
use crate::config::{ClusterConfig, NodeConfig, NodeKind};
use crate::cron;
use crate::disk::Disk;
use crate::gateway;
use crate::host::Host;
use crate::planted::PlantedBug;
use crate::ssh;
use crate::sync::{self, SyncRun};

/// What all nodes share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: Arc<ClusterConfig>,
    pub(super) names: Rc<BTreeMap<IpAddr, NodeName>>,
    pub(super) planted: Option<PlantedBug>,
}

/// All nodes, by name.
#[derive(Debug)]
pub(super) struct Nodes {
    shared: Rc<Shared>,
    hosts: BTreeMap<NodeName, Host>,
    /// For a planted bug: the disk of the node that syncs, as it was when that booted.
    at_boot: RefCell<Option<Disk>>,
}

/// The services of a kind of node, in the order in which a boot starts them.
pub(super) fn services(config: &ClusterConfig, node: &NodeConfig) -> Vec<&'static str> {
    match node.kind {
        NodeKind::Manager(_) | NodeKind::Worker(_) if config.sync.node == node.name => {
            vec!["sshd", "cron", "wso2"]
        }
        NodeKind::Manager(_) | NodeKind::Worker(_) => vec!["sshd", "wso2"],
        NodeKind::Balancer(_) => vec!["nginx"],
        NodeKind::Client => vec![],
    }
}

/// The ports that a node's servers listen on.
pub(super) fn ports(node: &NodeConfig) -> Vec<u16> {
    match &node.kind {
        NodeKind::Manager(config) | NodeKind::Worker(config) => {
            let ports = config.ports;
            let gateway =
                [ports.pass_through_http, ports.pass_through_https, ports.servlet_http, ports.servlet_https];
            gateway.into_iter().chain([ssh::PORT]).collect()
        }
        NodeKind::Balancer(config) => balancer::ports(config),
        NodeKind::Client => Vec::new(),
    }
}

impl Nodes {
    pub(super) fn new(shared: Rc<Shared>, hosts: &[Host]) -> Self {
        let hosts = hosts.iter().map(|host| (host.name().clone(), host.clone())).collect();
        Self { shared, hosts, at_boot: RefCell::default() }
    }

    /// The host of a node.
    ///
    /// # Panics
    /// When there is none: plans name nodes that exist.
    pub(super) fn host(&self, name: &NodeName) -> &Host {
        &self.hosts[name]
    }

    /// Starts all services of all nodes, in the order of cluster.toml.
    pub(super) fn start_all(&self) {
        for node in &self.shared.config.nodes {
            for service in services(&self.shared.config, node) {
                self.start_service(&node.name, service);
            }
        }
        if self.has(PlantedBug::PromotedWorkerStaysWriter) {
            promotion::watch(&self.shared, &self.hosts);
        }
        if self.has(PlantedBug::DiskForgetsSinceBoot) {
            self.keep_disks();
        }
    }

    /// Whether this bug is planted.
    pub(super) fn has(&self, bug: PlantedBug) -> bool {
        self.shared.planted == Some(bug)
    }

    /// Whether a node is the one that syncs.
    pub(super) fn syncs(&self, name: &NodeName) -> bool {
        self.shared.config.sync.node == *name
    }

    /// The folder of artifacts on the node that syncs.
    pub(super) fn synced_root(&self) -> Option<String> {
        match &self.config(&self.shared.config.sync.node).kind {
            NodeKind::Manager(config) | NodeKind::Worker(config) => {
                Some(gateway::deployment_root(&config.home))
            }
            NodeKind::Balancer(_) | NodeKind::Client => None,
        }
    }

    fn keep_disks(&self) {
        let manager = &self.shared.config.sync.node;
        self.at_boot.replace(Some(self.host(manager).disk().clone()));
    }

    /// What the manager's disk was when it booted, where a planted bug needs it.
    pub(super) fn disk_at_boot(&self) -> Option<Disk> {
        self.at_boot.borrow().clone()
    }

    /// Gives a node power and starts those of its services that `wanted` accepts.
    pub(super) fn boot(&self, name: &NodeName, wanted: impl Fn(&str) -> bool) {
        self.host(name).power_on();
        if self.syncs(name) && self.has(PlantedBug::DiskForgetsSinceBoot) {
            self.keep_disks();
        }
        let node = self.config(name);
        for service in services(&self.shared.config, node).into_iter().filter(|service| wanted(service)) {
            self.start_service(name, service);
        }
    }

    /// Starts a service, unless it runs, or its node has no power, stands still, or has no such service.
    pub(super) fn start_service(&self, name: &NodeName, service: &str) {
        let host = self.host(name);
        if !host.is_running() || !host.processes(service).is_empty() {
            return;
        }
        let shared = &self.shared;
        match (service, &self.config(name).kind) {
            ("sshd", NodeKind::Manager(_) | NodeKind::Worker(_)) => start_sshd(host, shared),
            ("cron", NodeKind::Manager(_) | NodeKind::Worker(_)) => start_cron(host, shared),
            ("wso2", NodeKind::Manager(config) | NodeKind::Worker(config)) => {
                gateway::start(host, Rc::new(config.clone()), shared.config.model, shared.planted);
            }
            ("nginx", NodeKind::Balancer(config)) => {
                let names = Rc::clone(&shared.names);
                let node_at = move |address: IpAddr| {
                    names.get(&address).cloned().unwrap_or_else(|| address.to_string().into())
                };
                balancer::start(host, config, node_at, shared.planted);
            }
            // What is no service (a run of the script, an rsync) is not started again.
            _ => {}
        }
    }

    fn config(&self, name: &NodeName) -> &NodeConfig {
        self.shared.config.nodes.iter().find(|node| node.name == *name).expect("every host is a node")
    }
}

fn start_sshd(host: &Host, shared: &Rc<Shared>) {
    let is_worker = shared.config.sync.node != *host.name();
    if shared.planted == Some(PlantedBug::RebootedWorkerRefusesSsh) && is_worker && host.has_run() {
        return;
    }
    let planted = planted_into_transfers(shared, host);
    let login = shared.config.model.ssh_login;
    host.spawn("sshd", |process| async move {
        let logged = process.clone();
        let own_host = process.host().clone();
        let run = move |command: String, stream| {
            transfer::serve(own_host.clone(), command, stream, planted.clone())
        };
        if let Err(error) = ssh::serve(process, login, run).await {
            logged.log(format!("error: Bind to port {} failed: {error}.", ssh::PORT));
            logged.crash();
        }
    });
}

fn start_cron(host: &Host, shared: &Rc<Shared>) {
    let jobs = Rc::new(shared.config.sync.jobs.clone());
    let mut config = shared.config.sync.clone();
    if shared.planted == Some(PlantedBug::RestartedCronFindsNoWorkers) && host.has_run() {
        config.workers.clear();
    }
    let config = Rc::new(config);
    let planted = shared.planted;
    let (shared, own_host, runs) = (Rc::clone(shared), host.clone(), Cell::new(0));
    cron::start(host, jobs, move |_| {
        runs.set(runs.get() + 1);
        let run = SyncRun { run: runs.get(), config: Rc::clone(&config), planted };
        let shared = Rc::clone(&shared);
        sync::start(&own_host, run, move |host, run, worker| transfer::start(host, &shared, run, worker));
    });
}

/// Which planted bug spoils what rsync receives on a host, and in which folder.
fn planted_into_transfers(shared: &Shared, host: &Host) -> Option<Spoiling> {
    let bug = shared.planted?;
    let node = shared.config.nodes.iter().find(|node| node.name == *host.name())?;
    match &node.kind {
        NodeKind::Manager(config) | NodeKind::Worker(config) => {
            Some(Spoiling { bug, root: gateway::deployment_root(&config.home) })
        }
        NodeKind::Balancer(_) | NodeKind::Client => None,
    }
}
