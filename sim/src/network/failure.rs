//! Why a connection broke, or was not made.

use std::io;

/// Why a connection broke, or was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// ECONNRESET: the peer, or what took its place, knows nothing of it. For a connect it is ECONNREFUSED.
    Reset,
    /// ETIMEDOUT: retransmissions, or probes, were not answered.
    TimedOut,
    /// ECONNREFUSED: a firewall said that nobody is there.
    Refused,
    /// EHOSTUNREACH: a firewall said that the host must not be reached.
    HostUnreachable,
}

impl Failure {
    /// The error that the socket's owner sees, with Linux's number.
    pub(crate) fn to_error(self) -> io::Error {
        io::Error::from_raw_os_error(match self {
            Failure::Reset => 104,
            Failure::TimedOut => 110,
            Failure::Refused => 111,
            Failure::HostUnreachable => 113,
        })
    }
}
