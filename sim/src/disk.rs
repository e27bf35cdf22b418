//! A host's file system, in memory: folders, files, links, times, modes, capacity, and what survives a power loss.
//!
//! It knows neither engine nor trace: every call is synchronous, the caller says what time it is, and errors
//! are `std::io::Error`s that carry the Linux errno ([`errno`]). Names are bytes, paths are absolute. It works
//! with inodes as Linux does, so that a rename, a hard link or an open temporary file behaves.
//!
//! A wrapper that puts changes into a trace switches on [`Disk::record_changes`] and collects them with
//! [`Disk::take_changes`] after each call.

mod change;
mod content;
mod damage;
mod durability;
pub mod errno;
mod inode;
mod inodes;
mod permission;
mod resolve;
mod tree;

use std::cell::RefCell;
use std::io;

use bytes::Bytes;

pub use change::{Change, ChangeKind};
pub use content::Handle;
pub use durability::UnsyncedLoss;
pub use inode::{DirEntry, Kind, Stat};
pub use permission::User;

use durability::Durability;
use inode::{Inode, Node};
use inodes::Inodes;
use resolve::{Last, WalkedTo};

/// Bytes a block of the file system holds; space is taken in whole blocks.
pub const BLOCK_BYTES: u64 = 4096;

/// The number of an inode.
pub type Ino = u64;

const ROOT: Ino = 1;

/// A file system of one host.
#[derive(Debug, Clone)]
pub struct Disk {
    inodes: Inodes,
    next_ino: Ino,
    capacity_bytes: u64,
    used_bytes: u64,
    read_only: bool,
    user: User,
    durability: Durability,
    changes: Option<Vec<Change>>,
    walked: RefCell<WalkedTo>,
}

impl Default for Disk {
    fn default() -> Self {
        Self::new(u64::MAX)
    }
}

impl Disk {
    /// An empty file system: a root folder (mode 755, owned by root, mtime 0) and this much room.
    pub fn new(capacity_bytes: u64) -> Self {
        Self {
            inodes: Inodes::of_empty(),
            next_ino: ROOT + 1,
            capacity_bytes,
            used_bytes: 0,
            read_only: false,
            user: User::ROOT,
            durability: Durability::default(),
            changes: None,
            walked: RefCell::default(),
        }
    }

    /// Changes how much the file system holds. What is there already stays, even when it is more than this.
    pub fn set_capacity(&mut self, capacity_bytes: u64) {
        self.capacity_bytes = capacity_bytes;
    }

    /// How much the file system holds.
    pub fn capacity_bytes(&self) -> u64 {
        self.capacity_bytes
    }

    /// Bytes taken, in whole blocks: data of files, and one block a folder.
    pub fn used_bytes(&self) -> u64 {
        self.used_bytes
    }

    /// Mounts the file system read-only (every change fails with EROFS) or read-write again.
    pub fn set_read_only(&mut self, read_only: bool) {
        self.read_only = read_only;
    }

    /// Whose permissions later calls have; root at first, who may do everything.
    pub fn set_user(&mut self, user: User) {
        self.user = user;
    }

    /// Whose permissions calls have now.
    pub fn user(&self) -> User {
        self.user
    }

    /// What the path names, following symlinks.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG.
    pub fn stat(&self, path: impl AsRef<[u8]>) -> io::Result<Stat> {
        let ino = self.resolve(path.as_ref(), Last::Follow)?;
        Ok(self.inode(ino).stat(ino))
    }

    /// What the path names; a symlink at its end is not followed.
    ///
    /// # Errors
    /// As [`Disk::stat`].
    pub fn lstat(&self, path: impl AsRef<[u8]>) -> io::Result<Stat> {
        let ino = self.resolve(path.as_ref(), Last::Keep)?;
        Ok(self.inode(ino).stat(ino))
    }

    /// Whether the path names something (a symlink that leads nowhere does).
    pub fn exists(&self, path: impl AsRef<[u8]>) -> bool {
        self.resolve(path.as_ref(), Last::Keep).is_ok()
    }

    /// The whole content of a file, without copying it.
    ///
    /// # Errors
    /// As [`Disk::stat`]; EISDIR; ENXIO for a socket or device; EACCES without permission to read; EIO where
    /// it was injected.
    pub fn read(&self, path: impl AsRef<[u8]>) -> io::Result<Bytes> {
        let ino = self.resolve(path.as_ref(), Last::Follow)?;
        self.check_access(ino, permission::READ)?;
        self.content(ino).cloned()
    }

    /// The content of a regular file whatever its permissions and injected errors say, without following a
    /// symlink at the end; none for anything else. For those who look at a disk from outside.
    pub fn read_unchecked(&self, path: impl AsRef<[u8]>) -> Option<Bytes> {
        let ino = self.resolve(path.as_ref(), Last::Keep).ok()?;
        match &self.inode(ino).node {
            Node::File(content) => Some(content.clone()),
            _ => None,
        }
    }

    /// A digest (XXH3, 128 bits) of a file's content; computed once a content.
    ///
    /// # Errors
    /// As [`Disk::read`].
    pub fn digest(&self, path: impl AsRef<[u8]>) -> io::Result<u128> {
        self.digest_of(self.resolve(path.as_ref(), Last::Follow)?)
    }

