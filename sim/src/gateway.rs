//! The gateway server: one program that is a manager or a worker by what its configuration refuses.
//!
//! It starts in the order of the real one: it reads its artifacts, then the pass-through ports listen and APIs are
//! served, then the servlet ports listen (console, health, management). A hot deployer looks at the artifact files
//! again and again; a queue writes what was published to the files, later than it was acknowledged. All that it
//! knows beside its disk is in memory and is gone with the process.
//!
//! Who changes what it serves: management requests (in memory at once, on disk later) and the hot deployer (from
//! disk). Nothing else.

mod address;
mod artifact;
mod calls;
mod hot_deployment;
mod management;
mod pass_through;
mod persistence;
mod runtime;
mod servlet;
mod tree;
mod write_attempt;
mod xml;

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use harness::time::SimTime;
use harness::trace::{EventKind, mark};

use self::artifact::ArtifactKind;
use self::calls::Calls;
use self::hot_deployment::KnownFiles;
pub use self::management::{
    console_request, create_request, delete_request, health_request, publish_request, version_request,
};
pub use self::pass_through::{REVISION_HEADER, call_request, served_revision};
use self::persistence::Queue;
use self::runtime::{News, Runtime};
pub use self::tree::{
    InitialContent, deployment_root, empty_deployment, numbered_api, tenants_root, write_initial_tree,
};
pub use self::write_attempt::{is_accepted, write_attempt};
use crate::config::{GatewayConfig, ModelSettings, Profile};
use crate::host::Host;
use crate::http::{Scheme, serve};
use crate::network::TcpListener;
use crate::planted::PlantedBug;
use crate::process::{EMFILE, Process, Task};

/// The name of the server's process.
pub const PROCESS: &str = "wso2";

/// An idle connection to a pass-through port is closed after this long: the transport's socket timeout.
const PASS_THROUGH_IDLE: Duration = Duration::from_secs(180);
/// An idle connection to a servlet port is closed after this long: Tomcat's default keep-alive.
const SERVLET_IDLE: Duration = Duration::from_secs(20);

/// How long a server that is to stop waits for the calls that it is answering (`ServerManagement.TIMEOUT` of Carbon).
const DRAIN_MAX: Duration = Duration::from_secs(60);
/// How long a port accepts nothing after accept(2) has failed for want of a file descriptor: the least that Tomcat's
/// acceptor waits.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// An API whose parts do not fit together for this long stays so: two runs of the sync and a scan have passed.
const TORN_FOR_LONG: Duration = Duration::from_secs(150);
/// It is marked once in so long.
const TOLD_AGAIN: Duration = Duration::from_secs(20);

/// Starts the server on a host. Everything that it serves is up after
/// [`start_up`](ModelSettings::start_up) and
/// [`servlet_after_pass_through`](ModelSettings::servlet_after_pass_through); it says so in the trace.
///
/// # Panics
/// When the host has no power.
pub fn start(
    host: &Host,
    config: Rc<GatewayConfig>,
    model: ModelSettings,
    planted: Option<PlantedBug>,
) -> Process {
    let host_has_run = host.has_run();
    host.spawn(PROCESS, move |process| async move {
        let server = Rc::new(Server {
            queue: Queue::new(process.clone()),
            calls: Calls::default(),
            listeners: RefCell::default(),
            process,
            artifacts: tree::artifacts(&config.home),
            config,
            model,
            planted,
            restarted: host_has_run,
            scans_over: Cell::new(false),
            stuck: Cell::new(false),
            not_whole: RefCell::default(),
            started: Cell::new(false),
            runtime: RefCell::default(),
            known: RefCell::default(),
            updating: Cell::new(false),
            told_dropped: Cell::new(false),
        });
        let starting = Rc::clone(&server);
        server.process.spawn(async move { starting.start_up().await });
        let stopping = Rc::clone(&server);
        server.process.spawn(async move {
            stopping.process.stop_requested().await;
            stopping.close_ports();
            stopping.queue.attend();
        });
        persistence::run(&server).await;
        server.calls.drained(&server.process, DRAIN_MAX).await;
        server.process.log("Halting JVM");
    })
}

