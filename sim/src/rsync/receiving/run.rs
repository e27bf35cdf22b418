//! The receiving half from its list to its end.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use super::backup::GENERATOR;
use super::destination::Destination;
use super::{Received, Receiving, ahead, destination};
use crate::rsync::console::Console;
use crate::rsync::env::{Env, join};
use crate::rsync::file_list::{Entry, count, sort_key};
use crate::rsync::filter::{Filters, Rules};
use crate::rsync::options::Options;
use crate::rsync::outcome::UNSUPPORTED;
use crate::rsync::paths::split;
use crate::rsync::sender::Trouble;
use crate::rsync::stop::Stop;
use crate::rsync::wire::{Inbound, Message, Outbound, decode_list};

/// Runs the receiving half. `sender_filters` are the sender's rules, where it is not taken for granted that it
/// kept to them.
#[allow(clippy::too_many_arguments, reason = "one caller passes everything on")]
pub(in crate::rsync) async fn run<R: AsyncRead + Unpin, W: AsyncWrite + Unpin, E: Env>(
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
        elsewhere: RefCell::default(),
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
