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
use harness::trace::event::ProcessEnd;
use harness::trace::uses::Use;

use super::live::Live;
use super::transfer::Spoiling;
use super::{promotion, transfer};
use crate::balancer;
use crate::config::{ClusterConfig, NodeConfig, NodeKind};
use crate::cron;
use crate::disk::Disk;
use crate::gateway;
use crate::host::Host;
use crate::planted::PlantedBug;
use crate::process::Process;
use crate::ssh;
use crate::sync;

/// What all nodes share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: Arc<ClusterConfig>,
    pub(super) names: Rc<BTreeMap<IpAddr, NodeName>>,
    pub(super) planted: Option<PlantedBug>,
    pub(super) live: Live,
}

impl Shared {
    fn node(&self, name: &NodeName) -> &NodeConfig {
        self.config.nodes.iter().find(|node| node.name == *name).expect("every host is a node")
    }
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
        let mut services = services(&self.shared.config, node);
        if self.shared.live.has_cron(name) && !services.contains(&"cron") {
            services.push("cron");
        }
        for service in services.into_iter().filter(|service| wanted(service)) {
            self.start_service(name, service);
        }
    }

    /// Starts a service, unless it runs, or its node has no power, stands still, or has no such service.
    pub(super) fn start_service(&self, name: &NodeName, service: &str) {
        start_service(self.host(name), &self.shared, service);
    }

    /// Whether a service is there to run on a node, by its configuration and by what was done to that.
    pub(super) fn should_run(&self, name: &NodeName, service: &str) -> bool {
        services(&self.shared.config, self.config(name)).contains(&service)
            || service == "cron" && self.shared.live.has_cron(name)
    }

    /// What is other than the cluster's files say.
    pub(super) fn live(&self) -> &Live {
        &self.shared.live
    }

    /// The cluster's files.
    pub(super) fn cluster(&self) -> &ClusterConfig {
        &self.shared.config
    }

    /// What a node is.
    pub(super) fn kind(&self, name: &NodeName) -> &NodeKind {
        &self.config(name).kind
    }

    /// Ends a service in its own order and starts it again, with whatever its configuration then says; nothing
    /// happens where it does not run. On a machine that stands still it happens when that goes on. It is not started if a
    /// fault has come to keep it down meanwhile.
    pub(super) fn restart_service(&self, name: &NodeName, service: &'static str) {
        self.restart_service_after(name, service, |_| {});
    }

    /// As [`Nodes::restart_service`], with something done while it is down.
    pub(super) fn restart_service_after(
        &self,
        name: &NodeName,
        service: &'static str,
        meanwhile: impl FnOnce(&Host) + 'static,
    ) {
        let host = self.host(name);
        let running = host.processes(service);
        if !host.is_powered() || running.is_empty() {
            return;
        }
        let shared = Rc::clone(&self.shared);
        host.spawn("systemctl", move |process| async move {
            for old in running {
                stop(&old).await;
            }
            let host = process.host();
            meanwhile(host);
            if !shared.live.is_kept_down(host.name(), service) {
                start_service(host, &shared, service);
            }
        });
    }

    fn config(&self, name: &NodeName) -> &NodeConfig {
        self.shared.node(name)
    }
}

/// SIGTERM, and what a service does about it.
async fn stop(service: &Process) {
    match &**service.name() {
        // They end at once; what they have started goes on.
        "sshd" | "cron" => service.end(ProcessEnd::Stopped),
        _ => {
            service.request_stop();
            service.wait().await;
        }
    }
}

fn start_service(host: &Host, shared: &Rc<Shared>, service: &str) {
    if !host.is_running() || !host.processes(service).is_empty() {
        return;
    }
    let name = host.name();
    match (service, &shared.node(name).kind) {
        ("sshd", NodeKind::Manager(_) | NodeKind::Worker(_)) => start_sshd(host, shared),
        ("cron", NodeKind::Manager(_) | NodeKind::Worker(_)) => start_cron(host, shared),
        ("wso2", NodeKind::Manager(config) | NodeKind::Worker(config)) => {
            let config = shared.live.gateway(name, config);
            gateway::start(host, Rc::new(config), shared.config.model, shared.planted);
        }
        ("nginx", NodeKind::Balancer(config)) => {
            let names = Rc::clone(&shared.names);
            let node_at = move |address: IpAddr| {
                names.get(&address).cloned().unwrap_or_else(|| address.to_string().into())
            };
            match shared.live.balancer(config, &host.names(), &shared.config) {
                Ok(config) => drop(balancer::start(host, &config, node_at, shared.planted)),
                Err(name) => balancer::refuse(host, &name),
            }
        }
        // What is no service (a run of the script, an rsync) is not started again.
        _ => {}
    }
}

fn start_sshd(host: &Host, shared: &Rc<Shared>) {
    let is_worker = shared.config.sync.node != *host.name();
    if shared.planted == Some(PlantedBug::RebootedWorkerRefusesSsh) && is_worker && host.has_run() {
        return;
    }
    let planted = planted_into_transfers(shared, host);
    let login = shared.config.model.ssh_login;
    let daemon = shared.live.sshd(host.name());
    let port = ssh::PORT.saturating_add(shared.live.offset(host.name(), "sshd"));
    let shared = Rc::clone(shared);
    host.spawn("sshd", move |process| async move {
        let logged = process.clone();
        let own_host = process.host().clone();
        let run = move |command: String, stream| {
            transfer::serve(own_host.clone(), Rc::clone(&shared), command, stream, planted.clone())
        };
        if let Err(error) = ssh::serve(process, port, daemon, login, run).await {
            logged.log(format!("error: Bind to port {port} failed: {error}."));
            logged.crash();
        }
    });
}

fn start_cron(host: &Host, shared: &Rc<Shared>) {
    let jobs = Rc::new(shared.config.sync.jobs.clone());
    let forgets = shared.planted == Some(PlantedBug::RestartedCronFindsNoWorkers) && host.has_run();
    let planted = shared.planted;
    let (shared, own_host, runs) = (Rc::clone(shared), host.clone(), Cell::new(0));
    cron::start(host, jobs, move |_| {
        runs.set(runs.get() + 1);
        let (reading, reader) = (Rc::clone(&shared), own_host.clone());
        let list = move || {
            reader.note(|_| Use::WorkersList);
            match forgets {
                true => Vec::new(),
                false => reading.live.targets(reader.name(), &reading.config.sync.workers),
            }
        };
        let shared = Rc::clone(&shared);
        sync::start(&own_host, runs.get(), planted, list, move |host, run, worker| {
            transfer::start(host, &shared, run, worker)
        });
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
