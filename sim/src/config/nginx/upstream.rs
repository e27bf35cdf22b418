//! Groups of servers: `upstream` blocks, and the groups that a `proxy_pass` to an address makes.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::directives::UPSTREAM;
use super::lexer::Word;
use super::reader::Reader;
use super::tree::Directive;
use super::values::{self, HostPort};
use super::{KeepAlive, Method, Upstream, UpstreamServer};
use crate::config::hosts::HostsFile;

/// Reads one `upstream` block.
pub(super) fn read(reader: &mut Reader<'_>, directive: &Directive, upstreams: &mut Vec<Upstream>) {
    let name = directive.arg();
    if upstreams.iter().any(|known| known.name.eq_ignore_ascii_case(&name.text)) {
        reader.error(name, format!("duplicate upstream \"{}\"", name.text));
        return;
    }
    let mut upstream = Upstream::new(&name.text);
    let mut methods: Vec<&Word> = Vec::new();
    let mut backups: Vec<&Word> = Vec::new();
    let mut any_server = false;
    for directive in reader.modelled(directive.block.as_deref().unwrap_or_default(), UPSTREAM) {
        match directive.name.text.as_str() {
            "server" => {
                any_server = true;
                backups.extend(directive.args.iter().filter(|word| word.text == "backup"));
                read_server(reader, directive, &mut upstream.servers);
            }
            "ip_hash" | "least_conn" => {
                upstream.method =
                    if directive.name.text == "ip_hash" { Method::IpHash } else { Method::LeastConn };
                methods.push(&directive.name);
            }
            "keepalive" => {
                let count = reader.value(directive.arg(), values::number(&directive.arg().text));
                if count == Some(0) {
                    reader.error(directive.arg(), "invalid value \"0\" in \"keepalive\" directive");
                }
                upstream.keepalive = count;
            }
            "keepalive_requests" | "keepalive_time" | "keepalive_timeout" => {
                upstream.keepalive_limits.set(reader, directive);
            }
            "zone" => upstream.zone = true,
            other => unreachable!("{other} is in the table of upstream blocks"),
        }
    }
    for extra in methods.iter().skip(1) {
        reader.warning(extra, "load balancing method redefined: this one holds");
    }
    if upstream.method == Method::IpHash {
        for backup in backups {
            reader.error(backup, "balancing method does not support parameter \"backup\"");
        }
    }
    if !any_server {
        reader.error(name, "no servers are inside upstream");
    }
    let usable = |server: &UpstreamServer| !server.down;
    if !upstream.servers.is_empty() && !upstream.servers.iter().any(usable) {
        reader.warning(name, "every server is `down`: each request would be answered with 502");
    }
    upstreams.push(upstream);
}

impl Upstream {
    /// A group without members, everything else at nginx's defaults.
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            servers: Vec::new(),
            method: Method::RoundRobin,
            keepalive: None,
            keepalive_limits: KeepAlive::new(Duration::from_secs(60)),
            zone: false,
        }
    }
}

impl UpstreamServer {
    /// A member with nginx's defaults.
    fn new(address: SocketAddr) -> Self {
        let fail_timeout = Duration::from_secs(10);
        Self {
            address,
            name: None,
            weight: 1,
            max_fails: 1,
            fail_timeout,
            max_conns: 0,
            backup: false,
            down: false,
        }
    }
}

fn read_server(reader: &mut Reader<'_>, directive: &Directive, servers: &mut Vec<UpstreamServer>) {
    let place = directive.arg();
    // The address is a placeholder until it is resolved.
    let mut pattern = UpstreamServer::new(SocketAddr::from(([0, 0, 0, 0], 0)));
    for word in &directive.args[1..] {
        let (name, value) =
            word.text.split_once('=').map_or((word.text.as_str(), None), |(n, v)| (n, Some(v)));
        let set = match (name, value) {
            ("weight", Some(value)) => number(reader, word, value, 1).map(|weight| pattern.weight = weight),
            ("max_fails", Some(value)) => {
                number(reader, word, value, 0).map(|fails| pattern.max_fails = fails)
            }
            ("max_conns", Some(value)) => {
                number(reader, word, value, 0).map(|conns| pattern.max_conns = conns)
            }
            ("fail_timeout", Some(value)) => {
                reader.value(word, values::time(value, false)).map(|timeout| pattern.fail_timeout = timeout)
            }
            ("backup", None) => {
                pattern.backup = true;
                Some(())
            }
            ("down", None) => {
                pattern.down = true;
                Some(())
            }
            _ => {
                let help = "weight=, max_fails=, fail_timeout=, max_conns=, backup, down";
                reader.error_with_help(word, format!("invalid parameter \"{}\"", word.text), help);
                None
            }
        };
        if set.is_none() {
            return;
        }
    }
    let Some(host) = reader.value(place, values::host_port(&place.text)) else { return };
    let port = host.port.unwrap_or(80);
    pattern.name = name_of(&host);
    for address in resolve(reader, place, &host) {
        servers.push(UpstreamServer { address: SocketAddr::new(address, port), ..pattern.clone() });
    }
}

