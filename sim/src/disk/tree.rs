//! Names: making, moving and removing entries, and what hangs on them (mode, owner, time).

use std::collections::BTreeMap;
use std::io;

use bytes::Bytes;

use super::inode::{Inode, Node};
use super::resolve::{Last, Place};
use super::{ChangeKind, Disk, Ino, Kind, User, errno, permission};

const SETGID: u32 = 0o2000;

impl Disk {
    /// Makes a folder.
    ///
    /// # Errors
    /// As [`Disk::stat`] for its parent; EEXIST, EACCES, EROFS, ENOSPC.
    pub fn create_dir(&mut self, path: impl AsRef<[u8]>, mode: u32, now_ns: i64) -> io::Result<()> {
        self.make(path.as_ref(), Node::Folder(BTreeMap::new()), mode, now_ns)
    }

    /// Makes a folder and every parent that is missing; a folder that is there already is no error.
    ///
    /// # Errors
    /// As [`Disk::create_dir`].
    pub fn create_dir_all(&mut self, path: impl AsRef<[u8]>, mode: u32, now_ns: i64) -> io::Result<()> {
        let path = path.as_ref();
        if self.stat(path).is_ok_and(|found| found.kind == Kind::Folder) {
            return Ok(());
        }
        let ends = (1..path.len()).filter(|&at| path[at] == b'/').chain([path.len()]);
        for end in ends {
            match self.stat(&path[..end]) {
                Ok(found) if found.kind == Kind::Folder => {}
                Ok(_) => return Err(errno::error(errno::ENOTDIR)),
                Err(_) => self.create_dir(&path[..end], mode, now_ns)?,
            }
        }
        Ok(())
    }

    /// Makes a symlink at `path` that points to `target`.
    ///
    /// # Errors
    /// As [`Disk::create_dir`]; ENOENT for an empty target.
    pub fn symlink(
        &mut self,
        target: impl AsRef<[u8]>,
        path: impl AsRef<[u8]>,
        now_ns: i64,
    ) -> io::Result<()> {
        if target.as_ref().is_empty() {
            return Err(errno::error(errno::ENOENT));
        }
        self.make(path.as_ref(), Node::Symlink(Bytes::copy_from_slice(target.as_ref())), 0o777, now_ns)
    }

    /// Makes a pipe, a socket or a device.
    ///
    /// # Errors
    /// As [`Disk::create_dir`]; EINVAL for any other kind; EPERM for a device unless root.
    pub fn make_special(
        &mut self,
        path: impl AsRef<[u8]>,
        kind: Kind,
        mode: u32,
        now_ns: i64,
    ) -> io::Result<()> {
        match kind {
            Kind::Fifo | Kind::Socket => {}
            Kind::CharDevice(..) | Kind::BlockDevice(..) if self.user.uid == 0 => {}
            Kind::CharDevice(..) | Kind::BlockDevice(..) => return Err(errno::error(errno::EPERM)),
            Kind::File | Kind::Folder | Kind::Symlink => return Err(errno::error(errno::EINVAL)),
        }
        self.make(path.as_ref(), Node::Special(kind), mode, now_ns)
    }

    /// Gives a file a second name; a symlink itself gets it, not what it points to.
    ///
    /// # Errors
    /// As [`Disk::create_dir`]; EPERM for a folder; EXDEV across file systems.
    pub fn link(
        &mut self,
        existing: impl AsRef<[u8]>,
        path: impl AsRef<[u8]>,
        now_ns: i64,
    ) -> io::Result<()> {
        let path = path.as_ref();
        self.settle(now_ns);
        self.check_writable()?;
        let ino = self.resolve(existing.as_ref(), Last::Keep)?;
        let place = self.place(path)?;
        if place.ino.is_some() {
            return Err(errno::error(errno::EEXIST));
        }
        if matches!(self.inode(ino).node, Node::Folder(_)) {
            return Err(errno::error(errno::EPERM));
        }
        if self.inode(ino).dev != self.inode(place.folder).dev {
            return Err(errno::error(errno::EXDEV));
        }
        self.check_access(place.folder, permission::WRITE | permission::SEARCH)?;
        self.save_inode(ino);
        self.inode_mut(ino).nlink += 1;
        self.set_entry(place.folder, &place.name, Some(ino), now_ns);
        self.note(path, ChangeKind::Created);
        Ok(())
    }

