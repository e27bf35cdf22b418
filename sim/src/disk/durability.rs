//! What a power loss leaves, the way ext4 does with its default options. All of it is an assumption about ext4,
//! from its kernel documentation (data=ordered, delayed allocation, auto_da_alloc, commit=5) and from
//! sysctl/vm (dirty_expire_centisecs 3000), simplified so that it is deterministic:
//!
//! - Names and attributes change in transactions; one is committed 5 s after its first change, or by any fsync.
//!   A power loss undoes the transaction that is not yet committed, as a whole.
//! - Content is written back 30 s after it first changed, or by fsync of that file, or when a file is renamed
//!   over an existing one (auto_da_alloc). Content that was not written back is lost as a whole: the file has
//!   the content that it had before, and a new file has length 0.
//!
//! Other storage loses more, or less: [`UnsyncedLoss`].

use std::collections::BTreeSet;

use bytes::Bytes;

use super::inode::{Inode, Node};
use super::inodes::Inodes;
use super::{Disk, Ino};

/// How long a change of names or attributes may stay uncommitted (ext4's `commit=5`).
pub(super) const COMMIT_NS: i64 = 5_000_000_000;
/// How old changed content grows before it is written back (`vm.dirty_expire_centisecs` = 3000).
pub(super) const WRITE_BACK_NS: i64 = 30_000_000_000;

/// What a power loss takes of the writes that no fsync made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnsyncedLoss {
    /// What ext4 loses with its default options; see the module.
    #[default]
    Ext4,
    /// Nothing: every write is on the disk at once, as with a mount option `sync` or a battery behind the cache.
    Nothing,
    /// The content of every file that was written since this was set and not fsynced. Names, sizes of what was
    /// there before and attributes stay: a new file is empty, whatever it was renamed over. So does a file system
    /// that journals its metadata and has no rule for renames (`noauto_da_alloc`).
    Contents,
    /// Everything that was done since this was set, fsync or not: a drive whose write cache is lost and which lied
    /// about flushing it.
    Everything,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Durability {
    loss: UnsyncedLoss,
    /// With [`UnsyncedLoss::Everything`]: what there was when it was set.
    kept: Option<Box<Kept>>,
    /// Counts transactions; 0 is never one, so that a new inode is not taken for a saved one.
    transaction: u64,
    began_ns: i64,
    undo: Vec<Undo>,
    /// Files whose content is not written back, those first that have been so for longest: when that began, in
    /// nanoseconds since 1970, and the file. Such a file has its `stable` content beside the present one.
    dirty: BTreeSet<(i64, Ino)>,
}

/// What a drive that lies about flushing really holds.
#[derive(Debug, Clone)]
struct Kept {
    inodes: Inodes,
    used_bytes: u64,
}

#[derive(Debug, Clone)]
enum Undo {
    Entry { folder: Ino, name: Bytes, before: Option<Ino> },
    Inode { ino: Ino, before: Option<Box<Inode>> },
}

impl Disk {
    /// Makes everything durable now, as sync(1) does.
    pub fn sync(&mut self) {
        self.durability.undo.clear();
        for (_, ino) in std::mem::take(&mut self.durability.dirty) {
            if let Some(inode) = self.inodes.get_mut(ino) {
                inode.stable = None;
            }
        }
    }

    /// Says what a power loss takes from now on of what is not synced. What it would have taken before is durable
    /// now, but for what [`UnsyncedLoss::Ext4`] still has to write back when it stays.
    pub fn set_unsynced_loss(&mut self, loss: UnsyncedLoss) {
        if loss == self.durability.loss {
            return;
        }
        self.sync();
        self.durability.loss = loss;
        let kept = || Box::new(Kept { inodes: self.inodes.clone(), used_bytes: self.used_bytes });
        let kept = (loss == UnsyncedLoss::Everything).then(kept);
        self.durability.kept = kept;
    }

    /// Another disk is here: nothing of what was done to the old one can be undone.
    pub(super) fn forget_what_is_not_durable(&mut self) {
        let Durability { loss, transaction, .. } = std::mem::take(&mut self.durability);
        self.durability.transaction = transaction;
        self.set_unsynced_loss(loss);
    }

    /// The clock from which callers tell the time was set by so much; ages are not changed by it.
    pub fn clock_was_set(&mut self, by_ns: i64) {
        self.durability.began_ns = self.durability.began_ns.saturating_add(by_ns);
        for (since_ns, ino) in std::mem::take(&mut self.durability.dirty) {
            let since_ns = since_ns.saturating_add(by_ns);
            if let Some(inode) = self.inodes.get_mut(ino) {
                inode.dirty_since_ns = since_ns;
            }
            self.durability.dirty.insert((since_ns, ino));
        }
    }