/// One running server. Its tasks share it; it is gone with the last of them.
#[derive(Debug)]
struct Server {
    process: Process,
    config: Rc<GatewayConfig>,
    artifacts: String,
    model: ModelSettings,
    planted: Option<PlantedBug>,
    /// Whether it ran on this host before.
    restarted: bool,
    /// A planted bug has ended the scans.
    scans_over: Cell<bool>,
    /// A planted bug keeps the ports closed.
    stuck: Cell<bool>,
    /// Since when calls of an API have met parts that do not fit together, and when that was marked last.
    not_whole: RefCell<BTreeMap<String, (SimTime, SimTime)>>,
    /// Whether the mediation engine runs.
    started: Cell<bool>,
    runtime: RefCell<Runtime>,
    known: RefCell<KnownFiles>,
    /// Whether a scan is deploying updates one after another.
    updating: Cell<bool>,
    /// Whether it was marked that calls are dropped.
    told_dropped: Cell<bool>,
    queue: Queue,
    calls: Calls,
    /// The tasks that accept connections.
    listeners: RefCell<Vec<Task>>,
}

/// Which ports, and so which requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    PassThrough,
    Servlet,
}

impl Server {
    async fn start_up(self: Rc<Self>) {
        let begun = self.process.now();
        let half = self.model.start_up / 2;
        self.process.work(half).await;
        hot_deployment::load(&self);
        self.process.disk_done().await;
        let deployer = Rc::clone(&self);
        self.process.spawn(async move { hot_deployment::run(&deployer, begun).await });
        self.process.work(self.model.start_up - half).await;

        if self.stuck.get() {
            return;
        }
        if self.restarted && self.config.read_only && self.has(PlantedBug::RestartedWorkerWritesAFile) {
            let path = format!("{}/started", self.artifacts());
            let _ = self.process.fs().write(|disk, now_ns| disk.write(path, &b"yes"[..], 0o644, now_ns));
        }
        self.started.set(true);
        let ports = self.config.ports;
        let pass_through =
            [(ports.pass_through_http, Scheme::Http), (ports.pass_through_https, Scheme::Https)];
        if !self.open(Transport::PassThrough, pass_through).await {
            return;
        }
        for api in self.runtime.borrow().apis() {
            self.tell([News::Deployed(api.name.clone(), api.revision)]);
        }
        self.tell_torn();

        self.process.work(self.model.servlet_after_pass_through).await;
        let servlet = [(ports.servlet_http, Scheme::Http), (ports.servlet_https, Scheme::Https)];
        if self.open(Transport::Servlet, servlet).await {
            self.process.record(EventKind::ProcessReady { process: self.process.name().clone() });
        }
    }

    /// Listens on ports. A port that is taken ends the server; whether it goes on.
    async fn open(self: &Rc<Self>, transport: Transport, ports: [(u16, Scheme); 2]) -> bool {
        for (port, scheme) in ports {
            match self.process.listen(port).await {
                Ok(listener) => self.serve_port(transport, listener, scheme),
                Err(_) => {
                    let what = match transport {
                        Transport::PassThrough => "Error starting the pass-through listener",
                        Transport::Servlet => "Failed to initialize connector: LifecycleException",
                    };
                    self.process.log(format!(
                        "ERROR - {what}: java.net.BindException: Address already in use: {port}"
                    ));
                    self.process.set_exit_code(1);
                    self.process.crash();
                    return false;
                }
            }
        }
        true
    }

