//! A connected socket on a simulated host, with tokio's traits.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::HostIndex;
use super::stack::{ByteQueue, SocketId, Stack};
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

    /// read(2) of everything that has come, not copied where it came in one piece: `take` has it. False at the end.
    pub(crate) fn poll_take(&self, cx: &mut Context<'_>, take: impl FnOnce(Bytes)) -> Poll<io::Result<bool>> {
        self.call(|stack| stack.poll_read(self.socket, cx, |queue| take(queue.take(usize::MAX))))
            .map_ok(|taken| taken.is_some())
    }

    /// write(2) that takes the bytes that it has room for, and does not copy them.
    pub(crate) fn poll_give(&self, cx: &mut Context<'_>, bytes: &mut Bytes) -> Poll<io::Result<()>> {
        self.call(|stack| stack.poll_write(self.socket, cx, bytes.len(), |room| bytes.split_to(room)))
            .map_ok(drop)
    }

    /// Whether nothing can come any more, as far as the kernel knows.
    pub(crate) fn has_ended(&self) -> bool {
        self.core.stacks.has_ended(self.host, self.socket)
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
        let read = |queue: &mut ByteQueue| queue.take_pieces(room, |piece| buf.put_slice(piece));
        self.call(|stack| stack.poll_read(self.socket, cx, read)).map_ok(drop)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let copied = |room: usize| Bytes::copy_from_slice(&buf[..room]);
        self.call(|stack| stack.poll_write(self.socket, cx, buf.len(), copied))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.call(|stack| stack.shutdown(self.socket)))
    }
}
