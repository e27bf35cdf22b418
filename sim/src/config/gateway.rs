//! A gateway server as its `deployment.toml` and its start command make it together.

use std::net::IpAddr;

use super::model::ReadOnlyReading;

/// One gateway server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayConfig {
    /// CARBON_HOME: the folder that the server is installed in.
    pub home: String,
    /// `[server] hostname`: what the server calls itself in what it answers.
    pub hostname: String,
    /// `[server] mgt_console_hostname`, or the host name: the same for the console.
    pub management_hostname: String,
    /// Where it listens, the offset already added.
    pub ports: Ports,
    /// The ports that it writes into addresses, when a balancer shows others than its own.
    pub proxy_ports: ProxyPorts,
    /// What was started, and how.
    pub start: StartCommand,
    /// Whether writes are refused: from the start flags and the chosen reading of them.
    pub read_only: bool,
    /// Whether it runs the Publisher and the Developer Portal: not with a profile that leaves them out.
    pub portals: bool,
    /// Hazelcast, when a membership scheme is set; nothing without one.
    pub clustering: Option<Clustering>,
}

/// The ports of a gateway, as it listens on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// Console, health and management services, http: 9763.
    pub servlet_http: u16,
    /// The same, https: 9443.
    pub servlet_https: u16,
    /// API traffic, http: 8280.
    pub pass_through_http: u16,
    /// API traffic, https: 8243.
    pub pass_through_https: u16,
}

impl Ports {
    /// All four, each with what it is.
    pub fn all(&self) -> [(&'static str, u16); 4] {
        [
            ("servlet http", self.servlet_http),
            ("servlet https", self.servlet_https),
            ("pass-through http", self.pass_through_http),
            ("pass-through https", self.pass_through_https),
        ]
    }
}

/// `proxyPort` of the servlet transports: it changes addresses in answers, not where the server listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProxyPorts {
    /// Of `[transport.http]`.
    pub http: Option<u16>,
    /// Of `[transport.https]`.
    pub https: Option<u16>,
}

/// Which part of the product a server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// `api-key-manager`
    KeyManager,
    /// `api-publisher`
    Publisher,
    /// `api-store` (3.0), `api-devportal` (3.1 and later)
    DeveloperPortal,
    /// `traffic-manager`
    TrafficManager,
    /// `gateway-worker`
    GatewayWorker,
}

/// How a server is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartCommand {
    /// The script, as it is written.
    pub script: String,
    /// `-Dprofile=`, if given; the whole product otherwise.
    pub profile: Option<Profile>,
    /// Whether `-DworkerNode=true` is given.
    pub worker_node: bool,
    /// `-DportOffset=`, which wins over the offset of `deployment.toml`.
    pub port_offset: Option<u16>,
}

/// Hazelcast clustering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clustering {
    /// `membership_scheme`.
    pub membership_scheme: String,
    /// `domain`.
    pub domain: String,
    /// Where this member listens: `local_member_host`, if set.
    pub local_member_host: Option<IpAddr>,
    /// `local_member_port`.
    pub local_member_port: u16,
    /// `members`, as `host:port`.
    pub members: Vec<String>,
}

/// Whether a server that is started so refuses writes, by the chosen reading of the profile flag.
pub(super) fn read_only(start: &StartCommand, reading: ReadOnlyReading) -> bool {
    let by_profile = reading == ReadOnlyReading::Guide && start.profile == Some(Profile::GatewayWorker);
    start.worker_node || by_profile
}

impl GatewayConfig {
    /// Whether it would be read-only by the given reading: for reports, which say what the other would give.
    pub fn read_only_by(&self, reading: ReadOnlyReading) -> bool {
        read_only(&self.start, reading)
    }
}
