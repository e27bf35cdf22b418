//! Checks the names that a scenario uses against those that there are.

use std::ops::Range;

use super::selector::{Selector, TargetSpec};
use super::workload::Work;
use super::{Begins, Scenario};
use crate::cluster::Topology;
use crate::expectation::Role;
use crate::finding::{Finding, Findings, did_you_mean};
use crate::plan::FaultKind;
use crate::trace::NodeName;

impl Topology {
    /// The nodes of a role.
    pub fn of_role(&self, role: Role) -> &[NodeName] {
        match role {
            Role::Manager => &self.managers,
            Role::Worker => &self.workers,
            Role::Balancer => &self.balancers,
            Role::Client => &self.clients,
        }
    }

    /// The nodes that a name stands for: the node itself, or all nodes of the role that it names.
    pub fn named(&self, name: &str) -> Vec<NodeName> {
        match self.nodes().find(|node| ***node == *name) {
            Some(node) => vec![node.clone()],
            None => Role::of(name).map(|role| self.of_role(role).to_vec()).unwrap_or_default(),
        }
    }
}

/// Everything that names something that is not there.
pub(super) fn check(scenario: &Scenario, topology: &Topology) -> Findings {
    let mut names = Names { scenario, topology, findings: Findings::new() };
    for fault in &scenario.faults {
        for selector in fault.target.selectors() {
            match &selector.value {
                Selector::Node(name) => names.node(name, selector.span.clone()),
                Selector::Any(role) | Selector::All(role) => names.role(*role, selector.span.clone()),
            }
        }
        if let TargetSpec::Process { nodes, process } = &fault.target {
            let nodes: Vec<NodeName> = nodes.iter().flat_map(|node| names.chosen(&node.value)).collect();
            for node in nodes {
                names.process(&node, &process.value, process.span.clone());
            }
        }
        if let (FaultKind::HostsEntry { host_name, .. }, TargetSpec::Nodes(nodes)) =
            (&fault.kind, &fault.target)
        {
            for selector in nodes {
                for node in names.chosen(&selector.value) {
                    names.host_name(&node, host_name, selector.span.clone());
                }
            }
        }
        if let Begins::On(trigger) = &fault.begins {
            for name in trigger.node.iter().chain(&trigger.names) {
                names.node(&name.value, name.span.clone());
            }
            if let Some(other) = &trigger.fault {
                names.fault(&other.value, other.span.clone());
            }
        }
    }
    for workload in &scenario.workloads {
        match &workload.work {
            Work::WriteAttempts { workers, .. } => {
                for worker in workers {
                    names.worker(&worker.value, worker.span.clone());
                }
            }
            Work::HealthChecks(gateways) => {
                for gateway in gateways {
                    names.gateway(&gateway.value, gateway.span.clone());
                }
            }
            Work::Calls(_) | Work::Publish { .. } | Work::Administer => {}
        }
    }
    for (sentence, claim) in &scenario.expectations {
        let place = |span: &Range<usize>| sentence.part(&scenario.source, span.clone());
        let (workers, gateways) = (claim.workers(), claim.gateways());
        for name in claim.nodes() {
            match () {
                () if workers.contains(&name) => names.worker(&name.name, place(&name.span)),
                () if gateways.contains(&name) => names.gateway(&name.name, place(&name.span)),
                () => names.node(&name.name, place(&name.span)),
            }
        }
        if let Some(fault) = claim.fault() {
            names.fault(&fault.name, place(&fault.span));
        }
    }
    names.findings
}

struct Names<'a> {
    scenario: &'a Scenario,
    topology: &'a Topology,
    findings: Findings,
}

impl Names<'_> {
    fn node(&mut self, name: &str, span: Range<usize>) {
        if self.topology.named(name).is_empty() {
            let known: Vec<&str> = self.topology.nodes().map(|node| &**node).collect();
            self.unknown(format!("no node is called `{name}`"), span, name, &known);
        }
    }

    fn worker(&mut self, name: &str, span: Range<usize>) {
        if !self.topology.workers.iter().any(|worker| **worker == *name) {
            let known: Vec<&str> = self.topology.workers.iter().map(|node| &**node).collect();
            self.unknown(format!("no worker is called `{name}`"), span, name, &known);
        }
    }

    fn gateway(&mut self, name: &str, span: Range<usize>) {
        let named = self.topology.named(name);
        if named.is_empty()
            || !named.iter().all(|node| self.topology.gateways().any(|gateway| gateway == node))
        {
            let known: Vec<&str> = self.topology.gateways().map(|node| &**node).collect();
            self.unknown(format!("no gateway is called `{name}`"), span, name, &known);
        }
    }

    fn role(&mut self, role: Role, span: Range<usize>) {
        if self.topology.of_role(role).is_empty() {
            let known: Vec<&str> = self.topology.nodes().map(|node| &**node).collect();
            self.unknown("no node has this role".to_owned(), span, "", &known);
        }
    }

    fn fault(&mut self, name: &str, span: Range<usize>) {
        let known: Vec<&str> = self.scenario.faults.iter().map(|fault| fault.name.value.as_str()).collect();
        if known.is_empty() {
            let finding = Finding::error(&self.scenario.source, span, format!("no fault is called `{name}`"));
            self.findings.push(finding.help("the scenario has no faults"));
        } else if !known.contains(&name) {
            self.unknown(format!("no fault is called `{name}`"), span, name, &known);
        }
    }

    fn process(&mut self, node: &str, process: &str, span: Range<usize>) {
        let of_node = self.topology.processes.iter().find(|(name, _)| **name == *node);
        let Some((_, known)) = of_node else { return };
        if !known.iter().any(|name| name == process) {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            self.unknown(format!("no process on {node} is called `{process}`"), span, process, &known);
        }
    }

    fn host_name(&mut self, node: &str, name: &str, span: Range<usize>) {
        let of_node = self.topology.host_names.iter().find(|(of, _)| **of == *node);
        let known: Vec<&str> =
            of_node.iter().flat_map(|(_, names)| names.iter().map(String::as_str)).collect();
        if !known.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            self.unknown(format!("the hosts file of {node} has no `{name}`"), span, name, &known);
        }
    }

    fn chosen(&self, selector: &Selector) -> Vec<NodeName> {
        match selector {
            Selector::Node(name) => self.topology.named(name),
            Selector::Any(role) | Selector::All(role) => self.topology.of_role(*role).to_vec(),
        }
    }

    fn unknown(&mut self, message: String, span: Range<usize>, word: &str, known: &[&str]) {
        let help = did_you_mean(word, known);
        // `all workers` without such a process is one mistake, not one a worker.
        let finding = Finding::error(&self.scenario.source, span, message).help(help);
        if !self.findings.iter().any(|other| other.span == finding.span) {
            self.findings.push(finding);
        }
    }
}
