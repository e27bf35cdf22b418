//! A connected socket on a simulated host, for tokio's traits and for hyper's.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil_net::HostId;
use turmoil_net::shim::tokio::net as stack;

use super::connection::Connection;
use crate::engine::Core;
use crate::host::Host;

/// A connection. Dropping it closes it as a kernel does for a process that is gone: FIN, or RST when it has not
/// read everything.
pub struct TcpStream {
    connection: Rc<Connection>,
    core: Rc<Core>,
    stack: HostId,
    local: SocketAddr,
    peer: SocketAddr,
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
            Ok(socket) => Ok(Self::new(&core, id, socket)),
            Err(error) => {
                let failure = core.network.borrow_mut().connect_failure(host.address(), address);
                Err(failure.map_or_else(|| with_errno(error), |failure| failure.to_error()))
            }
        }
    }

    pub(super) fn new(core: &Rc<Core>, id: HostId, socket: stack::TcpStream) -> Self {
        core.enter(id);
        let local = socket.local_addr().expect("a connected socket has an address");
        let peer = socket.peer_addr().expect("a connected socket has a peer");
        let connection = Rc::new(Connection::new(socket));
        core.network.borrow_mut().adopt(local, peer, &connection);
        Self { connection, core: Rc::clone(core), stack: id, local, peer }
    }

    /// This end's address.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The other end's address.
    pub fn peer_addr(&self) -> SocketAddr {
        self.peer
    }

    /// Runs a call on the socket, unless the connection is broken.
    fn call<T>(&self, call: impl FnOnce(Pin<&mut stack::TcpStream>) -> T) -> Option<T> {
        self.core.enter(self.stack);
        self.connection.call(|socket| call(Pin::new(socket)))
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        if self.core.enter(self.stack) {
            let now = self.core.now();
            let more_may_come = !self.connection.is_at_end();
            self.core.network.borrow_mut().let_go(self.local, self.peer, more_may_come, now);
            drop(self.connection.take());
        } else {
            // The stacks are gone, and their sockets with them.
            std::mem::forget(self.connection.take());
        }
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match self.call(|socket| socket.poll_read(cx, buf)) {
            None => Poll::Ready(self.connection.read_broken(buf)),
            Some(Poll::Ready(Ok(()))) => {
                if buf.filled().len() == before && buf.remaining() > 0 {
                    self.connection.note_end();
                }
                Poll::Ready(Ok(()))
            }
            Some(polled) => polled.map_err(with_errno),
        }
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.call(|socket| socket.poll_write(cx, buf)) {
            None => Poll::Ready(Err(self.connection.write_broken())),
            Some(polled) => polled.map_err(with_errno),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.call(|socket| socket.poll_shutdown(cx)) {
            None => Poll::Ready(Err(self.connection.shutdown_broken())),
            Some(polled) => polled.map_err(with_errno),
        }
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
