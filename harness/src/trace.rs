//! The trace: everything that happened in a run, in order. Checkers read nothing else.
//!
//! A [`Cluster`](crate::cluster::Cluster) records [`EventKind`]s through a [`Recorder`], which numbers and
//! stamps them, keeps the rolling fingerprint, watches for the moments that triggered faults wait for, and
//! hands each [`Event`] on to the [`Sink`]s: a file, a memory, the checkers.

pub mod compare;
pub mod event;
pub mod mark;
mod read;
mod recorder;
mod sink;
pub mod uses;

pub use event::{Event, EventId, EventKind, NodeName};
pub use read::{ReadTraceError, read_trace};
pub use recorder::{Fingerprint, Recorder, Trigger};
pub use sink::{JsonLines, Memory, Sink};

/// The version of the trace format: the first line of a stored trace carries it.
pub const SCHEMA_VERSION: u32 = 1;
