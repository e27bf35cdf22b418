//! A connected socket on a simulated host, for tokio's traits and for hyper's.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil_net::HostId;
use turmoil_net::shim::tokio::net as stack;

use crate::engine::Core;
use crate::host::Host;

/// A connection. Dropping it closes it as a kernel does for a process that is gone: FIN, or RST when it has not
/// read everything.
pub struct TcpStream {
    inner: Option<stack::TcpStream>,
    core: Rc<Core>,
    stack: HostId,
    local: SocketAddr,
    peer: SocketAddr,
    /// Whether the peer has said that it sends no more.
    ended: bool,
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpStream")
            .field("local", &self.local)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

impl TcpStream {
    pub(crate) async fn connect(host: &Host, address: SocketAddr) -> io::Result<Self> {
        let core = Rc::clone(host.core());
        let id = core.network.borrow().stack(host.index());
        match on_stack(&core, id, stack::TcpStream::connect(address)).await {
            Ok(inner) => Ok(Self::new(&core, id, inner)),
            Err(error) => {
                let failure = core.network.borrow_mut().connect_failure(host.address(), address);
                Err(failure.map_or_else(|| with_errno(error), |failure| failure.to_error()))
            }
        }
    }

    pub(super) fn new(core: &Rc<Core>, id: HostId, inner: stack::TcpStream) -> Self {
        core.enter(id);
        let local = inner.local_addr().expect("a connected socket has an address");
        let peer = inner.peer_addr().expect("a connected socket has a peer");
        core.network.borrow_mut().adopt(local, peer);
        Self { inner: Some(inner), core: Rc::clone(core), stack: id, local, peer, ended: false }
    }

    /// This end's address.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The other end's address.
    pub fn peer_addr(&self) -> SocketAddr {
        self.peer
    }

    fn socket(&mut self) -> Pin<&mut stack::TcpStream> {
        self.core.enter(self.stack);
        Pin::new(self.inner.as_mut().expect("only dropping takes it"))
    }

    /// Whether the peer has said that it sends no more, and everything before is read.
    fn is_at_end(&self) -> bool {
        let Some(inner) = &self.inner else { return false };
        let mut byte = [0];
        let peeked = inner.poll_peek(&mut Context::from_waker(Waker::noop()), &mut ReadBuf::new(&mut byte));
        matches!(peeked, Poll::Ready(Ok(0)))
    }

    /// The stack reports every abort as a reset; the network knows which of them were time-outs.
    fn explain(&self, error: io::Error) -> io::Error {
        match error.kind() {
            io::ErrorKind::ConnectionReset => {
                let failure = self.core.network.borrow_mut().failure(self.local, self.peer);
                failure.map_or_else(|| with_errno(error), |failure| failure.to_error())
            }
            _ => with_errno(error),
        }
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        if self.core.enter(self.stack) {
            let now = self.core.now();
            let more_may_come = !self.ended && !self.is_at_end();
            self.core.network.borrow_mut().let_go(self.local, self.peer, more_may_come, now);
        } else {
            // The stacks are gone, and their sockets with them.
            std::mem::forget(self.inner.take());
        }
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = self.socket().poll_read(cx, buf);
        self.ended |=
            matches!(polled, Poll::Ready(Ok(()))) && buf.filled().len() == before && buf.remaining() > 0;
        polled.map_err(|error| self.explain(error))
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.socket().poll_write(cx, buf).map_err(|error| self.explain(error))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket().poll_shutdown(cx).map_err(|error| self.explain(error))
    }
}

impl hyper::rt::Read for TcpStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // hyper's buffer is uninitialised memory: the bytes go through a buffer of ours instead of `unsafe`.
        let core = Rc::clone(&self.core);
        let mut scratch = core.scratch.borrow_mut();
        let room = cursor.remaining().min(scratch.len());
        let mut buf = ReadBuf::new(&mut scratch[..room]);
        match AsyncRead::poll_read(self.as_mut(), cx, &mut buf) {
            Poll::Ready(Ok(())) => {
                cursor.put_slice(buf.filled());
                Poll::Ready(Ok(()))
            }
            other => other,
        }
    }
}

impl hyper::rt::Write for TcpStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(self, cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(self, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_shutdown(self, cx)
    }
}

/// The same error with Linux's number, whose words and kind are those of a real socket's.
fn with_errno(error: io::Error) -> io::Error {
    let errno = match error.kind() {
        io::ErrorKind::BrokenPipe => 32,
        io::ErrorKind::AddrInUse => 98,
        io::ErrorKind::AddrNotAvailable => 99,
        io::ErrorKind::ConnectionReset => 104,
        io::ErrorKind::NotConnected => 107,
        io::ErrorKind::TimedOut => 110,
        io::ErrorKind::ConnectionRefused => 111,
        _ => return error,
    };
    io::Error::from_raw_os_error(errno)
}

/// Runs a socket call of `stack`'s: every poll, and the drop, are directed to that host.
pub(super) fn on_stack<F: Future>(core: &Rc<Core>, stack: HostId, call: F) -> OnStack<F> {
    OnStack { core: Rc::clone(core), stack, call: Some(Box::pin(call)) }
}

/// See [`on_stack`].
pub(super) struct OnStack<F: Future> {
    core: Rc<Core>,
    stack: HostId,
    call: Option<Pin<Box<F>>>,
}

impl<F: Future> Future for OnStack<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.core.enter(self.stack);
        self.call.as_mut().expect("only dropping takes it").as_mut().poll(cx)
    }
}

impl<F: Future> Drop for OnStack<F> {
    fn drop(&mut self) {
        let call = self.call.take();
        if self.core.enter(self.stack) {
            drop(call);
        } else {
            std::mem::forget(call);
        }
    }
}
