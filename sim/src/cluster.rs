//! The simulated cluster: what the harness drives.
//!
//! It is made from a plan's files alone, and everything that happens in it goes into the trace; nothing else
//! comes out.

mod clients;
mod components;
mod exchangeable;
mod faults;
mod live;
mod nodes;
mod prepared;
mod promotion;
mod readings;
#[cfg(test)]
mod tests;
mod transfer;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use harness::cluster::{Advance, Cluster, ClusterMaker, Operation, Topology};
use harness::cluster_files::ClusterFiles;
use harness::component::Components;
use harness::finding::{Finding, Findings, Source, did_you_mean};
use harness::plan::{ApiSpec, Fault, FaultKind, Plan, WorkloadKind};
use harness::time::SimTime;
use harness::trace::event::Digest;
use harness::trace::{EventKind, NodeName, Recorder};

use self::clients::Clients;
use self::faults::ActiveFaults;
use self::live::Live;
use self::nodes::{Nodes, Shared};
pub use self::prepared::PreparedMaker;
use crate::clock::RUN_BEGINS_UNIX_S;
use crate::config::{self, ClusterConfig, NodeConfig, NodeKind};
use crate::disk::{Disk, Kind};
use crate::engine::Engine;
use crate::gateway;
use crate::host::{Host, HostSpec};
use crate::network::LinkSpec;
use crate::planted::PlantedBug;

/// Makes simulated clusters.
#[derive(Debug, Clone, Copy, Default)]
pub struct SimMaker;

impl ClusterMaker for SimMaker {
    fn version(&self) -> String {
        format!("sim {}", crate::VERSION)
    }

    fn topology(&self, files: &ClusterFiles) -> Result<(Topology, Findings), Findings> {
        let (config, warnings) = config::load(files)?;
        Ok((topology_of(&config), warnings))
    }

    fn without_node(&self, files: &ClusterFiles, node: &NodeName) -> Result<ClusterFiles, String> {
        config::without_node(files, node)
    }

    fn components(&self, files: &ClusterFiles) -> Result<Components, Findings> {
        let (config, _) = config::load(files)?;
        let (topology, _) = self.topology(files)?;
        Ok(components::of(&config, &topology))
    }

    fn make(&self, plan: &Plan, recorder: Recorder) -> Result<Box<dyn Cluster>, Findings> {
        let (config, _) = config::load(&plan.cluster)?;
        make(plan, Arc::new(config), &recorder)
    }
}

/// What there is in a cluster, by name.
fn topology_of(config: &ClusterConfig) -> Topology {
    let mut topology = Topology::default();
    for node in &config.nodes {
        let group = match node.kind {
            NodeKind::Manager(_) => &mut topology.managers,
            NodeKind::Worker(_) => &mut topology.workers,
            NodeKind::Balancer(_) => &mut topology.balancers,
            NodeKind::Client => &mut topology.clients,
        };
        group.push(node.name.clone());
        let services = nodes::services(config, node).into_iter().map(str::to_owned);
        let mut processes: Vec<String> = services.collect();
        if config.sync.node == node.name {
            processes.extend(["sync".to_owned(), "rsync".to_owned()]);
        }
        topology.processes.push((node.name.clone(), processes));
        topology.ports.push((node.name.clone(), nodes::ports(node)));
        let names = node.hosts.names().map(str::to_owned).filter(|name| name != "localhost");
        topology.host_names.push((node.name.clone(), names.collect()));
    }
    topology
}

/// A cluster at the beginning of a plan's run.
fn make(plan: &Plan, config: Arc<ClusterConfig>, recorder: &Recorder) -> Result<Box<dyn Cluster>, Findings> {
    let planted = match &plan.planted_bug {
        Some(name) => Some(PlantedBug::named(name).ok_or_else(|| unknown_bug(name))?),
        None => None,
    };
    Ok(Box::new(SimCluster::new(plan, config, planted, recorder)))
}

