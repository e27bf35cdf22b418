//! The receiving half: what its two processes, generator and receiver, share.
//!
//! The generator goes through the list, makes what needs no content, deletes, and asks for content; the receiver
//! writes the content that comes. They run side by side, the generator as far ahead as the connection lets it.

mod ahead;
mod alternatives;
mod attributes;
mod backup;
mod beneath;
mod delete;
mod destination;
mod generator;
mod incoming;
mod look;
mod make;
mod part;
mod pass;
mod receiver;
mod regular;
mod remove;
mod run;
mod settle;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use tokio::io::AsyncWrite;

use super::console::Console;
use super::env::Env;
use super::file_list::Entry;
use super::filter::Rules;
use super::options::Options;
use super::outcome::{Kinds, Stats};
use super::sender::Trouble;
use super::stop::Stop;
use super::wire::{Message, Outbound};
use crate::disk::{Handle, Kind};

use destination::Destination;

pub(super) use run::run;

/// What both processes of the receiving half know.
pub(super) struct Receiving<'a, E> {
    env: &'a E,
    options: &'a Options,
    /// Files are sent whole: `-W`, or both ends on one host.
    whole_file: bool,
    console: &'a Console,
    rules: RefCell<Rules<'a, E>>,
    list: Vec<Entry>,
    /// How many names were listed, those that stand twice counted twice.
    listed: u64,
    /// The names of the list, to find what is surplus.
    names: BTreeSet<Bytes>,
    /// The folders of the list that are made ahead of their own lists, by the folder that holds them.
    folders: BTreeMap<Bytes, Vec<usize>>,
    destination: Destination,
    /// This is a client whose list is empty.
    nothing_comes: bool,
    /// Items and requests for the sender that wait to be written; lines to print overtake them.
    queue: RefCell<Vec<Message>>,
    /// What goes before all of that: with `--timeout` it is handed on before the first deletion.
    ahead: RefCell<Vec<Message>>,
    trouble: RefCell<Trouble>,
    created: RefCell<Kinds>,
    deleted: RefCell<Kinds>,
    /// What went to make room for backups of files that came. rsync counts it for the receiver's own limit only.
    deleted_by_receiver: RefCell<Kinds>,
    literal: Cell<u64>,
    matched: Cell<u64>,
    files_done: Cell<u64>,
    /// What the receiver rebuilds a file from, by the index of the file.
    bases: RefCell<BTreeMap<u32, Basis>>,
    /// Where the base of a file lies, when that is not what stands in its place.
    elsewhere: RefCell<BTreeMap<u32, Elsewhere>>,
    /// The file that is being written, to be cleaned up when the run is interrupted.
    in_flight: RefCell<Option<InFlight>>,
    /// Folders of which the content of a file is wanted.
    wanted_in: RefCell<BTreeSet<Bytes>>,
    /// Folders that changed after they had got their times.
    changed_late: RefCell<BTreeSet<Bytes>>,
    /// The folder of the file that came last.
    received_parent: RefCell<Bytes>,
    /// Files that wait for the end, with `--delay-updates`: index and where they lie.
    delayed: RefCell<Vec<(u32, Vec<u8>)>>,
}

/// The old content that a file is rebuilt from.
#[derive(Debug, Clone)]
struct Basis {
    content: Bytes,
    signature: super::delta::Signature,
    append: bool,
}

/// Where the base of a file lies.
#[derive(Debug)]
enum Elsewhere {
    /// In the folder of `--partial-dir`: a part that an earlier run kept.
    Part(Vec<u8>),
    /// In a folder of `--link-dest` and its kin.
    Alternative(Vec<u8>),
}

impl Elsewhere {
    fn path(&self) -> &[u8] {
        let (Elsewhere::Part(path) | Elsewhere::Alternative(path)) = self;
        path
    }
}

/// Under which name a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    /// A temporary one.
    Temporary,
    /// Its own, over what stands there (`--inplace`).
    InPlace,
    /// That of its part, over what an earlier run kept.
    OverPart,
}

/// A file that is being written.
#[derive(Debug)]
struct InFlight {
    index: u32,
    handle: Option<Handle>,
    path: Vec<u8>,
    written: Written,
    /// The mode that it will have.
    mode: u32,
    /// Bytes of content came over the connection, so that a part is worth keeping.
    got_literal: bool,
}

/// What the receiver tells the generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// This file came wrong.
    Redo(u32),
    /// All content of a phase has come.
    PhaseDone,
}

/// What a receiving half counted and met.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub stats: Stats,
    pub trouble: Trouble,
    pub transferred: Vec<Vec<u8>>,
}

impl<E: Env> Receiving<'_, E> {
    /// Where an entry belongs on the disk.
    fn path(&self, entry: &Entry) -> Vec<u8> {
        self.destination.path(&entry.name)
    }

    /// An entry's name as messages of the generator have it: the destination's own when it is the only one.
    fn shown<'b>(&'b self, entry: &'b Entry) -> &'b [u8] {
        match &self.destination.solo {
            Some(path) => super::paths::split(path).1,
            None => &entry.name,
        }
    }

    /// A path as messages have it: from the destination, where it lies below it.
    fn shown_below<'b>(&self, path: &'b [u8]) -> &'b [u8] {
        let folder = &self.destination.folder;
        let folder = folder.strip_suffix(b"/").unwrap_or(folder);
        let below = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix(b"/"));
        below.unwrap_or(path)
    }

    /// A path in quotes, as messages show it.
    fn quoted(&self, path: &[u8]) -> Vec<u8> {
        super::paths::quoted(&self.destination.shown(path))
    }

    fn is_folder(&self, path: &[u8]) -> bool {
        self.env.read_disk(|disk| disk.lstat(path)).is_ok_and(|stat| stat.kind == Kind::Folder)
    }

    fn entry(&self, index: u32) -> Result<&Entry, Stop> {
        self.list.get(index as usize).ok_or(Stop::Garbled)
    }

    /// Hands everything that waits to the connection: messages before items, as rsync's two buffers do.
    fn move_to<W: AsyncWrite + Unpin>(&self, outbound: &mut Outbound<'_, W, E>) {
        for message in self.ahead.take() {
            outbound.push(&message);
        }
        for message in self.console.take_queued() {
            outbound.push(&message);
        }
        for message in self.queue.take() {
            outbound.push(&message);
        }
    }

    fn clean_up(&self) {
        if let Some(in_flight) = self.in_flight.take() {
            self.abandon(in_flight, true);
        }
    }
}
