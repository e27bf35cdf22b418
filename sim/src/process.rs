//! A process: tasks that live and die together on one host, and what they may ask of their machine.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use harness::rng;
use harness::time::SimTime;
use harness::trace::EventKind;
use harness::trace::event::ProcessEnd;
use harness::trace::uses::Use;
use pin_project_lite::pin_project;
use rand_chacha::ChaCha8Rng;

use crate::engine::{ProcessState, Sleep, TaskId};
use crate::fs::Fs;
use crate::host::Host;
use crate::network::{TcpListener, TcpStream};
use crate::processor::Work;

/// A process. Clones are handles of the same one; the code that runs in it uses the handle to reach its machine.
#[derive(Debug, Clone)]
pub struct Process(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    host: Host,
    name: Arc<str>,
    state: Rc<ProcessState>,
    end: Cell<Option<ProcessEnd>>,
    exit_code: Cell<i32>,
    stop_requested: Cell<bool>,
    /// Whether it has installed a handler for SIGTERM: whether it ever asked for the request to stop.
    handles_stop: Cell<bool>,
    /// SIGSTOP.
    stopped: Cell<bool>,
    /// Whether no file descriptor is left to it.
    out_of_descriptors: Cell<bool>,
    /// What a slow disk has still to be waited for.
    disk_debt: Rc<Cell<Duration>>,
    /// Who waits for the end, or for a request to stop.
    waiting: RefCell<Vec<Waker>>,
}

/// No file descriptor is left to the process.
pub(crate) const EMFILE: i32 = 24;

/// A span of simulated time was too short for what should have ended in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("timed out")]
pub struct Elapsed;

impl From<Elapsed> for io::Error {
    fn from(_: Elapsed) -> Self {
        io::ErrorKind::TimedOut.into()
    }
}

pin_project! {
    /// See [`Process::timeout`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are polled"]
    pub struct Timeout<F> {
        #[pin]
        future: F,
        #[pin]
        sleep: Sleep,
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        this.sleep.poll(cx).map(|()| Err(Elapsed))
    }
}

/// A task of a process that can be ended alone.
#[derive(Debug)]
pub struct Task {
    process: Process,
    id: TaskId,
}

impl Task {
    /// Drops the task, wherever it stands.
    pub fn abort(&self) {
        self.process.0.host.core().executor.abort(self.id);
    }
}

impl Process {
    pub(crate) fn new(host: Host, name: &str) -> Self {
        Self(Rc::new(Inner {
            state: Rc::new(ProcessState::new(Some(Rc::new(host.name().clone())))),
            host,
            name: name.into(),
            end: Cell::new(None),
            exit_code: Cell::new(0),
            stop_requested: Cell::new(false),
            handles_stop: Cell::new(false),
            stopped: Cell::new(false),
            out_of_descriptors: Cell::new(false),
            disk_debt: Rc::default(),
            waiting: RefCell::default(),
        }))
    }

    pub(crate) fn begin(&self, main: impl Future<Output = ()> + 'static) {
        let process = self.clone();
        self.spawn(async move {
            main.await;
            let stopped = process.0.stop_requested.get();
            process.end(if stopped { ProcessEnd::Stopped } else { ProcessEnd::Exited });
        });
    }

    /// Its name on its host, such as `wso2` or `nginx`.
    pub fn name(&self) -> &Arc<str> {
        &self.0.name
    }

    /// Its machine.
    pub fn host(&self) -> &Host {
        &self.0.host
    }

