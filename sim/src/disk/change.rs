//! What a call changed, for a wrapper that tells a trace.

use bytes::Bytes;

use super::Disk;

/// What happened to a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// It came into being.
    Created,
    /// Its content changed.
    Modified,
    /// Its mode, owner or time changed, its content did not.
    Attributes,
    /// It is gone.
    Removed,
    /// It came here from this path, in place of what was here before.
    RenamedFrom(Bytes),
}

/// One change of one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path as the caller gave it.
    pub path: Bytes,
    /// What happened.
    pub kind: ChangeKind,
}

impl Disk {
    pub(super) fn note(&mut self, path: &[u8], kind: ChangeKind) {
        if let Some(changes) = &mut self.changes {
            changes.push(Change { path: Bytes::copy_from_slice(path), kind });
        }
    }
}
