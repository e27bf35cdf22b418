//! From a cluster's folder to its typed configuration: names the files, calls the parsers, puts the parts
//! together.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use harness::cluster_files::ClusterFiles;
use harness::finding::{Finding, Findings, Severity, Source, nearest};
use harness::trace::NodeName;
use toml::Spanned;

use super::cluster::{self, ClusterFile, NodeEntry, SyncEntry};
use super::deployment::{self, Deployment};
use super::gateway::{self, GatewayConfig, Profile};
use super::{ClusterConfig, HostsFile, NodeConfig, NodeKind, Role, SyncConfig};
use super::{consistency, crontab, hosts, nginx, rsync_command, start_command, transfer, workers_list};

/// The file that names all others.
pub const CLUSTER_FILE: &str = "cluster.toml";

/// At most this much is said about one file.
const FINDINGS_MAX: usize = 100;

/// Reads a cluster. The findings beside it are warnings.
///
/// # Errors
/// Everything that is wrong with any of the files, warnings included.
pub fn load(files: &ClusterFiles) -> Result<(ClusterConfig, Findings), Findings> {
    let mut findings = Findings::new();
    let Some(source) = files.source(CLUSTER_FILE) else {
        let source = Source::new(files.shown(CLUSTER_FILE), "");
        let missing = Finding::error(&source, 0..0, "there is no cluster.toml in this folder");
        findings.push(match nearest(CLUSTER_FILE, files.files.keys().map(String::as_str)) {
            Some(near) => missing.help(format!("rename `{near}`")),
            None => missing.help("a cluster is a folder that holds a cluster.toml"),
        });
        return Err(findings);
    };
    let file = cluster::read(&source, &mut findings);
    let mut loader = Loader { files, source: &source, named: BTreeSet::new(), findings };
    let cluster = loader.load(&file);
    loader.report_files_that_nothing_names();
    let warnings = in_order(&loader.findings).into_result()?;
    Ok((cluster.expect("what is missing in a cluster is an error"), warnings))
}

/// File by file in the order in which they were read, and in each from top to bottom. A text that stands on
/// two nodes is parsed twice, but wrong only once.
fn in_order(findings: &Findings) -> Findings {
    let mut files: Vec<&str> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.severity == Severity::Error) {
        if !files.contains(&&*finding.source.name) {
            files.push(&finding.source.name);
        }
    }
    let rank = |finding: &Finding| {
        let file = files.iter().position(|file| **file == *finding.source.name).unwrap_or(files.len());
        (file, finding.source.name.clone(), finding.span.start)
    };
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_cached_key(|finding| rank(finding));
    let mut seen = BTreeSet::new();
    let place = |finding: &Finding| {
        (finding.source.name.clone(), finding.span.start, finding.span.end, finding.message.clone())
    };
    let mut shown: BTreeMap<Arc<str>, usize> = BTreeMap::new();
    let mut kept = Findings::new();
    for finding in sorted.into_iter().filter(|finding| seen.insert(place(finding))) {
        let count = shown.entry(finding.source.name.clone()).or_default();
        *count += 1;
        if *count <= FINDINGS_MAX {
            kept.push(finding.clone());
        } else if *count == FINDINGS_MAX + 1 {
            let message = "more is wrong with this file than can be shown: correct the above first";
            kept.push(Finding::error(&finding.source, finding.span.clone(), message));
        }
    }
    kept
}

struct Loader<'a> {
    files: &'a ClusterFiles,
    /// `cluster.toml`.
    source: &'a Source,
    /// Paths that `cluster.toml` names.
    named: BTreeSet<String>,
    findings: Findings,
}