fn unknown_bug(name: &str) -> Findings {
    let known: Vec<_> = PlantedBug::ALL.iter().map(|bug| bug.name()).collect();
    let source = Source::new("plan", name);
    let finding = Finding::error(&source, 0..name.len(), format!("no bug `{name}` can be planted"));
    Findings::from_iter([finding.help(did_you_mean(name, &known))])
}

/// A running simulated cluster.
#[derive(Debug)]
struct SimCluster {
    // Before the engine, so that no handle of a host outlives it.
    clients: Clients,
    nodes: Rc<Nodes>,
    faults: ActiveFaults,
    roots: BTreeMap<NodeName, Arc<str>>,
    engine: Engine,
}

impl SimCluster {
    fn new(
        plan: &Plan,
        config: Arc<ClusterConfig>,
        planted: Option<PlantedBug>,
        recorder: &Recorder,
    ) -> Self {
        let mut installed = Installed::of(plan);
        let link = LinkSpec {
            latency: plan.timing.latency_ns.map_or(config.network.latency, Duration::from_nanos),
            jitter: config.network.jitter + plan.timing.packet_jitter,
            bandwidth: Some(config.network.bandwidth_bytes_per_s),
            ..LinkSpec::default()
        };
        let specs = config.nodes.iter().map(|node| host_spec(node, &mut installed)).collect();
        let mut engine = Engine::new(plan.seed, recorder.clone(), link, specs);
        engine.wake_late(plan.timing.wake_up_jitter);
        let roots = synced_roots(&config);
        recorder.record(SimTime::ZERO, None, run_started(plan, &config, roots.clone()));
        for reading in readings::readings(&config) {
            recorder.record(SimTime::ZERO, None, reading);
        }
        let names = config.nodes.iter().map(|node| (node.address, node.name.clone())).collect();
        let client_host = engine
            .hosts()
            .iter()
            .zip(&config.nodes)
            .find(|(_, node)| matches!(node.kind, NodeKind::Client))
            .map(|(host, _)| host.clone())
            .expect("a cluster has clients: config::load checks it");
        let clients = Clients::start(&client_host, &config);
        let shared = Shared { config, names: Rc::new(names), planted, live: Live::default() };
        let nodes = Rc::new(Nodes::new(Rc::new(shared), engine.hosts()));
        let cluster = Self { clients, nodes, faults: ActiveFaults::default(), roots, engine };
        cluster.record_disks();
        cluster.nodes.start_all();
        cluster
    }

    fn record_disks(&self) {
        for name in self.roots.keys() {
            self.record_disk(name);
        }
    }

    fn record_disk(&self, name: &NodeName) {
        let Some(root) = self.roots.get(name) else { return };
        let files = files_below(self.nodes.host(name), root);
        self.nodes.host(name).record(EventKind::DiskState { root: root.clone(), files });
    }
}

impl Cluster for SimCluster {
    fn advance(&mut self, to: SimTime) -> Advance {
        self.engine.run_until(to)
    }

    fn start(&mut self, operation: Operation) {
        self.clients.begin(operation);
    }

    fn inject(&mut self, fault: &Fault) {
        self.faults.inject(fault, &self.nodes, &mut self.engine);
        // What was not written back is gone with the power, and nobody writes what rots: no event of a file tells of it.
        if matches!(
            fault.kind,
            FaultKind::PowerOff | FaultKind::DiskLost { .. } | FaultKind::FilesCorrupted { .. }
        ) {
            fault.target.nodes().iter().for_each(|name| self.record_disk(name));
        }
    }

    fn heal(&mut self, fault: &Fault) {
        self.faults.heal(fault, &self.nodes, &mut self.engine);
    }

    fn conclude(&mut self) {
        debug_assert!(self.engine.census().is_balanced(), "{:?}", self.engine.census());
        self.record_disks();
    }
}

