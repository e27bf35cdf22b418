//! A listening socket on a simulated host.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use turmoil_net::HostId;
use turmoil_net::shim::tokio::net as stack;

use super::stream::{TcpStream, on_stack};
use crate::engine::Core;
use crate::host::Host;

/// A listening socket. Dropping it closes it, and resets the connections that nobody has accepted.
pub struct TcpListener {
    inner: Option<stack::TcpListener>,
    core: Rc<Core>,
    stack: HostId,
    port: u16,
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener").field("port", &self.port).finish_non_exhaustive()
    }
}

impl TcpListener {
    pub(crate) async fn bind(host: &Host, port: u16) -> io::Result<Self> {
        let core = Rc::clone(host.core());
        let id = core.network.borrow().stack(host.index());
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        let inner = on_stack(&core, id, stack::TcpListener::bind(address)).await?;
        Ok(Self { inner: Some(inner), core, stack: id, port })
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
        let inner = self.inner.as_ref().expect("only dropping takes it");
        std::future::poll_fn(|cx| {
            self.core.enter(self.stack);
            inner.poll_accept(cx)
        })
        .await
        .map(|(stream, peer)| (TcpStream::new(&self.core, self.stack, stream), peer))
    }
}

impl Drop for TcpListener {
    fn drop(&mut self) {
        if !self.core.enter(self.stack) {
            // The stacks are gone, and their sockets with them.
            std::mem::forget(self.inner.take());
        }
    }
}
