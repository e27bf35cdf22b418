//! Why a half of the transfer ends before its work is done.

use std::io;

use super::outcome::{FILE_IO, SIGNAL, STREAM_IO, TIMEOUT};
use crate::disk::errno;

/// Why it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The connection closed or broke.
    ConnectionLost,
    /// Nothing came or went for so many seconds.
    TimedOut(u64),
    /// What came is no message of the protocol.
    Garbled,
    /// The other half said so, and has printed why.
    Told(u8),
    /// It gave up with this code, at this place of rsync's source, in this role; it has printed why.
    Failed(u8, &'static str, &'static str),
    /// SIGTERM.
    Term,
    /// SIGKILL.
    Killed,
}

impl Stop {
    /// A failure of file I/O.
    pub fn file_io(place: &'static str, role: &'static str) -> Self {
        Stop::Failed(FILE_IO, place, role)
    }

    /// What the process itself exits with.
    pub fn code(self) -> u8 {
        match self {
            Stop::ConnectionLost | Stop::Garbled => STREAM_IO,
            Stop::TimedOut(_) => TIMEOUT,
            Stop::Told(code) | Stop::Failed(code, ..) => code,
            Stop::Term => SIGNAL,
            Stop::Killed => 137,
        }
    }
}

/// An error as rsync appends it to a message: `No such file or directory (2)`.
pub(super) fn show_errno(error: &io::Error) -> String {
    let number = errno::number(error);
    format!("{} ({number})", errno::message(number))
}