    fn serve_port(self: &Rc<Self>, transport: Transport, listener: TcpListener, scheme: Scheme) {
        let server = Rc::clone(self);
        let task = self.process.spawn(async move {
            let mut told = false;
            loop {
                let stream = match listener.accept().await {
                    Ok((stream, _)) => stream,
                    Err(error) if error.raw_os_error() == Some(EMFILE) => {
                        if !std::mem::replace(&mut told, true) {
                            let port = listener.port();
                            server.process.log(format!(
                                "ERROR - Socket accept failed on port {port}: java.io.IOException: Too many open files"
                            ));
                        }
                        server.process.sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                    Err(_) => return,
                };
                told = false;
                let own = Rc::clone(&server);
                // How a connection ends is the client's affair.
                server.process.spawn(async move {
                    let process = &own.process;
                    let _ = match transport {
                        Transport::PassThrough => {
                            serve(process, stream, scheme, Some(PASS_THROUGH_IDLE), |request| {
                                let server = Rc::clone(&own);
                                async move {
                                    let _call = server.calls.begin();
                                    pass_through::answer(&server, request.head.target.path()).await
                                }
                            })
                            .await
                        }
                        Transport::Servlet => {
                            serve(process, stream, scheme, Some(SERVLET_IDLE), |request| {
                                let server = Rc::clone(&own);
                                async move {
                                    let _call = server.calls.begin();
                                    servlet::answer(&server, request).await
                                }
                            })
                            .await
                        }
                    };
                });
            }
        });
        self.listeners.borrow_mut().push(task);
        if self.process.is_stop_requested() {
            self.close_ports();
        }
    }

    /// Nothing is accepted any more; connections that are open stay so.
    fn close_ports(&self) {
        for listener in self.listeners.take() {
            listener.abort();
        }
    }

    fn refuses_writes(&self) -> bool {
        let flag_lost = self.has(PlantedBug::WorkerAcceptsWrites)
            || (self.restarted && self.has(PlantedBug::RestartedWorkerAcceptsWrites));
        self.config.read_only && !flag_lost
    }

    /// Whether this bug is planted.
    fn has(&self, bug: PlantedBug) -> bool {
        self.planted == Some(bug)
    }

    /// Whether the bundles of the console are activated.
    fn has_console(&self) -> bool {
        self.config.start.profile != Some(Profile::GatewayWorker)
    }

    /// The folder that holds the folders of artifacts.
    fn artifacts(&self) -> &str {
        &self.artifacts
    }

    /// Where artifacts of a kind lie.
    fn folder(&self, kind: ArtifactKind) -> String {
        [self.artifacts(), "/", kind.folder()].concat()
    }

    fn mark(&self, mark: &str) {
        self.process.record(EventKind::Mark { mark: mark.into() });
    }

    /// Puts into the trace what callers now get, unless nobody is served yet.
    fn tell(&self, news: impl IntoIterator<Item = News>) {
        if !self.started.get() {
            return;
        }
        for news in news {
            self.process.record(match news {
                News::Deployed(api, revision) => EventKind::ApiDeployed { api: api.into(), revision },
                News::Undeployed(api) => {
                    // What comes in its place is another set, torn or not.
                    self.not_whole.borrow_mut().remove(&api);
                    EventKind::ApiUndeployed { api: api.into() }
                }
            });
        }
    }

    /// Notes how whole the API was that a call met; one that stays torn is marked again and again.
    fn note_wholeness(&self, api: &str, whole: bool) {
        let mut not_whole = self.not_whole.borrow_mut();
        let now = self.process.now();
        if whole {
            not_whole.remove(api);
            return;
        }
        let (since, told) = not_whole.entry(api.to_owned()).or_insert((now, now));
        if now.since(*since) >= TORN_FOR_LONG && now.since(*told) >= TOLD_AGAIN {
            *told = now;
            drop(not_whole);
            self.mark(mark::TORN_FOR_LONG);
        }
    }

    /// Marks that an API whose parts do not fit together is now served.
    fn tell_torn(&self) {
        if self.is_torn() {
            self.mark(mark::TORN_DEPLOYED);
        }
    }

    fn is_torn(&self) -> bool {
        let runtime = self.runtime.borrow();
        runtime.apis().any(|api| runtime.wholeness(api) == runtime::Wholeness::Mixed)
    }
}
