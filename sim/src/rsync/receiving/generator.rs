//! The generator: goes through the list in order, decides what each entry needs, and asks for content.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncWrite;
use tokio::sync::mpsc::UnboundedReceiver;

use super::delete::Surplus;
use super::{Basis, Receiving, Told};
use crate::disk::{Kind, Stat};
use crate::rsync::delta::Signature;
use crate::rsync::env::{Env, race};
use crate::rsync::file_list::Entry;
use crate::rsync::itemize::Changes;
use crate::rsync::options::DeleteWhen;
use crate::rsync::paths::{is_below, join, split};
use crate::rsync::sender::Trouble;
use crate::rsync::stop::Stop;
use crate::rsync::wire::{Message, Outbound, Request};

/// How far the generator runs ahead of what it has written: rsync's output buffer.
const QUEUE_BYTES: usize = 32 * 1024;

/// What the generator remembers on its way through the list.
#[derive(Debug, Default)]
pub(super) struct Pass {
    pub said_no_deletion: bool,
    /// Deletions that `--max-delete` forbade.
    pub deletions_skipped: u64,
    /// Everything below this folder is passed over: it could not or should not be made.
    skip: Option<Bytes>,
    /// With `-n`: nothing below this folder exists, whatever the disk says.
    missing: Option<Bytes>,
    /// Folders that got a mode for the time of the transfer only.
    retouch: Vec<usize>,
    /// Surplus that is deleted at the end (`--delete-delay`).
    delayed: Vec<Surplus>,
    /// The second try of files that came wrong.
    redo: bool,
    queued_bytes: usize,
}

impl Pass {
    pub fn skip_below(&mut self, folder: &Entry) {
        self.skip = Some(folder.name.clone());
    }

    pub fn missing_below(&mut self, folder: &Entry) {
        self.missing = Some(folder.name.clone());
    }

    pub fn retouch(&mut self, index: usize) {
        self.retouch.push(index);
    }
}

