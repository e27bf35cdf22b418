//! rsync as the cluster runs it: a process on the manager, one on the worker, and ssh between them.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use harness::rng;
use harness::trace::{EventKind, NodeName};
use rand_chacha::ChaCha8Rng;

use super::nodes::Shared;
use crate::config::{self, WorkerTarget};
use crate::disk::{Disk, Kind};
use crate::fs::Fs;
use crate::host::Host;
use crate::http;
use crate::network::TcpStream;
use crate::planted::PlantedBug;
use crate::process::Process;
use crate::rsync::{self, Env, Progress, Signal, Waiting};
use crate::ssh;

/// What the command line that ssh carries begins with: the number of the script's run, for the trace.
const RUN_VARIABLE: &str = "DEPSYNC_RUN=";

/// Starts rsync for one line of the workers list.
pub(super) fn start(host: &Host, shared: &Rc<Shared>, run: u64, target: &WorkerTarget) -> Process {
    let (shared, target) = (Rc::clone(shared), target.clone());
    host.spawn("rsync", move |process| async move {
        let worker = target.node.clone();
        let shown = target.text.as_str().into();
        process.record(EventKind::RsyncStarted { run, worker: worker.clone(), target: shown });
        let Ended { exit_code, files, deleted, bytes, message } = push(&process, &shared, run, &target).await;
        process.set_exit_code(exit_code);
        let message = message.into();
        process.record(EventKind::RsyncEnded { run, worker, exit_code, files, deleted, bytes, message });
    })
}

/// How one rsync ended.
#[derive(Debug, Default)]
struct Ended {
    exit_code: i32,
    files: u64,
    deleted: u64,
    bytes: u64,
    message: String,
}

impl Ended {
    /// rsync could not even begin.
    fn refused(exit_code: u8, message: impl Into<String>) -> Self {
        Self { exit_code: i32::from(exit_code), message: message.into(), ..Self::default() }
    }
}

async fn push(process: &Process, shared: &Shared, run: u64, target: &WorkerTarget) -> Ended {
    let mut words = shared.config.sync.command.argv(&target.text);
    if shared.planted == Some(PlantedBug::SyncSkipsDeletes) {
        words.retain(|word| !word.starts_with("--delete"));
    }
    let args: Vec<Vec<u8>> = words.into_iter().skip(1).map(String::into_bytes).collect();
    let job = match rsync::Job::parse(&args) {
        Ok(job) => job,
        Err(rsync::Refusal::Rsync { lines, code }) => return Ended::refused(code, lines.join("\n")),
        Err(refusal) => return Ended::refused(1, refusal.to_string()),
    };
    let Some(address) = process.host().resolve(&target.host) else {
        let host = &target.host;
        let message = format!("ssh: Could not resolve hostname {host}: Name or service not known");
        return Ended::refused(ssh::FAILED, message);
    };
    let shell = config::read_ssh_command(job.options.shell.as_deref().unwrap_or(b"ssh"));
    let connect_timeout = match shell {
        Ok(ssh) => ssh.connect_timeout,
        Err(error) => return Ended::refused(ssh::FAILED, error.to_string()),
    };
    let server = SocketAddr::new(address, ssh::PORT);
    let command = format!("{RUN_VARIABLE}{run} rsync --server");
    let stream = match ssh::connect(process, server, &command, connect_timeout).await {
        Ok(stream) => stream,
        Err(error) => {
            let (host, port, why) = (&target.host, ssh::PORT, http::root_cause(&error));
            let message = format!("ssh: connect to host {host} port {port}: {why}");
            return Ended::refused(ssh::FAILED, message);
        }
    };
    if shared.planted == Some(PlantedBug::RsyncReportsSuccessEarly) {
        // It says that all is well while the transfer has only begun, and then drops the connection.
        drop(stream);
        return Ended::default();
    }
    let env = Machine::new(process.clone(), None);
    let outcome = rsync::client(&job, stream, &env).await;
    let said = outcome.lines.iter().filter(|line| line.stream == rsync::Stream::Err);
    let said: Vec<_> = said.map(|line| String::from_utf8_lossy(&line.text).into_owned()).collect();
    Ended {
        exit_code: i32::from(outcome.exit_code),
        files: outcome.stats.transferred,
        deleted: outcome.stats.deleted.total(),
        bytes: outcome.stats.literal,
        message: said.join("\n"),
    }
}

