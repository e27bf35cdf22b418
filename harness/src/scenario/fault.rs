//! What can go wrong: one file for each kind of fault, and one row in [`KINDS`].

mod clock_drift;
mod clock_jump;
mod clock_skew;
mod crash_loop;
mod cron_on_second_node;
mod cron_stopped;
mod disk_full;
mod disk_lost;
mod disk_read_only;
mod disk_slow;
mod files_corrupted;
mod firewall;
mod flapping_link;
mod freeze;
mod hosts_entry;
mod manual_change;
mod out_of_descriptors;
mod packet_loss;
mod partition;
mod power_off;
mod process_kill;
mod process_pause;
mod process_stop;
mod reboot;
mod reset_connections;
mod rsync_killed;
mod server_folder_emptied;
mod slow_cpu;
mod slow_link;
mod ssh_hangs;
mod ssh_host_key_changed;
mod ssh_key_rejected;
mod stale_lock;
mod started_without_flags;
mod sync_slow;
mod unsynced_writes;
mod worker_promoted;
mod workers_list_wrong;
mod wrong_port;

use std::time::Duration;

use super::moment::{self, Begins, Lasts, RepeatSpec};
use super::selector::TargetSpec;
use crate::cluster::Topology;
use crate::finding::did_you_mean;
use crate::plan::{FaultKind, Target};
use crate::table::{Placed, Table};
use crate::trace::NodeName;

/// A kind of fault, as scenario files write it.
pub struct Kind {
    /// Its name: the value of `kind`.
    pub name: &'static str,
    /// What it does and how it heals, in one line.
    pub doc: &'static str,
    /// Its own keys, each with what it says. [`COMMON_KEYS`] come beside them.
    pub keys: &'static [(&'static str, &'static str)],
    /// Reads its own keys; what is wrong is reported, and none given back when nothing can be made of it.
    pub(super) read: fn(&Table<'_>) -> Option<(FaultKind, TargetSpec)>,
    /// The instances of this kind that make sense on a cluster: a few typical values for each target.
    pub(super) candidates: fn(&Topology) -> Vec<(FaultKind, Target)>,
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kind").field("name", &self.name).finish_non_exhaustive()
    }
}

/// All kinds of faults, in the order in which they are listed.
pub const KINDS: &[Kind] = &[
    power_off::KIND,
    reboot::KIND,
    freeze::KIND,
    slow_cpu::KIND,
    process_kill::KIND,
    process_stop::KIND,
    crash_loop::KIND,
    process_pause::KIND,
    out_of_descriptors::KIND,
    partition::KIND,
    flapping_link::KIND,
    slow_link::KIND,
    packet_loss::KIND,
    reset_connections::KIND,
    firewall::KIND,
    hosts_entry::KIND,
    disk_full::KIND,
    disk_read_only::KIND,
    disk_slow::KIND,
    disk_lost::KIND,
    files_corrupted::KIND,
    unsynced_writes::KIND,
    clock_skew::KIND,
    clock_jump::KIND,
    clock_drift::KIND,
    manual_change::KIND,
    started_without_flags::KIND,
    cron_stopped::KIND,
    cron_on_second_node::KIND,
    ssh_key_rejected::KIND,
    ssh_host_key_changed::KIND,
    ssh_hangs::KIND,
    workers_list_wrong::KIND,
    wrong_port::KIND,
    server_folder_emptied::KIND,
    worker_promoted::KIND,
    rsync_killed::KIND,
    sync_slow::KIND,
    stale_lock::KIND,
];

/// The instances of all kinds that make sense on a cluster, in the order of [`KINDS`]: what is drawn from, or gone
/// through, where nobody has written a fault down.
pub fn candidates(topology: &Topology) -> Vec<(FaultKind, Target)> {
    KINDS.iter().flat_map(|kind| (kind.candidates)(topology)).collect()
}

/// Each machine by itself.
fn each_machine(topology: &Topology) -> impl Iterator<Item = NodeName> + '_ {
    topology.nodes().filter(|node| !topology.clients.contains(node)).cloned()
}

