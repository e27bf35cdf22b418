//! Regular files in the generator: nothing to do, attributes only, or content that it asks for.

use bytes::Bytes;

use crate::disk::{Kind, Stat, errno};
use crate::rsync::delta::Signature;
use crate::rsync::env::Env;
use crate::rsync::file_list::Entry;
use crate::rsync::itemize::Changes;
use crate::rsync::paths::split;
use crate::rsync::stop::{Stop, show_errno};
use crate::rsync::wire::{Message, Request};

use super::alternatives::Found;
use super::pass::Pass;
use super::{Basis, Elsewhere, Receiving};

impl<E: Env> Receiving<'_, E> {
    /// A regular file: nothing to do, attributes only, or content.
    pub(super) fn file(
        &self,
        index: usize,
        path: &[u8],
        (mut stat, looked): (Option<Stat>, Option<i32>),
        pass: &mut Pass,
    ) -> Result<(), Stop> {
        let entry = &self.list[index];
        let replaced = stat.filter(|there| there.kind != Kind::Folder);
        if let Some(there) = &stat
            && there.kind != Kind::File
        {
            if !self.make_room(&entry.name, there.kind, "regular file", pass)? {
                return Ok(());
            }
            stat = None;
        }
        if let Some(there) = &stat
            && self.options.update
            && !pass.redo
            && self.is_newer(there.mtime_ns, entry.mtime_ns)
        {
            if self.options.output.verbose > 1 {
                self.console.info([self.shown(entry), b" is newer"].concat());
            }
            return Ok(());
        }
        let mut basis = None;
        if !pass.redo && !self.options.alt_dests.is_empty() {
            match self.file_from_alternative(index, path, stat.as_ref(), replaced.as_ref(), pass) {
                Found::Done => return Ok(()),
                Found::Basis(alt_stat, alt_path) => {
                    stat = Some(alt_stat);
                    basis = Some(alt_path);
                }
                Found::Nothing => {}
            }
        }
        if stat.is_none()
            && let Some(errno) = looked
        {
            let error = show_errno(&errno::error(errno));
            let line = [b"rsync: [generator] recv_generator: failed to stat ", &*self.quoted(path), b": "];
            self.console.error([&line.concat(), error.as_bytes()].concat());
            return Ok(());
        }
        let part = self.part(entry);
        if let Some(there) = &stat
            && !pass.redo
        {
            if self.is_unchanged(entry, there, path) {
                let mode = self.mode(entry, stat.as_ref());
                let seen = self.set_attributes(path, entry, Some(mode), self.options.checksum);
                let changes = self.changes_against(
                    entry,
                    seen.as_ref().or(stat.as_ref()),
                    stat.as_ref(),
                    Changes::default(),
                );
                self.tell(index, changes, b"", pass);
                let dated =
                    self.options.checksum && self.keeps_time(entry) && there.mtime_ns != entry.mtime_ns;
                self.say_kept(entry, if dated { changes | Changes::TIME } else { changes });
                if let Some(part) = part {
                    self.forget_part(&part);
                }
                return Ok(());
            }
            if self.options.append && there.size >= entry.size {
                return Ok(());
            }
        }
        let elsewhere = part.map(Elsewhere::Part).or(basis.map(Elsewhere::Alternative));
        let basis_path = elsewhere.as_ref().map_or(path, Elsewhere::path);
        let mut content = None;
        let wants_basis = !self.whole_file || self.options.append;
        if wants_basis && !self.options.dry_run && (stat.is_some() || elsewhere.is_some()) {
            let read = self.env.read_disk(|disk| disk.read(basis_path));
            // What cannot even be opened is told, and the file then taken for a new one.
            if let Err(error) = &read
                && error.raw_os_error() != Some(errno::EIO)
            {
                let after = format!(", continuing: {}", show_errno(error));
                let line =
                    [b"rsync: [generator] failed to open ", &*self.quoted(basis_path), after.as_bytes()];
                self.console.warning(line.concat());
                stat = None;
            }
            content = read.ok();
        }
        // A file that is written over is copied before, once. It is left alone when that fails.
        let is_own = elsewhere.is_none() && stat.is_some();
        if self.options.inplace
            && self.options.backup
            && is_own
            && !pass.redo
            && !self.options.dry_run
            && self.copy_to_backup(&entry.name, basis_path, content.is_some()).is_err()
        {
            return Ok(());
        }
        self.request(index, elsewhere, content, stat.as_ref(), pass);
        Ok(())
    }

    /// Asks for the content of a file, which `content` is the base of.
    fn request(
        &self,
        index: usize,
        elsewhere: Option<Elsewhere>,
        content: Option<Bytes>,
        stat: Option<&Stat>,
        pass: &mut Pass,
    ) {
        let entry = &self.list[index];
        let parent = split(&entry.name).0;
        let parent = if parent.is_empty() { b"." } else { parent };
        self.wanted_in.borrow_mut().insert(Bytes::copy_from_slice(parent));
        let mut done = Changes::TRANSFER;
        // The second try does not compare.
        if self.options.checksum && !pass.redo {
            done |= Changes::CONTENT;
        }
        // A backup is a copy that stays as it is while the file is written.
        let overwrites = match &elsewhere {
            None => self.options.inplace && (pass.redo || !self.options.backup),
            Some(Elsewhere::Part(_)) => true,
            Some(Elsewhere::Alternative(_)) => false,
        };
        if let Some(elsewhere) = elsewhere {
            self.elsewhere.borrow_mut().insert(index as u32, elsewhere);
        }
        let mut request = Request {
            index: index as u32,
            changes: self.changes(entry, stat, done),
            in_place: overwrites,
            ..Request::default()
        };
        if request.changes.has(Changes::NEW) {
            self.created.borrow_mut().count(Kind::File);
        }
        if let Some(content) = content.filter(|content| !content.is_empty()) {
            let append = self.options.append && !pass.redo && stat.is_some();
            request.append = append;
            request.signature = if append {
                Signature { file_bytes: content.len() as u64, ..Signature::default() }
            } else {
                Signature::of(&content, self.options.block_size, pass.redo)
            };
            let basis = Basis { content, signature: request.signature.clone(), append };
            self.bases.borrow_mut().insert(index as u32, basis);
        }
        pass.queued_bytes += 16 + request.signature.blocks.len() * 12;
        self.queue.borrow_mut().push(Message::Request(request));
    }

    /// rsync's quick check, or what takes its place.
    pub(super) fn is_unchanged(&self, entry: &Entry, stat: &Stat, path: &[u8]) -> bool {
        if entry.size != stat.size {
            return false;
        }
        if self.options.checksum {
            return self
                .env
                .read_disk(|disk| disk.digest(path))
                .is_ok_and(|digest| Some(digest) == entry.checksum);
        }
        if self.options.size_only {
            return true;
        }
        !self.options.ignore_times && self.same_time(entry.mtime_ns, stat.mtime_ns)
    }

    /// Whether the destination's time is past the source's, as `-u` sees it: in whole seconds, and with a window
    /// so many earlier.
    fn is_newer(&self, there_ns: i64, entry_ns: i64) -> bool {
        let seconds = |ns: i64| ns.div_euclid(1_000_000_000);
        seconds(entry_ns).saturating_sub(seconds(there_ns)) < self.options.modify_window
    }
}
