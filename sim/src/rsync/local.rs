//! Both halves in one place, in a time of its own: what `sim rsync` and the tests run.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use harness::rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::env::{Env, Progress, Signal, Waiting};
use super::job::Job;
use super::outcome::{Line, Outcome, Stats};
use super::{client, server};
use crate::disk::Disk;

/// How a pipe between two processes buffers, as Linux does.
const PIPE_BYTES: usize = 64 * 1024;

/// When a run is ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interruption {
    /// What is sent to every process of the run.
    pub signal: Signal,
    /// After so many files have come completely.
    pub after_files: Option<u64>,
    /// After so many bytes of content were written.
    pub after_bytes: Option<u64>,
}

/// A run between two disks.
#[derive(Debug)]
pub struct LocalRun {
    /// The client's disk, and the sender's for a push.
    pub client_disk: Disk,
    /// The server's disk.
    pub server_disk: Disk,
    /// Both processes' working folder.
    pub working_folder: Vec<u8>,
    /// Both processes' umask.
    pub umask: u32,
    /// When it begins, in nanoseconds since 1970.
    pub now_ns: i64,
    /// Names of temporary files come from it.
    pub seed: u64,
    /// How it is interrupted, if it is.
    pub interruption: Option<Interruption>,
}

/// How a run ended, with the disks as it left them.
#[derive(Debug)]
pub struct Ended {
    /// The client's end; exit code 137 after SIGKILL.
    pub outcome: Outcome,
    /// The client's disk.
    pub client_disk: Disk,
    /// The server's disk.
    pub server_disk: Disk,
    /// Files of rules that were looked for in vain.
    pub missed: BTreeSet<Vec<u8>>,
}

/// Runs client and server against each other until both have ended.
///
/// # Panics
/// When both wait for ever, which is a bug of the model.
pub fn run_local(run: LocalRun, job: &Job) -> Ended {
    let clock = Rc::new(Clock { now_ns: Cell::new(run.now_ns), sleeping: RefCell::default() });
    let stop = Rc::new(Cell::new(None));
    let half = |disk: Disk, name: &str| Half {
        clock: Rc::clone(&clock),
        disk: RefCell::new(disk),
        working_folder: run.working_folder.clone(),
        umask: run.umask,
        suffixes: RefCell::new(rng::stream(run.seed, &format!("rsync/{name}"))),
        interruption: run.interruption,
        stop: Rc::clone(&stop),
        remote_status: Cell::new(None),
        missed: RefCell::default(),
    };
    let (near, far) = (half(run.client_disk, "client"), half(run.server_disk, "server"));
    let (near_io, far_io) = tokio::io::duplex(PIPE_BYTES);
    let outcome = {
        let mut client = pin!(client(job, near_io, &near));
        let mut server = pin!(server(far_io, &far));
        let mut status = None;
        let mut outcome = None;
        clock.run(poll_fn(|cx| {
            if outcome.is_none()
                && let Poll::Ready(ended) = client.as_mut().poll(cx)
            {
                outcome = Some(ended);
            }
            if stop.get() == Some(Signal::Kill) {
                return Poll::Ready(());
            }
            if status.is_none()
                && let Poll::Ready(code) = server.as_mut().poll(cx)
            {
                status = Some(code);
                near.remote_status.set(status);
            }
            let over = outcome.is_some() && status.is_some();
            if over || stop.get() == Some(Signal::Kill) { Poll::Ready(()) } else { Poll::Pending }
        }));
        outcome
    };
    let killed = Outcome {
        exit_code: 137,
        lines: Vec::<Line>::new(),
        stats: Stats::default(),
        transferred: Vec::new(),
    };
    let outcome =
        if stop.get() == Some(Signal::Kill) { killed } else { outcome.expect("the client has ended") };
    let missed = near.missed.take().into_iter().chain(far.missed.take()).collect();
    Ended { outcome, client_disk: near.disk.into_inner(), server_disk: far.disk.into_inner(), missed }
}

struct Half {
    clock: Rc<Clock>,
    disk: RefCell<Disk>,
    working_folder: Vec<u8>,
    umask: u32,
    suffixes: RefCell<ChaCha8Rng>,
    interruption: Option<Interruption>,
    stop: Rc<Cell<Option<Signal>>>,
    remote_status: Cell<Option<u8>>,
    missed: RefCell<BTreeSet<Vec<u8>>>,
}

impl Env for Half {
    fn now_ns(&self) -> i64 {
        self.clock.now_ns.get()
    }

    fn read_disk<T>(&self, look: impl FnOnce(&Disk) -> T) -> T {
        look(&self.disk.borrow())
    }

    fn write_disk<T>(&self, change: impl FnOnce(&mut Disk, i64) -> T) -> T {
        change(&mut self.disk.borrow_mut(), self.clock.now_ns.get())
    }

    fn sleep(&self, span: Duration) -> Waiting<'_> {
        let nanos = i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        let until_ns = self.clock.now_ns.get().saturating_add(nanos);
        Box::pin(poll_fn(move |_| {
            if self.clock.now_ns.get() >= until_ns {
                return Poll::Ready(());
            }
            self.clock.sleeping.borrow_mut().insert(until_ns);
            Poll::Pending
        }))
    }

    fn working_folder(&self) -> &[u8] {
        &self.working_folder
    }

    fn umask(&self) -> u32 {
        self.umask
    }

    fn temp_suffix(&self) -> [u8; 6] {
        const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        let mut rng = self.suffixes.borrow_mut();
        std::array::from_fn(|_| LETTERS[rng.next_u32() as usize % LETTERS.len()])
    }

    fn poll_term(&self, _: &mut Context<'_>) -> Poll<()> {
        if self.stop.get() == Some(Signal::Term) { Poll::Ready(()) } else { Poll::Pending }
    }

    fn progress(&self, progress: Progress) -> ControlFlow<Signal> {
        let Some(interruption) = self.interruption else { return ControlFlow::Continue(()) };
        let reached = match progress {
            Progress::Files(files) => interruption.after_files.is_some_and(|limit| files >= limit),
            Progress::Bytes(bytes) => interruption.after_bytes.is_some_and(|limit| bytes >= limit),
        };
        if !reached {
            return ControlFlow::Continue(());
        }
        self.stop.set(Some(interruption.signal));
        ControlFlow::Break(interruption.signal)
    }

    fn missed(&self, path: &[u8]) {
        self.missed.borrow_mut().insert(path.to_vec());
    }

    fn remote_status(&self) -> Option<u8> {
        self.remote_status.get()
    }
}

/// Time that stands still while anything can be done.
struct Clock {
    now_ns: Cell<i64>,
    sleeping: RefCell<BTreeSet<i64>>,
}

impl Clock {
    fn run(&self, future: impl Future<Output = ()>) {
        let mut future = pin!(future);
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut cx = Context::from_waker(&waker);
        loop {
            while woken.0.swap(false, Ordering::Relaxed) {
                if future.as_mut().poll(&mut cx).is_ready() {
                    return;
                }
            }
            let next = self.sleeping.borrow_mut().pop_first();
            let Some(next) = next else { panic!("both halves of an rsync run wait for ever") };
            self.now_ns.set(self.now_ns.get().max(next));
            woken.0.store(true, Ordering::Relaxed);
        }
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
