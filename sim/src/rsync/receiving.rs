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
mod receiver;
mod regular;
mod remove;
mod settle;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use super::console::Console;
use super::env::{Env, join};
use super::file_list::{Entry, count, sort_key};
use super::filter::{Filters, Rules};
use super::options::Options;
use super::outcome::{Kinds, Stats, UNSUPPORTED};
use super::paths::split;
use super::sender::Trouble;
use super::stop::Stop;
use super::wire::{Inbound, Message, Outbound, decode_list};
use crate::disk::Handle;

use backup::GENERATOR;
use destination::Destination;

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
    /// Modes of those that lie elsewhere than their file, which stand for that of the file without `-p`.
    base_modes: RefCell<BTreeMap<u32, u32>>,
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

/// A file that is being written.
#[derive(Debug)]
struct InFlight {
    index: u32,
    handle: Option<Handle>,
    /// Where it is written: a temporary name, or its own with `--inplace`.
    path: Vec<u8>,
    in_place: bool,
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

/// Runs the receiving half. `sender_filters` are the sender's rules, where it is not taken for granted that it
/// kept to them.
#[allow(clippy::too_many_arguments, reason = "one caller passes everything on")]
pub(super) async fn run<R: AsyncRead + Unpin, W: AsyncWrite + Unpin, E: Env>(
    env: &E,
    options: &Options,
    whole_file: bool,
    console: &Console,
    rules: Rules<'_, E>,
    sender_filters: Option<&Filters>,
    destination: &[u8],
    inbound: &mut Inbound<'_, R, E>,
    outbound: &mut Outbound<'_, W, E>,
) -> (Result<(), Stop>, Received) {
    let mut received = Received::default();
    let result = run_inner(
        env,
        options,
        whole_file,
        console,
        rules,
        sender_filters,
        destination,
        inbound,
        outbound,
        &mut received,
    )
    .await;
    (result, received)
}

#[allow(clippy::too_many_arguments, reason = "one private caller passes everything on")]
async fn run_inner<R: AsyncRead + Unpin, W: AsyncWrite + Unpin, E: Env>(
    env: &E,
    options: &Options,
    whole_file: bool,
    console: &Console,
    mut rules: Rules<'_, E>,
    sender_filters: Option<&Filters>,
    destination: &[u8],
    inbound: &mut Inbound<'_, R, E>,
    outbound: &mut Outbound<'_, W, E>,
    received: &mut Received,
) -> Result<(), Stop> {
    let mut list = Vec::new();
    let mut list_size = 0;
    let io_error = loop {
        match inbound.next().await? {
            Message::List(piece) => {
                list_size += piece.len() as u64;
                decode_list(piece, &mut list).map_err(|_| Stop::Garbled)?;
            }
            Message::ListEnd { io_error, listed } => {
                (received.stats.listed, received.stats.total_size) = listed.unwrap_or_else(|| count(&list));
                break io_error;
            }
            Message::Line { error, partial, text } => console.relay(error, partial, &text),
            _ => return Err(Stop::Garbled),
        }
    };
    let mut rejected = None;
    if let Some(filters) = sender_filters {
        let excluded = |entry: &&Entry| {
            entry.name.as_ref() != b"." && filters.excludes(&entry.name, entry.is_folder(), false)
        };
        let excluded = list.iter().filter(excluded);
        let in_order = |entry: &&Entry| sort_key(split(&entry.name).0, true);
        rejected = excluded.min_by_key(in_order).map(|entry| entry.name.clone());
    }
    // Of lists that come folder by folder, those before have been worked on by then. To a list of one entry the second
    // one is read at once.
    let firsts = list.iter().filter(|entry| !entry.name.contains(&b'/')).count();
    let depth_at_once = if firsts == 1 { 1 } else { 0 };
    let is_deep = |name: &Bytes| name.iter().filter(|&&byte| byte == b'/').count() > depth_at_once;
    let is_late = options.is_incremental() && rejected.as_ref().is_some_and(is_deep);
    if let Some(name) = rejected.as_ref().filter(|_| !is_late) {
        return Err(reject(console, name, "Receiver"));
    }
    // A client that has nothing to receive looks at nothing and makes nothing.
    let listed = received.stats.listed.total();
    let nothing_comes = console.is_client() && listed == 0;
    let chosen = match nothing_comes {
        true => Ok(Destination::default()),
        false => destination::choose(env, options, console, destination, &list, listed),
    };
    let destination = match chosen {
        Ok(destination) => destination,
        Err(stop) => {
            for message in console.take_queued() {
                outbound.push(&message);
            }
            outbound.flush().await?;
            return Err(stop);
        }
    };
    if !nothing_comes && let Err(stop) = destination::check_folders(env, options, console, &destination) {
        for message in console.take_queued() {
            outbound.push(&message);
        }
        outbound.flush().await?;
        return Err(stop);
    }
    rules.go_to(&destination.folder);
    let names = if options.deletes() {
        list.iter().map(|entry| entry.name.clone()).collect()
    } else {
        BTreeSet::new()
    };
    let folders = ahead::folders_by_parent(options, &list);
    let receiving = Receiving {
        env,
        options,
        whole_file,
        console,
        rules: RefCell::new(rules),
        list,
        listed,
        names,
        folders,
        destination,
        nothing_comes,
        queue: RefCell::default(),
        ahead: RefCell::default(),
        trouble: RefCell::new(Trouble { general: io_error, ..Trouble::default() }),
        created: RefCell::default(),
        deleted: RefCell::default(),
        deleted_by_receiver: RefCell::default(),
        literal: Cell::new(0),
        matched: Cell::new(0),
        files_done: Cell::new(0),
        bases: RefCell::default(),
        base_modes: RefCell::default(),
        in_flight: RefCell::new(None),
        wanted_in: RefCell::default(),
        changed_late: RefCell::default(),
        received_parent: RefCell::default(),
        delayed: RefCell::default(),
    };
    received.stats.list_size = list_size;
    if let Some(name) = rejected {
        receiving.generate_before(&name)?;
        return Err(reject(console, &name, "receiver"));
    }
    let (tell, hear) = mpsc::unbounded_channel();
    let generator = receiving.generate(outbound, hear);
    let receiver = receiving.receive(inbound, tell, received);
    let result = join(generator, receiver).await.map(|_| ());
    if let Err(stop) = result
        && stop != Stop::Killed
    {
        receiving.clean_up();
        if let Stop::Failed(_, _, role) = stop {
            if role == GENERATOR {
                // Its messages get out, what it had for the sender does not.
                receiving.queue.take();
            }
            // The client must hear why; when it cannot, nobody will.
            receiving.move_to(outbound);
            let _ = outbound.flush().await;
        }
    }
    received.stats.created = *receiving.created.borrow();
    received.stats.deleted = *receiving.deleted.borrow();
    received.stats.literal = receiving.literal.get();
    received.stats.matched = receiving.matched.get();
    received.trouble = *receiving.trouble.borrow();
    result
}

/// The receiver does not take this name, which the client's rules leave out.
fn reject(console: &Console, name: &[u8], role: &'static str) -> Stop {
    console.error([b"ERROR: rejecting excluded file-list name: ", name].concat());
    Stop::Failed(UNSUPPORTED, "flist.c(1366)", role)
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