    /// Renames `from` to `to` in one step; what `to` named before is gone, if its kind allows.
    ///
    /// # Errors
    /// As [`Disk::stat`]; EACCES, EROFS; EXDEV across file systems; EISDIR, ENOTDIR, ENOTEMPTY for what `to`
    /// names, ENOTEMPTY for a folder above `from`; EINVAL into itself.
    pub fn rename(&mut self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>, now_ns: i64) -> io::Result<()> {
        let (from, to) = (from.as_ref(), to.as_ref());
        self.settle(now_ns);
        self.check_writable()?;
        let (source, target) = (self.place(from)?, self.place(to)?);
        let ino = source.ino.ok_or_else(|| errno::error(errno::ENOENT))?;
        for folder in [source.folder, target.folder] {
            self.check_access(folder, permission::WRITE | permission::SEARCH)?;
        }
        if self.inode(ino).dev != self.inode(target.folder).dev {
            return Err(errno::error(errno::EXDEV));
        }
        if target.ino == Some(ino) {
            return Ok(());
        }
        if target.ino.is_some_and(|above| source.folder == above || self.is_below(source.folder, above)) {
            return Err(errno::error(errno::ENOTEMPTY));
        }
        let is_folder = matches!(self.inode(ino).node, Node::Folder(_));
        if is_folder && (target.folder == ino || self.is_below(target.folder, ino)) {
            return Err(errno::error(errno::EINVAL));
        }
        if let Some(replaced) = target.ino {
            match (&self.inode(replaced).node, is_folder) {
                (Node::Folder(entries), true) if entries.is_empty() => {}
                (Node::Folder(_), true) => return Err(errno::error(errno::ENOTEMPTY)),
                (Node::Folder(_), false) => return Err(errno::error(errno::EISDIR)),
                (_, true) => return Err(errno::error(errno::ENOTDIR)),
                (_, false) => {}
            }
            // auto_da_alloc: a file that replaces another is written back at once.
            if !is_folder {
                self.write_back_for_rename(ino);
            }
            self.set_entry(target.folder, &target.name, None, now_ns);
            self.drop_name(replaced);
        }
        self.set_entry(source.folder, &source.name, None, now_ns);
        self.set_entry(target.folder, &target.name, Some(ino), now_ns);
        self.note(to, ChangeKind::RenamedFrom(Bytes::copy_from_slice(from)));
        Ok(())
    }

    /// Removes a name that is no folder; the file goes with its last name and handle.
    ///
    /// # Errors
    /// As [`Disk::stat`]; EISDIR, EACCES, EROFS.
    pub fn remove_file(&mut self, path: impl AsRef<[u8]>, now_ns: i64) -> io::Result<()> {
        let (place, ino) = self.removable(path.as_ref(), now_ns)?;
        if matches!(self.inode(ino).node, Node::Folder(_)) {
            return Err(errno::error(errno::EISDIR));
        }
        self.remove(path.as_ref(), &place, ino, now_ns);
        Ok(())
    }

    /// Removes an empty folder.
    ///
    /// # Errors
    /// As [`Disk::stat`]; ENOTDIR, ENOTEMPTY, EACCES, EROFS.
    pub fn remove_dir(&mut self, path: impl AsRef<[u8]>, now_ns: i64) -> io::Result<()> {
        let (place, ino) = self.removable(path.as_ref(), now_ns)?;
        match &self.inode(ino).node {
            Node::Folder(entries) if entries.is_empty() => {}
            Node::Folder(_) => return Err(errno::error(errno::ENOTEMPTY)),
            _ => return Err(errno::error(errno::ENOTDIR)),
        }
        self.remove(path.as_ref(), &place, ino, now_ns);
        Ok(())
    }