/// Runs what sshd was asked to run: the server half of rsync, as a process of its own on this host.
pub(super) async fn serve(host: Host, command: String, stream: TcpStream, planted: Option<Spoiling>) {
    let overlaps = !host.processes("rsync").is_empty();
    let run = command
        .strip_prefix(RUN_VARIABLE)
        .and_then(|rest| rest.split(' ').next())
        .and_then(|number| number.parse().ok())
        .unwrap_or(0);
    let process = host.spawn("rsync", move |process| async move {
        let worker = process.host().name().clone();
        let env = Machine::new(process.clone(), Some(Report { run, worker }));
        let code = rsync::server(stream, &env).await;
        process.set_exit_code(i32::from(code));
        if let Some(spoiling) = planted {
            spoiling.after(&process, overlaps, code != 0);
        }
    });
    process.wait().await;
}

/// A planted bug that spoils what rsync receives.
#[derive(Debug, Clone)]
pub(super) struct Spoiling {
    pub(super) bug: PlantedBug,
    /// The folder of artifacts.
    pub(super) root: String,
}

impl Spoiling {
    /// A run of rsync has ended: it overlapped another one, or broke.
    fn after(&self, process: &Process, overlapped: bool, broke: bool) {
        let spoils = match self.bug {
            PlantedBug::OverlappingRsyncsMixAFile => overlapped,
            PlantedBug::BrokenTransferSpoilsAFile => broke,
            _ => false,
        };
        if !spoils {
            return;
        }
        let found = process.host().disk().walk(&self.root).unwrap_or_default();
        let first = found.iter().find(|(path, stat)| stat.kind == Kind::File && path.ends_with(b".xml"));
        let Some((path, stat)) = first else { return };
        let mut bytes = process.host().disk().read(path).unwrap_or_default().to_vec();
        if let Some(last) = bytes.last_mut() {
            *last = b' ';
        }
        let mtime_ns = stat.mtime_ns;
        let _ = process.fs().write(|disk, now_ns| {
            disk.write(path, bytes, 0o644, now_ns)?;
            disk.set_mtime(path, mtime_ns, now_ns)
        });
    }
}

/// What the receiving half tells the trace of its progress.
#[derive(Debug)]
struct Report {
    run: u64,
    worker: NodeName,
}

/// The machine that rsync runs on, as rsync asks for it.
#[derive(Debug)]
struct Machine {
    process: Process,
    fs: Fs,
    names: RefCell<ChaCha8Rng>,
    report: Option<Report>,
    reported: Cell<u64>,
}

impl Machine {
    fn new(process: Process, report: Option<Report>) -> Self {
        // Each run draws names of its own: two at once must not meet on one.
        let moment = process.now().as_nanos();
        let names = RefCell::new(process.rng(&format!("temporary names of {moment}")));
        Self { fs: process.fs(), process, names, report, reported: Cell::new(0) }
    }
}

impl Env for Machine {
    fn now_ns(&self) -> i64 {
        self.process.host().unix_ns()
    }

    fn read_disk<T>(&self, look: impl FnOnce(&Disk) -> T) -> T {
        self.fs.read(look)
    }

    fn write_disk<T>(&self, change: impl FnOnce(&mut Disk, i64) -> T) -> T {
        self.fs.write(change)
    }

    fn sleep(&self, span: Duration) -> Waiting<'_> {
        Box::pin(self.process.sleep(span))
    }

    fn working_folder(&self) -> &[u8] {
        b"/root"
    }

    fn temp_suffix(&self) -> [u8; 6] {
        const LETTERS: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        let mut names = self.names.borrow_mut();
        std::array::from_fn(|_| LETTERS[rng::below(&mut names, 62) as usize])
    }

    fn poll_term(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.process.poll_stop_requested(cx)
    }

    fn progress(&self, progress: Progress) -> ControlFlow<Signal> {
        if let (Some(report), Progress::Files(count)) = (&self.report, progress)
            && count > self.reported.get()
        {
            self.reported.set(count);
            let (run, worker) = (report.run, report.worker.clone());
            self.process.record(EventKind::RsyncFile { run, worker, count });
        }
        ControlFlow::Continue(())
    }

    fn remote_status(&self) -> Option<u8> {
        // OpenSSH's client ends with 255 when its connection broke, and when the command was killed.
        Some(ssh::FAILED)
    }
}
