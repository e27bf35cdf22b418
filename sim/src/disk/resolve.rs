//! From a path to an inode, as path_resolution(7) tells.

use std::io;

use super::inode::Node;
use super::{Disk, Ino, ROOT, User, errno, permission};

const NAME_BYTES_MAX: usize = 255;
const PATH_BYTES_MAX: usize = 4096;
const SYMLINKS_MAX: u32 = 40;

/// Whether a symlink at the end of a path is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    Follow,
    Keep,
}

/// Where a path's last name stands, and what it names, if anything.
#[derive(Debug)]
pub(super) struct Place {
    pub folder: Ino,
    pub name: Vec<u8>,
    pub ino: Option<Ino>,
}

/// A folder that was walked to: who looks at one entry of a folder looks at the next, too. It is forgotten whenever
/// a folder or a symlink changes in any way.
#[derive(Debug, Clone)]
pub(super) struct Walked {
    /// Its path, without a symlink in it.
    path: Vec<u8>,
    folder: Ino,
    /// Who was let through.
    user: User,
}

/// A path's last name, and what stands before its slash; none where there is no such name.
fn parted(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = path.iter().rposition(|&byte| byte == b'/')?;
    let (folder, name) = (&path[..slash], &path[slash + 1..]);
    (!matches!(name, b"" | b"." | b"..") && name.len() <= NAME_BYTES_MAX).then_some((folder, name))
}

impl Disk {
    pub(super) fn resolve(&self, path: &[u8], last: Last) -> io::Result<Ino> {
        if let Some((folder, name)) = self.last_walked(path)
            && let Node::Folder(entries) = &self.inode(folder).node
            && let Some(&ino) = entries.get(name)
            && (last == Last::Keep || !matches!(self.inode(ino).node, Node::Symlink(_)))
        {
            return Ok(ino);
        }
        self.locate(path, last)?.1.ok_or_else(|| errno::error(errno::ENOENT))
    }

    /// The folder and name for a call that creates, removes or renames an entry.
    pub(super) fn place(&self, path: &[u8]) -> io::Result<Place> {
        match self.locate(path, Last::Keep)? {
            (Some((folder, name)), ino) => Ok(Place { folder, name, ino }),
            (None, _) => Err(errno::error(errno::EEXIST)),
        }
    }

    /// As `place`, but a symlink at the end is followed: where open with O_CREAT makes its file.
    pub(super) fn place_followed(&self, path: &[u8]) -> io::Result<Place> {
        match self.locate(path, Last::Follow)? {
            (Some((folder, name)), ino) => Ok(Place { folder, name, ino }),
            (None, _) => Err(errno::error(errno::EISDIR)),
        }
    }

    /// The folder of a path and the name in it, if it is the folder that was last walked to.
    fn last_walked<'a>(&self, path: &'a [u8]) -> Option<(Ino, &'a [u8])> {
        let walked = self.walked.borrow();
        let walked = walked.as_ref().filter(|walked| walked.user == self.user)?;
        let (folder, name) = parted(path)?;
        (folder == walked.path && path.len() < PATH_BYTES_MAX && !name.contains(&0))
            .then_some((walked.folder, name))
    }

    /// The last name with its folder (none for the root or after `..`), and the inode if there is one.
    #[allow(clippy::type_complexity, reason = "two private callers take it apart at once")]
    fn locate(&self, path: &[u8], last: Last) -> io::Result<(Option<(Ino, Vec<u8>)>, Option<Ino>)> {
        if path.is_empty() {
            return Err(errno::error(errno::ENOENT));
        }
        if path.len() >= PATH_BYTES_MAX {
            return Err(errno::error(errno::ENAMETOOLONG));
        }
        assert!(path[0] == b'/', "the disk takes absolute paths: {:?}", String::from_utf8_lossy(path));
        if path.contains(&0) {
            return Err(errno::error(errno::EINVAL));
        }
        // Only a path that meets a symlink needs a buffer of its own.
        let (mut rest, mut folders) = match self.descend(path, last, &mut Vec::new())? {
            Step::Arrived(at, ino) => {
                if let (Some((folder, _)), Some((before, _))) = (&at, parted(path)) {
                    let (path, user) = (before.to_vec(), self.user);
                    *self.walked.borrow_mut() = Some(Walked { path, folder: *folder, user });
                }
                return Ok((at, ino));
            }
            Step::Symlink { rest, folders } => (rest, folders),
        };
        for _ in 1..SYMLINKS_MAX {
            match self.descend(&rest, last, &mut folders)? {
                Step::Arrived(at, ino) => return Ok((at, ino)),
                Step::Symlink { rest: longer, folders: deeper } => (rest, folders) = (longer, deeper),
            }
        }
        Err(errno::error(errno::ELOOP))
    }

    /// Walks `rest` from the innermost of `folders` (the root when it is empty) until it ends or meets a symlink.
    fn descend(&self, rest: &[u8], last: Last, folders: &mut Vec<Ino>) -> io::Result<Step> {
        if rest.first() == Some(&b'/') {
            folders.clear();
        }
        let must_be_folder = rest.last() == Some(&b'/');
        let mut parts =
            rest.split(|&byte| byte == b'/').filter(|part| !part.is_empty() && *part != b".").peekable();
        let mut named: Option<(Ino, &[u8])> = None;
        while let Some(part) = parts.next() {
            let folder = folders.last().copied().unwrap_or(ROOT);
            let Node::Folder(entries) = &self.inode(folder).node else {
                return Err(errno::error(errno::ENOTDIR));
            };
            self.check_access(folder, permission::SEARCH)?;
            if part == b".." {
                folders.pop();
                named = None;
                continue;
            }
            if part.len() > NAME_BYTES_MAX {
                return Err(errno::error(errno::ENAMETOOLONG));
            }
            let is_last = parts.peek().is_none();
            let Some(&ino) = entries.get(part) else {
                return if is_last {
                    Ok(Step::Arrived(Some((folder, part.to_vec())), None))
                } else {
                    Err(errno::error(errno::ENOENT))
                };
            };
            match &self.inode(ino).node {
                Node::Symlink(target) if !is_last || last == Last::Follow || must_be_folder => {
                    if target.is_empty() {
                        return Err(errno::error(errno::ENOENT));
                    }
                    let mut longer = target.to_vec();
                    for after in parts {
                        longer.push(b'/');
                        longer.extend_from_slice(after);
                    }
                    if must_be_folder {
                        longer.push(b'/');
                    }
                    return Ok(Step::Symlink { rest: longer, folders: std::mem::take(folders) });
                }
                _ => {}
            }
            named = Some((folder, part));
            folders.push(ino);
        }
        let ino = folders.last().copied().unwrap_or(ROOT);
        if must_be_folder && !matches!(self.inode(ino).node, Node::Folder(_)) {
            return Err(errno::error(errno::ENOTDIR));
        }
        Ok(Step::Arrived(named.map(|(folder, name)| (folder, name.to_vec())), Some(ino)))
    }
}

enum Step {
    Arrived(Option<(Ino, Vec<u8>)>, Option<Ino>),
    Symlink { rest: Vec<u8>, folders: Vec<Ino> },
}
