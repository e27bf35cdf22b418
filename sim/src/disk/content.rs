//! Files and what is in them: whole writes, and handles that are written piece by piece.

use std::io;

use bytes::{Bytes, BytesMut};

use super::inode::{Node, block_bytes};
use super::resolve::Last;
use super::{ChangeKind, Disk, Ino, Stat, errno, permission};

/// An open file. It stays with its inode when the name is renamed or removed, as a file descriptor does; give it
/// back with [`Disk::close`], or its space is never freed. A power loss closes all of them.
#[derive(Debug)]
pub struct Handle {
    ino: Ino,
    path: Bytes,
}

impl Disk {
    /// Writes a whole file: creates it with `mode`, or replaces the content of the one that is there (symlinks
    /// are followed), as open with O_TRUNC and one write do.
    ///
    /// # Errors
    /// As [`Disk::stat`] for its folder; EISDIR, EACCES, EROFS, ENOSPC (with what fitted), EIO where injected.
    pub fn write(
        &mut self,
        path: impl AsRef<[u8]>,
        content: impl Into<Bytes>,
        mode: u32,
        now_ns: i64,
    ) -> io::Result<()> {
        let (path, content) = (path.as_ref(), content.into());
        self.settle(now_ns);
        self.check_writable()?;
        let place = self.place_followed(path)?;
        let (ino, kind) = match place.ino {
            Some(ino) => {
                self.check_access(ino, permission::WRITE)?;
                (ino, ChangeKind::Modified)
            }
            None => (self.add_entry(&place, Node::File(Bytes::new()), mode, now_ns)?, ChangeKind::Created),
        };
        self.content(ino)?;
        let result = self.set_content(ino, content, now_ns);
        self.note(path, kind);
        result
    }

    /// Creates a file that must not exist yet (O_CREAT and O_EXCL), and opens it.
    ///
    /// # Errors
    /// EEXIST; as [`Disk::write`].
    pub fn create_new(&mut self, path: impl AsRef<[u8]>, mode: u32, now_ns: i64) -> io::Result<Handle> {
        let path = path.as_ref();
        self.settle(now_ns);
        self.check_writable()?;
        let place = self.place(path)?;
        if place.ino.is_some() {
            return Err(errno::error(errno::EEXIST));
        }
        let ino = self.add_entry(&place, Node::File(Bytes::new()), mode, now_ns)?;
        self.inode_mut(ino).opened += 1;
        self.note(path, ChangeKind::Created);
        Ok(Handle { ino, path: Bytes::copy_from_slice(path) })
    }

    /// Opens an existing file to write it in place.
    ///
    /// # Errors
    /// As [`Disk::stat`]; EISDIR, ENXIO, EACCES, EROFS.
    pub fn open_write(&mut self, path: impl AsRef<[u8]>) -> io::Result<Handle> {
        let path = path.as_ref();
        let ino = self.resolve(path, Last::Follow)?;
        self.check_writable()?;
        self.check_access(ino, permission::WRITE)?;
        match &self.inode(ino).node {
            Node::File(_) => {}
            Node::Folder(_) => return Err(errno::error(errno::EISDIR)),
            _ => return Err(errno::error(errno::ENXIO)),
        }
        self.inode_mut(ino).opened += 1;
        Ok(Handle { ino, path: Bytes::copy_from_slice(path) })
    }

    /// Closes a handle; a file without names goes with its last handle.
    #[allow(clippy::needless_pass_by_value, reason = "a closed handle must not be used again")]
    pub fn close(&mut self, handle: Handle) {
        let Handle { ino, .. } = handle;
        if let Some(inode) = self.inodes.get_mut(ino) {
            inode.opened = inode.opened.saturating_sub(1);
            self.drop_if_unused(ino);
        }
    }

    /// What fstat says.
    ///
    /// # Errors
    /// EBADF when a power loss has closed the handle.
    pub fn stat_handle(&self, handle: &Handle) -> io::Result<Stat> {
        self.check_open(handle)?;
        Ok(self.inode(handle.ino).stat(handle.ino))
    }

    /// The whole content of an open file, without copying it.
    ///
    /// # Errors
    /// EBADF; EIO where injected.
    pub fn read_handle(&self, handle: &Handle) -> io::Result<Bytes> {
        self.check_open(handle)?;
        self.content(handle.ino).cloned()
    }