/// The APIs of the plan's content and those that its workloads speak of, each once.
fn apis_of(plan: &Plan) -> Vec<ApiSpec> {
    let mut apis: Vec<ApiSpec> = (1..=plan.content.apis).map(gateway::numbered_api).collect();
    let mut seen: BTreeSet<_> = apis.iter().map(|api| (api.name.clone(), api.version.clone())).collect();
    for workload in &plan.workloads {
        let (WorkloadKind::Calls { apis: named } | WorkloadKind::Publish { apis: named, .. }) =
            &workload.kind
        else {
            continue;
        };
        for api in named {
            if seen.insert((api.name.clone(), api.version.clone())) {
                apis.push(api.clone());
            }
        }
    }
    apis
}

/// The disks of gateways before the run, one a home: those that have it get copies, which share the content.
struct Installed {
    content: gateway::InitialContent,
    disks: BTreeMap<String, Disk>,
}

impl Installed {
    fn of(plan: &Plan) -> Self {
        let content = gateway::InitialContent {
            apis: apis_of(plan),
            tenants: plan.content.tenants,
            apis_per_tenant: plan.content.apis_per_tenant,
        };
        Self { content, disks: BTreeMap::new() }
    }

    fn disk(&mut self, home: &str) -> Disk {
        let make = || {
            let mut disk = Disk::default();
            let written = gateway::write_initial_tree(&mut disk, home, &self.content, installed_ns());
            written.expect("an empty disk takes them");
            disk
        };
        self.disks.entry(home.to_owned()).or_insert_with(make).clone()
    }
}

/// A host as it is before the run: gateways have the same artifacts everywhere.
fn host_spec(node: &NodeConfig, installed: &mut Installed) -> HostSpec {
    let disk = match &node.kind {
        NodeKind::Manager(config) | NodeKind::Worker(config) => installed.disk(&config.home),
        NodeKind::Balancer(_) | NodeKind::Client => Disk::default(),
    };
    HostSpec { name: node.name.clone(), address: node.address, names: node.hosts.clone(), disk }
}

/// When the artifacts were installed: a day before the run, the same on every host.
fn installed_ns() -> i64 {
    i64::try_from(RUN_BEGINS_UNIX_S - 86_400).expect("it is far from the end of time") * 1_000_000_000
}

fn run_started(plan: &Plan, config: &ClusterConfig, synced_roots: BTreeMap<NodeName, Arc<str>>) -> EventKind {
    let named = |wanted: fn(&NodeKind) -> bool| -> Vec<NodeName> {
        config.nodes.iter().filter(|node| wanted(&node.kind)).map(|node| node.name.clone()).collect()
    };
    EventKind::RunStarted {
        scenario: plan.scenario.clone(),
        seed: plan.seed,
        managers: named(|kind| matches!(kind, NodeKind::Manager(_))),
        workers: named(|kind| matches!(kind, NodeKind::Worker(_))),
        balancers: named(|kind| matches!(kind, NodeKind::Balancer(_))),
        synced_roots,
    }
}

/// The folder of artifacts on every gateway: what the sync is there to keep equal.
fn synced_roots(config: &ClusterConfig) -> BTreeMap<NodeName, Arc<str>> {
    let root = |node: &NodeConfig| match &node.kind {
        NodeKind::Manager(gateway) | NodeKind::Worker(gateway) => {
            Some((node.name.clone(), gateway::deployment_root(&gateway.home).into()))
        }
        NodeKind::Balancer(_) | NodeKind::Client => None,
    };
    config.nodes.iter().filter_map(root).collect()
}

/// Path below `root` to digest, for every regular file.
fn files_below(host: &Host, root: &str) -> BTreeMap<Arc<str>, Digest> {
    let disk = host.disk();
    let walked = disk.walk(root).unwrap_or_default();
    let files = walked.iter().filter(|(_, stat)| matches!(stat.kind, Kind::File));
    let named = files.map(|(path, _)| {
        let below = path[root.len()..].strip_prefix(b"/").unwrap_or(&path[root.len()..]);
        let digest = disk.digest(path).map_or(Digest(0), Digest);
        (String::from_utf8_lossy(below).into(), digest)
    });
    named.collect()
}
