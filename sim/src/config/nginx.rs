//! A load balancer as its `nginx.conf` describes it.
//!
//! Inheritance is already applied: every [`Location`] carries all settings that hold for it, nginx's defaults
//! where the file is silent.

mod client;
mod directives;
mod lexer;
mod location;
mod proxy;
mod reader;
mod server;
mod tree;
mod upstream;
mod values;

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use harness::finding::{Findings, Source};
use harness::trace::NodeName;

use self::reader::Reader;
use super::hosts::HostsFile;

/// What a host name in the file can mean: the hosts file of the balancer, its address, and the nodes.
pub(super) struct Around<'a> {
    pub(super) hosts: &'a HostsFile,
    pub(super) own: IpAddr,
    pub(super) nodes: &'a [(NodeName, IpAddr)],
}

/// Reads an `nginx.conf`. Without what is around it, only the file itself is checked.
pub(super) fn read(
    source: &Source,
    around: Option<&Around<'_>>,
    findings: &mut Findings,
) -> Option<NginxConfig> {
    let root = tree::read(source, findings);
    reader::read(&mut Reader { source, around, findings }, &root)
}

/// Reads an `nginx.conf` of a host that has this hosts file and this address, among these nodes. The findings beside
/// it are warnings.
///
/// # Errors
/// Everything that is wrong with the text, warnings included.
pub fn parse(
    text: &str,
    hosts: &HostsFile,
    own: IpAddr,
    nodes: &[(NodeName, IpAddr)],
) -> Result<(NginxConfig, Findings), Findings> {
    let mut findings = Findings::new();
    let around = Around { hosts, own, nodes };
    let config = read(&Source::new("nginx.conf", text), Some(&around), &mut findings);
    let warnings = findings.into_result()?;
    Ok((config.expect("what is missing in a file is an error"), warnings))
}

/// What the model makes of the name of a directive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// It is read, or has no effect on what is modelled.
    Taken,
    /// nginx takes it, the model refuses it.
    Refused,
}

/// Every directive that nginx knows, as far as the model knows.
pub fn directive_names() -> impl Iterator<Item = (&'static str, Support)> {
    directives::names()
}

/// What an `nginx.conf` makes nginx do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NginxConfig {
    /// `worker_processes`: each counts failures of peers for itself unless the group has a zone.
    pub worker_processes: u32,
    /// Groups of servers, in order.
    pub upstreams: Vec<Upstream>,
    /// Server blocks, in order.
    pub servers: Vec<Server>,
}

impl NginxConfig {
    /// The configuration as nginx takes it when it starts on a host with this hosts file: every name of an upstream
    /// server is looked up anew.
    ///
    /// # Errors
    /// The first name that the hosts file does not have: nginx does not start.
    pub fn resolved(&self, hosts: &HostsFile) -> Result<Self, Arc<str>> {
        let upstreams: Result<_, _> =
            self.upstreams.iter().map(|group| upstream::resolved(group, hosts)).collect();
        Ok(Self { upstreams: upstreams?, ..self.clone() })
    }
}

/// A group of servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Its name, as `proxy_pass` uses it; for a `proxy_pass` to an address, `host:port`.
    pub name: String,
    /// Its members, in order.
    pub servers: Vec<UpstreamServer>,
    /// How one is chosen.
    pub method: Method,
    /// Idle connections that each worker process keeps open; none without `keepalive`.
    pub keepalive: Option<u32>,
    /// How long such a connection is kept: `keepalive_requests`, `keepalive_time`, `keepalive_timeout` (60 s).
    pub keepalive_limits: KeepAlive,
    /// Whether the worker processes share their marks.
    pub zone: bool,
}

/// One member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamServer {
    /// Where it listens; a name was looked up in the balancer's hosts file.
    pub address: SocketAddr,
    /// The name that it is written by, which nginx looks up whenever it starts; none for an address.
    pub name: Option<Arc<str>>,
    /// `weight=`, 1 by default.
    pub weight: u32,
    /// `max_fails=`, 1 by default; 0 counts no failures.
    pub max_fails: u32,
    /// `fail_timeout=`, 10 s by default.
    pub fail_timeout: Duration,
    /// `max_conns=`, 0 (no limit) by default.
    pub max_conns: u32,
    /// `backup`: only used when the others are unavailable.
    pub backup: bool,
    /// `down`: never used.
    pub down: bool,
}

/// How a member of a group is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Smooth weighted round robin.
    RoundRobin,
    /// `ip_hash`: by the first three bytes of the client's address.
    IpHash,
    /// `least_conn`: the fewest active connections in proportion to the weight.
    LeastConn,
}

/// A server block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Where it listens.
    pub listens: Vec<Listen>,
    /// The host names that it answers for.
    pub names: Vec<ServerName>,
    /// What holds for every request before a location is chosen: `return` or `rewrite` of the server block.
    pub answer: Option<Answer>,
    /// Locations, in order of the file.
    pub locations: Vec<Location>,
    /// What holds for clients' connections before a location is chosen.
    pub client: ClientSettings,
}

/// How long a connection stays open between requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAlive {
    /// `keepalive_requests`: the connection is closed after so many, 1000 by default.
    pub requests: u32,
    /// `keepalive_time`: and after this long, an hour by default.
    pub time: Duration,
    /// `keepalive_timeout`: and when it was idle for this long.
    pub timeout: Duration,
}

/// What nginx allows its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientSettings {
    /// `client_header_timeout`, 60 s by default.
    pub header_timeout: Duration,
    /// `client_body_timeout`, 60 s by default, between two reads.
    pub body_timeout: Duration,
    /// `client_max_body_size` in bytes, 1 MiB by default; none is no limit.
    pub body_bytes_max: Option<u64>,
    /// Between requests; a timeout of zero closes after each. 75 s by default.
    pub keepalive: KeepAlive,
}

