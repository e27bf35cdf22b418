//! A load balancer: nginx 1.22, as far as the documented clusters use it.
//!
//! [`start`] runs it as a process named `nginx` on a host. Below it, `client` holds a client's connection,
//! `routing` finds the server block and the location, `forward` asks the servers of a group, `peers` says which
//! one and keeps account of failures. What nginx answers by itself is in `answer`.

mod answer;
mod client;
mod forward;
mod passing;
mod peers;
mod pool;
mod request;
mod routing;
#[cfg(test)]
mod tests;
mod uri;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use harness::rng;
use harness::trace::event::UpstreamServer;
use harness::trace::{EventKind, NodeName};

use self::forward::{Members, Upstream};
use self::peers::Group;
use self::pool::Pool;
use self::routing::{Block, Site};
use crate::config::NginxConfig;
use crate::config::nginx;
use crate::host::Host;
use crate::network::TcpListener;
use crate::planted::PlantedBug;
use crate::process::{EMFILE, Process};

/// The name of the balancer's process.
pub const PROCESS: &str = "nginx";

/// nginx tries to bind a port so often before it gives up.
const BIND_TRIES: u32 = 5;
/// How long it waits between two of them.
const BIND_PAUSE: Duration = Duration::from_millis(500);
/// How long it accepts nothing after accept(2) has failed for want of a file descriptor: `accept_mutex_delay`.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);
/// How long Debian's unit lets requests finish after SIGQUIT before it sends SIGTERM.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// What all tasks of the process share.
#[derive(Debug)]
struct Balancer {
    process: Process,
    sites: Vec<Site>,
    blocks: Vec<Block>,
    workers: Vec<Worker>,
    /// Addresses of clients as headers say them.
    address_texts: RefCell<BTreeMap<IpAddr, Rc<str>>>,
    quitting: Cell<bool>,
    next_connection: Cell<u64>,
    connections: RefCell<BTreeMap<u64, Option<Waker>>>,
    /// The main task, when it waits for the last connection.
    drained: RefCell<Option<Waker>>,
}

/// One of nginx's worker processes: it keeps account of failures for itself.
#[derive(Debug)]
struct Worker {
    upstreams: Vec<Upstream>,
}

/// A planted bug's mark ends after this long.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Starts nginx on `host`. `node_at` names the node that an upstream server's address belongs to.
///
/// It is ready ([`EventKind::ProcessReady`]) once it listens. It ends with a line in its log when a port is taken,
/// and in its own order when it is asked to stop: it accepts nothing more, closes what is idle, and lets
/// running requests finish for at most 5 s. Of the planted bugs,
/// [`PlantedBug::BalancerKeepsSendingToDeadNodes`] is its own: marks are ignored, and a retry goes to the server that
/// has just failed.
///
/// # Panics
/// When the host has no power.
pub fn start(
    host: &Host,
    config: &NginxConfig,
    node_at: impl Fn(IpAddr) -> NodeName,
    planted: Option<PlantedBug>,
) -> Process {
    let sites = Site::all(config, host.address());
    let blocks = config.servers.iter().map(Block::new).collect();
    let groups = groups(config, &node_at);
    let workers = workers(config, node_at, planted);
    host.spawn(PROCESS, |process| {
        for group in groups {
            process.record(group);
        }
        let balancer = Rc::new(Balancer {
            process,
            sites,
            blocks,
            workers,
            address_texts: RefCell::default(),
            quitting: Cell::new(false),
            next_connection: Cell::new(0),
            connections: RefCell::default(),
            drained: RefCell::default(),
        });
        run(balancer)
    })
}

/// nginx does not start where nobody knows the name of an upstream server.
///
/// # Panics
/// When the host has no power.
pub fn refuse(host: &Host, name: &str) {
    let said = format!("[emerg] host not found in upstream \"{name}\"");
    host.spawn(PROCESS, |process| async move {
        process.log(said);
        process.set_exit_code(1);
    });
}

/// The ports that nginx listens on, in order.
pub fn ports(config: &NginxConfig) -> Vec<u16> {
    let listens = config.servers.iter().flat_map(|server| &server.listens);
    listens.map(|listen| listen.port).collect::<std::collections::BTreeSet<u16>>().into_iter().collect()
}

/// What its groups are made of, as the trace tells it.
fn groups(config: &NginxConfig, node_at: impl Fn(IpAddr) -> NodeName) -> Vec<EventKind> {
    let server = |server: &nginx::UpstreamServer| UpstreamServer {
        node: node_at(server.address.ip()),
        max_fails: server.max_fails,
        fail_timeout_ns: u64::try_from(server.fail_timeout.as_nanos()).unwrap_or(u64::MAX),
    };
    let group = |upstream: &nginx::Upstream| EventKind::UpstreamDefined {
        upstream: upstream.name.as_str().into(),
        processes: if upstream.zone { 1 } else { u64::from(config.worker_processes.max(1)) },
        servers: upstream.servers.iter().map(server).collect(),
    };
    config.upstreams.iter().map(group).collect()
}