    /// Removes whatever the path names, with everything below it, as `rm -r` does: it stops at the first error.
    ///
    /// # Errors
    /// As [`Disk::remove_file`] and [`Disk::remove_dir`].
    pub fn remove_dir_all(&mut self, path: impl AsRef<[u8]>, now_ns: i64) -> io::Result<()> {
        let path = path.as_ref();
        if self.lstat(path)?.kind != Kind::Folder {
            return self.remove_file(path, now_ns);
        }
        for entry in self.read_dir(path)? {
            self.remove_dir_all(join(path, &entry.name), now_ns)?;
        }
        self.remove_dir(path, now_ns)
    }

    /// Sets the permission bits of what the path names, following symlinks.
    ///
    /// # Errors
    /// As [`Disk::stat`]; EPERM unless owner or root; EROFS.
    pub fn chmod(&mut self, path: impl AsRef<[u8]>, mode: u32, now_ns: i64) -> io::Result<()> {
        let ino = self.resolve(path.as_ref(), Last::Follow)?;
        self.change_attributes(path.as_ref(), ino, now_ns)?;
        self.inode_mut(ino).mode = mode & 0o7777;
        Ok(())
    }

    /// Sets owner and group of what the path names; of a symlink itself.
    ///
    /// # Errors
    /// As [`Disk::stat`]; EPERM unless root (an owner may give a file to its own group); EROFS.
    pub fn chown(&mut self, path: impl AsRef<[u8]>, owner: User, now_ns: i64) -> io::Result<()> {
        let ino = self.resolve(path.as_ref(), Last::Keep)?;
        let present = self.inode(ino).user;
        let own_group = owner.uid == present.uid && (owner.gid == present.gid || owner.gid == self.user.gid);
        if self.user.uid != 0 && !(present.uid == self.user.uid && own_group) {
            return Err(errno::error(errno::EPERM));
        }
        self.change_attributes(path.as_ref(), ino, now_ns)?;
        let inode = self.inode_mut(ino);
        inode.user = owner;
        // Root's calls, too, take setuid away from all but folders, and setgid from what the group may execute.
        if !matches!(inode.node, Node::Folder(_)) {
            inode.mode &= if inode.mode & 0o010 != 0 { !0o6000 } else { !0o4000 };
        }
        Ok(())
    }

    /// Sets the modification time, in nanoseconds since 1970; of a symlink itself.
    ///
    /// # Errors
    /// As [`Disk::stat`]; EPERM unless owner or root; EROFS.
    pub fn set_mtime(&mut self, path: impl AsRef<[u8]>, mtime_ns: i64, now_ns: i64) -> io::Result<()> {
        let ino = self.resolve(path.as_ref(), Last::Keep)?;
        self.change_attributes(path.as_ref(), ino, now_ns)?;
        // Paths that were walked to go on where they went: a time lets nobody in or out.
        self.inodes.get_mut(ino).expect("an inode that is named or open exists").mtime_ns = mtime_ns;
        Ok(())
    }

    /// Says that a folder, and what is made in it from now on, stands on another file system (0 is the root's):
    /// a mount point. Renames and hard links across fail with EXDEV.
    ///
    /// # Errors
    /// As [`Disk::stat`]; ENOTDIR.
    pub fn set_device(&mut self, path: impl AsRef<[u8]>, dev: u32) -> io::Result<()> {
        let ino = self.resolve(path.as_ref(), Last::Follow)?;
        if !matches!(self.inode(ino).node, Node::Folder(_)) {
            return Err(errno::error(errno::ENOTDIR));
        }
        self.inode_mut(ino).dev = dev;
        Ok(())
    }

    fn make(&mut self, path: &[u8], node: Node, mode: u32, now_ns: i64) -> io::Result<()> {
        self.settle(now_ns);
        let place = self.place(path)?;
        if place.ino.is_some() {
            return Err(errno::error(errno::EEXIST));
        }
        self.check_writable()?;
        self.add_entry(&place, node, mode, now_ns)?;
        self.note(path, ChangeKind::Created);
        Ok(())
    }

