//! Who may do what: the classic owner, group and others bits; root may do everything.

use std::io;

use super::{Disk, Ino, errno};

pub(super) const READ: u32 = 4;
pub(super) const WRITE: u32 = 2;
pub(super) const SEARCH: u32 = 1;

/// A user and its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    /// The user's number; 0 is root.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
}

impl User {
    /// The super-user.
    pub const ROOT: User = User { uid: 0, gid: 0 };
}

impl Disk {
    /// EACCES unless the present user has this right (READ, WRITE or SEARCH) on the inode.
    pub(super) fn check_access(&self, ino: Ino, right: u32) -> io::Result<()> {
        if self.user.uid == 0 {
            return Ok(());
        }
        let inode = self.inode(ino);
        let shift = match inode.user {
            owner if owner.uid == self.user.uid => 6,
            owner if owner.gid == self.user.gid => 3,
            _ => 0,
        };
        if inode.mode >> shift & right == right { Ok(()) } else { Err(errno::error(errno::EACCES)) }
    }

    /// EPERM unless the present user owns the inode or is root.
    pub(super) fn check_owner(&self, ino: Ino) -> io::Result<()> {
        let owner = self.inode(ino).user.uid;
        if self.user.uid == 0 || self.user.uid == owner { Ok(()) } else { Err(errno::error(errno::EPERM)) }
    }

    /// EROFS when nothing may change.
    pub(super) fn check_writable(&self) -> io::Result<()> {
        if self.read_only { Err(errno::error(errno::EROFS)) } else { Ok(()) }
    }
}
