//! The sender: offers the list, then answers the receiver's requests in the order in which they come.

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use xxhash_rust::xxh3::xxh3_128;

use super::console::Console;
use super::delta::Piece;
use super::env::Env;
use super::file_list::{Entry, count};
use super::itemize::Changes;
use super::options::Options;
use super::outcome::Stats;
use super::paths::quoted;
use super::scan::Scanned;
use super::stop::{Stop, show_errno};
use super::wire::{Inbound, LITERAL_BYTES, Message, Outbound, Request, encode_list};
use crate::disk::errno;

/// The sending half, once its list is made.
pub(super) struct Sender<'a, R, W, E> {
    pub env: &'a E,
    pub options: &'a Options,
    pub console: &'a Console,
    pub scanned: &'a Scanned,
    pub inbound: Inbound<'a, R, E>,
    pub outbound: Outbound<'a, W, E>,
    pub stats: Stats,
    /// Blocks that were not sent.
    pub matches: u64,
    /// Bytes of content that were sent.
    pub literal: u64,
    pub trouble: Trouble,
    pub transferred: Vec<Vec<u8>>,
}

/// What an exit code must tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Trouble {
    pub general: bool,
    pub vanished: bool,
    pub delete_limit: bool,
    /// The receiver met nothing but that limit: its exit code is the run's, whatever the sender met.
    pub limit_alone: bool,
}

