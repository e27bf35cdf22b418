//! A listening socket on a simulated host.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use super::HostIndex;
use super::stack::SocketId;
use super::stream::TcpStream;
use crate::engine::Core;
use crate::host::Host;

/// A listening socket. Dropping it closes it, and resets the connections that nobody has accepted.
pub struct TcpListener {
    core: Rc<Core>,
    host: HostIndex,
    socket: SocketId,
    port: u16,
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener").field("port", &self.port).finish_non_exhaustive()
    }
}

impl TcpListener {
    pub(crate) fn bind(host: &Host, port: u16) -> io::Result<Self> {
        let core = Rc::clone(host.core());
        let socket = core.stacks.on(host.index(), |stack| stack.listen(port))?;
        Ok(Self { core, host: host.index(), socket, port })
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The next connection, and who made it.
    ///
    /// # Errors
    /// As accept(2).
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let accepted = std::future::poll_fn(|cx| {
            self.core.stacks.on(self.host, |stack| stack.poll_accept(self.socket, cx))
        })
        .await;
        let stream = TcpStream::new(&self.core, self.host, accepted.socket, accepted.local, accepted.peer);
        Ok((stream, accepted.peer))
    }
}

impl Drop for TcpListener {
    fn drop(&mut self) {
        self.core.close(self.host, self.socket);
    }
}