    /// Writes `piece` at `offset`; a gap before it is filled with zeros.
    ///
    /// # Errors
    /// EBADF, EROFS, ENOSPC (with what fitted), EIO where injected.
    pub fn write_at(&mut self, handle: &Handle, offset: u64, piece: &[u8], now_ns: i64) -> io::Result<()> {
        self.settle(now_ns);
        self.check_open(handle)?;
        self.check_writable()?;
        let ino = handle.ino;
        let (length, end) = (self.content(ino)?.len() as u64, offset.saturating_add(piece.len() as u64));
        let room = self.room_for(length);
        let (piece, fits) = match end <= room.max(length) {
            true => (piece, true),
            false => (&piece[..room.saturating_sub(offset).min(piece.len() as u64) as usize], false),
        };
        if !piece.is_empty() {
            self.save_inode(ino);
            self.mark_dirty(ino, now_ns);
            let start = offset as usize;
            let mut content = self.take_content(ino);
            if content.len() < start + piece.len() {
                if start == content.len() {
                    content.extend_from_slice(piece);
                } else {
                    content.resize(start + piece.len(), 0);
                    content[start..].copy_from_slice(piece);
                }
            } else {
                content[start..start + piece.len()].copy_from_slice(piece);
            }
            self.put_content(ino, length, content.freeze(), now_ns);
            if self.changes.is_some() {
                self.note(&handle.path.clone(), ChangeKind::Modified);
            }
        }
        if fits { Ok(()) } else { Err(errno::error(errno::ENOSPC)) }
    }

    /// Replaces the whole content of an open file without copying it.
    ///
    /// # Errors
    /// As [`Disk::write_at`].
    pub fn replace_content(&mut self, handle: &Handle, content: Bytes, now_ns: i64) -> io::Result<()> {
        self.settle(now_ns);
        self.check_open(handle)?;
        self.check_writable()?;
        self.content(handle.ino)?;
        let result = self.set_content(handle.ino, content, now_ns);
        if self.changes.is_some() {
            self.note(&handle.path.clone(), ChangeKind::Modified);
        }
        result
    }

    /// Cuts a file to `length` bytes, or fills it with zeros up to that.
    ///
    /// # Errors
    /// As [`Disk::write_at`].
    pub fn truncate(&mut self, handle: &Handle, length: u64, now_ns: i64) -> io::Result<()> {
        self.settle(now_ns);
        self.check_open(handle)?;
        self.check_writable()?;
        let present = self.content(handle.ino)?;
        let before = present.len() as u64;
        if length == before {
            // As ftruncate(2) on Linux: the time changes all the same.
            self.save_inode(handle.ino);
            self.mark_dirty(handle.ino, now_ns);
            self.inode_mut(handle.ino).mtime_ns = now_ns;
            return Ok(());
        }
        if length > before && length > self.room_for(before) {
            return Err(errno::error(errno::ENOSPC));
        }
        let content = if length < before {
            present.slice(..length as usize)
        } else {
            let mut longer = BytesMut::from(present.as_ref());
            longer.resize(length as usize, 0);
            longer.freeze()
        };
        self.set_content(handle.ino, content, now_ns)?;
        if self.changes.is_some() {
            self.note(&handle.path.clone(), ChangeKind::Modified);
        }
        Ok(())
    }

    /// Makes the file's content durable, and with it every name and attribute changed so far.
    ///
    /// # Errors
    /// EBADF; EIO where injected.
    pub fn fsync(&mut self, handle: &Handle) -> io::Result<()> {
        self.check_open(handle)?;
        self.check_injected(handle.ino)?;
        self.make_durable(handle.ino);
        Ok(())
    }

    fn check_open(&self, handle: &Handle) -> io::Result<()> {
        match self.inodes.get(handle.ino) {
            Some(inode) if inode.opened > 0 => Ok(()),
            _ => Err(errno::error(errno::EBADF)),
        }
    }

    /// The greatest length to which a file of this length can grow.
    fn room_for(&self, length: u64) -> u64 {
        let free = self.capacity_bytes.saturating_sub(self.used_bytes);
        let free = free - free % super::BLOCK_BYTES;
        block_bytes(length).saturating_add(free)
    }

    fn set_content(&mut self, ino: Ino, content: Bytes, now_ns: i64) -> io::Result<()> {
        let before = self.content(ino)?.len() as u64;
        let room = self.room_for(before);
        let fits = content.len() as u64 <= room.max(before);
        let content = if fits { content } else { content.slice(..room as usize) };
        self.save_inode(ino);
        self.mark_dirty(ino, now_ns);
        self.put_content(ino, before, content, now_ns);
        if fits { Ok(()) } else { Err(errno::error(errno::ENOSPC)) }
    }

    /// Takes a file's content to change it; a copy is made only when somebody else still holds it.
    fn take_content(&mut self, ino: Ino) -> BytesMut {
        let Node::File(content) = &mut self.inode_mut(ino).node else {
            unreachable!("checked by the caller")
        };
        std::mem::take(content).try_into_mut().unwrap_or_else(|shared| BytesMut::from(shared.as_ref()))
    }

    fn put_content(&mut self, ino: Ino, length_before: u64, content: Bytes, now_ns: i64) {
        self.used_bytes = self.used_bytes - block_bytes(length_before) + block_bytes(content.len() as u64);
        let inode = self.inode_mut(ino);
        inode.node = Node::File(content);
        inode.mtime_ns = now_ns;
        inode.digest.set(None);
    }
}