/// How many phases a transfer has: files, those that failed verification, with `--delay-updates` their renaming, what
/// is left to do at the end.
pub(super) fn phases(options: &Options) -> u32 {
    3 + u32::from(options.delay_updates)
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin, E: Env> Sender<'_, R, W, E> {
    /// Sends the list and everything that is asked for.
    pub async fn run(&mut self) -> Result<(), Stop> {
        self.send_list().await?;
        let mut phase = 0;
        while phase < phases(self.options) {
            match self.inbound.next().await? {
                Message::Item { index, changes, note } => {
                    self.item(index, changes, &note)?;
                }
                Message::Request(request) => self.send_file(request).await?,
                Message::Done => {
                    phase += 1;
                    // What waits for the end is put in place before it says so.
                    if phase == phases(self.options) - 1 {
                        self.say_what_matched();
                        self.flush().await?;
                    }
                    // The receiver is told of what could not be read, so that it deletes nothing after that.
                    let Trouble { general, vanished, .. } = self.trouble;
                    if general || vanished {
                        self.send(&Message::Trouble { general, vanished, delete_limit: false });
                    }
                    self.send(&Message::Done);
                    self.flush().await?;
                }
                Message::Line { error, partial, text } => self.console.relay(error, partial, &text),
                Message::Deleted { folder, name } => self.console.deleted(&name, folder),
                Message::Trouble { general, vanished, delete_limit } => {
                    self.trouble.general |= general;
                    self.trouble.vanished |= vanished;
                    self.trouble.delete_limit |= delete_limit;
                    self.trouble.limit_alone = delete_limit && !general && !self.console.relayed_error();
                }
                Message::Counts { created, deleted, literal, matched } => {
                    (self.stats.created, self.stats.deleted) = (created, deleted);
                    (self.stats.literal, self.stats.matched) = (literal, matched);
                }
                _ => return Err(Stop::Garbled),
            }
            if self.outbound.is_full() {
                self.flush().await?;
            }
        }
        self.outbound.close().await
    }

    fn say_what_matched(&self) {
        // A client that hears of nothing has gone by now.
        let is_heard = self.console.is_client() || self.stats.listed.total() > 0;
        if self.options.output.verbose > 1 && is_heard {
            // How often the search met a weak checksum is not counted.
            let (matches, literal) = (self.matches, self.literal);
            let line =
                format!("total: matches={matches}  hash_hits={matches}  false_alarms=0 data={literal}");
            self.console.info(line);
        }
    }

    async fn send_list(&mut self) -> Result<(), Stop> {
        (self.stats.listed, self.stats.total_size) = (self.scanned.listed, self.scanned.total_size);
        for piece in encode_list(&self.scanned.entries, LITERAL_BYTES) {
            self.stats.list_size += piece.len() as u64;
            self.send(&Message::List(piece));
            self.flush().await?;
        }
        self.trouble.general |= self.scanned.io_error;
        let Scanned { early_error, listed, total_size, .. } = *self.scanned;
        let more = (listed, total_size) != count(&self.scanned.entries);
        self.send(&Message::ListEnd { io_error: early_error, listed: more.then_some((listed, total_size)) });
        self.flush().await
    }

    /// An entry whose content stays: printed here, or sent back to be printed.
    fn item(&mut self, index: u32, changes: Changes, note: &Bytes) -> Result<(), Stop> {
        let entry = self.entry(index)?;
        if self.console.is_client() {
            let prefix = self.scanned.roots[entry.root as usize].prefix;
            self.console.item(entry, changes, note, prefix);
        } else {
            self.outbound.push(&Message::Item { index, changes, note: note.clone() });
        }
        Ok(())
    }

    async fn send_file(&mut self, request: Request) -> Result<(), Stop> {
        let Request { index, changes, signature, append, in_place } = request;
        let entry = self.entry(index)?;
        if entry.kind != crate::disk::Kind::File {
            return Err(Stop::Garbled);
        }
        let (path, listed_size) = (self.scanned.path(entry), entry.size);
        if self.options.dry_run {
            self.count(index, listed_size);
            self.item(index, changes, &Bytes::new())?;
            return Ok(());
        }
        let (content, sound) = match self.env.read_disk(|disk| disk.read(&path)) {
            Ok(content) => (content, true),
            // The file opens and reading it fails: rsync sends zeros and a digest that cannot be right.
            Err(error) if error.raw_os_error() == Some(errno::EIO) => {
                self.trouble.general = true;
                let shown = show_errno(&error);
                let line =
                    [b"rsync: [sender] read errors mapping ", &*quoted(&path), b": ", shown.as_bytes()];
                self.console.error(line.concat());
                (Bytes::from(vec![0; usize::try_from(listed_size).unwrap_or(0)]), false)
            }
            Err(error) => {
                self.cannot_open(&path, &error);
                self.send(&Message::NotSent { index });
                return Ok(());
            }
        };
        self.count(index, content.len() as u64);
        let size = content.len() as u64;
        self.send(&Message::Begin { index, changes, size });
        let start = if append { signature.file_bytes.min(size) as usize } else { 0 };
        let pieces = match append {
            true => vec![Piece::Literal(start..content.len())],
            false => signature.delta(&content, in_place),
        };
        for piece in pieces {
            match piece {
                Piece::Literal(range) => {
                    self.literal += range.len() as u64;
                    let mut at = range.start;
                    while at < range.end {
                        let end = range.end.min(at + LITERAL_BYTES);
                        self.outbound.push_literal(&content.slice(at..end));
                        if self.outbound.is_full() {
                            self.flush().await?;
                        }
                        at = end;
                    }
                }
                Piece::Blocks(first, count) => {
                    self.matches += u64::from(count);
                    self.send(&Message::Blocks { first, count });
                }
            }
        }
        let verified = if append && !self.options.append_verify { &content[start..] } else { &content[..] };
        let digest = xxh3_128(verified);
        self.send(&Message::End { digest: if sound { digest } else { !digest } });
        if self.console.is_client() {
            let entry = self.entry(index)?;
            let prefix = self.scanned.roots[entry.root as usize].prefix;
            self.console.item(entry, changes, b"", prefix);
        }
        Ok(())
    }

    fn cannot_open(&mut self, path: &[u8], error: &std::io::Error) {
        if error.raw_os_error() == Some(errno::ENOENT) {
            self.trouble.vanished = true;
            self.console.warning([b"file has vanished: ", &*quoted(path)].concat());
        } else {
            self.trouble.general = true;
            let shown = show_errno(error);
            let line =
                [b"rsync: [sender] send_files failed to open ", &*quoted(path), b": ", shown.as_bytes()];
            self.console.error(line.concat());
        }
    }

    fn count(&mut self, index: u32, bytes: u64) {
        self.stats.transferred += 1;
        self.stats.transferred_size += bytes;
        if self.console.is_client() {
            self.transferred.push(self.scanned.entries[index as usize].name.to_vec());
        }
    }

    fn entry(&self, index: u32) -> Result<&Entry, Stop> {
        self.scanned.entries.get(index as usize).ok_or(Stop::Garbled)
    }

    fn send(&mut self, message: &Message) {
        self.outbound.push(message);
    }

    async fn flush(&mut self) -> Result<(), Stop> {
        for message in self.console.take_queued() {
            self.outbound.push(&message);
        }
        self.outbound.flush().await
    }
}
