//! The receiver: writes the content that comes, each file under a temporary name or that of an old part, which is
//! renamed at its end.

use std::ops::ControlFlow;

use bytes::Bytes;
use tokio::io::AsyncRead;
use tokio::sync::mpsc::UnboundedSender;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::{Basis, Received, Receiving, Told, Written};
use crate::disk::Kind;
use crate::rsync::env::{Env, Progress, Signal};
use crate::rsync::itemize::Changes;
use crate::rsync::sender::phases;
use crate::rsync::stop::Stop;
use crate::rsync::wire::{Inbound, Message};

impl<E: Env> Receiving<'_, E> {
    /// Runs the receiver.
    pub(super) async fn receive<R: AsyncRead + Unpin>(
        &self,
        inbound: &mut Inbound<'_, R, E>,
        tell: UnboundedSender<Told>,
        received: &mut Received,
    ) -> Result<(), Stop> {
        // A run can be meant to end before anything has come.
        self.report(Progress::Files(0))?;
        self.report(Progress::Bytes(0))?;
        let mut phase = 0;
        while phase < phases(self.options) {
            match inbound.next().await? {
                Message::Item { index, changes, note } => self.print(index, changes, &note, received)?,
                Message::Begin { index, changes, size } => {
                    received.stats.transferred += 1;
                    received.stats.transferred_size += size;
                    let sound = self.receive_file(inbound, index, size, changes, received).await?;
                    self.finished(index, sound, phase, &tell)?;
                }
                Message::NotSent { index } => {
                    self.bases.borrow_mut().remove(&index);
                }
                Message::Line { error, partial, text } => self.console.relay(error, partial, &text),
                Message::Trouble { general, vanished, delete_limit } => {
                    let mut trouble = self.trouble.borrow_mut();
                    trouble.general |= general;
                    trouble.vanished |= vanished;
                    trouble.delete_limit |= delete_limit;
                }
                Message::Done => {
                    phase += 1;
                    if phase == 2 {
                        self.put_delayed_in_place()?;
                    }
                    if phase < phases(self.options) {
                        // The generator is gone only when the whole half is.
                        let _ = tell.send(Told::PhaseDone);
                    }
                }
                _ => return Err(Stop::Garbled),
            }
        }
        Ok(())
    }

    fn print(&self, index: u32, changes: Changes, note: &Bytes, received: &mut Received) -> Result<(), Stop> {
        let entry = self.entry(index)?;
        if changes.has(Changes::TRANSFER) {
            received.transferred.push(entry.name.to_vec());
            if self.options.dry_run {
                received.stats.transferred += 1;
                received.stats.transferred_size += entry.size;
            }
        }
        self.console.item(entry, changes, note, b"");
        Ok(())
    }

    /// Takes one file's content. Gives whether it came as it was sent; none when there was nowhere to put it.
    async fn receive_file<R: AsyncRead + Unpin>(
        &self,
        inbound: &mut Inbound<'_, R, E>,
        index: u32,
        size: u64,
        changes: Changes,
        received: &mut Received,
    ) -> Result<Option<bool>, Stop> {
        let entry = self.entry(index)?;
        if entry.kind != Kind::File {
            return Err(Stop::Garbled);
        }
        let basis = self.bases.borrow_mut().remove(&index);
        let append = basis.as_ref().is_some_and(|basis| basis.append);
        let kept_bytes =
            basis.as_ref().filter(|basis| basis.append).map_or(0, |basis| basis.content.len() as u64);
        let opened = self.open(index, entry).is_ok();
        if opened && self.console.is_client() {
            self.print(index, changes, &Bytes::new(), received)?;
        }
        let mut at = kept_bytes;
        let mut hash = Xxh3::new();
        let mut only_piece: Option<Bytes> = None;
        let mut pieces = 0u32;
        if append && self.options.append_verify {
            hash.update(&basis.as_ref().expect("appending to it").content);
            pieces = 2;
        }
        let digest = loop {
            let piece = match inbound.next().await? {
                Message::Literal(piece) => {
                    self.literal.set(self.literal.get() + piece.len() as u64);
                    if let Some(in_flight) = self.in_flight.borrow_mut().as_mut() {
                        in_flight.got_literal = true;
                    }
                    piece
                }
                Message::Blocks { first, count } => {
                    let piece = blocks(basis.as_ref(), first, count).ok_or(Stop::Garbled)?;
                    self.matched.set(self.matched.get() + piece.len() as u64);
                    piece
                }
                Message::End { digest } => break digest,
                Message::Line { error, partial, text } => {
                    self.console.relay(error, partial, &text);
                    continue;
                }
                _ => return Err(Stop::Garbled),
            };
            pieces += 1;
            if pieces == 1 {
                only_piece = Some(piece.clone());
            } else {
                if let Some(first) = only_piece.take() {
                    hash.update(&first);
                }
                hash.update(&piece);
            }
            if opened {
                self.write(at, &piece, entry)?;
            }
            at += piece.len() as u64;
            self.report(Progress::Bytes(self.literal.get() + self.matched.get()))?;
        };
        if !opened {
            return Ok(None);
        }
        if self.in_flight.borrow().as_ref().is_some_and(|file| file.written != Written::Temporary) {
            self.cut(size)?;
        }
        let computed = match (&only_piece, pieces) {
            (_, 0) => xxh3_128(b""),
            (Some(piece), _) => xxh3_128(piece),
            (None, _) => hash.digest128(),
        };
        Ok(Some(computed == digest))
    }

    /// A file has come: it gets its attributes and its name, or is tried again.
    fn finished(
        &self,
        index: u32,
        sound: Option<bool>,
        phase: u32,
        tell: &UnboundedSender<Told>,
    ) -> Result<(), Stop> {
        let Some(in_flight) = self.in_flight.take() else { return Ok(()) };
        let entry = self.entry(index)?;
        if self.options.fsync
            && let Some(handle) = &in_flight.handle
        {
            let _ = self.env.write_disk(|disk, _| disk.fsync(handle));
        }
        if sound == Some(true) {
            self.settle(in_flight, entry)?;
            self.files_done.set(self.files_done.get() + 1);
            return self.report(Progress::Files(self.files_done.get()));
        }
        let again = phase == 0;
        // What --partial keeps is called discarded, too, but for a part that is written over once more.
        let what = match in_flight.written {
            Written::InPlace => "retained",
            Written::OverPart if !self.options.delay_updates => "put into partial-dir",
            _ => "discarded",
        };
        let (word, end) = if again { ("WARNING", " (will try again).") } else { ("ERROR", ".") };
        let line = [
            format!("{word}: ").as_bytes(),
            &entry.name,
            format!(" failed verification -- update {what}{end}").as_bytes(),
        ]
        .concat();
        if again {
            // Only who asked for names hears of a file that will be tried again.
            if self.options.prints_names() {
                self.console.warning(line);
            }
            let _ = tell.send(Told::Redo(index));
        } else {
            self.console.error(line);
        }
        self.abandon(in_flight, false);
        Ok(())
    }

    fn report(&self, progress: Progress) -> Result<(), Stop> {
        match self.env.progress(progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(Signal::Kill) => Err(Stop::Killed),
            ControlFlow::Break(Signal::Term) => Err(Stop::Term),
        }
    }
}

fn blocks(basis: Option<&Basis>, first: u32, count: u32) -> Option<Bytes> {
    let basis = basis?;
    let last = first.checked_add(count)?.checked_sub(1)?;
    if last as usize >= basis.signature.blocks.len() {
        return None;
    }
    let range = basis.signature.range(first).start..basis.signature.range(last).end;
    (range.end <= basis.content.len()).then(|| basis.content.slice(range))
}
