//! `cluster.toml`: names the nodes, their addresses and the files that stand on them.

use std::net::IpAddr;

use harness::finding::{Finding, Findings, Source};
use toml::Spanned;

use super::Role;
use super::model::{self, ModelSettings};
use super::network::{self, NetworkSettings};
use super::table::{self, Table};

/// The file, with the place of everything that another file may contradict.
pub(super) struct ClusterFile {
    pub(super) name: Option<String>,
    pub(super) network: NetworkSettings,
    pub(super) nodes: Vec<NodeEntry>,
    pub(super) sync: Option<SyncEntry>,
    pub(super) model: ModelSettings,
}

/// One `[[node]]` whose name, role and address are in order.
pub(super) struct NodeEntry {
    pub(super) name: Spanned<String>,
    pub(super) role: Role,
    pub(super) address: Spanned<IpAddr>,
    pub(super) home: Option<Spanned<String>>,
    pub(super) deployment: Option<Spanned<String>>,
    pub(super) start: Option<Spanned<String>>,
    pub(super) hosts: Option<Spanned<String>>,
    pub(super) nginx: Option<Spanned<String>>,
}

/// The `[sync]` table.
pub(super) struct SyncEntry {
    pub(super) node: Option<Spanned<String>>,
    pub(super) script: Option<Spanned<String>>,
    pub(super) crontab: Option<Spanned<String>>,
    pub(super) workers_list: Option<Spanned<String>>,
    pub(super) command: Option<Spanned<String>>,
}

const ROLES: [(&str, Role); 4] = [
    ("manager", Role::Manager),
    ("worker", Role::Worker),
    ("balancer", Role::Balancer),
    ("client", Role::Client),
];

/// Reads `cluster.toml`; what is wrong with it is pushed to `findings`.
pub(super) fn read(source: &Source, findings: &mut Findings) -> ClusterFile {
    let entries = table::parse(source, findings);
    let mut root = Table::root(source, &entries);
    let name = root.required("name", findings).map(Spanned::into_inner);
    let network = match root.table("network", findings) {
        Some(table) => network::read(table, findings),
        None => NetworkSettings::default(),
    };
    let model = match root.table("model", findings) {
        Some(table) => model::read(table, findings),
        None => ModelSettings::default(),
    };
    if !root.has("node") {
        findings.push(
            Finding::error(source, 0..0, "the cluster has no nodes").help("write a `[[node]]` for each host"),
        );
    }
    let nodes: Vec<_> = root
        .tables("node", findings)
        .into_iter()
        .filter_map(|table| read_node(table, source, findings))
        .collect();
    if !root.has("sync") {
        root.missing("sync", findings);
    }
    let sync = root.table("sync", findings).map(|table| read_sync(table, findings));
    root.finish(findings);
    ClusterFile { name, network, nodes, sync, model }
}

fn read_node(mut table: Table<'_>, source: &Source, findings: &mut Findings) -> Option<NodeEntry> {
    let name = table.required("name", findings).filter(|name| valid_name(name, source, findings));
    if !table.has("role") {
        table.missing("role", findings);
    }
    let role = table.choice("role", &ROLES, findings);
    if !table.has("address") {
        table.missing("address", findings);
    }
    let address =
        table.address("address", findings).filter(|address| valid_address(address, source, findings));
    let gateway = matches!(role, None | Some(Role::Manager | Role::Worker));
    let balancer = matches!(role, None | Some(Role::Balancer));
    let mut file = |key: &'static str, fits: bool| {
        if role.is_some() && fits && !table.has(key) {
            table.missing(key, findings);
        }
        if !fits && table.has(key) {
            let role = role.map_or("", Role::name);
            let message = format!("a {role} has no `{key}`");
            findings.push(Finding::error(source, table.key_span(key), message));
        }
        table.text(key, findings)
    };
    let home = file("home", gateway);
    let deployment = file("deployment", gateway);
    let start = file("start", gateway);
    let nginx = file("nginx", balancer);
    let hosts = file("hosts", true);
    let home = home.filter(|home| valid_path(home, source, findings));
    table.finish(findings);
    Some(NodeEntry { name: name?, role: role?, address: address?, home, deployment, start, hosts, nginx })
}

/// A node's name stands in scenarios, traces and reports: letters, digits, `-`, `_` and `.`.
fn valid_name(name: &Spanned<String>, source: &Source, findings: &mut Findings) -> bool {
    let valid = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let good = name.get_ref().len() <= 64 && name.get_ref().chars().all(valid);
    if !good {
        let message = format!("`{}` cannot be the name of a node", name.get_ref());
        let help = "write up to 64 letters, digits, `-`, `_` and `.`";
        findings.push(Finding::error(source, name.span(), message).help(help));
    }
    good
}

/// An address that one host alone can have.
fn valid_address(address: &Spanned<IpAddr>, source: &Source, findings: &mut Findings) -> bool {
    let ip = address.get_ref();
    let broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
    let good = !ip.is_loopback() && !ip.is_unspecified() && !ip.is_multicast() && !broadcast;
    if !good {
        let message = format!("`{ip}` cannot be the address of one host");
        findings.push(Finding::error(source, address.span(), message).help("such as `10.0.0.10`"));
    }
    good
}

/// The folder of an installation: an absolute path of a Unix host.
fn valid_path(home: &Spanned<String>, source: &Source, findings: &mut Findings) -> bool {
    let path = home.get_ref();
    let good = path.starts_with('/') && path.len() > 1 && !path.split('/').any(|part| part == "..");
    if !good {
        let message = format!("`{path}` is not the path of an installation");
        findings.push(Finding::error(source, home.span(), message).help("such as `/opt/wso2am`"));
    }
    good
}

fn read_sync(mut table: Table<'_>, findings: &mut Findings) -> SyncEntry {
    let sync = SyncEntry {
        node: table.required("node", findings),
        script: table.required("script", findings),
        crontab: table.required("crontab", findings),
        workers_list: table.required("workers_list", findings),
        command: table.required("command", findings),
    };
    table.finish(findings);
    sync
}
