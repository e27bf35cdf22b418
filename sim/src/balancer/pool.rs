//! Idle connections to servers of a group, kept open by `keepalive`.

use std::net::SocketAddr;

use harness::time::SimTime;

use crate::config::nginx::KeepAlive;
use crate::http::{Connection, Resting, Scheme};
use crate::process::Process;

/// A connection to a server.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) connection: Connection,
    place: Place,
    opened: SimTime,
    requests: u32,
}

/// Where a connection leads.
type Place = (SocketAddr, Scheme);

impl Link {
    pub(super) fn new(connection: Connection, server: SocketAddr, scheme: Scheme, now: SimTime) -> Self {
        Self { connection, place: (server, scheme), opened: now, requests: 0 }
    }

    /// Whether another request was sent on it before.
    pub(super) fn is_reused(&self) -> bool {
        self.requests > 0
    }
}

/// A connection that waits for its next request.
#[derive(Debug)]
struct Idle {
    connection: Resting,
    place: Place,
    opened: SimTime,
    requests: u32,
    since: SimTime,
}

/// The idle connections of one group in one worker process, the longest idle first.
#[derive(Debug)]
pub(super) struct Pool {
    limit: usize,
    limits: KeepAlive,
    idle: Vec<Idle>,
}

impl Pool {
    /// A pool of at most so many connections; none keeps nothing.
    pub(super) fn new(limit: Option<u32>, limits: KeepAlive) -> Self {
        let limit = limit.map_or(0, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        Self { limit, limits, idle: Vec::new() }
    }

    /// The connection to this server that was used last, if one still is open.
    pub(super) fn take(&mut self, server: SocketAddr, scheme: Scheme, now: SimTime) -> Option<Link> {
        if self.limit == 0 {
            return None;
        }
        let timeout = self.limits.timeout;
        self.idle.retain(|idle| idle.connection.is_open() && now.since(idle.since) < timeout);
        let at = self.idle.iter().rposition(|idle| idle.place == (server, scheme))?;
        let Idle { connection, place, opened, requests, .. } = self.idle.remove(at);
        Some(Link { connection: connection.wake()?, place, opened, requests })
    }

    /// Keeps a connection whose answer was read to its end; the one that was idle longest makes room.
    pub(super) fn put(&mut self, process: &Process, link: Link) {
        let (now, requests) = (process.now(), link.requests + 1);
        let worn = requests >= self.limits.requests || now.since(link.opened) >= self.limits.time;
        if self.limit == 0 || worn || !link.connection.is_open() {
            return;
        }
        if self.idle.len() == self.limit {
            self.idle.remove(0);
        }
        let Link { connection, place, opened, .. } = link;
        self.idle.push(Idle { connection: connection.rest(process), place, opened, requests, since: now });
    }
}
