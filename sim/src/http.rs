//! HTTP/1.1 between simulated programs, over simulated sockets.
//!
//! Heads are parsed by httparse; their fields stay in the bytes in which they came, since most are only passed on. What
//! is written is what hyper writes, byte for byte, and what is read is understood as hyper understands it: hyper is the
//! peer in `tests/peer.rs`. Clients and the documented nginx open a connection for each request, and what hyper needs to
//! set one up (a task, two channels, two buffers of 8 KiB, a map of all fields) would be a fourth of an exploration. So
//! it is done here, for what the model speaks: one request at a time on a connection, and bodies of a stated length. No
//! program of the model sends chunks, asks for an upgrade or waits to be told to continue; a head that announces
//! chunks, and an answer without its length, are errors.
//!
//! TLS is modelled as what it costs and what it refuses: one round trip before the first request, and an error
//! when one side speaks it and the other does not. There are no certificates.

mod client;
mod fields;
mod head;
mod response;
mod server;
#[cfg(test)]
mod tests;
mod transport;

use std::io;

use bytes::Bytes;
use http::StatusCode;

pub use self::client::{Connection, Resting};
pub use self::fields::Fields;
pub use self::head::{Request, RequestHead, ResponseHead};
pub(crate) use self::head::{is_value, target};
pub use self::response::Response;
pub(crate) use self::server::IdleTimer;
pub use self::server::{Incoming, ServerConnection, serve};
pub(crate) use self::transport::Whole;

/// What stands in for a TLS 1.3 handshake: a record of type 22 each way.
const CLIENT_HELLO: &[u8; 8] = b"\x16\x03\x01hello";
const SERVER_HELLO: &[u8; 8] = b"\x16\x03\x03hello";

/// No body of the model is longer.
const BODY_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Whether TLS stands between HTTP and the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

/// What went wrong with a message.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The socket failed.
    #[error("connection error")]
    Io(#[source] io::Error),
    /// The peer had closed the connection before the request was sent.
    #[error("connection closed")]
    Closed,
    /// The peer closed the connection before the head was complete.
    #[error("connection closed before message completed")]
    Incomplete,
    /// The peer closed the connection before the body was complete.
    #[error("end of file before message length reached")]
    ShortBody,
    /// The body is longer than 8 MiB.
    #[error("length limit exceeded")]
    LongBody,
    /// Something came that nobody had asked for.
    #[error("received unexpected message from connection")]
    Unexpected,
    /// What came is no head of a message, or none that the model speaks.
    #[error("{0}")]
    Invalid(&'static str),
    /// The head has too many headers, or is too long.
    #[error("message head is too large")]
    TooLarge,
}

impl Error {
    /// Whether the head could not be understood.
    pub fn is_parse(&self) -> bool {
        matches!(self, Error::Invalid(_) | Error::TooLarge)
    }
}

/// An answer with this status and text.
pub fn answer(status: u16, text: impl Into<Bytes>) -> Response {
    Response::new(StatusCode::from_u16(status).expect("the model writes valid statuses"), text)
}

/// What a socket or a message says went wrong, as the system's error if there is one below: what a program would
/// log of it.
pub fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    loop {
        if let Some(io) = cause.downcast_ref::<io::Error>()
            && io.raw_os_error().is_some()
        {
            return io.kind().to_string();
        }
        match cause.source() {
            Some(below) => cause = below,
            None => return cause.to_string(),
        }
    }
}
