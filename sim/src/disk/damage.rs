//! What happens to a disk without anybody's call: its content rots, or another disk is put in its place.

use std::io;

use bytes::BytesMut;

use super::inode::Node;
use super::inodes::Inodes;
use super::resolve::Last;
use super::{Disk, errno};

/// What a damaged piece of a file is at most: a sector.
const SECTOR_BYTES: usize = 512;

impl Disk {
    /// Puts zeros in place of a piece of a file, a sector at most, from its middle on: its size stays, and so does
    /// its modification time unless another one is given. Permissions and a read-only mount do not protect it, and
    /// no power loss takes it back. No change is noted: nobody wrote.
    ///
    /// # Errors
    /// As [`Disk::stat`]; EISDIR, ENXIO; EINVAL for a file without a byte that could change.
    pub fn corrupt(&mut self, path: impl AsRef<[u8]>, new_mtime_ns: Option<i64>) -> io::Result<()> {
        let ino = self.resolve(path.as_ref(), Last::Keep)?;
        let content = match &self.inode(ino).node {
            Node::File(content) => content,
            Node::Folder(_) => return Err(errno::error(errno::EISDIR)),
            _ => return Err(errno::error(errno::ENXIO)),
        };
        let from = content.len() / 2;
        let to = content.len().min(from + SECTOR_BYTES);
        if content[from..to].iter().all(|&byte| byte == 0) {
            return Err(errno::error(errno::EINVAL));
        }
        let mut damaged = BytesMut::from(content.as_ref());
        damaged[from..to].fill(0);
        self.write_back(ino);
        let inode = self.inode_mut(ino);
        inode.node = Node::File(damaged.freeze());
        inode.digest.set(None);
        if let Some(mtime_ns) = new_mtime_ns {
            inode.mtime_ns = mtime_ns;
        }
        Ok(())
    }

    /// Puts an empty file system of the same size in the place of this one, as [`Disk::new`] makes it. Open handles
    /// lead nowhere. No change is noted.
    pub fn replace_with_empty(&mut self) {
        self.inodes = Inodes::of_empty();
        self.walked.get_mut().forget();
        self.used_bytes = 0;
        self.forget_what_is_not_durable();
    }
}
