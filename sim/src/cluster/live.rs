//! What is at present other than the cluster's files say: what people did, and what waits to be killed.
//!
//! Programs look here when they start or read their configuration; nothing tells them when it changes. Each fault's
//! own part is counted or kept under its name, so that healing one takes back that one only.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use harness::plan::{KillAt, KillSignal, ListMistake, TransferSide};
use harness::trace::NodeName;

use super::faults::{ByFault, Holds};
use crate::config::{ClusterConfig, GatewayConfig, HostsFile, NginxConfig, NodeKind, WorkerTarget};
use crate::process::Process;
use crate::ssh;

/// A transfer, by the node that pushes, the script's run, and the worker.
type Transfer = (NodeName, u64, NodeName);

/// A service of a node.
type Service = (NodeName, Arc<str>);

/// The present state of what faults can change.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// Services that faults keep down, so that nobody who restarts one starts it.
    kept_down: RefCell<BTreeSet<(NodeName, Arc<str>)>>,
    /// Gateways that are started without their flags.
    pub(super) unflagged: Holds<NodeName>,
    /// Workers that are the manager, the last one last.
    pub(super) promoted: RefCell<Vec<NodeName>>,
    /// Nodes on which the cron job runs, beside the one that should.
    pub(super) second_cron: Holds<NodeName>,
    /// Workers whose lines are wrong in the list.
    pub(super) list_mistakes: Holds<(NodeName, &'static str)>,
    offsets: RefCell<BTreeMap<Service, ByFault<u16>>>,
    sync_delays: RefCell<BTreeMap<NodeName, ByFault<Duration>>>,
    daemons: RefCell<BTreeMap<NodeName, Rc<ssh::Daemon>>>,
    kills: RefCell<Vec<ArmedKill>>,
    senders: RefCell<BTreeMap<Transfer, Process>>,
    /// Exit statuses of the far ends of transfers that ended in their own order and not in that of the protocol.
    far_ends: RefCell<BTreeMap<Transfer, u8>>,
}

/// A kill that waits for the next transfer to a worker.
#[derive(Debug, Clone)]
pub(super) struct ArmedKill {
    /// The fault.
    pub(super) fault: Arc<str>,
    /// The worker.
    pub(super) worker: NodeName,
    /// When.
    pub(super) at: KillAt,
    /// How.
    pub(super) signal: KillSignal,
    /// Which process.
    pub(super) side: TransferSide,
}

/// How a list's mistake is called in [`Live::list_mistakes`].
pub(super) fn mistake_name(mistake: ListMistake) -> &'static str {
    match mistake {
        ListMistake::Missing => "missing",
        ListMistake::Doubled => "doubled",
    }
}

impl Live {
    /// Says which services faults keep down now.
    pub(super) fn keep_down(&self, services: impl Iterator<Item = (NodeName, Arc<str>)>) {
        self.kept_down.replace(services.collect());
    }

    /// Whether a fault keeps a service down.
    pub(super) fn is_kept_down(&self, node: &NodeName, service: &str) -> bool {
        self.kept_down.borrow().contains(&(node.clone(), Arc::from(service)))
    }

    /// A gateway's configuration, as it would be started now.
    pub(super) fn gateway(&self, node: &NodeName, config: &GatewayConfig) -> GatewayConfig {
        let mut config = config.clone();
        if self.unflagged.contains(node) {
            (config.start.profile, config.start.worker_node) = (None, false);
            (config.read_only, config.portals) = (false, true);
        }
        let offset = self.offset(node, "wso2");
        let ports = &mut config.ports;
        for port in [
            &mut ports.servlet_http,
            &mut ports.servlet_https,
            &mut ports.pass_through_http,
            &mut ports.pass_through_https,
        ] {
            *port = port.saturating_add(offset);
        }
        config
    }

    /// The balancer's configuration, as it would be started now on a host with this hosts file: a promoted worker
    /// stands in the manager's place wherever the manager does.
    ///
    /// # Errors
    /// A name that the hosts file does not have.
    pub(super) fn balancer(
        &self,
        config: &NginxConfig,
        hosts: &HostsFile,
        cluster: &ClusterConfig,
    ) -> Result<NginxConfig, Arc<str>> {
        let mut config = config.resolved(hosts)?;
        let promoted = self.promoted.borrow();
        let Some(promoted) = promoted.last() else { return Ok(config) };
        let address =
            |node: &NodeName| cluster.nodes.iter().find(|other| other.name == *node).map(|node| node.address);
        let Some(promoted) = address(promoted) else { return Ok(config) };
        let managers = cluster.nodes.iter().filter(|node| matches!(node.kind, NodeKind::Manager(_)));
        let managers: Vec<_> = managers.map(|node| node.address).collect();
        for upstream in &mut config.upstreams {
            for server in &mut upstream.servers {
                if managers.contains(&server.address.ip()) {
                    server.address.set_ip(promoted);
                }
            }
        }
        Ok(config)
    }