/// Each server on each machine.
fn each_server(topology: &Topology) -> impl Iterator<Item = Target> + '_ {
    let processes =
        topology.processes.iter().flat_map(|(node, names)| names.iter().map(move |name| (node, name)));
    let servers = processes.filter(|(_, name)| !matches!(name.as_str(), "sync" | "rsync"));
    servers.map(|(node, name)| Target::Process { nodes: vec![node.clone()], process: name.as_str().into() })
}

/// Each gateway by itself.
fn each_gateway(topology: &Topology) -> impl Iterator<Item = NodeName> + '_ {
    topology.gateways().cloned()
}

/// Each of these kinds on each machine.
fn on_machines(topology: &Topology, kinds: &[FaultKind]) -> Vec<(FaultKind, Target)> {
    on_each(each_machine(topology), kinds)
}

/// Each of these kinds on each gateway.
fn on_gateways(topology: &Topology, kinds: &[FaultKind]) -> Vec<(FaultKind, Target)> {
    on_each(each_gateway(topology), kinds)
}

/// Each of these kinds on each worker.
fn on_workers(topology: &Topology, kinds: &[FaultKind]) -> Vec<(FaultKind, Target)> {
    on_each(topology.workers.iter().cloned(), kinds)
}

/// Each of these kinds on each node whose cron runs the sync.
fn on_syncing(topology: &Topology, kinds: &[FaultKind]) -> Vec<(FaultKind, Target)> {
    let has_cron = |processes: &[String]| processes.iter().any(|process| process == "cron");
    let syncing = topology.processes.iter().filter(|(_, processes)| has_cron(processes));
    on_each(syncing.map(|(node, _)| node.clone()), kinds)
}

fn on_each(nodes: impl Iterator<Item = NodeName>, kinds: &[FaultKind]) -> Vec<(FaultKind, Target)> {
    let on = |node: NodeName| kinds.iter().map(move |kind| (kind.clone(), Target::Nodes(vec![node.clone()])));
    nodes.flat_map(on).collect()
}

/// Each pair of machines and the clients between which something is sent: gateways among each other, the balancer
/// with every gateway, the clients with the balancer.
fn each_link(topology: &Topology) -> Vec<Target> {
    let gateways: Vec<&NodeName> = topology.gateways().collect();
    let mut links = Vec::new();
    let mut add =
        |a: &NodeName, b: &NodeName| links.push(Target::Between { a: vec![a.clone()], b: vec![b.clone()] });
    for (index, one) in gateways.iter().enumerate() {
        for other in &gateways[index + 1..] {
            add(one, other);
        }
    }
    for balancer in &topology.balancers {
        for gateway in &gateways {
            add(balancer, gateway);
        }
        for clients in &topology.clients {
            add(clients, balancer);
        }
    }
    links
}

/// The keys that every fault has.
pub const COMMON_KEYS: &[(&str, &str)] = &[
    ("kind", "what goes wrong"),
    ("name", "what reports and expectations call it; its kind, if there is only one of that kind"),
    moment::KEYS[0],
    moment::KEYS[1],
    moment::KEYS[2],
    moment::KEYS[3],
    moment::KEYS[4],
    moment::KEYS[5],
];

/// A fault of a scenario, with its choices open.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultSpec {
    /// Its name, unique in the scenario.
    pub name: Placed<String>,
    /// What it is.
    pub kind: FaultKind,
    /// What it acts on.
    pub target: TargetSpec,
    /// When it begins.
    pub begins: Begins,
    /// How long it lasts.
    pub lasts: Lasts,
    /// Whether it comes back.
    pub repeats: Option<RepeatSpec>,
}

/// Reads all faults of a scenario.
pub(super) fn read_all(tables: Vec<Table<'_>>, disturb: Duration) -> Vec<FaultSpec> {
    let mut faults: Vec<FaultSpec> = Vec::new();
    for table in tables {
        let Some(fault) = read(table, disturb, &faults) else { continue };
        faults.push(fault);
    }
    faults
}

