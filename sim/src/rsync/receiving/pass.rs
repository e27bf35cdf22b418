//! What the generator remembers on its way through the list.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::delete::Surplus;
use crate::rsync::file_list::Entry;

/// What the generator remembers on its way through the list.
#[derive(Debug, Default)]
pub(super) struct Pass {
    pub said_no_deletion: bool,
    /// With `--timeout`: it has shown once that it is alive.
    pub kept_alive: bool,
    /// Deletions that `--max-delete` forbade.
    pub deletions_skipped: u64,
    /// Everything below this folder is passed over: it could not or should not be made.
    pub skip: Option<Bytes>,
    /// With `-n`: nothing below this folder exists, whatever the disk says.
    pub missing: Option<Bytes>,
    /// Folders that are not made, with what is below them: their times are not set.
    pub unmade: BTreeSet<Bytes>,
    /// Folders that got a mode for the time of the transfer only, with the mode that they are to have.
    pub retouch: BTreeMap<usize, u32>,
    /// Folders whose own folders have been made ahead of their lists.
    pub prepared: BTreeSet<Bytes>,
    /// Folders that were so made, which their lists have not been come to yet.
    pub made_ahead: BTreeSet<usize>,
    /// The folder of the entry before this one.
    pub parent: Option<Bytes>,
    /// Surplus that is deleted at the end (`--delete-delay`).
    pub delayed: Vec<Surplus>,
    /// The second try of files that came wrong.
    pub redo: bool,
    /// The error of the call that failed last while something was removed; rsync's own message can be about an older one.
    pub errno: i32,
    pub queued_bytes: usize,
}

impl Pass {
    pub fn skip_below(&mut self, folder: &Entry) {
        self.unmade.insert(folder.name.clone());
        self.skip = Some(folder.name.clone());
    }

    pub fn missing_below(&mut self, folder: &Entry) {
        self.missing.get_or_insert_with(|| folder.name.clone());
    }
}