    /// Whether both are handles of the same process.
    pub fn is(&self, other: &Process) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// Adds a task, which dies with the process. Nothing happens when the process has ended.
    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) -> Task {
        let core = self.0.host.core();
        let id = match &core.uses {
            None => core.executor.spawn(&self.0.state, Box::pin(future)),
            Some(_) => core.executor.spawn(&self.0.state, Box::pin(self.clone().noting_steps(future))),
        };
        Task { process: self.clone(), id }
    }

    /// Says of each step of a task that it is one.
    async fn noting_steps(self, future: impl Future<Output = ()>) {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|cx| {
            self.note_step();
            future.as_mut().poll(cx)
        })
        .await;
    }

    fn note_step(&self) {
        self.0.host.note(|node| Use::Step(node, self.0.name.clone()));
    }

    /// The moment that the run has reached; no program of a real machine knows it, use it for spans only.
    pub fn now(&self) -> SimTime {
        self.0.host.core().now()
    }

    /// Waits for a span of time.
    pub fn sleep(&self, span: Duration) -> Sleep {
        self.sleep_until(self.now() + span)
    }

    /// Waits for a moment.
    pub fn sleep_until(&self, moment: SimTime) -> Sleep {
        let core = self.0.host.core();
        Sleep::new(Rc::clone(core), core.woken_at(moment), Some(self.0.host.stood_still()))
    }

    /// Computes for as long as this takes on a machine that is as fast as it should be.
    pub fn work(&self, span: Duration) -> Work {
        self.0.host.work(span)
    }

    /// Lets every other task that is ready go first, once.
    pub async fn yield_now(&self) {
        let mut yielded = false;
        std::future::poll_fn(|cx| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// What `future` gives, or [`Elapsed`] when `span` is over before; then `future` is dropped.
    ///
    /// # Errors
    /// When the span was over first.
    pub fn timeout<F: Future>(&self, span: Duration, future: F) -> Timeout<F> {
        Timeout { future, sleep: self.sleep(span) }
    }

    /// A random stream of this concern, of this process's name on this host.
    pub fn rng(&self, concern: &str) -> ChaCha8Rng {
        rng::stream(self.0.host.core().seed, &format!("{}/{}/{concern}", self.0.host.name(), self.0.name))
    }

    /// The host's files, under this process's name.
    pub fn fs(&self) -> Fs {
        Fs::new(self.0.host.clone(), &self.0.name, Rc::clone(&self.0.disk_debt))
    }

    /// Waits for what a slow disk has not done yet of this process's accesses; on a quick one no time passes.
    pub async fn disk_done(&self) {
        if let Some(sleep) = self.disk_wait() {
            sleep.await;
        }
    }

    /// What [`Process::disk_done`] waits for, if there is anything; then it counts as waited for.
    pub(crate) fn disk_wait(&self) -> Option<Sleep> {
        let debt = self.0.disk_debt.take();
        (!debt.is_zero()).then(|| self.sleep(debt))
    }

    /// Connects to an address.
    ///
    /// # Errors
    /// As socket(2): EMFILE when no file descriptor is left. As connect(2): ECONNREFUSED when nobody listens,
    /// ETIMEDOUT when nobody answers.
    pub async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        self.check_descriptors()?;
        TcpStream::connect(&self.0.host, address).await
    }

    /// Listens on a port of every address of the host.
    ///
    /// # Errors
    /// EADDRINUSE when somebody does already.
    pub async fn listen(&self, port: u16) -> io::Result<TcpListener> {
        TcpListener::bind(self, port)
    }

    /// Whether a call that makes a file descriptor succeeds now.
    ///
    /// # Errors
    /// EMFILE when none is left.
    pub(crate) fn check_descriptors(&self) -> io::Result<()> {
        self.0.host.note(|node| Use::Descriptor(node, self.0.name.clone()));
        match self.0.out_of_descriptors.get() {
            true => Err(io::Error::from_raw_os_error(EMFILE)),
            false => Ok(()),
        }
    }

    /// Its file descriptors are used up, or some are free again. What it has open stays open.
    pub fn set_out_of_descriptors(&self, out: bool) {
        self.0.out_of_descriptors.set(out);
    }

    /// Records that something happened on its host.
    pub fn record(&self, kind: EventKind) {
        self.0.host.record(kind);
    }

    /// Writes a line to its log.
    pub fn log(&self, line: impl Into<Arc<str>>) {
        self.record(EventKind::Logged { process: self.0.name.clone(), line: line.into() });
    }

    /// Whether it still runs (a paused process does).
    pub fn is_alive(&self) -> bool {
        self.0.end.get().is_none()
    }

    /// SIGKILL: all its tasks are dropped at once; its kernel closes its sockets.
    pub fn kill(&self) {
        self.end(ProcessEnd::Killed);
    }

    /// Ends by itself with a failure.
    pub fn crash(&self) {
        self.end(ProcessEnd::Crashed);
    }

    /// SIGTERM: a process that handles it is asked to end, and [`Process::stop_requested`] hears it; any other ends
    /// at once, or when it runs again.
    pub fn request_stop(&self) {
        self.note_step();
        self.0.stop_requested.set(true);
        if self.0.handles_stop.get() {
            self.wake_waiting();
        } else if !self.0.stopped.get() && self.0.host.is_running() {
            self.end(ProcessEnd::Stopped);
        }
    }

    /// Whether it was asked to end.
    pub fn is_stop_requested(&self) -> bool {
        self.0.stop_requested.get()
    }

    /// Waits until the process is asked to end.
    pub async fn stop_requested(&self) {
        self.0.handles_stop.set(true);
        self.wait_until(|inner| inner.stop_requested.get()).await;
    }

    /// Ready when the process has been asked to end; wakes the task when it is.
    pub fn poll_stop_requested(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.handles_stop.set(true);
        if self.0.stop_requested.get() {
            return Poll::Ready(());
        }
        let mut waiting = self.0.waiting.borrow_mut();
        if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// The status that [`Process::wait`] will give.
    pub fn set_exit_code(&self, code: i32) {
        self.0.exit_code.set(code);
    }

    /// Waits until the process has ended; gives how, and its exit status.
    pub async fn wait(&self) -> (ProcessEnd, i32) {
        self.wait_until(|inner| inner.end.get().is_some()).await;
        (self.0.end.get().expect("waited for it"), self.0.exit_code.get())
    }

    /// SIGSTOP: its tasks are not polled, while the kernel goes on receiving for it.
    pub fn pause(&self) {
        if self.is_alive() && !self.0.stopped.replace(true) {
            self.record(EventKind::ProcessPaused { process: self.0.name.clone(), paused: true });
            self.0.state.hold();
        }
    }

    /// SIGCONT. A SIGTERM that came meanwhile is heard now.
    pub fn resume(&self) {
        if self.is_alive() && self.0.stopped.replace(false) {
            self.record(EventKind::ProcessPaused { process: self.0.name.clone(), paused: false });
            self.unhold();
        }
    }

    /// Whether it was paused with SIGSTOP.
    pub fn is_paused(&self) -> bool {
        self.0.stopped.get()
    }

    /// Its machine stands still.
    pub(crate) fn hold(&self) {
        self.0.state.hold();
    }

    /// It may run again, as far as one reason not to is concerned.
    pub(crate) fn unhold(&self) {
        self.0.host.core().executor.unhold(&self.0.state);
        let stop_is_due = self.0.stop_requested.get() && !self.0.handles_stop.get();
        if stop_is_due && !self.0.stopped.get() && self.0.host.is_running() {
            self.end(ProcessEnd::Stopped);
        }
    }

    pub(crate) fn end(&self, why: ProcessEnd) {
        if self.0.end.get().is_some() {
            return;
        }
        self.note_step();
        self.0.end.set(Some(why));
        self.0.state.alive.set(false);
        self.0.host.forget_process(self);
        self.0.host.core().executor.kill(&self.0.state);
        self.record(EventKind::ProcessEnded { process: self.0.name.clone(), why });
        self.wake_waiting();
    }

    async fn wait_until(&self, condition: impl Fn(&Inner) -> bool) {
        std::future::poll_fn(|cx| {
            if condition(&self.0) {
                return Poll::Ready(());
            }
            self.0.waiting.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn wake_waiting(&self) {
        for waker in self.0.waiting.take() {
            waker.wake();
        }
    }
}