fn read(table: Table<'_>, disturb: Duration, before: &[FaultSpec]) -> Option<FaultSpec> {
    let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    let kind = table.require_text("kind", &format!("one of: {}", names.join(", ")))?;
    let Some(entry) = KINDS.iter().find(|entry| entry.name == kind.value) else {
        let help = did_you_mean(&kind.value, &names);
        table.reader.error(kind.span, format!("unknown kind of fault `{}`", kind.value), help);
        return None;
    };
    let name = table.text("name").unwrap_or_else(|| Placed::new(kind.value.clone(), kind.span.clone()));
    let (begins, mut lasts) = moment::read(&table, disturb);
    let read = (entry.read)(&table);
    let instant = read.as_ref().is_some_and(|(kind, _)| kind.is_instant());
    let repeats = moment::read_repeats(&table, instant);
    if instant && lasts == Lasts::ToTheEnd {
        lasts = Lasts::For(moment::SpanRange::default());
    }
    let reader = table.reader;
    table.finish();
    if name.value.is_empty() || name.value.contains(char::is_whitespace) {
        let help = "a fault's name is one word, such as `manager-off`: expectations use it in sentences";
        reader.error(name.span.clone(), "this cannot be a fault's name", help);
    }
    if before.iter().any(|fault| fault.name.value == name.value) {
        let help = "give each fault a `name` of its own";
        reader.error(name.span.clone(), format!("two faults are called `{}`", name.value), help);
    }
    let (kind, target) = read?;
    Some(FaultSpec { name, kind, target, begins, lasts, repeats })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_the_plans_kind_of_that_name() {
        for kind in KINDS {
            let text = format!(
                "title = 'x'\ncluster = 'c'\n[phases]\ndisturb = '9m'\n[[fault]]\nkind = '{}'\nfrom = '1m'\n{}",
                kind.name,
                kind.keys.iter().map(|(key, _)| example(key)).collect::<String>()
            );
            let (scenario, findings) =
                crate::scenario::Scenario::parse(&crate::finding::Source::new("x.toml", text));
            assert!(findings.is_empty(), "{}", findings.render(false));
            assert_eq!(scenario.faults[0].kind.name(), kind.name);
        }
    }

    #[test]
    fn every_kind_can_happen_to_a_cluster_and_acts_on_nodes_that_it_has() {
        let maker = crate::fake::FakeMaker::for_plans();
        let (topology, _) = crate::cluster::ClusterMaker::topology(&maker, &Default::default()).unwrap();
        for kind in KINDS {
            let candidates = (kind.candidates)(&topology);
            assert!(!candidates.is_empty(), "{} cannot happen", kind.name);
            for (fault, target) in candidates {
                assert_eq!(fault.name(), kind.name);
                assert!(fault.can_act_on(&target), "{fault:?} on {target:?}");
                let known = |node: &NodeName| topology.nodes().any(|other| other == node);
                assert!(target.nodes().iter().all(known), "{target:?}");
            }
        }
    }

    /// A value for each key of each kind; a new key needs one here.
    fn example(key: &str) -> String {
        let value = match key {
            "node" => "'worker1'",
            "process" => "'wso2'",
            "between" => "'manager'",
            "and" => "['worker1', 'worker2']",
            "direction" => "'a-to-b'",
            "latency" | "jitter" => "'10ms'",
            "bandwidth" => "'64KiB/s'",
            "jitter_shape" => "'normal'",
            "queue" => "'32KiB'",
            "loss" => "'2 %'",
            "down" | "up" | "restart" => "'5s'",
            "port" => "8243",
            "action" => "'drop'",
            "host_name" => "'am.wso2.com'",
            "address" => "'192.0.2.1'",
            "factor" => "4",
            "clock" => "'stands-still'",
            "free" | "at_byte" => "'64KiB'",
            "delay" => "'20ms'",
            "comes_back" => "'installed'",
            "files" => "['synapse-configs/default/registry.xml']",
            "mtime" => "'changed'",
            "lost" => "'contents'",
            "by" => "'-90s'",
            "rate" => "'+200ppm'",
            "does" => "'edit'",
            "file" => "'synapse-configs/default/registry.xml'",
            "line" => "'doubled'",
            "offset" => "1",
            "at_file" => "3",
            "signal" => "'term'",
            "side" => "'sender'",
            other => panic!("no example for the key {other}"),
        };
        format!("{key} = {value}\n")
    }
}