fn workers(
    config: &NginxConfig,
    node_at: impl Fn(IpAddr) -> NodeName,
    planted: Option<PlantedBug>,
) -> Vec<Worker> {
    let mut config = config.clone();
    if planted == Some(PlantedBug::BalancerNeverTriesAgain) {
        let servers = config.upstreams.iter_mut().flat_map(|upstream| &mut upstream.servers);
        servers.for_each(|server| server.fail_timeout = FOR_EVER);
    }
    let ignores_failures = planted == Some(PlantedBug::BalancerKeepsSendingToDeadNodes);
    let new_group = |upstream| Rc::new(RefCell::new(Group::new(upstream, ignores_failures)));
    let shared: Vec<_> = config
        .upstreams
        .iter()
        .map(|upstream| (Rc::new(members(upstream, &node_at)), upstream.zone.then(|| new_group(upstream))))
        .collect();
    let worker = |_| Worker {
        upstreams: config
            .upstreams
            .iter()
            .zip(&shared)
            .map(|(upstream, (members, group))| Upstream {
                members: Rc::clone(members),
                group: group.clone().unwrap_or_else(|| new_group(upstream)),
                pool: RefCell::new(Pool::new(upstream.keepalive, upstream.keepalive_limits)),
            })
            .collect(),
    };
    (0..config.worker_processes.max(1)).map(worker).collect()
}

fn members(upstream: &nginx::Upstream, node_at: impl Fn(IpAddr) -> NodeName) -> Members {
    let list = |backup| {
        let servers = upstream.servers.iter().filter(|server| server.backup == backup);
        servers.map(|server| (server.address, node_at(server.address.ip()))).collect()
    };
    Members { name: upstream.name.as_str().into(), primary: list(false), backup: list(true) }
}

async fn run(balancer: Rc<Balancer>) {
    let process = &balancer.process;
    let mut listeners = Vec::new();
    for site in 0..balancer.sites.len() {
        let Some(listener) = bind(process, balancer.sites[site].port).await else {
            process.log("[emerg] still could not bind()");
            process.set_exit_code(1);
            return;
        };
        listeners.push((site, listener));
    }
    let tasks: Vec<_> = listeners
        .into_iter()
        .map(|(site, listener)| process.spawn(accept(Rc::clone(&balancer), site, listener)))
        .collect();
    process.record(EventKind::ProcessReady { process: process.name().clone() });
    process.stop_requested().await;
    for task in tasks {
        task.abort();
    }
    balancer.quit();
    let _ = process.timeout(DRAIN_MAX, balancer.drained()).await;
}

async fn bind(process: &Process, port: u16) -> Option<TcpListener> {
    for _ in 0..BIND_TRIES {
        match process.listen(port).await {
            Ok(listener) => return Some(listener),
            Err(error) => process.log(format!("[emerg] bind() to 0.0.0.0:{port} failed ({error})")),
        }
        process.sleep(BIND_PAUSE).await;
    }
    None
}

async fn accept(balancer: Rc<Balancer>, site: usize, listener: TcpListener) {
    let process = &balancer.process;
    let mut draws = (balancer.workers.len() > 1).then(|| process.rng(&format!("accept/{}", listener.port())));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) if error.raw_os_error() == Some(EMFILE) => {
                process.log("[crit] accept4() failed (24: Too many open files)");
                process.sleep(ACCEPT_PAUSE).await;
                continue;
            }
            Err(_) => return,
        };
        // Which worker process gets a connection is the kernel's choice.
        let worker = draws.as_mut().map_or(0, |draws| rng::below(draws, balancer.workers.len() as u64));
        let worker = usize::try_from(worker).expect("fewer than workers");
        let connection = balancer.register();
        let shared = Rc::clone(&balancer);
        process.spawn(async move {
            let mut serving = std::pin::pin!(client::serve(Rc::clone(&shared), worker, site, stream));
            let mut known = false;
            std::future::poll_fn(|cx| {
                if !std::mem::replace(&mut known, true) {
                    shared.remember(connection, cx.waker());
                }
                serving.as_mut().poll(cx)
            })
            .await;
            shared.forget(connection);
        });
    }
}

impl Balancer {
    fn is_quitting(&self) -> bool {
        self.quitting.get()
    }

    /// An address of a client as headers say it: made once, for there are few addresses and many connections.
    fn address_text(&self, address: IpAddr) -> Rc<str> {
        let mut texts = self.address_texts.borrow_mut();
        Rc::clone(texts.entry(address).or_insert_with(|| address.to_string().into()))
    }

    /// Tells all connections to come to an end.
    fn quit(&self) {
        self.quitting.set(true);
        for waker in self.connections.borrow().values().flatten() {
            waker.wake_by_ref();
        }
    }

    /// Waits until the last connection has ended.
    async fn drained(&self) {
        std::future::poll_fn(|cx| {
            if self.connections.borrow().is_empty() {
                return Poll::Ready(());
            }
            self.drained.replace(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    fn register(&self) -> u64 {
        let id = self.next_connection.get();
        self.next_connection.set(id + 1);
        self.connections.borrow_mut().insert(id, None);
        id
    }

    /// Keeps the waker of a connection's task, which never changes.
    fn remember(&self, id: u64, waker: &Waker) {
        self.connections.borrow_mut().insert(id, Some(waker.clone()));
    }

    fn forget(&self, id: u64) {
        self.connections.borrow_mut().remove(&id);
        if let Some(main) = self.drained.take() {
            main.wake();
        }
    }
}
