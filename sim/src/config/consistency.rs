//! What no file can tell alone: names, addresses and ports that must fit together.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;

use harness::finding::{Finding, Findings, Source, did_you_mean};
use harness::trace::NodeName;
use toml::Spanned;

use super::cluster::NodeEntry;
use super::deployment::Deployment;
use super::gateway::{Ports, Profile, StartCommand};
use super::nginx::Action;
use super::{ClusterConfig, NodeKind, Role};

/// The port of ssh, which every host that is synced listens on.
const SSH_PORT: u16 = 22;

/// Names and addresses stand once; there is something to manage, to serve and to ask.
pub(super) fn check_nodes(source: &Source, nodes: &[NodeEntry], findings: &mut Findings) {
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    let mut addresses: BTreeMap<IpAddr, &str> = BTreeMap::new();
    for node in nodes {
        let name = node.name.get_ref().as_str();
        if let Some(line) = names.insert(name, source.line_of(node.name.span().start)) {
            let message = format!("a second node `{name}`; the first stands in line {line}");
            findings.push(Finding::error(source, node.name.span(), message));
        }
        if let Some(first) = addresses.insert(*node.address.get_ref(), name) {
            let address = node.address.get_ref();
            let message = format!(
                "`{address}` is the address of `{first}` already: two nodes on one host are not modelled"
            );
            findings.push(
                Finding::error(source, node.address.span(), message).help("give each node its own address"),
            );
        }
    }
    for (role, why) in [
        (Role::Manager, "nothing could be published"),
        (Role::Worker, "nothing would serve the APIs"),
        (Role::Client, "no request would ever be sent"),
    ] {
        if !nodes.is_empty() && !nodes.iter().any(|node| node.role == role) {
            let message = format!("no node has the role `{}`: {why}", role.name());
            findings.push(
                Finding::error(source, 0..0, message)
                    .help(format!("add a `[[node]]` with `role = \"{}\"`", role.name())),
            );
        }
    }
}

/// `node_ip` is the node's address.
pub(super) fn check_deployment(
    source: &Source,
    deployment: &Deployment,
    entry: &NodeEntry,
    findings: &mut Findings,
) {
    let Some(node_ip) = &deployment.node_ip else { return };
    if node_ip.get_ref() != entry.address.get_ref() {
        let (name, address) = (entry.name.get_ref(), entry.address.get_ref());
        let message = format!("`node_ip` is not the address of `{name}`, which is {address} in cluster.toml");
        findings.push(Finding::warning(source, node_ip.span(), message).help(format!("write \"{address}\"")));
    }
}

/// The ports with the offset added; each can be held once.
pub(super) fn listening_ports(
    source: &Source,
    deployment: &Deployment,
    offset: u16,
    findings: &mut Findings,
) -> Option<Ports> {
    let spans = &deployment.port_spans;
    let mut held: BTreeMap<u16, String> = BTreeMap::new();
    held.insert(SSH_PORT, "ssh".to_owned());
    if let Some(clustering) = &deployment.clustering {
        held.insert(clustering.local_member_port.saturating_add(offset), "clustering".to_owned());
    }
    let mut ports = [0; 4];
    let mut good = true;
    for (index, (what, base)) in deployment.base_ports.all().into_iter().enumerate() {
        let span = spans[index].clone().unwrap_or(0..0);
        let Some(port) = base.checked_add(offset) else {
            let message = format!("the {what} port {base} with the offset {offset} is beyond 65535");
            findings.push(Finding::error(source, span, message));
            good = false;
            continue;
        };
        ports[index] = port;
        if let Some(other) = held.insert(port, what.to_owned()) {
            let message =
                format!("the {what} port {port} is held by {other} already: the server would not start");
            // The default cannot be wrong: the finding belongs to the port that was set.
            let place = spans[index].clone().or_else(|| other_span(deployment, offset, port)).unwrap_or(0..0);
            findings.push(Finding::error(source, place, message).help("one port of a host can be held once"));
            good = false;
        }
    }
    let [servlet_http, servlet_https, pass_through_http, pass_through_https] = ports;
    good.then_some(Ports { servlet_http, servlet_https, pass_through_http, pass_through_https })
}

/// Where a port that ends up as `port` was set.
fn other_span(deployment: &Deployment, offset: u16, port: u16) -> Option<Range<usize>> {
    let set = deployment.base_ports.all().into_iter().zip(&deployment.port_spans);
    set.filter(|((_, base), _)| base.checked_add(offset) == Some(port)).find_map(|(_, span)| span.clone())
}

