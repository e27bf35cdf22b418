//! A listening socket on a simulated host.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Poll, ready};

use super::HostIndex;
use super::stack::SocketId;
use super::stream::TcpStream;
use crate::engine::Core;
use crate::process::Process;

/// A listening socket. Dropping it closes it, and resets the connections that nobody has accepted.
pub struct TcpListener {
    process: Process,
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
    pub(crate) fn bind(process: &Process, port: u16) -> io::Result<Self> {
        process.check_descriptors()?;
        let host = process.host();
        let core = Rc::clone(host.core());
        let socket = core.stacks.on(host.index(), |stack| stack.listen(port))?;
        Ok(Self { process: process.clone(), core, host: host.index(), socket, port })
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The next connection, and who made it.
    ///
    /// # Errors
    /// As accept(2): EMFILE when a connection is there and no file descriptor for it; the connection stays in the
    /// kernel's queue, where its peer may go on sending.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let accepted = std::future::poll_fn(|cx| {
            self.core.stacks.on(self.host, |stack| {
                if let Err(error) = self.process.check_descriptors() {
                    ready!(stack.poll_acceptable(self.socket, cx));
                    return Poll::Ready(Err(error));
                }
                stack.poll_accept(self.socket, cx).map(Ok)
            })
        })
        .await?;
        let stream = TcpStream::new(&self.core, self.host, accepted.socket, accepted.local, accepted.peer);
        Ok((stream, accepted.peer))
    }
}

impl Drop for TcpListener {
    fn drop(&mut self) {
        self.core.close(self.host, self.socket);
    }
}
