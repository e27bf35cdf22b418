//! A host's files as one program changes them: the host's clock gives the times, the trace hears of each change.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use harness::trace::event::{Digest, FileChange};
use harness::trace::uses::Use;
use harness::trace::{EventKind, NodeName};

use crate::disk::{ChangeKind, Disk, Kind};
use crate::host::Host;

/// Access to a host's disk under a writer's name.
#[derive(Debug, Clone)]
pub struct Fs {
    host: Host,
    writer: Arc<str>,
    /// What the disk has still to be waited for, by the program as a whole.
    debt: Rc<Cell<Duration>>,
}

impl Fs {
    pub(crate) fn new(host: Host, writer: &str, debt: Rc<Cell<Duration>>) -> Self {
        Self { host, writer: writer.into(), debt }
    }

    /// The same program's access, under another writer's name.
    pub(crate) fn as_writer(&self, writer: &str) -> Self {
        Self { writer: writer.into(), ..self.clone() }
    }

    /// Looks at the disk: one access.
    pub fn read<T>(&self, look: impl FnOnce(&Disk) -> T) -> T {
        self.charge(Use::DiskRead);
        look(&self.host.disk())
    }

    /// Changes the disk, in one access: `change` gets the host's time in nanoseconds since 1970. What it changed is told to the
    /// trace, whether it succeeded or not.
    pub fn write<T>(&self, change: impl FnOnce(&mut Disk, i64) -> T) -> T {
        self.charge(Use::DiskWrite);
        let now_ns = self.host.unix_ns();
        let result = change(&mut self.host.disk_mut(), now_ns);
        self.tell_changes();
        result
    }

    /// The content of a file as text, where it is text.
    ///
    /// # Errors
    /// As [`Disk::read`]; `InvalidData` when it is not UTF-8.
    pub fn read_to_string(&self, path: &str) -> io::Result<String> {
        self.charge(Use::DiskRead);
        let bytes = self.host.disk().read(path)?;
        String::from_utf8(bytes.to_vec()).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    fn charge(&self, what: fn(NodeName) -> Use) {
        self.host.note(what);
        let delay = self.host.disk_delay();
        if !delay.is_zero() {
            self.debt.set(self.debt.get().saturating_add(delay));
        }
    }

    /// Puts what changed on the disk since the last call into the trace. Folders and attributes are no news.
    pub(crate) fn tell_changes(&self) {
        let changes = self.host.disk_mut().take_changes();
        for change in changes {
            if let ChangeKind::RenamedFrom(from) = &change.kind {
                self.tell(from, FileChange::Removed);
            }
            match change.kind {
                ChangeKind::Attributes => {}
                ChangeKind::Created => self.tell(&change.path, FileChange::Created),
                ChangeKind::Modified | ChangeKind::RenamedFrom(_) => {
                    self.tell(&change.path, FileChange::Modified);
                }
                ChangeKind::Removed => self.tell(&change.path, FileChange::Removed),
            }
        }
    }

    fn tell(&self, path: &[u8], change: FileChange) {
        let disk = self.host.disk();
        let found = disk.lstat_and_digest(path).ok();
        let is_folder = found.is_some_and(|(stat, _)| stat.kind == Kind::Folder);
        if is_folder && change != FileChange::Removed {
            return;
        }
        let digest = found.and_then(|(_, digest)| digest).map(Digest);
        let size = found.map_or(0, |(stat, _)| stat.size);
        drop(disk);
        // Nearly always it is text, which is found sooner than it is mended.
        let path = std::str::from_utf8(path).map_or_else(|_| String::from_utf8_lossy(path).into(), Arc::from);
        self.host.record(EventKind::FileChanged { path, change, digest, size, writer: self.writer.clone() });
    }
}
