//! The nodes of a cluster: what runs on each, and how it is started, at first and after a boot.
//!
//! Every service is started when its machine boots, as systemd does with enabled units; nothing watches a
//! service that died by itself.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

use harness::trace::NodeName;

use super::transfer;
use crate::balancer;
use crate::config::{ClusterConfig, NodeConfig, NodeKind};
use crate::cron;
use crate::gateway;
use crate::host::Host;
use crate::planted::PlantedBug;
use crate::ssh;
use crate::sync::{self, SyncRun};

/// What all nodes share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: ClusterConfig,
    pub(super) names: Rc<BTreeMap<IpAddr, NodeName>>,
    pub(super) planted: Option<PlantedBug>,
}

/// All nodes, by name.
#[derive(Debug)]
pub(super) struct Nodes {
    shared: Rc<Shared>,
    hosts: BTreeMap<NodeName, Host>,
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
        Self { shared, hosts }
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
    }

    /// Gives a node power and starts those of its services that `wanted` accepts.
    pub(super) fn boot(&self, name: &NodeName, wanted: impl Fn(&str) -> bool) {
        self.host(name).power_on();
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
                let planted = gateway::PlantedBugs {
                    accepts_writes: shared.planted == Some(PlantedBug::WorkerAcceptsWrites),
                    loses_publishes: shared.planted == Some(PlantedBug::ManagerLosesPublish),
                };
                gateway::start(host, Rc::new(config.clone()), shared.config.model, planted);
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
    let login = shared.config.model.ssh_login;
    host.spawn("sshd", |process| async move {
        let logged = process.clone();
        let own_host = process.host().clone();
        let run = move |command: String, stream| transfer::serve(own_host.clone(), command, stream);
        if let Err(error) = ssh::serve(process, login, run).await {
            logged.log(format!("error: Bind to port {} failed: {error}.", ssh::PORT));
            logged.crash();
        }
    });
}

fn start_cron(host: &Host, shared: &Rc<Shared>) {
    let jobs = Rc::new(shared.config.sync.jobs.clone());
    let config = Rc::new(shared.config.sync.clone());
    let (shared, own_host, runs) = (Rc::clone(shared), host.clone(), Cell::new(0));
    cron::start(host, jobs, move |_| {
        runs.set(runs.get() + 1);
        let run = SyncRun { run: runs.get(), config: Rc::clone(&config) };
        let shared = Rc::clone(&shared);
        sync::start(&own_host, run, move |host, run, worker| transfer::start(host, &shared, run, worker));
    });
}
