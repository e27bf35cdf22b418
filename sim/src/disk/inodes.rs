//! All inodes of a disk, by their numbers.

use std::collections::BTreeMap;

use super::inode::{Inode, Node};
use super::{Ino, ROOT, User};

/// A number is given once, so each has a slot of its own, which stays empty when its inode is gone: some bytes for each
/// file that there ever was, in place of a search at each step of each path.
#[derive(Debug, Clone)]
pub(super) struct Inodes(Vec<Option<Box<Inode>>>);

impl Inodes {
    /// Those of an empty file system: a root folder (mode 755, owned by root, mtime 0).
    pub fn of_empty() -> Self {
        let mut inodes = Self(Vec::new());
        inodes.insert(ROOT, Inode::new(Node::Folder(BTreeMap::new()), 0o755, User::ROOT, 0, 0));
        inodes
    }

    pub fn get(&self, ino: Ino) -> Option<&Inode> {
        self.0.get(ino as usize)?.as_deref()
    }

    pub fn get_mut(&mut self, ino: Ino) -> Option<&mut Inode> {
        self.0.get_mut(ino as usize)?.as_deref_mut()
    }

    pub fn insert(&mut self, ino: Ino, inode: Inode) {
        let slot = ino as usize;
        if slot >= self.0.len() {
            self.0.resize_with(slot + 1, || None);
        }
        self.0[slot] = Some(Box::new(inode));
    }

    pub fn remove(&mut self, ino: Ino) -> Option<Inode> {
        self.0.get_mut(ino as usize)?.take().map(|inode| *inode)
    }

    pub fn retain(&mut self, keep: impl Fn(&Inode) -> bool) {
        for slot in &mut self.0 {
            slot.take_if(|inode| !keep(inode));
        }
    }

    /// Each with its number.
    pub fn iter(&self) -> impl Iterator<Item = (Ino, &Inode)> {
        (0..).zip(&self.0).filter_map(|(ino, slot)| Some((ino, slot.as_deref()?)))
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Inode> {
        self.0.iter_mut().filter_map(Option::as_deref_mut)
    }
}