/// One `listen`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// The address; none listens on all.
    pub address: Option<IpAddr>,
    /// The port.
    pub port: u16,
    /// `ssl`
    pub tls: bool,
    /// `default_server`: takes requests whose host name no server block has. Without any, the first block does.
    pub default_server: bool,
}

/// A name of a server block, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerName {
    /// The host name itself. `_` and `""` are names like any other that no client asks for.
    Exact(String),
    /// `*.example.com`: the ending, with its leading dot.
    Ending(String),
    /// `.example.com`: the name and everything that ends in it, with the leading dot.
    NameAndEnding(String),
    /// `www.example.*`: the beginning, with its trailing dot.
    Beginning(String),
}

impl ServerName {
    /// As the file writes it.
    pub fn shown(&self) -> String {
        match self {
            ServerName::Exact(name) | ServerName::NameAndEnding(name) => name.clone(),
            ServerName::Ending(ending) => format!("*{ending}"),
            ServerName::Beginning(beginning) => format!("{beginning}*"),
        }
    }
}

/// A location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Whether the path must be equal (`location = /x`) rather than begin so.
    pub exact: bool,
    /// The path.
    pub path: String,
    /// What it does with a request.
    pub action: Action,
    /// What holds for clients whose requests come here.
    pub client: ClientSettings,
}

/// What a location does with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Answers by itself.
    Answer(Answer),
    /// Passes it on.
    Proxy(Proxy),
    /// Looks for a file, of which the model has none: 404 (403 for a path that ends in `/`).
    Files,
}

/// An answer that nginx gives by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status: 301, 302, 303, 307 and 308 carry a `Location`.
    pub status: u16,
    /// The address to go to, or the text of the body; none when only a status is given.
    pub text: Option<Template>,
    /// Whether the query of the request is added to the address (`rewrite` without a closing `?`).
    pub add_query: bool,
}

/// How a location passes requests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// The group, as an index of [`NginxConfig::upstreams`].
    pub upstream: usize,
    /// Whether it speaks https to it.
    pub tls: bool,
    /// The host as `proxy_pass` writes it: `$proxy_host`, which is the `Host` header unless one is set.
    pub host: String,
    /// The path of `proxy_pass`, which replaces the location's; none hands the path on as it came.
    pub path: Option<String>,
    /// `proxy_set_header`: the headers as they are sent. `Host` and `Connection` are always among them; an
    /// empty value sends no such header.
    pub headers: Vec<(String, Template)>,
    /// `proxy_http_version 1.1`; 1.0 by default.
    pub http_1_1: bool,
    /// `proxy_connect_timeout`, 60 s by default.
    pub connect_timeout: Duration,
    /// `proxy_send_timeout`, 60 s by default, between two writes.
    pub send_timeout: Duration,
    /// `proxy_read_timeout`, 60 s by default, between two reads.
    pub read_timeout: Duration,
    /// `proxy_next_upstream`.
    pub next_upstream: NextUpstream,
    /// `proxy_next_upstream_tries`, 0 (no limit) by default.
    pub next_upstream_tries: u32,
    /// `proxy_next_upstream_timeout`, zero (no limit) by default.
    pub next_upstream_timeout: Duration,
    /// `proxy_buffering`, on by default.
    pub buffering: bool,
    /// `proxy_request_buffering`, on by default.
    pub request_buffering: bool,
    /// `proxy_ignore_client_abort`, off by default.
    pub ignore_client_abort: bool,
}

/// When a request is passed to the next member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextUpstream {
    /// `error`: connecting, sending or reading the header failed.
    pub error: bool,
    /// `timeout`: the same timed out.
    pub timeout: bool,
    /// `invalid_header`: an empty or broken answer.
    pub invalid_header: bool,
    /// `non_idempotent`: POST, LOCK and PATCH too, although they were sent.
    pub non_idempotent: bool,
    /// `http_500`, `http_503` and so on.
    pub statuses: Vec<u16>,
}

impl Default for NextUpstream {
    /// `error timeout`
    fn default() -> Self {
        Self {
            error: true,
            timeout: true,
            invalid_header: false,
            non_idempotent: false,
            statuses: Vec::new(),
        }
    }
}

/// Text with variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Literal text and variables, in order.
    pub parts: Vec<Part>,
}

/// A part of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text as it is.
    Text(String),
    /// What the request gives.
    Variable(Variable),
}

/// The variables of nginx that the model knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Variable {
    /// `$host`: the `Host` header without its port, in lower case, or the first server name.
    Host,
    /// `$http_NAME`: a header of the request, by its name in lower case with `-`.
    Header(String),
    /// `$request_uri`: path and query as they came.
    RequestUri,
    /// `$uri`: the normalised path.
    Uri,
    /// What `(.*)` of `rewrite ^/(.*)` is: the normalised path without its first `/`.
    UriAfterSlash,
    /// `$args`: the query.
    Args,
    /// `$is_args`: `?` when there is a query.
    IsArgs,
    /// `$scheme`
    Scheme,
    /// `$server_name`: the first name of the server block.
    ServerName,
    /// `$server_port`
    ServerPort,
    /// `$server_addr`
    ServerAddress,
    /// `$remote_addr`
    RemoteAddress,
    /// `$remote_port`
    RemotePort,
    /// `$request_method`
    RequestMethod,
    /// `$proxy_host`
    ProxyHost,
    /// `$proxy_port`
    ProxyPort,
    /// `$proxy_add_x_forwarded_for`: the header `X-Forwarded-For`, then the client's address.
    ProxyAddXForwardedFor,
}