impl<E: Env> Receiving<'_, E> {
    /// Runs the generator; `hear` tells how far the receiver is.
    pub(super) async fn generate<W: AsyncWrite + Unpin>(
        &self,
        outbound: &mut Outbound<'_, W, E>,
        mut hear: UnboundedReceiver<Told>,
    ) -> Result<(), Stop> {
        let mut pass = Pass::default();
        if self.options.output.verbose > 1 && !self.nothing_comes {
            self.console.info(match self.whole_file {
                true => "delta-transmission disabled for local transfer or --whole-file",
                false => "delta-transmission enabled",
            });
        }
        if self.options.delete == Some(DeleteWhen::Before) {
            self.delete_everywhere(&mut pass);
        }
        for index in 0..self.list.len() {
            self.process(index, &mut pass);
            if pass.queued_bytes >= QUEUE_BYTES {
                pass.queued_bytes = 0;
                self.flush(outbound).await?;
            }
        }
        self.end_phase(outbound).await?;
        let redo = self.wait_for_receiver(outbound, &mut hear).await?;
        pass.redo = true;
        for index in redo {
            self.process(index as usize, &mut pass);
        }
        self.end_phase(outbound).await?;
        self.wait_for_receiver(outbound, &mut hear).await?;
        match self.options.delete {
            Some(DeleteWhen::After) => self.delete_everywhere(&mut pass),
            Some(DeleteWhen::Delay) => {
                for surplus in std::mem::take(&mut pass.delayed) {
                    self.delete_surplus(&surplus, &mut pass);
                }
            }
            _ => {}
        }
        self.touch_up_folders(&pass);
        if pass.deletions_skipped > 0 {
            let skipped = pass.deletions_skipped;
            self.console.warning(format!("Deletions stopped due to --max-delete limit ({skipped} skipped)"));
            self.trouble.borrow_mut().delete_limit = true;
        }
        self.sum_up();
        self.end_phase(outbound).await
    }

    /// What the sender must know for the exit code and the statistics.
    fn sum_up(&self) {
        let Trouble { general, vanished, delete_limit } = *self.trouble.borrow();
        let counts = Message::Counts {
            created: *self.created.borrow(),
            deleted: *self.deleted.borrow(),
            literal: self.literal.get(),
            matched: self.matched.get(),
        };
        self.queue.borrow_mut().extend([Message::Trouble { general, vanished, delete_limit }, counts]);
    }

    async fn flush<W: AsyncWrite + Unpin>(&self, outbound: &mut Outbound<'_, W, E>) -> Result<(), Stop> {
        self.move_to(outbound);
        outbound.flush().await
    }

    async fn end_phase<W: AsyncWrite + Unpin>(&self, outbound: &mut Outbound<'_, W, E>) -> Result<(), Stop> {
        self.queue.borrow_mut().push(Message::Done);
        self.flush(outbound).await
    }

    /// Waits until the receiver has all content of a phase; gives the files that came wrong. Meanwhile the
    /// sender, which has nothing to do, hears that somebody is there.
    async fn wait_for_receiver<W: AsyncWrite + Unpin>(
        &self,
        outbound: &mut Outbound<'_, W, E>,
        hear: &mut UnboundedReceiver<Told>,
    ) -> Result<Vec<u32>, Stop> {
        let mut redo = Vec::new();
        let lull = Duration::from_secs(self.options.timeout_s.div_ceil(2));
        loop {
            let told = if lull.is_zero() {
                hear.recv().await
            } else {
                match race(hear.recv(), self.env.sleep(lull)).await {
                    Ok(told) => told,
                    Err(()) => {
                        outbound.push(&Message::KeepAlive);
                        self.flush(outbound).await?;
                        continue;
                    }
                }
            };
            match told {
                Some(Told::Redo(index)) => redo.push(index),
                Some(Told::PhaseDone) => return Ok(redo),
                None => return Err(Stop::ConnectionLost),
            }
        }
    }

    fn delete_everywhere(&self, pass: &mut Pass) {
        for folder in self.list.iter().filter(|entry| entry.is_folder()) {
            let path = self.path(folder);
            if self.env.read_disk(|disk| disk.lstat(&path)).is_ok_and(|stat| stat.kind == Kind::Folder)
                || folder.top
            {
                for surplus in self.surplus_in(folder, pass) {
                    self.delete_surplus(&surplus, pass);
                }
            }
        }
    }

    /// A folder has been made or looked at: now its surplus entries go, with `--delete-during`.
    pub(super) fn delete_here(&self, folder: &Entry, pass: &mut Pass) {
        match self.options.delete {
            Some(DeleteWhen::During) => {
                for surplus in self.surplus_in(folder, pass) {
                    self.delete_surplus(&surplus, pass);
                }
            }
            Some(DeleteWhen::Delay) => {
                let surplus = self.surplus_in(folder, pass);
                pass.delayed.extend(surplus);
            }
            _ => {}
        }
    }

    /// Decides about one entry.
    fn process(&self, index: usize, pass: &mut Pass) {
        let entry = &self.list[index];
        if let Some(folder) = &pass.skip {
            if is_below(&entry.name, folder) {
                return;
            }
            pass.skip = None;
        }
        let path = self.path(entry);
        let mut stat = self.look(entry, &path);
        if let Some(folder) = &pass.missing {
            if is_below(&entry.name, folder) {
                stat = None;
            } else {
                pass.missing = None;
            }
        }
        if self.destination.missing {
            stat = None;
        }
        if !pass.redo && self.is_passed_over(entry, stat.as_ref(), pass) {
            return;
        }
        // A folder that was made for this run is new for all but --existing.
        if self.destination.created && entry.name.as_ref() == b"." {
            stat = None;
        }
        match entry.kind {
            Kind::Folder => self.make_folder(index, &path, stat, pass),
            Kind::Symlink if self.options.links => self.make_symlink(index, &path, stat.as_ref(), pass),
            Kind::CharDevice(..) | Kind::BlockDevice(..) if self.options.devices => {
                self.make_special(index, &path, stat.as_ref(), pass);
            }
            Kind::Fifo | Kind::Socket if self.options.specials => {
                self.make_special(index, &path, stat.as_ref(), pass);
            }
            Kind::File => self.file(index, &path, stat, pass),
            _ => {
                self.console.info([b"skipping non-regular file \"", entry.name.as_ref(), b"\""].concat());
            }
        }
    }

    fn look(&self, entry: &Entry, path: &[u8]) -> Option<Stat> {
        // The destination itself may be reached through a symlink.
        let followed = entry.name.as_ref() == b".";
        self.env.read_disk(|disk| if followed { disk.stat(path) } else { disk.lstat(path) }).ok()
    }

    /// `--existing` and `--ignore-existing`.
    fn is_passed_over(&self, entry: &Entry, stat: Option<&Stat>, pass: &mut Pass) -> bool {
        let tells = self.options.output.verbose > 1;
        if self.options.existing && stat.is_none() {
            if entry.is_folder() {
                pass.skip_below(entry);
            }
            if tells {
                let what = if entry.is_folder() { "directory" } else { "file" };
                self.console.info(
                    [format!("not creating new {what} \"").as_bytes(), self.shown(entry), b"\""].concat(),
                );
            }
            return true;
        }
        if self.options.ignore_existing
            && stat.is_some_and(|stat| !(entry.is_folder() && stat.kind == Kind::Folder))
        {
            if entry.is_folder() {
                pass.skip_below(entry);
            }
            if tells {
                self.console.info([self.shown(entry), b" exists"].concat());
            }
            return true;
        }
        false
    }

    /// Tells the sender of an entry that needs no content.
    pub(super) fn tell(&self, index: usize, changes: Changes, note: &[u8], pass: &mut Pass) {
        let entry = &self.list[index];
        if changes.has(Changes::NEW) {
            self.created.borrow_mut().count(entry.kind);
        }
        let printed = changes.is_significant()
            || !note.is_empty()
            || self.options.output.itemize > 1
            || self.options.output.verbose > 1;
        if printed {
            pass.queued_bytes += 8 + note.len();
            let note = Bytes::copy_from_slice(note);
            self.queue.borrow_mut().push(Message::Item { index: index as u32, changes, note });
        }
    }

    /// With `-vv`, what needs no content is named at once; `-i` says the same in its place.
    pub(super) fn say_kept(&self, entry: &Entry, changes: Changes) {
        if self.options.output.verbose > 1 && self.options.output.itemize == 0 {
            let end: &[u8] = if changes == Changes::default() { b" is uptodate" } else { b"" };
            let slash: &[u8] = if entry.is_folder() { b"/" } else { b"" };
            self.console.info([self.shown(entry), slash, end].concat());
        }
    }

    /// A regular file: nothing to do, attributes only, or content.
    fn file(&self, index: usize, path: &[u8], mut stat: Option<Stat>, pass: &mut Pass) {
        let entry = &self.list[index];
        if let Some(there) = &stat
            && there.kind != Kind::File
        {
            if !self.make_room(&entry.name, there.kind, "regular file", pass) {
                return;
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
            return;
        }
        let mut basis = None;
        if !pass.redo && !self.options.alt_dests.is_empty() {
            match self.file_from_alternative(index, path, stat.as_ref(), pass) {
                super::alternatives::Found::Done => return,
                super::alternatives::Found::Basis(alt_stat, alt_path) => {
                    stat = Some(alt_stat);
                    basis = Some(alt_path);
                }
                super::alternatives::Found::Nothing => {}
            }
        }
        let partial = self.partial_path(entry).filter(|path| {
            self.env.read_disk(|disk| disk.lstat(path)).is_ok_and(|stat| stat.kind == Kind::File)
        });
        if let Some(there) = &stat
            && !pass.redo
        {
            if self.is_unchanged(entry, there, path) {
                let changes = self.changes(entry, stat.as_ref(), Changes::default());
                self.tell(index, changes, b"", pass);
                self.say_kept(entry, changes);
                self.set_attributes(
                    path,
                    entry,
                    Some(self.mode(entry, stat.as_ref())),
                    self.options.checksum,
                );
                if let Some(partial) = partial {
                    self.forget_partial(&partial);
                }
                return;
            }
            if self.options.append && there.size >= entry.size {
                return;
            }
        }
        let elsewhere = partial.as_deref().or(basis.as_deref());
        if let Some(elsewhere) = elsewhere
            && let Ok(found) = self.env.read_disk(|disk| disk.lstat(elsewhere))
        {
            self.base_modes.borrow_mut().insert(index as u32, found.mode);
        }
        self.request(index, elsewhere.unwrap_or(path), stat.as_ref(), pass);
    }

    fn request(&self, index: usize, basis_path: &[u8], stat: Option<&Stat>, pass: &mut Pass) {
        let entry = &self.list[index];
        let mut done = Changes::TRANSFER;
        if self.options.checksum {
            done |= Changes::CONTENT;
        }
        let mut request = Request {
            index: index as u32,
            changes: self.changes(entry, stat, done),
            in_place: self.options.inplace,
            ..Request::default()
        };
        if request.changes.has(Changes::NEW) {
            self.created.borrow_mut().count(Kind::File);
        }
        let wants_basis = !self.whole_file || self.options.append;
        if wants_basis
            && !self.options.dry_run
            && let Ok(content) = self.env.read_disk(|disk| disk.read(basis_path))
            && !content.is_empty()
        {
            let append = self.options.append && !pass.redo && stat.is_some();
            request.append = append;
            request.signature = if append {
                Signature { file_bytes: content.len() as u64, ..Signature::default() }
            } else {
                Signature::of(&content, self.options.block_size)
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

    /// Where a part of a file is kept with `--partial-dir`.
    pub(super) fn partial_path(&self, entry: &Entry) -> Option<Vec<u8>> {
        let dir = self.options.partial_dir.as_ref()?;
        let path = self.path(entry);
        let (folder, name) = split(&path);
        Some(join(&if dir.starts_with(b"/") { dir.clone() } else { join(folder, dir) }, name))
    }

    /// Removes a kept part, and its folder when it was the last one.
    pub(super) fn forget_partial(&self, partial: &[u8]) {
        if self.options.dry_run {
            return;
        }
        let _ = self.env.write_disk(|disk, now| disk.remove_file(partial, now));
        if self.options.partial_dir.as_ref().is_some_and(|dir| !dir.starts_with(b"/")) {
            let _ = self.env.write_disk(|disk, now| disk.remove_dir(split(partial).0, now));
        }
    }

    /// Gives folders their times, which the transfer has changed, and the modes that it had to lift.
    fn touch_up_folders(&self, pass: &Pass) {
        if self.options.dry_run {
            return;
        }
        let times = self.options.times && !self.options.omit_dir_times;
        for (index, folder) in self.list.iter().enumerate().filter(|(_, entry)| entry.is_folder()) {
            let lifted = pass.retouch.contains(&index);
            if !times && !lifted {
                continue;
            }
            if self.options.no_implied_dirs && folder.implied {
                continue;
            }
            let path = self.path(folder);
            if self.env.read_disk(|disk| disk.stat(&path)).is_ok_and(|stat| stat.kind == Kind::Folder) {
                self.set_attributes(&path, folder, lifted.then_some(folder.mode), false);
            }
        }
    }
}
