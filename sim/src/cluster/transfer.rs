//! rsync as the cluster runs it: a process on the manager, one on the worker, and ssh between them.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use harness::plan::{KillSignal, TransferSide};
use harness::rng;
use harness::trace::uses::Use;
use harness::trace::{EventKind, NodeName};
use rand_chacha::ChaCha8Rng;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::nodes::Shared;
use crate::config::{self, WorkerTarget};
use crate::disk::{Disk, Kind};
use crate::engine::Sleep;
use crate::fs::Fs;
use crate::host::Host;
use crate::network::TcpStream;
use crate::planted::PlantedBug;
use crate::process::Process;
use crate::rsync::{self, Env, Progress, Signal, Waiting};
use crate::ssh;

/// What the command line that ssh carries begins with, for the trace: the number of the script's run, and the node
/// that it runs on.
const RUN_VARIABLE: &str = "DEPSYNC_RUN=";
const FROM_VARIABLE: &str = "DEPSYNC_FROM=";
/// As whom ssh logs in when a line names nobody: the user of the crontab.
const CRON_USER: &str = "root";
/// rsync's exit status after SIGTERM.
const ENDED_BY_SIGNAL: u8 = 20;

/// A transfer, by the node that pushes, the script's run, and the worker.
type Transfer = (NodeName, u64, NodeName);