/// The start command starts what the role says, from the node's own installation.
pub(super) fn check_start(
    source: &Source,
    start: &StartCommand,
    entry: &NodeEntry,
    home: &str,
    read_only: bool,
    findings: &mut Findings,
) {
    let whole = 0..source.text.trim_end().len();
    let (name, home) = (entry.name.get_ref(), home.trim_end_matches('/'));
    if start.script.starts_with('/') && !start.script.starts_with(&format!("{home}/bin/")) {
        let message = format!(
            "`{}` is not the installation of `{name}`, which is {home} in cluster.toml",
            start.script
        );
        findings.push(
            Finding::error(source, whole.clone(), message).help(format!("write `{home}/bin/api-manager.sh`")),
        );
    }
    let other = match start.profile {
        None | Some(Profile::GatewayWorker) => None,
        Some(Profile::KeyManager) => Some("api-key-manager"),
        Some(Profile::Publisher) => Some("api-publisher"),
        Some(Profile::DeveloperPortal) => Some("api-devportal"),
        Some(Profile::TrafficManager) => Some("traffic-manager"),
    };
    if let Some(profile) = other {
        let message = format!("the profile `{profile}` runs no gateway, which a {} needs", entry.role.name());
        findings.push(
            Finding::error(source, whole, message)
                .help("start it with `-Dprofile=gateway-worker`, or without a profile"),
        );
        return;
    }
    match (entry.role, read_only) {
        (Role::Manager, true) => {
            let message = format!("`{name}` is started read-only: nothing can be published");
            findings
                .push(Finding::warning(source, whole, message).help("start the manager without these flags"));
        }
        (Role::Worker, false) => {
            let message =
                format!("`{name}` is not started read-only: it accepts writes, which the next sync erases");
            findings.push(
                Finding::warning(source, whole, message).help("`-Dprofile=gateway-worker -DworkerNode=true`"),
            );
        }
        _ => {}
    }
}

/// The node that `[sync]` names.
pub(super) fn node_of_sync(
    source: &Source,
    name: &Spanned<String>,
    nodes: &[(NodeName, IpAddr)],
    findings: &mut Findings,
) -> Option<NodeName> {
    let found = nodes.iter().find(|(known, _)| **known == *name.get_ref().as_str());
    if found.is_none() {
        let names: Vec<&str> = nodes.iter().map(|(name, _)| &**name).collect();
        let message = format!("no node is called `{}`", name.get_ref());
        findings
            .push(Finding::error(source, name.span(), message).help(did_you_mean(name.get_ref(), &names)));
    }
    found.map(|(name, _)| name.clone())
}

/// Host names that clients ask for, and workers that the sync forgets.
pub(super) fn check_cluster(
    source: &Source,
    entries: &[NodeEntry],
    cluster: &ClusterConfig,
    findings: &mut Findings,
) {
    for (entry, node) in entries.iter().zip(&cluster.nodes) {
        let place = entry.name.span();
        match &node.kind {
            NodeKind::Worker(_) if !cluster.sync.workers.iter().any(|target| target.node == node.name) => {
                let message =
                    format!("no line of workers-list.txt syncs `{}`: it never gets an artifact", node.name);
                findings.push(Finding::warning(source, place, message));
            }
            NodeKind::Client => {
                for name in public_names(cluster) {
                    match node.hosts.resolve(name).first() {
                        None => {
                            let message = format!("the hosts file of `{}` does not know `{name}`", node.name);
                            let help = "its requests to that name would fail; add a line with the balancer's address";
                            findings.push(Finding::warning(source, place.clone(), message).help(help));
                        }
                        Some(address) if cluster.node_at(*address).is_none() => {
                            let message = format!(
                                "the hosts file of `{}` sends `{name}` to {address}, which is no node",
                                node.name
                            );
                            findings.push(Finding::warning(source, place.clone(), message));
                        }
                        Some(_) => {}
                    }
                }
            }
            NodeKind::Balancer(nginx) => {
                for location in nginx.servers.iter().flat_map(|server| &server.locations) {
                    let Action::Proxy(proxy) = &location.action else { continue };
                    check_upstream(source, &place, proxy.upstream, proxy.tls, nginx, cluster, findings);
                }
            }
            NodeKind::Worker(_) | NodeKind::Manager(_) => {}
        }
    }
}

/// The host names that gateways go by: what consumers and publishers ask for.
fn public_names(cluster: &ClusterConfig) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for gateway in cluster.nodes.iter().filter_map(|node| node.gateway()) {
        if gateway.hostname != "localhost" && !names.contains(&gateway.hostname.as_str()) {
            names.push(&gateway.hostname);
        }
    }
    names
}

/// A group's members lead to ports on which a node listens, with the protocol that is spoken there.
fn check_upstream(
    source: &Source,
    place: &Range<usize>,
    upstream: usize,
    tls: bool,
    nginx: &super::NginxConfig,
    cluster: &ClusterConfig,
    findings: &mut Findings,
) {
    let upstream = &nginx.upstreams[upstream];
    for server in &upstream.servers {
        let Some(node) = cluster.node_at(server.address.ip()) else { continue };
        let Some(gateway) = node.gateway() else { continue };
        let ports = gateway.ports;
        let plain = [ports.servlet_http, ports.pass_through_http];
        let secure = [ports.servlet_https, ports.pass_through_https];
        let port = server.address.port();
        let message = if !plain.contains(&port) && !secure.contains(&port) {
            format!("`{}` of `{}`: `{}` does not listen on {port}", server.address, upstream.name, node.name)
        } else if tls == plain.contains(&port) {
            let (speaks, expects) = if tls { ("https", "http") } else { ("http", "https") };
            format!(
                "`{}` of `{}` is asked by {speaks}, but it speaks {expects}",
                server.address, upstream.name
            )
        } else {
            continue;
        };
        findings
            .push(Finding::warning(source, place.clone(), message).help("every request there would fail"));
    }
}