    /// What [`Disk::lstat`] and [`Disk::digest`] say of a path, found by one walk; no digest where the latter fails.
    ///
    /// # Errors
    /// As [`Disk::stat`].
    pub fn lstat_and_digest(&self, path: impl AsRef<[u8]>) -> io::Result<(Stat, Option<u128>)> {
        let path = path.as_ref();
        let ino = self.resolve(path, Last::Keep)?;
        let inode = self.inode(ino);
        let digest = match inode.node {
            Node::Symlink(_) => self.digest(path),
            _ => self.digest_of(ino),
        };
        Ok((inode.stat(ino), digest.ok()))
    }

    /// The entries of a folder with what lstat says of each, sorted by the bytes of their names.
    ///
    /// # Errors
    /// As [`Disk::stat`]; ENOTDIR; EACCES without permission to read; EIO where it was injected.
    pub fn read_dir(&self, path: impl AsRef<[u8]>) -> io::Result<Vec<DirEntry>> {
        let ino = self.resolve(path.as_ref(), Last::Follow)?;
        let Node::Folder(entries) = &self.inode(ino).node else { return Err(errno::error(errno::ENOTDIR)) };
        self.check_access(ino, permission::READ)?;
        self.check_injected(ino)?;
        let entry =
            |(name, &ino): (&Bytes, &Ino)| DirEntry { name: name.clone(), stat: self.inode(ino).stat(ino) };
        Ok(entries.iter().map(entry).collect())
    }

    /// Where a symlink points, as its bytes stand.
    ///
    /// # Errors
    /// As [`Disk::stat`]; EINVAL when it is no symlink.
    pub fn read_link(&self, path: impl AsRef<[u8]>) -> io::Result<Bytes> {
        let ino = self.resolve(path.as_ref(), Last::Keep)?;
        match &self.inode(ino).node {
            Node::Symlink(target) => Ok(target.clone()),
            _ => Err(errno::error(errno::EINVAL)),
        }
    }

    /// Every path below `root`, depth first, names in the order of their bytes, `root` itself left out;
    /// symlinks are not followed and permissions are not asked. What a comparison of two trees needs.
    ///
    /// # Errors
    /// As [`Disk::stat`], for `root` only; ENOTDIR.
    pub fn walk(&self, root: impl AsRef<[u8]>) -> io::Result<Vec<(Bytes, Stat)>> {
        let ino = self.resolve(root.as_ref(), Last::Follow)?;
        if !matches!(self.inode(ino).node, Node::Folder(_)) {
            return Err(errno::error(errno::ENOTDIR));
        }
        let mut found = Vec::new();
        self.walk_into(ino, &mut root.as_ref().to_vec(), &mut found);
        Ok(found)
    }

    /// Makes reading (and writing) the content of what the path names fail with EIO, as a bad sector does, or
    /// heals it. The error belongs to the inode: a file that replaces it is sound.
    ///
    /// # Errors
    /// As [`Disk::stat`].
    pub fn inject_io_error(&mut self, path: impl AsRef<[u8]>, failing: bool) -> io::Result<()> {
        let ino = self.resolve(path.as_ref(), Last::Keep)?;
        self.inode_mut(ino).io_error = failing;
        Ok(())
    }

    /// Starts or stops recording changes for [`Disk::take_changes`].
    pub fn record_changes(&mut self, record: bool) {
        self.changes = record.then(Vec::new);
    }

    /// The changes since the last call, in order; empty unless they are being recorded.
    pub fn take_changes(&mut self) -> Vec<Change> {
        self.changes.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn inode(&self, ino: Ino) -> &Inode {
        self.inodes.get(ino).expect("an inode that is named or open exists")
    }

    fn inode_mut(&mut self, ino: Ino) -> &mut Inode {
        let inode = self.inodes.get_mut(ino).expect("an inode that is named or open exists");
        if matches!(inode.node, Node::Folder(_) | Node::Symlink(_)) {
            self.walked.get_mut().forget();
        }
        inode
    }

    fn digest_of(&self, ino: Ino) -> io::Result<u128> {
        self.check_access(ino, permission::READ)?;
        self.content(ino)?;
        Ok(self.inode(ino).digest())
    }

    fn content(&self, ino: Ino) -> io::Result<&Bytes> {
        self.check_injected(ino)?;
        match &self.inode(ino).node {
            Node::File(content) => Ok(content),
            Node::Folder(_) => Err(errno::error(errno::EISDIR)),
            _ => Err(errno::error(errno::ENXIO)),
        }
    }

    fn check_injected(&self, ino: Ino) -> io::Result<()> {
        if self.inode(ino).io_error { Err(errno::error(errno::EIO)) } else { Ok(()) }
    }

    fn walk_into(&self, ino: Ino, path: &mut Vec<u8>, found: &mut Vec<(Bytes, Stat)>) {
        let Node::Folder(entries) = &self.inode(ino).node else { return };
        let length = path.len();
        for (name, &child) in entries {
            if path.last() != Some(&b'/') {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            found.push((Bytes::copy_from_slice(path), self.inode(child).stat(child)));
            self.walk_into(child, path, found);
            path.truncate(length);
        }
    }
}

#[cfg(test)]
mod tests;
