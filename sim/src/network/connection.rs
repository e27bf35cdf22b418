//! One end of a TCP connection as its owner sees it: what came before a reset can still be read, and an error is
//! told once.
//!
//! Linux keeps what has arrived when a connection breaks, gives the error to the first call that meets it, and
//! from then on reports the end to readers and EPIPE to writers. When the peer had said before that it sends no
//! more, readers never hear of the break. (`tcp_reset`, `tcp_recvmsg_locked` and `sk_stream_error` in the kernel's
//! `net/`; pinned by `tests/tests/kernel_fidelity.rs`.)

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::task::{Context, Poll, Waker};

use tokio::io::ReadBuf;
use turmoil_net::shim::tokio::net as stack;

/// Why a connection broke, or was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// ECONNRESET: the peer, or what took its place, knows nothing of it.
    Reset,
    /// ETIMEDOUT: retransmissions, or probes, were not answered.
    TimedOut,
}

impl Failure {
    /// The error that the socket's owner sees, with Linux's number.
    pub(crate) fn to_error(self) -> io::Error {
        io::Error::from_raw_os_error(match self {
            Failure::Reset => 104,
            Failure::TimedOut => 110,
        })
    }
}

const EPIPE: i32 = 32;
const ENOTCONN: i32 = 107;

/// One end of a connection that has an owner.
pub(crate) struct Connection {
    socket: RefCell<Option<stack::TcpStream>>,
    /// What had come before the connection broke, and is not read yet.
    saved: RefCell<VecDeque<u8>>,
    broken: Cell<bool>,
    /// Why it broke, until somebody was told.
    untold: Cell<Option<Failure>>,
    /// Whether the peer has said that it sends no more, and everything before is read.
    ended: Cell<bool>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("broken", &self.broken).finish_non_exhaustive()
    }
}

impl Connection {
    pub(super) fn new(socket: stack::TcpStream) -> Self {
        Self {
            socket: RefCell::new(Some(socket)),
            saved: RefCell::default(),
            broken: Cell::new(false),
            untold: Cell::new(None),
            ended: Cell::new(false),
        }
    }

    /// Runs a call on the socket, unless the connection is broken.
    pub(super) fn call<T>(&self, call: impl FnOnce(&mut stack::TcpStream) -> T) -> Option<T> {
        if self.broken.get() {
            return None;
        }
        let mut socket = self.socket.borrow_mut();
        Some(call(socket.as_mut().expect("only dropping takes it")))
    }

    /// The reader got the end.
    pub(super) fn note_end(&self) {
        self.ended.set(true);
    }

    /// Takes the socket out, to be dropped.
    pub(super) fn take(&self) -> Option<stack::TcpStream> {
        self.socket.borrow_mut().take()
    }

    /// The connection is about to break: saves what has come. The socket's host must be the current one.
    pub(crate) fn break_off(&self, why: Failure) {
        let socket = self.socket.borrow();
        let Some(socket) = socket.as_ref().filter(|_| !self.broken.replace(true)) else { return };
        let (mut saved, mut piece) = (self.saved.borrow_mut(), [0; 4096]);
        while let Ok(count) = socket.try_read(&mut piece) {
            if count == 0 {
                self.ended.set(true);
                break;
            }
            saved.extend(&piece[..count]);
        }
        self.untold.set(Some(why));
    }

    /// What a read of a broken connection gives: zero bytes for the end.
    pub(super) fn read_broken(&self, buf: &mut ReadBuf<'_>) -> io::Result<()> {
        let mut saved = self.saved.borrow_mut();
        if saved.is_empty() {
            return match self.untold.get().filter(|_| !self.ended.get()) {
                Some(failure) => {
                    self.untold.set(None);
                    Err(failure.to_error())
                }
                None => Ok(()),
            };
        }
        let (front, _) = saved.as_slices();
        let count = front.len().min(buf.remaining());
        buf.put_slice(&front[..count]);
        saved.drain(..count);
        Ok(())
    }

    /// What a write to a broken connection gives.
    pub(super) fn write_broken(&self) -> io::Error {
        match self.untold.take() {
            // A reset that follows the peer's end is reported as a pipe without a reader.
            Some(Failure::Reset) if self.ended.get() => io::Error::from_raw_os_error(EPIPE),
            Some(failure) => failure.to_error(),
            None => io::Error::from_raw_os_error(EPIPE),
        }
    }

    /// What saying the end on a broken connection gives.
    pub(super) fn shutdown_broken(&self) -> io::Error {
        io::Error::from_raw_os_error(ENOTCONN)
    }

    /// Whether the peer has said that it sends no more, and everything before is read.
    pub(super) fn is_at_end(&self) -> bool {
        if self.ended.get() || self.broken.get() {
            return true;
        }
        let socket = self.socket.borrow();
        let Some(socket) = &*socket else { return true };
        let mut byte = [0];
        let peeked = socket.poll_peek(&mut Context::from_waker(Waker::noop()), &mut ReadBuf::new(&mut byte));
        matches!(peeked, Poll::Ready(Ok(0)))
    }
}
