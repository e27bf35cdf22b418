//! What faults of disks are made of.

use serde::{Deserialize, Serialize};

/// What stands on a disk that took the place of a lost one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ComesBack {
    /// The product, with an empty server folder.
    Empty,
    /// The product as it is unpacked: the server folder has its own sequences, and no API.
    Installed,
}

/// Which files below the synced folder are damaged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DamagedFiles {
    /// So many, drawn from those that are there.
    Count(u64),
    /// These, as paths below the folder.
    Named(Vec<String>),
}

/// What becomes of the modification time of a damaged file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MtimeOfDamage {
    /// It stays, as with a bad sector: rsync's quick check does not see the damage.
    Kept,
    /// It is that of the damage, as with a program that wrote nonsense.
    Changed,
}

/// What a power loss takes of the writes that no fsync made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnsyncedWrites {
    /// None of them: every write is on the disk at once.
    Nothing,
    /// Their contents: names and times stay, new files are empty.
    Contents,
    /// All that was done while the fault acts, synced or not: the drive lied about its cache.
    Everything,
}
