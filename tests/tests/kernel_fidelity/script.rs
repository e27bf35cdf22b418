//! What a program does: a line of steps, which a real process and a simulated one understand alike.

use std::fmt;
use std::io;
use std::str::FromStr;

/// Where the server listens.
pub const PORT: u16 = 7000;

/// One step. Every step but [`Step::At`] notes what came of it; [`Step::Listen`] only when it fails, and then the program
/// does nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Wait until so many milliseconds after the start.
    At(u64),
    /// Listen on [`PORT`].
    Listen,
    /// Accept a connection.
    Accept,
    /// Connect to the server's [`PORT`].
    Connect,
    /// Write so many bytes with one call.
    Write(usize),
    /// Write so many pieces of so many bytes, one every so many milliseconds.
    Stream(usize, usize, u64),
    /// Read until so many bytes came, the end, or an error.
    Read(usize),
    /// Read until the end or an error.
    ReadAll,
    /// Say that nothing more is sent.
    Shutdown,
    /// Close the connection.
    Close,
}

impl FromStr for Step {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let number = |index: usize| -> Result<u64, String> {
            words[index].parse().map_err(|error| format!("{text}: {error}"))
        };
        match words[..] {
            ["at", _] => Ok(Step::At(number(1)?)),
            ["listen"] => Ok(Step::Listen),
            ["accept"] => Ok(Step::Accept),
            ["connect"] => Ok(Step::Connect),
            ["write", _] => Ok(Step::Write(number(1)? as usize)),
            ["stream", _, "x", _, "every", _] => {
                Ok(Step::Stream(number(1)? as usize, number(3)? as usize, number(5)?))
            }
            ["read", "all"] => Ok(Step::ReadAll),
            ["read", _] => Ok(Step::Read(number(1)? as usize)),
            ["shutdown"] => Ok(Step::Shutdown),
            ["close"] => Ok(Step::Close),
            _ => Err(format!("no such step: {text}")),
        }
    }
}

/// The steps of a line such as `connect; at 1000; write 1`.
///
/// # Panics
/// When a step is not understood.
pub fn steps(line: &str) -> Vec<Step> {
    let texts = line.split(';').map(str::trim).filter(|text| !text.is_empty());
    texts.map(|text| text.parse().unwrap_or_else(|error| panic!("{error}"))).collect()
}

/// How far reading came.
#[derive(Debug, Default)]
pub struct Received {
    /// Bytes that came.
    pub bytes: usize,
}

impl Received {
    /// What is noted when reading stops here.
    pub fn ended(&self, why: Stop) -> String {
        match (why, self.bytes) {
            (Stop::Enough, bytes) => format!("{bytes} bytes"),
            (Stop::End, 0) => "end".to_owned(),
            (Stop::End, bytes) => format!("{bytes} bytes, then end"),
            (Stop::Error(error), 0) => error,
            (Stop::Error(error), bytes) => format!("{bytes} bytes, then {error}"),
        }
    }
}

/// Why reading stopped.
#[derive(Debug)]
pub enum Stop {
    /// All that was asked for came.
    Enough,
    /// The peer sends no more.
    End,
    /// A call failed.
    Error(String),
}

/// An error by its number's name.
pub fn name_of(error: &io::Error) -> String {
    let name = match error.raw_os_error() {
        Some(24) => "EMFILE",
        Some(32) => "EPIPE",
        Some(98) => "EADDRINUSE",
        Some(101) => "ENETUNREACH",
        Some(104) => "ECONNRESET",
        Some(107) => "ENOTCONN",
        Some(110) => "ETIMEDOUT",
        Some(111) => "ECONNREFUSED",
        Some(113) => "EHOSTUNREACH",
        _ => return error.to_string(),
    };
    name.to_owned()
}

/// What a program noted, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Milliseconds after the start.
    pub at_ms: u64,
    /// What a call gave.
    pub what: String,
}

impl FromStr for Note {
    type Err = String;

    /// Reads what [`Note`]'s `Display` writes.
    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once(' ').and_then(|(at, what)| {
            let (seconds, rest) = at.split_once('.')?;
            let at_ms = seconds.parse::<u64>().ok()? * 1000 + rest.parse::<u64>().ok()?;
            Some(Note { at_ms, what: what.to_owned() })
        });
        parts.ok_or_else(|| format!("`{text}` is no moment with what was seen then"))
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03} {}", self.at_ms / 1000, self.at_ms % 1000, self.what)
    }
}
