//! The generator: goes through the list in order, decides what each entry needs, and asks for content.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncWrite;
use tokio::sync::mpsc::UnboundedReceiver;

use super::pass::Pass;
use super::{Receiving, Told};
use crate::disk::{Kind, errno};
use crate::rsync::env::{Env, race};
use crate::rsync::file_list::{Entry, sort_key};
use crate::rsync::itemize::Changes;
use crate::rsync::options::DeleteWhen;
use crate::rsync::paths::{depth, is_below, split};
use crate::rsync::sender::Trouble;
use crate::rsync::stop::Stop;
use crate::rsync::wire::{Message, Outbound};

/// How far the generator runs ahead of what it has written: rsync's output buffer.
const QUEUE_BYTES: usize = 32 * 1024;

impl<E: Env> Receiving<'_, E> {
    /// Runs the generator; `hear` tells how far the receiver is.
    pub(super) async fn generate<W: AsyncWrite + Unpin>(
        &self,
        outbound: &mut Outbound<'_, W, E>,
        mut hear: UnboundedReceiver<Told>,
    ) -> Result<(), Stop> {
        let mut pass = Pass::default();
        if self.options.delete == Some(DeleteWhen::Before) {
            self.delete_everywhere(&mut pass)?;
        }
        if self.options.output.verbose > 1 && !self.nothing_comes {
            self.console.info(match self.whole_file {
                true => "delta-transmission disabled for local transfer or --whole-file",
                false => "delta-transmission enabled",
            });
        }
        let first_flush = self.first_flush();
        for index in 0..self.list.len() {
            if first_flush == Some(index) {
                // Folders that are made ahead belong to the list that ends here.
                let entry = &self.list[index];
                if let Some(is_missing) = self.come_to(entry, &mut pass) {
                    self.make_folders_ahead(entry, is_missing, &mut pass)?;
                }
                pass.queued_bytes = 0;
                self.flush(outbound).await?;
            }
            self.process(index, &mut pass)?;
            if pass.queued_bytes >= QUEUE_BYTES {
                pass.queued_bytes = 0;
                self.flush(outbound).await?;
            }
        }
        // The rules of the folders that it came through are in force no longer.
        self.rules.borrow_mut().leave_to(0);
        self.end_phase(outbound).await?;
        let redo = self.wait_for_receiver(outbound, &mut hear).await?;
        pass.redo = true;
        for index in redo {
            self.process(index as usize, &mut pass)?;
        }
        self.end_phase(outbound).await?;
        self.wait_for_receiver(outbound, &mut hear).await?;
        if self.options.delay_updates {
            self.end_phase(outbound).await?;
            self.wait_for_receiver(outbound, &mut hear).await?;
        }
        match self.options.delete {
            Some(DeleteWhen::After) => self.delete_everywhere(&mut pass)?,
            Some(DeleteWhen::Delay) => {
                for surplus in std::mem::take(&mut pass.delayed) {
                    self.delete_surplus(&surplus, &mut pass)?;
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

    /// Goes through the lists that came before that of `rejected`, whose parent's list the receiver broke off with. Of a
    /// folder whose own list has not come only the beginning is made.
    pub(super) fn generate_before(&self, rejected: &[u8]) -> Result<(), Stop> {
        let key = |folder: &[u8]| sort_key(if folder.is_empty() { b"." } else { folder }, true);
        let last = key(split(rejected).0);
        let mut pass = Pass::default();
        for (index, entry) in self.list.iter().enumerate() {
            let is_listed = key(split(&entry.name).0) < last;
            if is_listed && (!entry.is_folder() || key(&entry.name) < last) {
                self.process(index, &mut pass)?;
            } else if is_listed && let Some(is_missing) = self.come_to(entry, &mut pass) {
                self.make_folders_ahead(entry, is_missing, &mut pass)?;
            }
        }
        Ok(())
    }

    /// Before which entry the generator first hands on what it has to say, however little: when it has gone through
    /// the first of the lists that come folder by folder, or, of a whole list, through the first entry.
    fn first_flush(&self) -> Option<usize> {
        if !self.options.is_incremental() {
            return Some(1);
        }
        // What is named twice stands there twice.
        let in_first_list = self.list.iter().filter(|entry| !entry.name.contains(&b'/')).count();
        let twice =
            if self.options.relative { 0 } else { self.listed.saturating_sub(self.list.len() as u64) };
        let in_first_list = in_first_list as u64 + twice;
        let is_folder = |(_, entry): &(usize, &Entry)| entry.is_folder() && entry.name.as_ref() != b".";
        let mut folders = self.list.iter().enumerate().filter(is_folder).map(|(index, _)| index);
        // To a list of one entry the second one is read at once.
        folders.nth(usize::from(in_first_list == 1))
    }

    /// What the sender must know for the exit code and the statistics.
    fn sum_up(&self) {
        let Trouble { general, vanished, delete_limit, .. } = *self.trouble.borrow();
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

    /// Decides about one entry.
    fn process(&self, index: usize, pass: &mut Pass) -> Result<(), Stop> {
        let entry = &self.list[index];
        if entry.unreadable {
            self.trouble.borrow_mut().general = true;
        }
        let Some(is_missing) = self.come_to(entry, pass) else { return Ok(()) };
        self.make_folders_ahead(entry, is_missing, pass)?;
        let path = self.path(entry);
        let (mut stat, looked) = match self.look(entry, &path) {
            _ if is_missing => (None, None),
            Ok(stat) => (Some(stat), None),
            Err(error) => (None, error.raw_os_error().filter(|&errno| errno != errno::ENOENT)),
        };
        if looked.is_none() && !pass.redo && self.is_passed_over(entry, stat.as_ref(), pass) {
            // With a list that comes folder by folder, what it holds is gone through all the same.
            if self.options.is_incremental() && !pass.unmade.contains(&entry.name) {
                self.delete_here(entry, pass)?;
            }
            return Ok(());
        }
        // A folder that was made for this run is new for all but --existing.
        if self.destination.created && entry.name.as_ref() == b"." {
            stat = None;
        }
        match entry.kind {
            Kind::Folder => self.make_folder(index, &path, stat, pass)?,
            Kind::Symlink if self.options.links => self.make_symlink(index, &path, stat.as_ref(), pass)?,
            Kind::CharDevice(..) | Kind::BlockDevice(..) if self.options.devices => {
                self.make_special(index, &path, stat.as_ref(), pass)?;
            }
            Kind::Fifo | Kind::Socket if self.options.specials => {
                self.make_special(index, &path, stat.as_ref(), pass)?;
            }
            Kind::File => self.file(index, &path, (stat, looked), pass)?,
            _ => {
                self.console.info([b"skipping non-regular file \"", entry.name.as_ref(), b"\""].concat());
            }
        }
        Ok(())
    }

    /// Comes to an entry: none when it is passed over with the folder that it is in, else whether a dry run misses that
    /// folder.
    fn come_to(&self, entry: &Entry, pass: &mut Pass) -> Option<bool> {
        if let Some(folder) = &pass.skip {
            // Entries come folder by folder, so rsync compares depths alone: a second try, which comes out of turn, is
            // passed over behind a folder that it has nothing to do with.
            if depth(&entry.name) > depth(folder) {
                if entry.is_folder() {
                    pass.unmade.insert(entry.name.clone());
                }
                return None;
            }
            pass.skip = None;
        }
        if pass.missing.as_ref().is_some_and(|folder| !is_below(&entry.name, folder)) {
            pass.missing = None;
        }
        let is_missing = pass.missing.is_some() || self.destination.missing;
        Some(is_missing || !self.come_to_parent(entry, pass))
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
}