impl Loader<'_> {
    fn load(&mut self, file: &ClusterFile) -> Option<ClusterConfig> {
        consistency::check_nodes(self.source, &file.nodes, &mut self.findings);
        let addresses: Vec<(NodeName, IpAddr)> = file
            .nodes
            .iter()
            .map(|node| (node.name.get_ref().as_str().into(), *node.address.get_ref()))
            .collect();
        let hosts: Vec<Option<HostsFile>> = file.nodes.iter().map(|node| self.hosts(node)).collect();
        let nodes: Vec<Option<NodeConfig>> = file
            .nodes
            .iter()
            .zip(&hosts)
            .map(|(node, hosts)| self.node(node, hosts.as_ref(), &addresses, file))
            .collect();
        let sync = file.sync.as_ref().and_then(|sync| self.sync(sync, &file.nodes, &hosts, &addresses));
        if self.findings.has_errors() {
            return None;
        }
        let cluster = ClusterConfig {
            name: file.name.clone()?,
            network: file.network,
            nodes: nodes.into_iter().collect::<Option<_>>()?,
            sync: sync?,
            model: file.model,
        };
        consistency::check_cluster(self.source, &file.nodes, &cluster, &mut self.findings);
        Some(cluster)
    }

    /// The text of a file that `cluster.toml` names.
    fn text(&mut self, path: Option<&Spanned<String>>) -> Option<Source> {
        let path = path?;
        let name = path.get_ref().trim_start_matches("./");
        self.named.insert(name.to_owned());
        if let Some(source) = self.files.source(name) {
            return Some(source);
        }
        let missing = Finding::error(
            self.source,
            path.span(),
            format!("there is no file `{name}` in this cluster's folder"),
        );
        let others = self.files.files.keys().map(String::as_str).filter(|known| *known != CLUSTER_FILE);
        let help = match nearest(name, others.clone()) {
            Some(near) => format!("write `{near}`"),
            None if others.clone().next().is_none() => "the folder holds no other file".to_owned(),
            None => format!("the folder holds {}", others.take(20).collect::<Vec<_>>().join(", ")),
        };
        self.findings.push(missing.help(help));
        None
    }

    /// Runs a parser on findings of its own: some report what is missing only when nothing else is wrong.
    fn parse<T>(&mut self, parser: impl FnOnce(&mut Findings) -> T) -> T {
        let mut own = Findings::new();
        let parsed = parser(&mut own);
        self.findings.extend(own);
        parsed
    }

    fn hosts(&mut self, entry: &NodeEntry) -> Option<HostsFile> {
        let source = self.text(entry.hosts.as_ref())?;
        Some(self.parse(|own| hosts::read(&source, own)))
    }

    fn node(
        &mut self,
        entry: &NodeEntry,
        hosts: Option<&HostsFile>,
        addresses: &[(NodeName, IpAddr)],
        file: &ClusterFile,
    ) -> Option<NodeConfig> {
        let kind = match entry.role {
            Role::Client => Some(NodeKind::Client),
            Role::Balancer => self.balancer(entry, hosts, addresses).map(NodeKind::Balancer),
            Role::Manager => self.gateway(entry, file).map(NodeKind::Manager),
            Role::Worker => self.gateway(entry, file).map(NodeKind::Worker),
        };
        Some(NodeConfig {
            name: entry.name.get_ref().as_str().into(),
            address: *entry.address.get_ref(),
            hosts: hosts?.clone(),
            kind: kind?,
        })
    }

    fn balancer(
        &mut self,
        entry: &NodeEntry,
        hosts: Option<&HostsFile>,
        nodes: &[(NodeName, IpAddr)],
    ) -> Option<nginx::NginxConfig> {
        let source = self.text(entry.nginx.as_ref())?;
        // Without a readable hosts file every name would be wrong: only the syntax is worth checking then.
        let around = hosts.map(|hosts| nginx::Around { hosts, own: *entry.address.get_ref(), nodes });
        self.parse(|own| nginx::read(&source, around.as_ref(), own))
    }

    fn gateway(&mut self, entry: &NodeEntry, file: &ClusterFile) -> Option<GatewayConfig> {
        let deployment_source = self.text(entry.deployment.as_ref());
        let start_source = self.text(entry.start.as_ref());
        let deployment: Option<Deployment> =
            deployment_source.as_ref().map(|source| self.parse(|own| deployment::read(source, own)));
        let start =
            start_source.as_ref().and_then(|source| self.parse(|own| start_command::read(source, own)));
        let (deployment, start, home) = (deployment?, start?, entry.home.as_ref()?);
        let (deployment_source, start_source) = (deployment_source?, start_source?);
        consistency::check_deployment(&deployment_source, &deployment, entry, &mut self.findings);
        let offset = start.port_offset.unwrap_or(deployment.offset);
        let ports =
            consistency::listening_ports(&deployment_source, &deployment, offset, &mut self.findings)?;
        let read_only = gateway::read_only(&start, file.model.read_only);
        consistency::check_start(&start_source, &start, entry, home.get_ref(), read_only, &mut self.findings);
        let portals = matches!(start.profile, None | Some(Profile::Publisher | Profile::DeveloperPortal));
        Some(GatewayConfig {
            home: home.get_ref().trim_end_matches('/').to_owned(),
            hostname: deployment.hostname,
            management_hostname: deployment.management_hostname,
            ports,
            proxy_ports: deployment.proxy_ports,
            start,
            read_only,
            portals,
            clustering: deployment.clustering,
        })
    }

    fn sync(
        &mut self,
        entry: &SyncEntry,
        nodes: &[NodeEntry],
        hosts: &[Option<HostsFile>],
        addresses: &[(NodeName, IpAddr)],
    ) -> Option<SyncConfig> {
        let node = entry
            .node
            .as_ref()
            .and_then(|name| consistency::node_of_sync(self.source, name, addresses, &mut self.findings));
        let script = entry.script.as_ref().map(|script| script.get_ref().clone());
        let jobs = self
            .text(entry.crontab.as_ref())
            .zip(script.as_ref())
            .map(|(source, script)| self.parse(|own| crontab::read(&source, script, own)));
        let list = self.text(entry.workers_list.as_ref());
        let workers = list.as_ref().and_then(|source| {
            let own = node.as_ref()?;
            let index = addresses.iter().position(|(known, _)| known == own)?;
            let hosts = hosts[index].as_ref()?;
            let around = workers_list::Around { hosts, nodes: addresses, own: Some(own) };
            Some(self.parse(|own| workers_list::read(source, &around, own)))
        });
        let command_source = self.text(entry.command.as_ref());
        let command =
            command_source.as_ref().and_then(|source| self.parse(|own| rsync_command::read(source, own)));
        if let (Some(source), Some(command), Some(list), Some(workers)) =
            (&command_source, &command, &list, &workers)
        {
            let home =
                node.as_deref().and_then(|node| nodes.iter().find(|entry| entry.name.get_ref() == node));
            let home = home.and_then(|entry| entry.home.as_ref()).map_or("", |home| home.get_ref());
            transfer::check(source, command, list, workers, home, &mut self.findings);
        }
        let command = command.map(|located| located.command);
        Some(SyncConfig { node: node?, script: script?, jobs: jobs?, workers: workers?, command: command? })
    }

    fn report_files_that_nothing_names(&mut self) {
        // While something is wrong with cluster.toml, nobody can tell what it would have named.
        if self.findings.iter().any(|finding| finding.source == *self.source) {
            return;
        }
        for name in self.files.files.keys() {
            if name != CLUSTER_FILE && !self.named.contains(name) {
                let source = self.files.source(name).expect("the name is one of theirs");
                let message = "cluster.toml does not name this file: it has no effect";
                self.findings.push(Finding::warning(&source, 0..0, message));
            }
        }
    }
}

#[cfg(test)]
mod tests;