    /// The lines of the list, as the script on this node reads them now. A promoted worker has a list of the others.
    pub(super) fn targets(&self, node: &NodeName, list: &[WorkerTarget]) -> Vec<WorkerTarget> {
        let has = |worker: &NodeName, what| self.list_mistakes.contains(&(worker.clone(), what));
        let is_promoted = self.promoted.borrow().contains(node);
        let times = |target: &WorkerTarget| match &target.node {
            worker if has(worker, "missing") || is_promoted && worker == node => 0,
            worker if has(worker, "doubled") => 2,
            _ => 1,
        };
        list.iter().flat_map(|target| std::iter::repeat_n(target.clone(), times(target))).collect()
    }

    /// Whether cron has the job that syncs on this node.
    pub(super) fn has_cron(&self, node: &NodeName) -> bool {
        self.second_cron.contains(node) || self.promoted.borrow().contains(node)
    }

    /// Adds a fault's offset to the ports of a process.
    pub(super) fn add_offset(&self, node: &NodeName, process: &Arc<str>, fault: &Arc<str>, offset: u16) {
        let mut offsets = self.offsets.borrow_mut();
        offsets.entry((node.clone(), process.clone())).or_default().push((fault.clone(), offset));
    }

    /// Takes a fault's offset back.
    pub(super) fn take_offset(&self, node: &NodeName, process: &Arc<str>, fault: &Arc<str>) {
        if let Some(offsets) = self.offsets.borrow_mut().get_mut(&(node.clone(), process.clone())) {
            offsets.retain(|(name, _)| name != fault);
        }
    }

    /// What is added to the ports of a process.
    pub(super) fn offset(&self, node: &NodeName, process: &str) -> u16 {
        let offsets = self.offsets.borrow();
        let of_process = offsets.get(&(node.clone(), Arc::from(process)));
        of_process.into_iter().flatten().fold(0, |sum: u16, (_, offset)| sum.saturating_add(*offset))
    }

    /// Makes each line of the list take the script on a node longer.
    pub(super) fn add_sync_delay(&self, node: &NodeName, fault: &Arc<str>, delay: Duration) {
        self.sync_delays.borrow_mut().entry(node.clone()).or_default().push((fault.clone(), delay));
    }

    /// Takes a fault's delay back.
    pub(super) fn take_sync_delay(&self, node: &NodeName, fault: &Arc<str>) {
        if let Some(delays) = self.sync_delays.borrow_mut().get_mut(node) {
            delays.retain(|(name, _)| name != fault);
        }
    }

    /// How much longer each line of the list takes the script on a node.
    pub(super) fn sync_delay(&self, node: &NodeName) -> Duration {
        let delays = self.sync_delays.borrow();
        let of_node = delays.get(node).into_iter().flatten();
        of_node.fold(Duration::ZERO, |sum, (_, delay)| sum.saturating_add(*delay))
    }

    /// The sshd of a node: its keys and whom they let in.
    pub(super) fn sshd(&self, node: &NodeName) -> Rc<ssh::Daemon> {
        Rc::clone(self.daemons.borrow_mut().entry(node.clone()).or_default())
    }

    /// Lets a kill wait for the next transfer that comes so far.
    pub(super) fn arm(&self, kill: ArmedKill) {
        self.kills.borrow_mut().push(kill);
    }

    /// Takes a fault's kills back; whether one of them was still waiting for this worker.
    pub(super) fn disarm(&self, fault: &Arc<str>, worker: &NodeName) -> bool {
        let mut kills = self.kills.borrow_mut();
        let before = kills.len();
        kills.retain(|kill| kill.fault != *fault || kill.worker != *worker);
        kills.len() < before
    }

    /// The kill that a transfer to this worker has come to, with so many files in their places and so many bytes
    /// written; it is due once.
    pub(super) fn due_kill(&self, worker: &NodeName, files: u64, bytes: u64) -> Option<ArmedKill> {
        let mut kills = self.kills.borrow_mut();
        let is_due = |kill: &ArmedKill| {
            kill.worker == *worker
                && (kill.at.at_file.is_some_and(|file| files >= file)
                    || kill.at.at_byte.is_some_and(|byte| bytes >= byte))
        };
        let due = kills.iter().position(is_due)?;
        Some(kills.remove(due))
    }

    /// Notes the process that pushes a transfer.
    pub(super) fn sender_started(&self, transfer: Transfer, process: Process) {
        self.senders.borrow_mut().insert(transfer, process);
    }

    /// Forgets a transfer that is over.
    pub(super) fn sender_ended(&self, transfer: &Transfer) {
        self.senders.borrow_mut().remove(transfer);
        self.far_ends.borrow_mut().remove(transfer);
    }

    /// The process that pushes a transfer.
    pub(super) fn sender(&self, transfer: &Transfer) -> Option<Process> {
        self.senders.borrow().get(transfer).cloned()
    }

    /// Notes with which status the far end of a transfer exited by itself.
    pub(super) fn far_end_exited(&self, transfer: Transfer, status: u8) {
        self.far_ends.borrow_mut().insert(transfer, status);
    }

    /// With which status the far end of a transfer exited by itself, if it has.
    pub(super) fn far_end(&self, transfer: &Transfer) -> Option<u8> {
        self.far_ends.borrow().get(transfer).copied()
    }
}
