//! Faults: how each kind acts on the simulated hosts and links, and how it is healed. A file a kind, and
//! one for what goes wrong with sshd.
//!
//! Faults may overlap. What two of them hold down comes back when the last one ends: each keeps its own count
//! or its own change, and healing takes back that one only.

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
mod files;
mod files_corrupted;
mod firewall;
mod flapping_link;
mod freeze;
mod held;
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
mod sshd;
mod stale_lock;
mod started_without_flags;
mod sync_slow;
mod unsynced_writes;
mod worker_promoted;
mod workers_list_wrong;
mod wrong_port;

use std::rc::Rc;
use std::sync::Arc;

use harness::plan::{Fault, FaultKind, FrozenClock, PartitionDirection, Target};
use harness::trace::{EventKind, NodeName};

use self::held::Held;
pub(super) use self::held::{ByFault, Holds};
use super::nodes::Nodes;
use crate::config::NodeKind;
use crate::engine::Engine;
use crate::gateway;
use crate::host::Host;
use crate::process::Process;

/// The faults that act at present.
#[derive(Debug, Default)]
pub(super) struct ActiveFaults {
    held: Held,
}

/// What a fault acts on.
struct Stage<'a> {
    nodes: &'a Rc<Nodes>,
    engine: &'a mut Engine,
    held: &'a mut Held,
}

impl Stage<'_> {
    /// Starts a service, unless it runs, a fault keeps it down, or its node has no power; where the node stands still, as
    /// soon as it goes on.
    fn start(&mut self, node: &NodeName, service: &Arc<str>) {
        if self.held.killed.contains(&(node.clone(), service.clone())) {
            return;
        }
        let host = self.nodes.host(node);
        if host.is_powered() && !host.is_running() {
            self.held.to_be_started.insert((node.clone(), service.clone()));
        } else {
            self.nodes.start_service(node, service);
        }
    }

    /// Keeps a process of a node down from now on. Gives those that run and can be ended: a node that stands still hears
    /// nothing.
    fn take_down(&mut self, fault: &Fault, node: &NodeName, process: &Arc<str>) -> Vec<Process> {
        let host = self.nodes.host(node);
        let mut running = host.processes(process);
        if running.is_empty() {
            had_no_effect(host, fault, format!("{process} does not run on {node}"));
        } else if !host.is_running() {
            had_no_effect(host, fault, format!("{node} stands still"));
            running.clear();
        }
        self.held.killed.take((node.clone(), process.clone()));
        running
    }
}

