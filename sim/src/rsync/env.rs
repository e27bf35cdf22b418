//! What a modelled rsync process needs from the world around it, and how it waits.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::disk::Disk;

/// A future that a process of one simulated host may wait for.
pub type Waiting<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// How an observer ends a run from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM (SIGINT and SIGHUP are the same to rsync): it cleans up.
    Term,
    /// SIGKILL: every process stops where it is.
    Kill,
}

/// How far the receiver has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many files stand complete under their names (or in their place for the end, with `--delay-updates`).
    Files(u64),
    /// So many bytes of content were written.
    Bytes(u64),
}

/// The process that rsync runs as, on its host. All its calls are made between two waits, so that a simulator
/// may share one disk between processes.
pub trait Env {
    /// The host's wall clock, in nanoseconds since 1970.
    fn now_ns(&self) -> i64;

    /// Looks at the host's file system.
    fn read_disk<T>(&self, look: impl FnOnce(&Disk) -> T) -> T;

    /// Changes the host's file system; the change gets the host's time.
    fn write_disk<T>(&self, change: impl FnOnce(&mut Disk, i64) -> T) -> T;

    /// Waits for a span of simulated time.
    fn sleep(&self, span: Duration) -> Waiting<'_>;

    /// The folder from which relative paths count, absolute.
    fn working_folder(&self) -> &[u8];

    /// The bits that new files do not get; 022 on Debian.
    fn umask(&self) -> u32 {
        0o022
    }

    /// Six characters (letters and digits) for the name of a temporary file, as mkstemp makes them.
    fn temp_suffix(&self) -> [u8; 6];

    /// Ready when the process got a signal that it can handle.
    fn poll_term(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }

    /// Told by the receiver as it goes on; breaking stops the whole run there.
    fn progress(&self, _: Progress) -> ControlFlow<Signal> {
        ControlFlow::Continue(())
    }

    /// Told of a file that was looked for outside of the transfer and is not there: one of rules, or of `--link-dest`.
    fn missed(&self, _: &[u8]) {}

    /// With which status the remote shell ended, if it ended: asked by a client whose connection closed early.
    fn remote_status(&self) -> Option<u8> {
        None
    }
}

pin_project! {
    /// See [`race`]. A struct, since an async function keeps its arguments a second time, and the halves of a
    /// transfer are large.
    pub(crate) struct Race<A, B> {
        #[pin]
        first: A,
        #[pin]
        second: B,
    }
}

/// The first of two futures to finish; the first argument's when both do.
pub(crate) fn race<A: Future, B: Future>(first: A, second: B) -> Race<A, B> {
    Race { first, second }
}

impl<A: Future, B: Future> Future for Race<A, B> {
    type Output = Result<A::Output, B::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(value) = this.first.poll(cx) {
            return Poll::Ready(Ok(value));
        }
        this.second.poll(cx).map(Err)
    }
}

pin_project! {
    /// See [`join`].
    pub(crate) struct Join<A, B, T, U> {
        #[pin]
        first: A,
        #[pin]
        second: B,
        done_first: Option<T>,
        done_second: Option<U>,
    }
}

/// Both futures, polled in this order; ends early when one fails.
pub(crate) fn join<A, B, T, U, E>(first: A, second: B) -> Join<A, B, T, U>
where
    A: Future<Output = Result<T, E>>,
    B: Future<Output = Result<U, E>>,
{
    Join { first, second, done_first: None, done_second: None }
}

impl<A, B, T, U, E> Future for Join<A, B, T, U>
where
    A: Future<Output = Result<T, E>>,
    B: Future<Output = Result<U, E>>,
{
    type Output = Result<(T, U), E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.done_first.is_none()
            && let Poll::Ready(value) = this.first.poll(cx)
        {
            *this.done_first = Some(value?);
        }
        if this.done_second.is_none()
            && let Poll::Ready(value) = this.second.poll(cx)
        {
            *this.done_second = Some(value?);
        }
        match (this.done_first.take(), this.done_second.take()) {
            (Some(first), Some(second)) => Poll::Ready(Ok((first, second))),
            (first, second) => {
                (*this.done_first, *this.done_second) = (first, second);
                Poll::Pending
            }
        }
    }
}
