//! Idle connections to servers of a group, kept open by `keepalive`.

use std::net::SocketAddr;

use harness::time::SimTime;

use crate::config::nginx::KeepAlive;
use crate::http::{Connection, Scheme};

/// A connection to a server.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) connection: Connection,
    pub(super) server: SocketAddr,
    pub(super) scheme: Scheme,
    opened: SimTime,
    requests: u32,
    idle_since: SimTime,
}

impl Link {
    pub(super) fn new(connection: Connection, server: SocketAddr, scheme: Scheme, now: SimTime) -> Self {
        Self { connection, server, scheme, opened: now, requests: 0, idle_since: now }
    }

    /// Whether another request was sent on it before.
    pub(super) fn is_reused(&self) -> bool {
        self.requests > 0
    }
}

/// The idle connections of one group in one worker process, the longest idle first.
#[derive(Debug)]
pub(super) struct Pool {
    limit: usize,
    limits: KeepAlive,
    idle: Vec<Link>,
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
        self.idle.retain(|link| link.connection.is_open() && now.since(link.idle_since) < timeout);
        let at = self.idle.iter().rposition(|link| link.server == server && link.scheme == scheme)?;
        Some(self.idle.remove(at))
    }

    /// Keeps a connection whose answer was read to its end; the one that was idle longest makes room.
    pub(super) fn put(&mut self, mut link: Link, now: SimTime) {
        link.requests += 1;
        link.idle_since = now;
        let worn = link.requests >= self.limits.requests || now.since(link.opened) >= self.limits.time;
        if self.limit == 0 || worn || !link.connection.is_open() {
            return;
        }
        if self.idle.len() == self.limit {
            self.idle.remove(0);
        }
        self.idle.push(link);
    }
}
