//! What faults of people and configuration are made of.

use serde::{Deserialize, Serialize};

/// What somebody does by hand to a file below the synced folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HandChange {
    /// Adds a comment at its end.
    Edit,
    /// Removes it.
    Delete,
    /// Puts a new file there.
    Add,
}

/// What is wrong with the lines of a worker in `workers-list.txt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListMistake {
    /// They are not there.
    Missing,
    /// Each stands there twice.
    Doubled,
}
