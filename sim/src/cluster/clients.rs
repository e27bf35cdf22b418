//! The clients: consumers who call APIs, people who publish and administer, a monitor that asks for health, and
//! somebody who tries to write where nobody may. Each operation is a request on a connection of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use harness::cluster::Operation;
use harness::plan::ApiSpec;
use harness::time::SimTime;
use harness::trace::EventKind;
use harness::trace::event::{OpKind, OpOutcome};

use crate::config::{ClusterConfig, GatewayConfig, NodeKind};
use crate::gateway;
use crate::host::Host;
use crate::http::{self, Connection, Request, Scheme};
use crate::process::Process;

/// Where https is when an address names no port.
const HTTPS_PORT: u16 = 443;

/// Whoever sends requests.
#[derive(Debug)]
pub(super) struct Clients {
    process: Process,
    traffic_host: String,
    management_host: String,
    /// Each gateway's servlet port, for who asks it past the balancer.
    gateways: Vec<(Arc<str>, SocketAddr)>,
}

/// How far a request came, and what came back.
#[derive(Debug, Default)]
struct Ending {
    sent: bool,
    status: Option<u16>,
    revision: Option<u64>,
    error: String,
}

impl Clients {
    /// Clients on `host`, who know the cluster by its public names.
    pub(super) fn start(host: &Host, config: &ClusterConfig) -> Self {
        let mut traffic_host = String::new();
        let mut management_host = String::new();
        let mut gateways = Vec::new();
        for node in &config.nodes {
            match &node.kind {
                NodeKind::Worker(GatewayConfig { hostname, ports, .. }) => {
                    traffic_host.clone_from(hostname);
                    gateways.push((node.name.clone(), SocketAddr::new(node.address, ports.servlet_https)));
                }
                NodeKind::Manager(GatewayConfig { management_hostname, ports, .. }) => {
                    management_host.clone_from(management_hostname);
                    gateways.push((node.name.clone(), SocketAddr::new(node.address, ports.servlet_https)));
                }
                NodeKind::Balancer(_) | NodeKind::Client => {}
            }
        }
        let process = host.spawn("clients", |_| std::future::pending());
        Self { process, traffic_host, management_host, gateways }
    }

    /// Begins an operation.
    pub(super) fn begin(&self, operation: Operation) {
        let process = self.process.clone();
        let Operation { op, what, api, timeout } = operation;
        process.record(EventKind::OpStarted { op, what: what.clone() });
        let started = process.now();
        let (server, request) = match self.request(op, &what, api.as_ref()) {
            Ok(request) => request,
            Err(error) => return end(&process, op, what, started, Ending { error, ..Ending::default() }),
        };
        let own = process.clone();
        process.spawn(async move {
            let mut ending = Ending::default();
            let exchange = exchange(&own, server, request, &mut ending);
            if own.timeout(timeout, exchange).await.is_err() {
                ending.status = None;
                ending.error = "no answer in time".to_owned();
            }
            end(&own, op, what, started, ending);
        });
    }

    /// Whom an operation asks, and what.
    fn request(
        &self,
        op: u64,
        what: &OpKind,
        api: Option<&ApiSpec>,
    ) -> Result<(SocketAddr, Request), String> {
        let api = || api.expect("the runner gives the API of an operation that is about one");
        Ok(match what {
            OpKind::Call { .. } => {
                (self.resolve(&self.traffic_host)?, gateway::call_request(api(), &self.traffic_host))
            }
            OpKind::Publish { revision, .. } => {
                let request = gateway::publish_request(api(), *revision, &self.management_host);
                (self.resolve(&self.management_host)?, request)
            }
            OpKind::Delete { revision, .. } => {
                let request = gateway::delete_request(api(), *revision, &self.management_host);
                (self.resolve(&self.management_host)?, request)
            }
            OpKind::Administer => {
                (self.resolve(&self.management_host)?, gateway::console_request(&self.management_host))
            }
            OpKind::Write { worker, route } => {
                (self.gateway(worker)?, gateway::write_attempt(*route, op, worker))
            }
            OpKind::HealthCheck { gateway } => (self.gateway(gateway)?, gateway::health_request(gateway)),
        })
    }

    fn gateway(&self, name: &str) -> Result<SocketAddr, String> {
        let known = self.gateways.iter().find(|(known, _)| **known == *name);
        Ok(known.ok_or_else(|| format!("{name} is no gateway"))?.1)
    }

    fn resolve(&self, name: &str) -> Result<SocketAddr, String> {
        let address = self.process.host().resolve(name);
        let address = address.ok_or_else(|| format!("{name}: Name or service not known"))?;
        Ok(SocketAddr::new(address, HTTPS_PORT))
    }
}

/// Sends a request and reads the whole answer; says in `ending` how far it came, even when it is dropped half-way.
async fn exchange(process: &Process, server: SocketAddr, request: Request, ending: &mut Ending) {
    let mut connection = match Connection::open(process, server, Scheme::Https).await {
        Ok(connection) => connection,
        Err(error) => {
            ending.error = http::root_cause(&error);
            return;
        }
    };
    ending.sent = true;
    let response = match connection.send(request).await {
        Ok(response) => response,
        Err(error) => {
            ending.error = http::root_cause(&error);
            return;
        }
    };
    let status = response.status.as_u16();
    let revision = gateway::served_revision(&response.fields);
    match connection.read_body().await {
        Ok(_) => {
            ending.status = Some(status);
            ending.revision = revision;
        }
        Err(error) => ending.error = http::root_cause(&error),
    }
}

fn end(process: &Process, op: u64, what: OpKind, started: SimTime, ending: Ending) {
    let Ending { sent, status, revision, error } = ending;
    let by_no_api = matches!(what, OpKind::Call { .. }) && revision.is_none();
    let outcome = match status {
        // A gateway without its main sequence answers 202 to a call of an API that it does not have.
        Some(200..300) if by_no_api => OpOutcome::Failed,
        Some(200..300) => OpOutcome::Ok,
        // A gateway that got no answer, or none in time, does not know whether the request had its effect.
        Some(502 | 504) if has_effect(&what) => OpOutcome::Unknown,
        Some(_) => OpOutcome::Failed,
        None if sent && has_effect(&what) => OpOutcome::Unknown,
        None => OpOutcome::Failed,
    };
    let error = if error.is_empty() { Arc::default() } else { error.into() };
    process.record(EventKind::OpEnded { op, what, started, outcome, status, revision, error });
}

/// Whether an operation changes something, so that doing it and failing to hear of it differ.
fn has_effect(what: &OpKind) -> bool {
    match what {
        OpKind::Publish { .. } | OpKind::Delete { .. } | OpKind::Write { .. } => true,
        OpKind::Call { .. } | OpKind::Administer | OpKind::HealthCheck { .. } => false,
    }
}
