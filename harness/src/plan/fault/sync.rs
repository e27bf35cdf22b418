//! What faults of the sync are made of.

use serde::{Deserialize, Serialize};

/// How far a transfer comes before it is killed: what is reached first counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KillAt {
    /// When so many files stand in their places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_file: Option<u64>,
    /// When so many bytes of content were written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_byte: Option<u64>,
}

/// With which signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KillSignal {
    /// SIGKILL: nothing is cleaned up.
    Kill,
    /// SIGTERM: it removes its temporary file and ends.
    Term,
}

/// Which of the two processes of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransferSide {
    /// The one on the node that pushes.
    Sender,
    /// The one on the worker.
    Receiver,
}