    /// The power goes off at `now_ns`: what was not durable is gone, open handles are closed.
    pub fn power_loss(&mut self, now_ns: i64) {
        self.walked.get_mut().forget();
        match self.durability.loss {
            UnsyncedLoss::Ext4 => self.settle(now_ns),
            UnsyncedLoss::Nothing => self.sync(),
            // Names and attributes are committed; contents wait in vain.
            UnsyncedLoss::Contents => self.durability.undo.clear(),
            UnsyncedLoss::Everything => {
                if let Some(kept) = &self.durability.kept {
                    (self.inodes, self.used_bytes) = (kept.inodes.clone(), kept.used_bytes);
                }
                self.sync();
            }
        }
        for undo in std::mem::take(&mut self.durability.undo).into_iter().rev() {
            match undo {
                Undo::Entry { folder, name, before } => {
                    let inode =
                        self.inodes.get_mut(folder).expect("undo runs backwards, so the folder is back");
                    let Node::Folder(entries) = &mut inode.node else { unreachable!("it was a folder") };
                    match before {
                        Some(ino) => entries.insert(name, ino),
                        None => entries.remove(&name),
                    };
                }
                Undo::Inode { ino, before: Some(before) } => {
                    let mut before = *before;
                    // A folder's entries are undone one by one, and content by write-back: only the rest is here.
                    match self.inodes.remove(ino) {
                        Some(now) if matches!(now.node, Node::Folder(_)) => before.node = now.node,
                        Some(now) => {
                            if let Node::File(_) = before.node {
                                before.node = now.node;
                                before.stable = now.stable;
                            }
                        }
                        None => {}
                    }
                    before.digest.set(None);
                    self.inodes.insert(ino, before);
                }
                Undo::Inode { ino, before: None } => {
                    self.inodes.remove(ino);
                }
            }
        }
        self.durability.dirty.clear();
        for inode in self.inodes.values_mut() {
            inode.opened = 0;
            if let Some(stable) = inode.stable.take() {
                inode.node = Node::File(stable);
                inode.digest.set(None);
            }
        }
        self.inodes.retain(|inode| inode.nlink > 0);
        self.used_bytes =
            self.inodes.iter().filter(|&(ino, _)| ino != super::ROOT).map(|(_, i)| i.blocks_bytes()).sum();
        self.durability.transaction += 1;
    }

    /// Commits and writes back what is old enough. Every mutating call comes here first.
    pub(super) fn settle(&mut self, now_ns: i64) {
        let durability = &mut self.durability;
        if !durability.undo.is_empty() && now_ns.saturating_sub(durability.began_ns) >= COMMIT_NS {
            durability.undo.clear();
        }
        if durability.undo.is_empty() {
            durability.transaction += 1;
            durability.began_ns = now_ns;
        }
        if durability.loss == UnsyncedLoss::Contents {
            return;
        }
        while let Some(&(since_ns, ino)) = durability.dirty.first()
            && now_ns.saturating_sub(since_ns) >= WRITE_BACK_NS
        {
            durability.dirty.pop_first();
            if let Some(inode) = self.inodes.get_mut(ino) {
                inode.stable = None;
            }
        }
    }

    /// Commits names and attributes, and writes one file's content.
    pub(super) fn make_durable(&mut self, ino: Ino) {
        self.durability.undo.clear();
        self.write_back(ino);
    }

    pub(super) fn write_back(&mut self, ino: Ino) {
        let inode = self.inodes.get_mut(ino).expect("an inode that is named or open exists");
        inode.stable = None;
        self.durability.dirty.remove(&(inode.dirty_since_ns, ino));
    }

    /// A file is about to be renamed over another one: with auto_da_alloc its content is written first.
    pub(super) fn write_back_for_rename(&mut self, ino: Ino) {
        if self.durability.loss != UnsyncedLoss::Contents {
            self.write_back(ino);
        }
    }

    /// Remembers what a folder's entry was before it changes.
    pub(super) fn save_entry(&mut self, folder: Ino, name: &Bytes, before: Option<Ino>) {
        self.durability.undo.push(Undo::Entry { folder, name: name.clone(), before });
    }

    /// Remembers that an inode did not exist.
    pub(super) fn save_new(&mut self, ino: Ino) {
        let transaction = self.durability.transaction;
        self.inode_mut(ino).saved_in = transaction;
        self.durability.undo.push(Undo::Inode { ino, before: None });
    }

    /// Remembers what an inode was before it changes, once a transaction; must come before any change of it.
    pub(super) fn save_inode(&mut self, ino: Ino) {
        let transaction = self.durability.transaction;
        let inode = self.inodes.get_mut(ino).expect("an inode that is named or open exists");
        if inode.saved_in == transaction {
            return;
        }
        inode.saved_in = transaction;
        let before = Box::new(inode.without_entries());
        self.durability.undo.push(Undo::Inode { ino, before: Some(before) });
    }

    /// Remembers an inode that is about to vanish, whether or not it was saved before.
    pub(super) fn save_vanishing(&mut self, ino: Ino) {
        let before = Box::new(self.inode(ino).without_entries());
        self.durability.undo.push(Undo::Inode { ino, before: Some(before) });
    }

    /// Says that a file's content is about to change from what it is now.
    pub(super) fn mark_dirty(&mut self, ino: Ino, now_ns: i64) {
        let inode = self.inodes.get_mut(ino).expect("an inode that is named or open exists");
        if let (Node::File(content), None) = (&inode.node, &inode.stable) {
            inode.stable = Some(content.clone());
            inode.dirty_since_ns = now_ns;
            self.durability.dirty.insert((now_ns, ino));
        }
    }
}

impl Inode {
    /// A copy of everything but a folder's entries.
    fn without_entries(&self) -> Inode {
        match &self.node {
            Node::Folder(_) => {
                let mut copy = Inode::new(
                    Node::Folder(Default::default()),
                    self.mode,
                    self.user,
                    self.mtime_ns,
                    self.dev,
                );
                copy.nlink = self.nlink;
                copy.io_error = self.io_error;
                copy
            }
            _ => self.clone(),
        }
    }
}
