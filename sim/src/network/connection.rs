//! Names of TCP connections, and why the model ends them.

use std::io;
use std::net::SocketAddr;

/// A connection: its two ends, the smaller first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConnectionKey(pub(crate) SocketAddr, pub(crate) SocketAddr);

impl ConnectionKey {
    pub(crate) fn of(one: SocketAddr, other: SocketAddr) -> Self {
        if one <= other { Self(one, other) } else { Self(other, one) }
    }
}

/// Why a kernel gave a connection up by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// ETIMEDOUT: retransmissions, or probes, were not answered.
    TimedOut,
}

impl Failure {
    /// The error that the socket's owner sees, with Linux's number.
    pub(crate) fn to_error(self) -> io::Error {
        const ETIMEDOUT: i32 = 110;
        match self {
            Failure::TimedOut => io::Error::from_raw_os_error(ETIMEDOUT),
        }
    }
}
