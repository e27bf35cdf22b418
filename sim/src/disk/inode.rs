//! What a name leads to: the inode, and what stat says of it.

use std::cell::Cell;
use std::collections::BTreeMap;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_128;

use super::permission::User;
use super::{BLOCK_BYTES, Ino};

/// The kind of thing that a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A character device with its numbers.
    CharDevice(u32, u32),
    /// A block device with its numbers.
    BlockDevice(u32, u32),
}

/// What stat says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Its kind.
    pub kind: Kind,
    /// The permission bits, with setuid, setgid and sticky (07777).
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// Bytes: a file's content, a symlink's target; one block for a folder.
    pub size: u64,
    /// When the content last changed, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// The inode.
    pub ino: Ino,
    /// How many names it has.
    pub nlink: u32,
    /// The file system that it stands on; see [`super::Disk::set_device`].
    pub dev: u32,
}

impl Stat {
    /// The owner and the group.
    pub fn owner(&self) -> User {
        User { uid: self.uid, gid: self.gid }
    }
}

/// An entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// Its name, without a slash.
    pub name: Bytes,
    /// What lstat says of it.
    pub stat: Stat,
}

#[derive(Debug, Clone)]
pub(super) enum Node {
    File(Bytes),
    Folder(BTreeMap<Bytes, Ino>),
    Symlink(Bytes),
    Special(Kind),
}

#[derive(Debug, Clone)]
pub(super) struct Inode {
    pub node: Node,
    pub mode: u32,
    pub user: User,
    pub mtime_ns: i64,
    pub nlink: u32,
    /// How many handles are open.
    pub opened: u32,
    pub dev: u32,
    pub io_error: bool,
    /// The content that would survive a power loss, when it is not the present one.
    pub stable: Option<Bytes>,
    /// When the content began to differ from `stable`, in nanoseconds since 1970.
    pub dirty_since_ns: i64,
    /// The transaction in which its earlier state was saved.
    pub saved_in: u64,
    pub digest: Cell<Option<u128>>,
}

impl Inode {
    pub fn new(node: Node, mode: u32, user: User, mtime_ns: i64, dev: u32) -> Self {
        Self {
            node,
            mode: mode & 0o7777,
            user,
            mtime_ns,
            nlink: 1,
            opened: 0,
            dev,
            io_error: false,
            stable: None,
            dirty_since_ns: 0,
            saved_in: 0,
            digest: Cell::new(None),
        }
    }

    pub fn kind(&self) -> Kind {
        match &self.node {
            Node::File(_) => Kind::File,
            Node::Folder(_) => Kind::Folder,
            Node::Symlink(_) => Kind::Symlink,
            Node::Special(kind) => *kind,
        }
    }

    pub fn stat(&self, ino: Ino) -> Stat {
        let size = match &self.node {
            Node::File(bytes) | Node::Symlink(bytes) => bytes.len() as u64,
            Node::Folder(_) => BLOCK_BYTES,
            Node::Special(_) => 0,
        };
        Stat {
            kind: self.kind(),
            mode: self.mode,
            uid: self.user.uid,
            gid: self.user.gid,
            size,
            mtime_ns: self.mtime_ns,
            ino,
            nlink: self.nlink,
            dev: self.dev,
        }
    }

    /// Bytes that it takes of the file system, in whole blocks.
    pub fn blocks_bytes(&self) -> u64 {
        match &self.node {
            Node::File(content) => block_bytes(content.len() as u64),
            Node::Folder(_) => BLOCK_BYTES,
            Node::Symlink(_) | Node::Special(_) => 0,
        }
    }

    pub fn digest(&self) -> u128 {
        let Node::File(content) = &self.node else { return 0 };
        let digest = self.digest.get().unwrap_or_else(|| xxh3_128(content));
        self.digest.set(Some(digest));
        digest
    }
}

pub(super) fn block_bytes(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK_BYTES).saturating_mul(BLOCK_BYTES)
}