fn number(reader: &mut Reader<'_>, word: &Word, value: &str, least: u32) -> Option<u32> {
    let number = reader.value(word, values::number(value))?;
    if number < least {
        reader.error(word, format!("invalid parameter \"{}\"", word.text));
        return None;
    }
    Some(number)
}

/// What nginx looks up whenever it starts.
fn name_of(host: &HostPort<'_>) -> Option<Arc<str>> {
    host.address.is_none().then(|| host.host.into())
}

/// The group with its names looked up anew, as nginx does when it starts.
///
/// # Errors
/// The first name that nobody knows.
pub(super) fn resolved(upstream: &Upstream, hosts: &HostsFile) -> Result<Upstream, Arc<str>> {
    let of_one_line = |one: &UpstreamServer, other: &UpstreamServer| {
        one.name.is_some() && UpstreamServer { address: one.address, ..other.clone() } == *one
    };
    let mut servers = Vec::new();
    for line in upstream.servers.chunk_by(of_one_line) {
        let Some(name) = &line[0].name else {
            servers.extend_from_slice(line);
            continue;
        };
        let addresses = hosts.resolve(name);
        if addresses.is_empty() {
            return Err(name.clone());
        }
        let before: BTreeSet<IpAddr> = line.iter().map(|server| server.address.ip()).collect();
        if before == addresses.iter().copied().collect() {
            servers.extend_from_slice(line);
            continue;
        }
        let at =
            |ip| UpstreamServer { address: SocketAddr::new(ip, line[0].address.port()), ..line[0].clone() };
        servers.extend(addresses.into_iter().map(at));
    }
    Ok(Upstream { servers, ..upstream.clone() })
}

/// The addresses of a host by the balancer's hosts file; each must be a node's.
fn resolve(reader: &mut Reader<'_>, word: &Word, host: &HostPort<'_>) -> Vec<IpAddr> {
    let Some(around) = reader.around else { return Vec::new() };
    let addresses = match host.address {
        Some(address) => vec![address],
        None => around.hosts.resolve(host.host),
    };
    if addresses.is_empty() {
        let help = "the balancer's hosts file does not know the name; nginx would not start";
        reader.error_with_help(word, format!("host not found in upstream \"{}\"", host.host), help);
    }
    for address in &addresses {
        if !around.nodes.iter().any(|(_, node)| node == address) {
            let known: Vec<String> = around.nodes.iter().map(|(name, ip)| format!("{ip} ({name})")).collect();
            let help = format!("addresses of nodes: {}", known.join(", "));
            reader.error_with_help(word, format!("{address} is no node of the cluster"), help);
        }
    }
    addresses
}

/// The group that `host[:port]` of a `proxy_pass` means: a block's, or one of its own.
pub(super) fn of_proxy_pass(
    reader: &mut Reader<'_>,
    word: &Word,
    host_port: &str,
    default_port: u16,
    upstreams: &mut Vec<Upstream>,
) -> Option<usize> {
    if let Some(index) = upstreams.iter().position(|known| known.name.eq_ignore_ascii_case(host_port)) {
        return Some(index);
    }
    let host = reader.value(word, values::host_port(host_port))?;
    if let (Some(port), true) = (host.port, upstreams.iter().any(|known| known.name == host.host)) {
        reader.error(word, format!("upstream \"{}\" may not have port {port}", host.host));
        return None;
    }
    let port = host.port.unwrap_or(default_port);
    let name = format!("{}:{port}", host.host);
    if let Some(index) = upstreams.iter().position(|known| known.name == name) {
        return Some(index);
    }
    let mut upstream = Upstream::new(&name);
    let addresses = resolve(reader, word, &host);
    let member =
        |ip| UpstreamServer { name: name_of(&host), ..UpstreamServer::new(SocketAddr::new(ip, port)) };
    upstream.servers.extend(addresses.into_iter().map(member));
    upstreams.push(upstream);
    Some(upstreams.len() - 1)
}