impl ActiveFaults {
    /// Lets a fault act.
    pub(super) fn inject(&mut self, fault: &Fault, nodes: &Rc<Nodes>, engine: &mut Engine) {
        let stage = &mut Stage { nodes, engine, held: &mut self.held };
        match &fault.kind {
            FaultKind::ProcessKill => process_kill::inject(fault, stage),
            FaultKind::PowerOff => power_off::inject(fault, stage),
            FaultKind::Partition { direction } => partition::inject(fault, *direction, stage),
            FaultKind::SlowLink { change } => slow_link::inject(fault, change, stage),
            FaultKind::PacketLoss { loss_ppm, direction } => {
                packet_loss::inject(fault, *loss_ppm, *direction, stage);
            }
            FaultKind::FlappingLink { down, up } => flapping_link::inject(fault, *down, *up, stage),
            FaultKind::ResetConnections => reset_connections::inject(fault, stage),
            FaultKind::Firewall { port, action } => firewall::inject(fault, *port, *action, stage),
            FaultKind::HostsEntry { host_name, address } => {
                hosts_entry::inject(fault, host_name, *address, stage);
            }
            FaultKind::ProcessStop => process_stop::inject(fault, stage),
            FaultKind::CrashLoop { up, restart } => crash_loop::inject(fault, *up, *restart, stage),
            FaultKind::ProcessPause => process_pause::inject(fault, stage),
            FaultKind::OutOfDescriptors => out_of_descriptors::inject(fault, stage),
            FaultKind::Reboot => reboot::inject(fault, stage),
            FaultKind::Freeze { .. } => freeze::inject(fault, stage),
            FaultKind::SlowCpu { factor_percent } => slow_cpu::inject(fault, *factor_percent, stage),
            FaultKind::DiskFull { free_bytes } => disk_full::inject(fault, *free_bytes, stage),
            FaultKind::DiskReadOnly => disk_read_only::inject(fault, stage),
            FaultKind::DiskSlow { delay_ns } => disk_slow::inject(fault, *delay_ns, stage),
            FaultKind::DiskLost { comes_back } => disk_lost::inject(fault, *comes_back, stage),
            FaultKind::FilesCorrupted { files, mtime } => {
                files_corrupted::inject(fault, files, *mtime, stage);
            }
            FaultKind::UnsyncedWrites { lost } => unsynced_writes::inject(fault, *lost, stage),
            FaultKind::ClockSkew { by_ns } => clock_skew::inject(fault, *by_ns, stage),
            FaultKind::ClockJump { by_ns } => clock_jump::inject(fault, *by_ns, stage),
            FaultKind::ClockDrift { rate_ppm } => clock_drift::inject(fault, *rate_ppm, stage),
            FaultKind::ManualChange { does, file } => {
                manual_change::inject(fault, *does, file.as_deref(), stage);
            }
            FaultKind::StartedWithoutFlags => started_without_flags::inject(fault, stage),
            FaultKind::CronStopped => cron_stopped::inject(fault, stage),
            FaultKind::CronOnSecondNode => cron_on_second_node::inject(fault, stage),
            FaultKind::SshKeyRejected => sshd::REJECTS_KEYS.inject(fault, stage),
            FaultKind::SshHostKeyChanged => sshd::HOST_KEY_CHANGED.inject(fault, stage),
            FaultKind::SshHangs => sshd::HANGS.inject(fault, stage),
            FaultKind::WorkersListWrong { line } => workers_list_wrong::inject(fault, *line, stage),
            FaultKind::WrongPort { offset } => wrong_port::inject(fault, *offset, stage),
            FaultKind::ServerFolderEmptied => server_folder_emptied::inject(fault, stage),
            FaultKind::WorkerPromoted => worker_promoted::inject(fault, stage),
            FaultKind::RsyncKilled { at, signal, side } => {
                rsync_killed::inject(fault, *at, *signal, *side, stage);
            }
            FaultKind::SyncSlow { delay_ns } => sync_slow::inject(fault, *delay_ns, stage),
            FaultKind::StaleLock => stale_lock::inject(fault, stage),
        }
        nodes.live().keep_down(self.held.killed.keys().into_iter());
    }

    /// Takes a fault back.
    pub(super) fn heal(&mut self, fault: &Fault, nodes: &Rc<Nodes>, engine: &mut Engine) {
        let stage = &mut Stage { nodes, engine, held: &mut self.held };
        match &fault.kind {
            FaultKind::ProcessKill => process_kill::heal(fault, stage),
            FaultKind::PowerOff => power_off::heal(fault, stage),
            FaultKind::Partition { direction } => partition::heal(fault, *direction, stage),
            FaultKind::SlowLink { .. } => slow_link::heal(fault, stage),
            FaultKind::PacketLoss { direction, .. } => packet_loss::heal(fault, *direction, stage),
            FaultKind::FlappingLink { .. } => flapping_link::heal(fault, stage),
            // It happened at one moment.
            FaultKind::ResetConnections => {}
            FaultKind::Firewall { port, action } => firewall::heal(fault, *port, *action, stage),
            FaultKind::HostsEntry { .. } => hosts_entry::heal(fault, stage),
            FaultKind::ProcessStop => process_stop::heal(fault, stage),
            FaultKind::CrashLoop { .. } => crash_loop::heal(fault, stage),
            FaultKind::ProcessPause => process_pause::heal(fault, stage),
            FaultKind::OutOfDescriptors => out_of_descriptors::heal(fault, stage),
            FaultKind::Reboot => reboot::heal(fault, stage),
            FaultKind::Freeze { clock } => freeze::heal(fault, *clock == FrozenClock::IsSet, stage),
            FaultKind::SlowCpu { .. } => slow_cpu::heal(fault, stage),
            FaultKind::DiskFull { .. } => disk_full::heal(fault, stage),
            FaultKind::DiskReadOnly => disk_read_only::heal(fault, stage),
            FaultKind::DiskSlow { .. } => disk_slow::heal(fault, stage),
            FaultKind::DiskLost { .. } => disk_lost::heal(fault, stage),
            FaultKind::UnsyncedWrites { .. } => unsynced_writes::heal(fault, stage),
            FaultKind::ClockSkew { by_ns } => clock_skew::heal(fault, *by_ns, stage),
            FaultKind::ClockDrift { .. } => clock_drift::heal(fault, stage),
            FaultKind::StartedWithoutFlags => started_without_flags::heal(fault, stage),
            FaultKind::CronStopped => cron_stopped::heal(fault, stage),
            FaultKind::CronOnSecondNode => cron_on_second_node::heal(fault, stage),
            FaultKind::SshKeyRejected => sshd::REJECTS_KEYS.heal(fault, stage),
            FaultKind::SshHostKeyChanged => sshd::HOST_KEY_CHANGED.heal(fault, stage),
            FaultKind::SshHangs => sshd::HANGS.heal(fault, stage),
            FaultKind::WorkersListWrong { line } => workers_list_wrong::heal(fault, *line, stage),
            FaultKind::WrongPort { .. } => wrong_port::heal(fault, stage),
            FaultKind::ServerFolderEmptied => server_folder_emptied::heal(fault, stage),
            FaultKind::WorkerPromoted => worker_promoted::heal(fault, stage),
            FaultKind::RsyncKilled { .. } => rsync_killed::heal(fault, stage),
            FaultKind::SyncSlow { .. } => sync_slow::heal(fault, stage),
            FaultKind::StaleLock => stale_lock::heal(fault, stage),
            // Done in one moment; nobody takes it back.
            FaultKind::FilesCorrupted { .. }
            | FaultKind::ClockJump { .. }
            | FaultKind::ManualChange { .. } => {}
        }
        nodes.live().keep_down(self.held.killed.keys().into_iter());
    }
}