    pub(super) fn add_entry(&mut self, place: &Place, node: Node, mode: u32, now_ns: i64) -> io::Result<Ino> {
        self.check_access(place.folder, permission::WRITE | permission::SEARCH)?;
        let folder = self.inode(place.folder);
        let mut inode = Inode::new(node, mode, self.user, now_ns, folder.dev);
        if folder.mode & SETGID != 0 {
            inode.user.gid = folder.user.gid;
            if matches!(inode.node, Node::Folder(_)) {
                inode.mode |= SETGID;
            }
        }
        let bytes = inode.blocks_bytes();
        if bytes > 0 && self.used_bytes.saturating_add(bytes) > self.capacity_bytes {
            return Err(errno::error(errno::ENOSPC));
        }
        self.used_bytes += bytes;
        let ino = self.next_ino;
        self.next_ino += 1;
        self.inodes.insert(ino, inode);
        self.save_new(ino);
        self.set_entry(place.folder, &place.name, Some(ino), now_ns);
        Ok(ino)
    }

    /// Points a name of a folder somewhere else, or nowhere, and stamps the folder.
    fn set_entry(&mut self, folder: Ino, name: &[u8], to: Option<Ino>, now_ns: i64) {
        let name = Bytes::copy_from_slice(name);
        self.save_inode(folder);
        let inode = self.inodes.get_mut(folder).expect("a folder that holds a name exists");
        inode.mtime_ns = now_ns;
        let Node::Folder(entries) = &mut inode.node else { unreachable!("a name stands in a folder") };
        let before = match to {
            Some(ino) => entries.insert(name.clone(), ino),
            None => entries.remove(&name),
        };
        // Paths that were walked to go on where they went, unless a folder on them had this name.
        if before.is_some_and(|ino| matches!(self.inode(ino).node, Node::Folder(_))) {
            self.walked.get_mut().forget();
        }
        self.save_entry(folder, &name, before);
    }

    fn removable(&mut self, path: &[u8], now_ns: i64) -> io::Result<(Place, Ino)> {
        self.settle(now_ns);
        let place = self.place(path).map_err(|error| match error.raw_os_error() {
            Some(errno::EEXIST) => errno::error(errno::EINVAL),
            _ => error,
        })?;
        let ino = place.ino.ok_or_else(|| errno::error(errno::ENOENT))?;
        self.check_writable()?;
        self.check_access(place.folder, permission::WRITE | permission::SEARCH)?;
        Ok((place, ino))
    }

    fn remove(&mut self, path: &[u8], place: &Place, ino: Ino, now_ns: i64) {
        self.set_entry(place.folder, &place.name, None, now_ns);
        self.drop_name(ino);
        self.note(path, ChangeKind::Removed);
    }

    fn drop_name(&mut self, ino: Ino) {
        self.save_inode(ino);
        self.inode_mut(ino).nlink -= 1;
        self.drop_if_unused(ino);
    }

    pub(super) fn drop_if_unused(&mut self, ino: Ino) {
        let inode = self.inode(ino);
        if inode.nlink == 0 && inode.opened == 0 {
            self.used_bytes -= inode.blocks_bytes();
            self.save_vanishing(ino);
            self.inodes.remove(ino);
        }
    }

    fn change_attributes(&mut self, path: &[u8], ino: Ino, now_ns: i64) -> io::Result<()> {
        self.settle(now_ns);
        self.check_writable()?;
        self.check_owner(ino)?;
        self.save_inode(ino);
        self.note(path, ChangeKind::Attributes);
        Ok(())
    }

    fn is_below(&self, folder: Ino, ancestor: Ino) -> bool {
        let Node::Folder(entries) = &self.inode(ancestor).node else { return false };
        entries.values().any(|&child| child == folder || self.is_below(folder, child))
    }
}

/// A folder's path with a name in it.
pub(super) fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = folder.to_vec();
    if path.last() != Some(&b'/') {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}