/// Starts rsync for one line of the workers list.
pub(super) fn start(host: &Host, shared: &Rc<Shared>, run: u64, target: &WorkerTarget) -> Process {
    let (shared, target) = (Rc::clone(shared), target.clone());
    host.spawn("rsync", move |process| async move {
        let worker = target.node.clone();
        let shown = target.text.as_str().into();
        process.record(EventKind::RsyncStarted { run, worker: worker.clone(), target: shown });
        let transfer = (process.host().name().clone(), run, worker.clone());
        shared.live.sender_started(transfer.clone(), process.clone());
        let Ended { exit_code, files, deleted, bytes, message } = push(&process, &shared, run, &target).await;
        shared.live.sender_ended(&transfer);
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

async fn push(process: &Process, shared: &Rc<Shared>, run: u64, target: &WorkerTarget) -> Ended {
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
    let early = shared.planted == Some(PlantedBug::RsyncReportsSuccessEarly);
    process.host().note(Use::SyncLine);
    process.sleep(shared.live.sync_delay(process.host().name())).await;
    let transfer = (process.host().name().clone(), run, target.node.clone());
    let (told, watched) = (Rc::clone(shared), transfer.clone());
    let mut env = Machine::new(process.clone(), process.fs(), None);
    env.far_end = Some(Box::new(move || told.live.far_end(&watched)));
    let (mut said, outcome) = match log_in(process, shared, &job, &transfer, target).await {
        Ok(session) if early => {
            // It says that all is well while the transfer has only begun, and then drops the connection.
            drop(session);
            return Ended::default();
        }
        Ok(session) => {
            let stream = AfterDisk { stream: session.stream, process: process.clone(), waiting: None };
            (session.warnings, rsync::client(&job, stream, &env).await)
        }
        Err(lines) => {
            // rsync sees no more of it than a pipe that closes.
            let (closed, _) = tokio::io::duplex(1);
            (lines, rsync::client(&job, closed, &env).await)
        }
    };
    process.disk_done().await;
    let errors = outcome.lines.iter().filter(|line| line.stream == rsync::Stream::Err);
    said.extend(errors.map(|line| String::from_utf8_lossy(&line.text).into_owned()));
    Ended {
        exit_code: i32::from(outcome.exit_code),
        files: outcome.stats.transferred,
        deleted: outcome.stats.deleted.total(),
        bytes: outcome.stats.literal,
        message: said.join("\n"),
    }
}

/// Logs in on the worker, by the ssh command that the rsync command line names.
async fn log_in(
    process: &Process,
    shared: &Shared,
    job: &rsync::Job,
    transfer: &Transfer,
    target: &WorkerTarget,
) -> Result<ssh::Session, Vec<String>> {
    let host = &target.host;
    // Whoever set up the sync on another node than the one that should do it copied the names with the script.
    let copied = || {
        let nodes = shared.config.nodes.iter();
        let is_copy = *process.host().name() != shared.config.sync.node;
        nodes.filter(|_| is_copy).find(|node| node.name == target.node).map(|node| node.address)
    };
    let Some(address) = process.host().resolve(host).or_else(copied) else {
        return Err(vec![format!("ssh: Could not resolve hostname {host}: Name or service not known")]);
    };
    let shell = job.options.shell.as_deref().unwrap_or(b"ssh");
    let connect_timeout = match config::read_ssh_command(shell) {
        Ok(ssh) => ssh.connect_timeout,
        Err(error) => return Err(vec![error.to_string()]),
    };
    let shell = String::from_utf8_lossy(shell);
    let words: Vec<String> = shell.split_whitespace().map(str::to_owned).collect();
    let checking = ssh::HostKeyChecking::of_command(&words);
    let login =
        ssh::Login { host, user: target.user.as_deref().unwrap_or(CRON_USER), checking, connect_timeout };
    let (from, run, _) = transfer;
    let command = format!("{RUN_VARIABLE}{run} {FROM_VARIABLE}{from} rsync --server");
    ssh::connect(process, SocketAddr::new(address, ssh::PORT), &login, &command).await
}

/// Runs what sshd was asked to run: the server half of rsync, as a process of its own on this host.
pub(super) async fn serve(
    host: Host,
    shared: Rc<Shared>,
    command: String,
    stream: TcpStream,
    planted: Option<Spoiling>,
) {
    let overlaps = !host.processes("rsync").is_empty();
    let value_of = |name: &str| command.split(' ').find_map(|word| word.strip_prefix(name));
    let run = value_of(RUN_VARIABLE).and_then(|number| number.parse().ok()).unwrap_or(0);
    let from: NodeName = value_of(FROM_VARIABLE).unwrap_or_default().into();
    let process = host.spawn("rsync", move |process| async move {
        let worker = process.host().name().clone();
        // What the node that should sync writes is the sync's; another's is named after it.
        let fs = match *from == *shared.config.sync.node {
            true => process.fs(),
            false => process.fs().as_writer(&format!("rsync from {from}")),
        };
        let transfer = (from, run, worker);
        let mut env = Machine::new(process.clone(), fs, Some(transfer.clone()));
        env.shared = Some(Rc::clone(&shared));
        let stream = AfterDisk { stream, process: process.clone(), waiting: None };
        let code = rsync::server(stream, &env).await;
        if code == ENDED_BY_SIGNAL {
            shared.live.far_end_exited(transfer, code);
        }
        process.disk_done().await;
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

/// A connection that is served after a slow disk has done what the program asked of it.
#[derive(Debug)]
struct AfterDisk {
    stream: TcpStream,
    process: Process,
    waiting: Option<Sleep>,
}

impl AfterDisk {
    fn poll_disk(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.waiting.is_none() {
            self.waiting = self.process.disk_wait();
        }
        if let Some(sleep) = &mut self.waiting {
            ready!(Pin::new(sleep).poll(cx));
            self.waiting = None;
        }
        Poll::Ready(())
    }
}

impl AsyncRead for AfterDisk {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_disk(cx));
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for AfterDisk {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_disk(cx));
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The machine that rsync runs on, as rsync asks for it.
struct Machine {
    process: Process,
    fs: Fs,
    names: RefCell<ChaCha8Rng>,
    /// Which transfer this is the receiving end of; none at the other end.
    receives: Option<Transfer>,
    shared: Option<Rc<Shared>>,
    files: Cell<u64>,
    bytes: Cell<u64>,
    /// With which status the far end exited by itself, if ssh was told of one.
    far_end: Option<Box<dyn Fn() -> Option<u8>>>,
}

impl Machine {
    fn new(process: Process, fs: Fs, receives: Option<Transfer>) -> Self {
        // Each run draws names of its own: two at once must not meet on one.
        let moment = process.now().as_nanos();
        let names = RefCell::new(process.rng(&format!("temporary names of {moment}")));
        let (files, bytes) = Default::default();
        Self { process, fs, names, receives, shared: None, files, bytes, far_end: None }
    }

    /// Kills what a fault wants killed when this transfer has come so far.
    fn kill_if_due(&self) -> ControlFlow<Signal> {
        let (Some(transfer), Some(shared)) = (&self.receives, &self.shared) else {
            return ControlFlow::Continue(());
        };
        self.process.host().note(|_| Use::Receiving(transfer.2.clone()));
        let Some(kill) = shared.live.due_kill(&transfer.2, self.files.get(), self.bytes.get()) else {
            return ControlFlow::Continue(());
        };
        match (kill.side, kill.signal) {
            (TransferSide::Receiver, KillSignal::Kill) => {
                self.process.kill();
                return ControlFlow::Break(Signal::Kill);
            }
            (TransferSide::Receiver, KillSignal::Term) => {
                self.process.request_stop();
                return ControlFlow::Break(Signal::Term);
            }
            (TransferSide::Sender, signal) => {
                if let Some(sender) = shared.live.sender(transfer) {
                    match signal {
                        KillSignal::Kill => sender.kill(),
                        KillSignal::Term => sender.request_stop(),
                    }
                }
            }
        }
        ControlFlow::Continue(())
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
        match progress {
            Progress::Files(count) if count > self.files.get() => {
                self.files.set(count);
                if let Some((_, run, worker)) = self.receives.clone() {
                    self.process.record(EventKind::RsyncFile { run, worker, count });
                }
            }
            Progress::Files(_) => {}
            Progress::Bytes(bytes) => self.bytes.set(bytes),
        }
        self.kill_if_due()
    }

    fn remote_status(&self) -> Option<u8> {
        // OpenSSH's client hands on the status of the command; it ends with 255 when its connection broke, and when
        // the command was killed.
        let told = self.far_end.as_ref().and_then(|far_end| far_end());
        Some(told.unwrap_or(ssh::FAILED))
    }
}