/// Records on a node that the fault found nothing to act on there.
fn had_no_effect(host: &Host, fault: &Fault, why: String) {
    host.record(EventKind::FaultHadNoEffect { fault: fault.name.clone(), why: why.into() });
}

/// The gateways that the fault acts on; on other nodes it has no effect.
fn gateways_of(fault: &Fault, stage: &Stage<'_>) -> Vec<NodeName> {
    synced_folders_of(fault, stage).into_iter().map(|(name, _)| name).collect()
}

/// The gateways that the fault acts on, each with its synced folder; on other nodes it has no effect.
fn synced_folders_of(fault: &Fault, stage: &Stage<'_>) -> Vec<(NodeName, String)> {
    let mut gateways = Vec::new();
    for name in fault.target.nodes() {
        match stage.nodes.kind(&name) {
            NodeKind::Manager(config) | NodeKind::Worker(config) => {
                gateways.push((name, gateway::deployment_root(&config.home)));
            }
            NodeKind::Balancer(_) | NodeKind::Client => {
                had_no_effect(stage.nodes.host(&name), fault, format!("{name} is no gateway"));
            }
        }
    }
    gateways
}

/// The nodes and the process that the fault acts on.
///
/// # Panics
/// On another target: [`FaultKind::can_act_on`] refuses such a plan.
fn process_of(fault: &Fault) -> (&[NodeName], &Arc<str>) {
    match &fault.target {
        Target::Process { nodes, process } => (nodes, process),
        other => unreachable!("a plan never has {} on {other:?}", fault.kind.name()),
    }
}

/// Each direction of each link between the two groups of the fault's target that `direction` names: from, to. A
/// node has no link to itself.
///
/// # Panics
/// On another target: [`FaultKind::can_act_on`] refuses such a plan.
fn links_of(fault: &Fault, direction: PartitionDirection, nodes: &Nodes) -> Vec<(Host, Host)> {
    let Target::Between { a, b } = &fault.target else {
        unreachable!("a plan never has {} on {:?}", fault.kind.name(), fault.target)
    };
    let mut links = Vec::new();
    for one in a {
        for other in b.iter().filter(|other| *other != one) {
            let (one, other) = (nodes.host(one), nodes.host(other));
            if direction != PartitionDirection::BToA {
                links.push((one.clone(), other.clone()));
            }
            if direction != PartitionDirection::AToB {
                links.push((other.clone(), one.clone()));
            }
        }
    }
    links
}

#[cfg(test)]
mod tests;
