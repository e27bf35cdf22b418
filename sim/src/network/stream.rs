//! A connected socket on a simulated host, for tokio's traits and for hyper's.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::HostIndex;
use super::stack::{SocketId, Stack};
use crate::engine::Core;
use crate::host::Host;

/// A connection. Dropping it closes it as a kernel does for a process that is gone: FIN, or RST when it has not
/// read everything.
pub struct TcpStream {
    core: Rc<Core>,
    host: HostIndex,
    socket: SocketId,
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
    pub(crate) async fn connect(host: &Host, peer: SocketAddr) -> io::Result<Self> {
        let core = Rc::clone(host.core());
        let (socket, local) = core.stacks.on(host.index(), |stack| stack.connect(peer))?;
        // A program that gives up waiting closes it by dropping it.
        let stream = Self::new(&core, host.index(), socket, local, peer);
        std::future::poll_fn(|cx| stream.call(|stack| stack.poll_connect(socket, cx))).await?;
        Ok(stream)
    }

    pub(super) fn new(
        core: &Rc<Core>,
        host: HostIndex,
        socket: SocketId,
        local: SocketAddr,
        peer: SocketAddr,
    ) -> Self {
        Self { core: Rc::clone(core), host, socket, local, peer }
    }

    /// This end's address.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The other end's address.
    pub fn peer_addr(&self) -> SocketAddr {
        self.peer
    }

    fn call<T>(&self, call: impl FnOnce(&mut Stack) -> T) -> T {
        self.core.stacks.on(self.host, call)
    }

    fn write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.call(|stack| stack.poll_write(self.socket, cx, bytes))
    }

    fn shutdown(&self) -> Poll<io::Result<()>> {
        Poll::Ready(self.call(|stack| stack.shutdown(self.socket)))
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        self.core.close(self.host, self.socket);
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let room = buf.remaining();
        let read = self.call(|stack| stack.poll_read(self.socket, cx, room, |piece| buf.put_slice(piece)));
        read.map_ok(|_| ())
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shutdown()
    }
}

impl hyper::rt::Read for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let room = cursor.remaining();
        let read = self.call(|stack| stack.poll_read(self.socket, cx, room, |piece| cursor.put_slice(piece)));
        read.map_ok(|_| ())
    }
}

impl hyper::rt::Write for TcpStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shutdown()
    }
}
